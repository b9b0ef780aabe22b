//! PROOF: images that are little more than one program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Draft, Layer, Start};
use crate::elf::{self, Roots};
use crate::process::run;
use crate::tools::{Tool, Tools};

/// Where programs look for certificate authorities on Debian, Alpine and the distroless images.
const AUTHORITIES: &str = "etc/ssl/certs/ca-certificates.crt";

/// Upstream: the project's own Dockerfile (FROM scratch, one program, a numeric user).
pub fn operator(program: &Path) -> Result<Draft> {
    let Some(needs) = elf::needs(program)? else {
        bail!("{} is no ELF program", program.display())
    };
    if needs.interpreter.is_some() {
        bail!(
            "{} is linked to shared libraries: the operator's image holds nothing but the program",
            program.display()
        );
    }
    let mut layer = Layer::default();
    layer.file("kfp-operator", program, 0o755);
    let mut start = Start::entrypoint(&["/kfp-operator"]);
    start.user = "65532:65532".into();
    Ok(Draft {
        layers: vec![layer],
        start,
        actual: "the operator of this tree".into(),
    })
}

/// Upstream: kubernetes/kubernetes, build/pause.
pub fn pause(tools: &Tools) -> Result<Draft> {
    let mut layer = Layer::default();
    layer.file("pause", &tools.program(Tool::Pause, "pause")?, 0o755);
    let mut start = Start::entrypoint(&["/pause"]);
    start.user = "65535:65535".into();
    Ok(Draft {
        layers: vec![layer],
        start,
        actual: "an own program of the same behaviour".into(),
    })
}

/// Upstream: coredns/coredns 1.12.4, Dockerfile.
pub fn coredns(tools: &Tools) -> Result<Draft> {
    let mut layer = distroless(tools)?;
    layer.file("coredns", &tools.program(Tool::CoreDns, "coredns")?, 0o755);
    let mut start = Start::entrypoint(&["/coredns"]);
    start.user = "65532:65532".into();
    start.working_dir = "/".into();
    Ok(Draft {
        layers: vec![layer],
        start,
        actual: format!("CoreDNS {}, few plugins", tools.get(Tool::CoreDns)?.version),
    })
}

/// Upstream: argoproj/argo-workflows 3.7.3, Dockerfile, target workflow-controller.
pub fn workflow_controller(tools: &Tools) -> Result<Draft> {
    let mut draft = argo(tools, "workflow-controller")?;
    draft.start.user = "8737".into();
    Ok(draft)
}

/// Upstream: argoproj/argo-workflows 3.7.3, Dockerfile, target argoexec.
pub fn argoexec(tools: &Tools) -> Result<Draft> {
    argo(tools, "argoexec")
}

fn argo(tools: &Tools, program: &str) -> Result<Draft> {
    let mut layer = Layer::default();
    layer.file(
        &format!("bin/{program}"),
        &tools.program(Tool::Argo, program)?,
        0o755,
    );
    let actual = format!("Argo Workflows {}", tools.get(Tool::Argo)?.version);
    Ok(Draft {
        layers: vec![distroless(tools)?, layer],
        start: Start::entrypoint(&[program]),
        actual,
    })
}

/// Upstream: `GoogleContainerTools` distroless `static` (users, certificate authorities, name service order).
fn distroless(tools: &Tools) -> Result<Layer> {
    let mut layer = Layer::default();
    layer
        .text("etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")
        .text("etc/group", "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n")
        .text("etc/nsswitch.conf", "hosts: files dns\n")
        .text(AUTHORITIES, &authorities(&tools.root(Tool::Base)?)?)
        .folder("home/nonroot", 0o700, 65532)
        .folder("tmp", 0o1777, 0);
    Ok(layer)
}

/// Upstream: the official alpine and busybox images (a shell and small tools, users root and nobody).
pub fn shell(tools: &Tools) -> Result<Draft> {
    let mut start = Start::entrypoint(&[]);
    start.cmd = vec!["/bin/sh".into()];
    let actual = format!("busybox {}", tools.get(Tool::Base)?.version);
    Ok(Draft {
        layers: vec![alpine(tools)?],
        start,
        actual,
    })
}

/// The layer that stands for Alpine: busybox under all its names, users, certificate authorities, time zones left out.
pub fn alpine(tools: &Tools) -> Result<Layer> {
    let mut layer = Layer::default();
    add_busybox(&mut layer, tools)?;
    // Debian's busybox differs from Alpine's: its `nc` has no `-z`, and its `wget -T` crashes.
    let packages = tools.root(Tool::Base)?;
    add_programs(
        &mut layer,
        &packages,
        &["/usr/bin/dash", "/usr/bin/nc.openbsd", "/usr/bin/wget"],
    )?;
    layer
        .link("usr/bin/nc", "nc.openbsd")
        // As busybox's does, it gives up after one try.
        .text("etc/wgetrc", "tries = 1\n")
        .link("usr/bin/sh", "dash")
        .link("usr/bin/ash", "dash")
        .text(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
        )
        .text("etc/group", "root:x:0:root\nnobody:x:65534:\nnogroup:x:65533:\n")
        .text(
            "etc/os-release",
            "NAME=\"busybox, locally made\"\nID=busybox\nPRETTY_NAME=\"busybox in the place of Alpine\"\n",
        )
        .text(AUTHORITIES, &authorities(&packages)?);
    for (folder, mode) in [
        ("root", 0o700),
        ("tmp", 0o1777),
        ("var/tmp", 0o1777),
        ("run", 0o755),
        ("home", 0o755),
    ] {
        layer.folder(folder, mode, 0);
    }
    layer.link("var/run", "/run");
    Ok(layer)
}

/// Busybox and a link for each of its names but the shell's: as a shell, Debian's busybox runs its own tools even where
/// others lie on the path.
pub fn add_busybox(layer: &mut Layer, tools: &Tools) -> Result<()> {
    let busybox = tools.root(Tool::Base)?.join("usr/bin/busybox");
    for name in run(std::process::Command::new(&busybox).arg("--list"))?.lines() {
        // A link under its own name would point at itself; a package manager would find no packages.
        if !["ash", "busybox", "dpkg", "dpkg-deb", "rpm", "sh"].contains(&name) {
            layer.link(&format!("bin/{name}"), "busybox");
        }
    }
    layer.file("bin/busybox", &busybox, 0o755);
    Ok(())
}

/// Adds programs out of unpacked Debian packages, with all libraries they need.
pub fn add_programs(layer: &mut Layer, root: &Path, programs: &[&str]) -> Result<()> {
    let root = [root];
    let roots = Roots(&root);
    for program in programs {
        let file = roots
            .find(program)
            .with_context(|| format!("the packages hold no {program}"))?;
        let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (path, library) in roots.closure(&file, folder)? {
            layer.file(&path, &library, 0o755);
        }
        layer.file(program, &file, 0o755);
    }
    Ok(())
}

/// All certificate authorities of Debian's package in one text, as its installation script would join them.
pub fn authorities(root: &Path) -> Result<String> {
    let folder = root.join("usr/share/ca-certificates/mozilla");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        files.push(entry?.path());
    }
    files.sort();
    let mut bundle = String::new();
    for file in files {
        bundle.push_str(fs::read_to_string(&file)?.trim_end());
        bundle.push('\n');
    }
    if bundle.is_empty() {
        bail!("{} holds no certificate", folder.display());
    }
    Ok(bundle)
}
