//! PROOF: pictures of whole lives, pass by pass, for people to read. A change of behaviour shows here as a changed text.

use kfp_api::installation::DeletionPolicy;
use kfp_sim::{Content, Event, Faults, SimError, Start, Story, World};

/// Passes in which every story comes to rest, or to a wait that only an event ends.
const LIMIT: usize = 60;

#[test]
fn a_whole_install() -> Result<(), SimError> {
    let mut world = World::begin(&Start::Nothing, "2.16.1", 2)?;
    let mut story = Story::default();
    story.say("a name and a version are applied to an empty namespace");
    story.settle(&mut world, LIMIT)?;
    insta::assert_snapshot!(story.text());
    Ok(())
}

#[test]
fn a_day_of_trouble() -> Result<(), SimError> {
    let mut world = World::begin(&Start::NoCrds, "2.16.1", 1)?;
    let mut story = Story::default();
    story.say("the cluster has no CRDs of Argo");
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::Crds(true), "an administrator installs them");
    story.say("the operator dies in the middle of the third action");
    story.pass(
        &mut world,
        &Faults {
            crash: Some(2),
            crash_after: 1,
            ..Faults::default()
        },
    )?;
    story.settle(&mut world, LIMIT)?;
    story.happen(
        &mut world,
        &Event::Version("2.17.0".to_owned()),
        "spec.version is changed",
    );
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::Version("2.16.1".to_owned()), "and set back");
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::Pause(true), "spec.paused is set");
    story.happen(&mut world, &Event::Scale(0), "somebody scales a workload to zero");
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::Pause(false), "the pause ends");
    story.settle(&mut world, LIMIT)?;
    story.happen(
        &mut world,
        &Event::BreakPassword,
        "somebody changes the database's password in the Secret",
    );
    story.settle(&mut world, LIMIT)?;
    insta::assert_snapshot!(story.text());
    Ok(())
}

#[test]
fn a_pipeline_too_new() -> Result<(), SimError> {
    let mut world = World::begin(&Start::Nothing, "2.16.1", 1)?;
    kfp_sim::settle(&mut world, LIMIT)?;
    let mut story = Story::default();
    let name = "train/v2".to_owned();
    story.happen(
        &mut world,
        &Event::StoreTooNew(name.clone()),
        "somebody stores a pipeline version that needs what no release has",
    );
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::DeletePipeline(name), "and deletes it");
    story.settle(&mut world, LIMIT)?;
    insta::assert_snapshot!(story.text());
    Ok(())
}

#[test]
fn a_foreign_database() -> Result<(), SimError> {
    let mut world = World::begin(&Start::Data(Content::Foreign), "2.16.1", 1)?;
    let mut story = Story::default();
    story.say("the volume of a deleted installation of this name holds tables that no release explains");
    story.settle(&mut world, LIMIT)?;
    insta::assert_snapshot!(story.text());
    Ok(())
}

#[test]
fn deletion_and_return() -> Result<(), SimError> {
    let mut world = World::begin(&Start::Nothing, "2.16.1", 1)?;
    kfp_sim::settle(&mut world, LIMIT)?;
    let mut story = Story::default();
    story.happen(
        &mut world,
        &Event::Delete,
        "a settled installation is deleted; the policy is Retain",
    );
    story.pass(&mut world, &Faults::default())?;
    story.happen(&mut world, &Event::Create, "the same name is created again");
    story.settle(&mut world, LIMIT)?;
    story.happen(
        &mut world,
        &Event::Policy(DeletionPolicy::Delete),
        "the policy becomes Delete",
    );
    story.settle(&mut world, LIMIT)?;
    story.happen(&mut world, &Event::Delete, "it is deleted");
    story.settle(&mut world, LIMIT)?;
    insta::assert_snapshot!(story.text());
    Ok(())
}
