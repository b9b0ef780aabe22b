//! EYES AND HANDS (tests): the bucket in a set, between two stores in memory.

use std::sync::Arc;

use jiff::Timestamp;
use kfp_backup::layout::{Attempt, Home};
use object_store::memory::InMemory;

use super::*;
use crate::backup::artifacts::{ArtifactLine, Artifacts, artifacts};
use crate::backup::copies::Copies;
use crate::backup::lines::LinesIn;
use crate::backup::references::References;
use crate::backup::source::SetReader;
use crate::backup::trouble::Side;
use kfp_backup::manifest::{ArtifactsMode, ArtifactsRecord, Role};
use kfp_database::dump::Observer as _;

struct World {
    bucket: Place,
    destination: Place,
    home: Home,
}

fn world() -> World {
    let place = |side| Place::test(Arc::new(InMemory::new()), side).unwrap();
    World {
        bucket: place(Side::Bucket),
        destination: place(Side::Destination),
        home: Home {
            prefix: "p".into(),
            namespace: "n".into(),
            installation: "i".into(),
        },
    }
}

fn meter() -> Meter {
    Meter::new(Attempt::of(1), Timestamp::UNIX_EPOCH)
}

impl World {
    async fn fill(&self, keys: &[&str]) {
        for key in keys {
            self.bucket.put(key, format!("content of {key}")).await.unwrap();
        }
    }

    fn parts(&self, attempt: &str) -> Parts {
        Parts::new(self.destination.clone(), attempt.into(), None)
    }

    async fn artifacts(
        &self,
        attempt: &str,
        mode: ArtifactsMode,
        uris: &[&str],
    ) -> (ArtifactsRecord, Vec<ArtifactLine>) {
        let databases = [(Role::Metadata, "metadb".to_owned())].into();
        let references = References::new(&databases, "b", true);
        for uri in uris {
            references.row("metadb", "Artifact", &[Some(uri.as_bytes())]);
        }
        let (_, keys, elsewhere) = references.take();
        let parts = self.parts(attempt);
        let what = Artifacts {
            bucket: &self.bucket,
            name: "b",
            copies: Copies {
                destination: &self.destination,
                home: &self.home,
                recipients: None,
            },
            mode,
        };
        let record = artifacts(&what, keys, elsewhere, &parts, &meter()).await.unwrap();
        let source = SetReader::new(self.destination.clone(), attempt.into(), parts.kept(), None);
        let mut found = Vec::new();
        if mode != ArtifactsMode::None {
            let mut lines = LinesIn::open(&source, layout::ARTIFACTS).await.unwrap();
            while let Some(line) = lines.json().await.unwrap() {
                found.push(line);
            }
        }
        found.sort_by(|one: &ArtifactLine, other| one.key.cmp(&other.key));
        (record, found)
    }
}

#[tokio::test]
async fn specs_are_copied_from_wherever_servers_look_for_them() {
    let world = world();
    world
        .fill(&[
            "pipelines/v1",
            "pipelines/p2",
            "elsewhere/v3",
            "pipelines/stranger",
            "pipelines/v5",
        ])
        .await;
    let version = |pipeline: &str, uri: &str, has_text| Version {
        pipeline: pipeline.into(),
        uri: uri.into(),
        has_text,
    };
    let versions = BTreeMap::from([
        ("v1".to_owned(), version("p1", "", false)),
        ("v2".to_owned(), version("p2", "", false)),
        ("v3".to_owned(), version("p3", "minio://b/elsewhere/v3", false)),
        ("v4".to_owned(), version("p4", "pipelines/v4", true)),
        (
            "v5".to_owned(),
            version("p5", "https://example.com/v5.yaml", false),
        ),
        ("v6".to_owned(), version("p6", "pipelines/gone", false)),
    ]);
    let parts = world.parts("a");
    let record = Box::pin(specs(&world.bucket, "b", &versions, &parts, &meter()))
        .await
        .unwrap();
    assert_eq!(
        (record.count, record.missing.first.as_slice()),
        (4, ["v6".to_owned()].as_slice())
    );
    let source = SetReader::new(world.destination.clone(), "a".into(), parts.kept(), None);
    let archive = crate::backup::verify::read_archive(&source, "specs/0.tar.zst")
        .await
        .unwrap();
    let mut found = Vec::new();
    members(&archive, |name, content| {
        assert_eq!(content, format!("content of {name}").as_bytes());
        found.push(name.to_owned());
        Ok(())
    })
    .unwrap();
    assert_eq!(
        found,
        ["elsewhere/v3", "pipelines/p2", "pipelines/v1", "pipelines/v5"]
    );
}

#[test]
fn a_key_that_an_archive_must_not_hold_is_named_by_its_content() {
    for key in ["/etc/passwd", "a/../../b", "a//b", ""] {
        let (member, _) = header(key, "d1", 3).unwrap();
        assert_eq!(member, "by-content/d1", "{key}");
    }
    let long = "x/".repeat(200) + "y";
    let (member, head) = header(&long, "d1", 0).unwrap();
    assert_eq!(member, long);
    let mut archive = head;
    archive.extend([0; 1024]);
    let mut names = Vec::new();
    members(&archive, |name, _| {
        names.push(name.to_owned());
        Ok(())
    })
    .unwrap();
    assert_eq!(names, [long]);
}

#[tokio::test]
async fn artifacts_are_listed_by_reference_and_the_missing_are_named() {
    let world = world();
    world
        .fill(&["v2/a/model", "v2/b/data/1", "v2/b/data/2", "v2/unreferenced"])
        .await;
    let uris = [
        "minio://b/v2/a/model",
        "s3://b/v2/b/data",
        "minio://b/v2/gone",
        "gs://other/x",
    ];
    let (record, lines) = world.artifacts("a", ArtifactsMode::Manifest, &uris).await;
    let keys: Vec<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    assert_eq!(keys, ["v2/a/model", "v2/b/data/1", "v2/b/data/2"]);
    assert_eq!(
        (record.count, record.missing.first.as_slice()),
        (3, ["v2/gone".to_owned()].as_slice())
    );
    assert_eq!(record.elsewhere.first, ["gs://other/x"]);
    let (none, _) = world.artifacts("b", ArtifactsMode::None, &uris).await;
    assert_eq!((none.count, none.missing.count), (0, 0));
}

#[tokio::test]
async fn only_artifacts_that_no_earlier_set_holds_are_copied() {
    let world = world();
    world.fill(&["v2/one", "v2/two"]).await;
    let uris = ["minio://b/v2"];
    let (first, lines) = world.artifacts("a", ArtifactsMode::IncrementalCopy, &uris).await;
    assert_eq!((first.copied, first.reused), (2, 0));
    for line in &lines {
        let copy = world.home.shared(line.copy.as_ref().unwrap());
        let content = world.destination.get(&copy).await.unwrap().unwrap();
        assert_eq!(content, format!("content of {}", line.key).as_bytes());
    }
    world.bucket.put("v2/two", "another content").await.unwrap();
    let (second, _) = world.artifacts("b", ArtifactsMode::IncrementalCopy, &uris).await;
    assert_eq!((second.copied, second.reused), (1, 1));
}
