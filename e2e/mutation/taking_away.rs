//! PROOF (pure): every piece of every rendered pod is taken away once, and what the contract says to that.

use std::collections::{BTreeMap, BTreeSet};

use kfp_standin::Role;

use crate::piece::Piece;
use crate::world::World;

/// Pieces by role and by the contract's reason why the program runs without them.
type Unneeded = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// What came of taking pieces of one kind away.
#[derive(Default)]
struct Count {
    refused: u32,
    unneeded: u32,
}

#[test]
fn whatever_a_rendered_pod_lacks_is_refused_by_its_programs_contract() {
    let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
    let mut unneeded = Unneeded::new();
    let mut faults = Vec::new();
    for world in World::all() {
        for mut place in world.places() {
            for breach in world.judge(&place).breaches {
                faults.push(format!("{}, {}: {breach}", world.name, place.show()));
            }
            for piece in Piece::all_of(&mut place) {
                let count = counts.entry(piece.kind()).or_default();
                if !world.judge(&piece.taken_from(&place)).breaches.is_empty() {
                    count.refused += 1;
                } else if let Some(why) = piece.unneeded_in(&place) {
                    count.unneeded += 1;
                    let of_role = unneeded.entry(place.role.to_string()).or_default();
                    let pieces = of_role.entry(why).or_default();
                    pieces.insert(format!("{}: {} {piece}", place.release, piece.kind()));
                } else {
                    faults.push(format!(
                        "{}, {} runs as well without the {} {piece}: leave it out of the release's data, or say in e2e/standin/data \
                         why it is optional",
                        world.name,
                        place.show(),
                        piece.kind()
                    ));
                }
            }
        }
    }
    for (kind, Count { refused, unneeded }) in &counts {
        println!(
            "{kind}: {} taken away one at a time, {refused} missed, {unneeded} unneeded by upstream's program",
            refused + unneeded
        );
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(counts.len(), 3, "some kind of piece was in no pod");
    assert!(
        counts.values().all(|count| count.refused > 0),
        "some kind of piece was never missed"
    );
    // What may be missing is read by a person whenever it changes, and nothing stays listed that is there no more.
    insta::assert_yaml_snapshot!("unneeded", unneeded);
}

#[test]
fn every_program_of_every_release_is_in_some_rendered_pod() {
    for world in World::all() {
        let places = world.places();
        for role in Role::ALL {
            let rendered = places.iter().any(|place| place.role == role);
            // The execution controller makes the pods of these two.
            let in_steps = matches!(role, Role::Driver | Role::Launcher);
            assert_eq!(rendered, !in_steps, "{}: {role}", world.name);
        }
    }
}
