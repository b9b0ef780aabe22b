//! PROOF: the images of the databases and object stores.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::small::{add_busybox, add_programs, alpine};
use super::{Draft, Layer, Start};
use crate::tools::debian::MULTIARCH;
use crate::tools::{Tool, Tools};

/// The user that both official database images run as.
const DATABASE_USERS: &str = "root:x:0:0:root:/root:/bin/bash\nmysql:x:999:999::/var/lib/mysql:/bin/bash\n";

/// What both database images have in common: bash and small tools, user 999, folders that every user may write.
fn database(tools: &Tools, root: &Path, entry: &str) -> Result<Layer> {
    let mut layer = Layer::default();
    add_busybox(&mut layer, tools)?;
    add_programs(&mut layer, root, &["/usr/bin/bash"])?;
    layer
        .link("usr/bin/sh", "bash")
        .text("etc/passwd", DATABASE_USERS)
        .text("etc/group", "root:x:0:\nmysql:x:999:\n")
        .text("etc/nsswitch.conf", "hosts: files dns\n")
        .text("usr/local/bin/docker-entrypoint.sh", entry)
        .folder("docker-entrypoint-initdb.d", 0o755, 0)
        .folder("root", 0o700, 0)
        .folder("tmp", 0o1777, 0)
        .folder("var/lib/mysql", 0o1777, 999)
        .folder("run/mysqld", 0o1777, 999)
        .link("var/run", "/run");
    Ok(layer)
}

fn database_start(command: &str) -> Start {
    let mut start = Start::entrypoint(&["docker-entrypoint.sh"]);
    start.cmd = vec![command.into()];
    start.volumes.insert("/var/lib/mysql".into(), BTreeMap::new());
    start
}

/// Upstream: docker-library/mysql, 8.4/Dockerfile.oracle and docker-entrypoint.sh.
pub fn mysql(tools: &Tools) -> Result<Draft> {
    let root = tools.root(Tool::MySql)?;
    let mut layer = database(tools, &root, include_str!("../tools/entry/mysql.sh"))?;
    add_programs(
        &mut layer,
        &root,
        &[
            "/usr/sbin/mysqld",
            "/usr/bin/mysql",
            "/usr/bin/mysqladmin",
            "/usr/bin/mysqldump",
            "/usr/bin/mysqlcheck",
        ],
    )?;
    // The server loads the first by itself; clients log in to old servers with the second.
    for plugin in ["component_reference_cache.so", "mysql_native_password.so"] {
        add_programs(&mut layer, &root, &[&format!("/usr/lib/mysql/plugin/{plugin}")])?;
    }
    for folder in ["english", "charsets"] {
        layer.tree(
            &format!("usr/share/mysql/{folder}"),
            &root.join("usr/share/mysql").join(folder),
        )?;
    }
    layer
        .text(
            "etc/my.cnf",
            "[mysqld]\nhost-cache-size=0\nskip-name-resolve\ndatadir=/var/lib/mysql\nsocket=/var/run/mysqld/mysqld.sock\n\
             secure-file-priv=/var/lib/mysql-files\nuser=mysql\npid-file=/var/run/mysqld/mysqld.pid\n\n\
             [client]\nsocket=/var/run/mysqld/mysqld.sock\n\n!includedir /etc/mysql/conf.d/\n",
        )
        .folder("etc/mysql/conf.d", 0o755, 0)
        .folder("var/lib/mysql-files", 0o750, 999);
    let actual = format!("MySQL {}", tools.get(Tool::MySql)?.version);
    Ok(Draft {
        layers: vec![layer],
        start: database_start("mysqld"),
        actual,
    })
}

