//! PROOF (real cluster, root): whole installations, one after the other: releases, engines, what users do with them, and
//! what becomes of their data. `cargo xtask e2e`, or `cargo test -p kfp-e2e --test install -- FILTER`.

mod again;
mod brought;
mod bucket;
mod credentials;
mod disaster;
mod interrupt;
mod lane;
mod people;
mod stage;
mod state;
mod stored;
mod table;
mod vault;
mod workflow;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use kfp_api::installation::DatabaseEngine::{self, MariaDB, MySQL};
use kfp_e2e::told::told;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

use lane::Lane;
use stage::Stage;

/// What is done with an installation.
type Check = (&'static str, fn(&Stage, Lane) -> anyhow::Result<()>);

/// What is asked of every installation.
const ALWAYS: [Check; 3] = [
    ("the status tells truly what runs", state::tells_truly_what_runs),
    (
        "the user interface and the API answer from the host",
        state::answers_from_outside,
    ),
    (
        "no pod restarts, is refused a right or needs more than the restricted level",
        state::keeps_within_its_bounds,
    ),
];
const IMAGES: Check = (
    "every container runs the image that was made for it",
    state::runs_the_images_that_were_made,
);
const BROUGHT: Check = (
    "the API server that was brought along takes the stand-in's place",
    state::runs_the_api_server_that_was_brought_along,
);
const KUBECTL: Check = ("kubectl shows it", people::reads_in_kubectl);
const KFPCTL: Check = (
    "kfpctl and the plugin of kubectl show it",
    people::reads_in_kfpctl,
);
const WORKFLOW: Check = (
    "a Workflow succeeds and its log is kept in the bucket",
    workflow::succeeds_and_its_log_is_kept,
);
const PASSWORD: Check = (
    "a password that is wrong is noticed and mended",
    credentials::that_is_wrong_is_noticed_and_mended,
);
const STORED: Check = (
    "a stored pipeline that is too new is told, and that it is gone as well",
    stored::that_are_too_new_are_told,
);
const DISASTER: Check = (
    "backed up, destroyed with its namespace and made from the bucket alone, it is what it was",
    disaster::is_survived,
);
const AGAIN: Check = (
    "deleted it leaves its data alone, and made again it takes them up",
    again::takes_up_what_was_left,
);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One cluster, one installation at a time.
    arguments.test_threads = Some(1);
    let stage = Arc::new(Stage::default());
    interrupt::ends_the_cluster(&stage);
    let conclusion = libtest_mimic::run(&arguments, trials(&stage));
    if let Err(error) = stage.end() {
        eprintln!("the cluster is not gone: {error:#}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn trials(stage: &Arc<Stage>) -> Vec<Trial> {
    let mut trials = vec![starts(stage)];
    let mut add = |lane: Lane, more: &[Check]| {
        trials.extend(ALWAYS.iter().chain(more).map(|check| trial(stage, lane, *check)));
    };
    let upstreams = Lane::new("2.16.1", MySQL, "kubeflow");
    add(upstreams, &[IMAGES, KUBECTL, KFPCTL, WORKFLOW, STORED, AGAIN]);
    add(
        Lane::new("2.17.0", MariaDB, "team-a"),
        &[BROUGHT, WORKFLOW, AGAIN],
    );
    add(Lane::new("2.5.0", MySQL, "team-b"), &[IMAGES, WORKFLOW]);
    add(Lane::new("2.17.0", MySQL, "team-c"), &[]);
    // MySQL is not always to be had; what is asked on MariaDB is asked in any case.
    add(
        Lane::new("2.16.1", MariaDB, "team-d"),
        &[PASSWORD, STORED, DISASTER],
    );
    trials.push(leaves(stage));
    trials
}

/// So that its time is not taken for that of the first installation.
fn starts(stage: &Arc<Stage>) -> Trial {
    let stage = Arc::clone(stage);
    let name = "the cluster starts with the operator in it";
    Trial::test(name, move || {
        stage
            .lab()
            .map(drop)
            .map_err(|error| Failed::from(told(name, &error)))
    })
}

/// The lanes before the last one were ended by deleting their namespaces.
fn leaves(stage: &Arc<Stage>) -> Trial {
    let stage = Arc::clone(stage);
    let name = "a namespace goes with the installation that is in it";
    Trial::test(name, move || {
        let gone = stage
            .await_all_gone()
            .map_err(|error| Failed::from(told(name, &error)))?;
        eprintln!("  {gone} namespaces went");
        Ok(())
    })
}

fn trial(stage: &Arc<Stage>, lane: Lane, (name, check): Check) -> Trial {
    let stage = Arc::clone(stage);
    let name = format!("{lane}: {name}");
    Trial::ignorable_test(name.clone(), move || {
        let run = || -> anyhow::Result<Completion> {
            if let Some(why) = cannot(&stage, lane.engine)? {
                return Ok(Completion::ignored_with(why));
            }
            stage.on(lane)?;
            check(&stage, lane)?;
            Ok(Completion::Completed)
        };
        let begun = Instant::now();
        let result = run();
        eprintln!("  {:.1} s", begun.elapsed().as_secs_f64());
        result.map_err(|error| {
            let place = stage.diagnose(&name).map_or_else(String::new, |folder| {
                format!("\nWhat the cluster says lies in {}", folder.display())
            });
            Failed::from(told(&name, &error) + &place)
        })
    })
}

fn cannot(stage: &Stage, engine: DatabaseEngine) -> anyhow::Result<Option<String>> {
    let why = stage.missing(engine)?;
    if let Some(why) = &why {
        println!("\nSKIPPED: {why}");
    }
    Ok(why)
}
