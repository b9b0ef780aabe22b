//! HANDS (tests): copies are named by content and reader, and come back as they were.

use std::sync::Arc;

use jiff::Timestamp;
use kfp_backup::layout::Attempt;
use object_store::memory::InMemory;
use rstest::rstest;

use super::*;
use crate::backup::trouble::Side;

struct World {
    bucket: Place,
    destination: Place,
    home: Home,
    meter: Meter,
}

fn world() -> World {
    let place = |side| Place::test(Arc::new(InMemory::new()), side).unwrap();
    World {
        bucket: place(Side::Bucket),
        destination: place(Side::Destination),
        home: Home {
            prefix: String::new(),
            namespace: "n".into(),
            installation: "i".into(),
        },
        meter: Meter::new(Attempt::of(1), Timestamp::UNIX_EPOCH),
    }
}

impl World {
    fn copies<'a>(&'a self, recipients: Option<&'a Recipients>) -> Copies<'a> {
        Copies {
            destination: &self.destination,
            home: &self.home,
            recipients,
        }
    }

    async fn copy(&self, recipients: Option<&Recipients>, line: &ArtifactLine) -> (String, bool) {
        let copies = self.copies(recipients);
        let name = copies.name("b", line);
        let now = copies.keep(&self.bucket, line, &name, &self.meter).await;
        (name, now.unwrap())
    }
}

/// An object of the bucket, as it is listed.
async fn object(world: &World, content: Vec<u8>) -> ArtifactLine {
    let line = line(content.len() as u64);
    world.bucket.put(&line.key, content).await.unwrap();
    let etag = world.bucket.look(&line.key).await.unwrap().unwrap().e_tag;
    ArtifactLine { etag, ..line }
}

fn line(bytes: u64) -> ArtifactLine {
    ArtifactLine {
        key: "v2/artifacts/model".into(),
        bytes,
        etag: Some("e".into()),
        version: None,
        copy: None,
    }
}

fn recipients(of: &[&Identity]) -> Recipients {
    let texts: Vec<String> = of.iter().map(|one| one.to_public().to_string()).collect();
    Recipients::read(&texts).unwrap()
}

#[rstest]
#[case::nothing(0)]
#[case::little(10)]
#[case::one_chunk(65_536)]
#[case::several_pieces(13 * 1024 * 1024 + 1)]
#[tokio::test]
async fn an_encrypted_copy_is_made_once_and_opens_with_the_key_only(#[case] length: usize) {
    let (world, key) = (world(), Identity::generate());
    let readers = recipients(&[&key]);
    let content: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0] ^ 0x5a).collect();
    let line = object(&world, content.clone()).await;
    let (name, copied) = world.copy(Some(&readers), &line).await;
    assert!(copied && is_sealed(&name));
    assert!(!world.copy(Some(&readers), &line).await.1, "it was copied again");
    let stored = world
        .destination
        .look(&world.home.shared(&name))
        .await
        .unwrap()
        .unwrap();
    assert!(fits(&name, line.bytes, stored.size) && !fits(&name, line.bytes + 1_000, stored.size));

    world.bucket.delete(&line.key).await.unwrap();
    let place = (&world.destination, &world.home);
    let stranger = Identity::generate();
    for (given, reason) in [(None, "IdentityMissing"), (Some(&stranger), "IdentityWrong")] {
        let refused = take_back(place, &name, given, &world.bucket, &line, &world.meter).await;
        assert_eq!(refused.unwrap_err().reason, reason);
    }
    take_back(place, &name, Some(&key), &world.bucket, &line, &world.meter)
        .await
        .unwrap();
    assert!(world.bucket.get(&line.key).await.unwrap().unwrap() == content);
}

#[tokio::test]
async fn a_copy_that_was_changed_is_told_and_not_taken() {
    let (world, key) = (world(), Identity::generate());
    let line = object(&world, vec![7; 200_000]).await;
    let (name, _) = world.copy(Some(&recipients(&[&key])), &line).await;
    let at = world.home.shared(&name);
    let mut stored = world.destination.get(&at).await.unwrap().unwrap().to_vec();
    *stored.last_mut().unwrap() ^= 1;
    world.destination.put(&at, stored).await.unwrap();
    world.bucket.delete(&line.key).await.unwrap();
    let place = (&world.destination, &world.home);
    let refused = take_back(place, &name, Some(&key), &world.bucket, &line, &world.meter).await;
    assert_eq!(refused.unwrap_err().reason, "CopyDamaged");
    assert!(world.bucket.look(&line.key).await.unwrap().is_none());
}

#[tokio::test]
async fn what_changed_since_it_was_listed_is_not_copied_under_its_old_name() {
    let world = world();
    let line = object(&world, b"one".to_vec()).await;
    world.bucket.put(&line.key, "two").await.unwrap();
    let copies = world.copies(None);
    let kept = copies
        .keep(&world.bucket, &line, &copies.name("b", &line), &world.meter)
        .await;
    assert_eq!(kept.unwrap_err().reason, CHANGING);
}

#[test]
fn another_reader_another_name_whatever_their_order() {
    let (world, one, other) = (world(), Identity::generate(), Identity::generate());
    let name = |of: &[&Identity]| world.copies(Some(&recipients(of))).name("b", &line(1));
    assert_eq!(name(&[&one, &other]), name(&[&other, &one]));
    assert_ne!(name(&[&one]), name(&[&other]));
    assert_ne!(name(&[&one]), world.copies(None).name("b", &line(1)));
}