/// Upstream: MariaDB/mariadb-docker, 10.11/Dockerfile, docker-entrypoint.sh and healthcheck.sh.
pub fn mariadb(tools: &Tools) -> Result<Draft> {
    let root = tools.root(Tool::MariaDb)?;
    let mut layer = database(tools, &root, include_str!("../tools/entry/mariadb.sh"))?;
    add_programs(
        &mut layer,
        &root,
        &[
            "/usr/sbin/mariadbd",
            "/usr/bin/mariadb",
            "/usr/bin/mariadb-admin",
            "/usr/bin/mariadb-check",
            "/usr/bin/mariadb-dump",
            "/usr/bin/mariadb-upgrade",
            "/usr/bin/my_print_defaults",
        ],
    )?;
    // How the clients log in to other servers than their own.
    let plugins = format!("usr/lib/{MULTIARCH}/libmariadb3/plugin");
    for plugin in [
        "caching_sha2_password.so",
        "client_ed25519.so",
        "dialog.so",
        "mysql_clear_password.so",
        "sha256_password.so",
    ] {
        add_programs(&mut layer, &root, &[&format!("/{plugins}/{plugin}")])?;
    }
    for (link, target) in [
        ("mysql", "mariadb"),
        ("mysqladmin", "mariadb-admin"),
        ("mysqlcheck", "mariadb-check"),
        ("mysqldump", "mariadb-dump"),
        ("mysql_install_db", "mariadb-install-db"),
    ] {
        layer.link(&format!("usr/bin/{link}"), target);
    }
    let share = root.join("usr/share/mysql");
    for folder in ["english", "charsets"] {
        layer.tree(&format!("usr/share/mysql/{folder}"), &share.join(folder))?;
    }
    for file in [
        "fill_help_tables.sql",
        "maria_add_gis_sp_bootstrap.sql",
        "mysql_performance_tables.sql",
        "mysql_sys_schema.sql",
        "mysql_system_tables.sql",
        "mysql_system_tables_data.sql",
        "mysql_test_db.sql",
    ] {
        layer.file(&format!("usr/share/mysql/{file}"), &share.join(file), 0o644);
    }
    layer
        .file(
            "usr/bin/mariadb-install-db",
            &root.join("usr/bin/mariadb-install-db"),
            0o755,
        )
        .link("usr/sbin/mysqld", "mariadbd")
        .text(
            "usr/local/bin/healthcheck.sh",
            include_str!("../tools/entry/mariadb-healthcheck.sh"),
        )
        .text(
            "etc/mysql/my.cnf",
            "[client-server]\nsocket=/run/mysqld/mysqld.sock\n\n[mariadbd]\npid-file=/run/mysqld/mysqld.pid\n\
             datadir=/var/lib/mysql\nhost-cache-size=0\nskip-name-resolve\ncharacter-set-server=utf8mb4\n\
             collation-server=utf8mb4_general_ci\n\n!includedir /etc/mysql/conf.d/\n",
        )
        .folder("etc/mysql/conf.d", 0o755, 0);
    let mut start = database_start("mariadbd");
    start.env.push("LANG=C.UTF-8".into());
    let actual = format!("MariaDB {}", tools.get(Tool::MariaDb)?.version);
    Ok(Draft {
        layers: vec![layer],
        start,
        actual,
    })
}

/// `weed` and curl on the Alpine layer.
fn weed(tools: &Tools) -> Result<Vec<Layer>> {
    let mut layer = Layer::default();
    layer.file("usr/bin/weed", &tools.program(Tool::SeaweedFs, "weed")?, 0o755);
    add_programs(&mut layer, &tools.root(Tool::Base)?, &["/usr/bin/curl"])?;
    Ok(vec![alpine(tools)?, layer])
}

/// Upstream: seaweedfs/seaweedfs, `docker/Dockerfile.go_build` and `docker/entrypoint.sh`.
pub fn seaweedfs(tools: &Tools) -> Result<Draft> {
    let mut layers = weed(tools)?;
    let mut layer = Layer::default();
    layer
        .text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\nseaweed:x:1000:1000::/home/seaweed:/bin/sh\n")
        .text("etc/group", "root:x:0:root\nnobody:x:65534:\nnogroup:x:65533:\nseaweed:x:1000:\n")
        .text("etc/seaweedfs/filer.toml", "[leveldb2]\nenabled = true\ndir = \"/data/filerldb2\"\n")
        .text("entrypoint.sh", include_str!("../tools/entry/seaweedfs.sh"))
        .folder("home/seaweed", 0o755, 1000)
        .folder("data", 0o755, 1000)
        .folder("data/filerldb2", 0o755, 1000);
    layers.push(layer);
    let mut start = Start::entrypoint(&["/entrypoint.sh"]);
    start.cmd = vec!["mini".into(), "-dir=/data".into()];
    start.working_dir = "/data".into();
    start.volumes.insert("/data".into(), BTreeMap::new());
    Ok(Draft {
        layers,
        start,
        actual: format!("SeaweedFS {}", tools.get(Tool::SeaweedFs)?.version),
    })
}

/// Upstream: minio/minio RELEASE.2019-08-14, Dockerfile and dockerscripts/docker-entrypoint.sh (arguments, variables, port).
pub fn minio(tools: &Tools) -> Result<Draft> {
    let mut layers = weed(tools)?;
    let mut layer = Layer::default();
    layer
        .text(
            "usr/bin/docker-entrypoint.sh",
            include_str!("../tools/entry/minio.sh"),
        )
        .link("usr/bin/minio", "docker-entrypoint.sh")
        .folder("data", 0o777, 0);
    layers.push(layer);
    let mut start = Start::entrypoint(&["/usr/bin/docker-entrypoint.sh"]);
    start.cmd = vec!["minio".into()];
    start.volumes.insert("/data".into(), BTreeMap::new());
    Ok(Draft {
        layers,
        start,
        actual: format!(
            "SeaweedFS {} in MinIO's place",
            tools.get(Tool::SeaweedFs)?.version
        ),
    })
}
