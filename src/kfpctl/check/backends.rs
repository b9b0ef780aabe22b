//! PEOPLE: which releases the command line, an installation, an endpoint or the policy file names. Asks whom it is told to ask.

use kfp_compat::Knowledge;
use kfp_compat::policy::InstalledPolicy;

use super::policy::Found;
use super::report::Backend;
use super::{Arguments, targets};
use crate::failure::Failure;

/// What to judge for.
#[derive(Debug)]
pub struct Asked {
    /// The releases, oldest first.
    pub backends: Vec<Backend>,
    /// The SDKs that the installation allows.
    pub policy: Option<InstalledPolicy>,
}

/// The releases to judge for: those of the command line, else all for a matrix, else those of the policy.
pub fn of(arguments: &Arguments, policy: Option<&Found>, knowledge: &Knowledge) -> Result<Asked, Failure> {
    let known = kfp_releases::known::known().map_err(|error| Failure::Failed(error.to_string()))?;
    let mut backends = Vec::new();
    let mut installed = None;
    for text in &arguments.backend {
        targets::add(&mut backends, [targets::release(text, known)?], "--backend");
    }
    if let Some(range) = &arguments.backend_range {
        targets::add(
            &mut backends,
            targets::range(range, knowledge)?,
            "--backend-range",
        );
    }
    if let Some(name) = &arguments.installation.installation {
        let running = arguments.installation.look(name)?;
        installed = running.policy;
        let release = targets::release(&running.release, known)?;
        targets::add(
            &mut backends,
            [release],
            &format!("installation {}", running.name),
        );
    }
    if let Some(url) = &arguments.endpoint.endpoint {
        let release = targets::release(&arguments.endpoint.ask(url)?, known)?;
        targets::add(&mut backends, [release], url);
    }
    if backends.is_empty() && arguments.matrix {
        targets::add(&mut backends, knowledge.releases().iter().copied(), "--matrix");
    }
    if let Some(found) = policy.filter(|_| backends.is_empty()) {
        for text in &found.policy.backends {
            targets::add(&mut backends, [targets::release(text, known)?], &found.name);
        }
        if let Some(range) = &found.policy.backend_range {
            targets::add(&mut backends, targets::range(range, knowledge)?, &found.name);
        }
    }
    if backends.is_empty() {
        let newest = knowledge
            .releases()
            .last()
            .map_or_else(String::new, ToString::to_string);
        return Err(Failure::Usage(format!(
            "say which KFP release will run it: --backend {newest}, --backend-range, --installation NAME or --endpoint URL; \
             `backends:` in .kfpctl.yaml is taken when none is given, and --matrix shows all"
        )));
    }
    Ok(Asked {
        backends,
        policy: installed,
    })
}
