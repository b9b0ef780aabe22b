//! EYES (tests): each way in which a part can be wrong.

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::*;
use crate::backup::lines::LinesIn;
use crate::backup::parts::Parts;
use crate::backup::seal::Recipients;

struct Set {
    store: Arc<InMemory>,
    reader: SetReader,
    paths: Vec<String>,
}

async fn set(identity: Option<&Identity>, given: Option<Identity>) -> Set {
    let store = Arc::new(InMemory::new());
    let place = Place::test(store.clone() as Arc<dyn ObjectStore>, Side::Destination).unwrap();
    let recipients = identity.map(|one| Recipients::read(&[one.to_public().to_string()]).unwrap());
    let parts = Parts::new(place.clone(), "s/a".into(), recipients);
    for name in ["one", "two"] {
        let mut lines = parts.lines(&format!("{name}.jsonl.zst")).unwrap();
        for number in 0..50_000_u64 {
            let line =
                serde_json::json!({ "name": name, "value": number.wrapping_mul(0x9e37_79b9_7f4a_7c15) });
            lines.line(&line).await.unwrap();
        }
        lines.end().await.unwrap();
    }
    let kept = parts.kept();
    let paths = kept.iter().map(|part| part.path.clone()).collect();
    Set {
        store,
        reader: SetReader::new(place, "s/a".into(), kept, given),
        paths,
    }
}

impl Set {
    async fn get(&self, at: usize) -> Vec<u8> {
        let key = format!("s/a/{}", self.paths[at]).into();
        self.store
            .get(&key)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .to_vec()
    }

    async fn put(&self, at: usize, bytes: Vec<u8>) {
        let key = format!("s/a/{}", self.paths[at]).into();
        self.store.put(&key, bytes.into()).await.unwrap();
    }

    async fn read(&self) -> Result<u64, Trouble> {
        let mut lines = LinesIn::open(&self.reader, &self.paths[0]).await?;
        let mut count = 0;
        while let Some(line) = lines.json::<serde_json::Value>().await? {
            assert_eq!(line["name"], "one");
            count += 1;
        }
        Ok(count)
    }
}

#[rstest::rstest]
#[case::plain(false)]
#[case::sealed(true)]
#[tokio::test]
async fn each_way_in_which_a_part_can_be_wrong_has_a_name(#[case] sealed: bool) {
    let key = || sealed.then(Identity::generate);
    let identity = key();
    let copy = identity.as_ref().map(|one| {
        use age::secrecy::ExposeSecret as _;
        crate::backup::seal::identity(&one.to_string().expose_secret().into()).unwrap()
    });
    let set = set(identity.as_ref(), copy).await;
    assert_eq!(set.read().await.unwrap(), 50_000);
    let (good, other) = (set.get(0).await, set.get(1).await);

    set.put(0, good[..good.len() - 1].to_vec()).await;
    assert_eq!(set.read().await.unwrap_err().reason, "PartTruncated");
    set.put(0, Vec::new()).await;
    assert_eq!(set.read().await.unwrap_err().reason, "PartTruncated");
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        set.put(0, flipped).await;
        assert_eq!(set.read().await.unwrap_err().reason, "PartDamaged", "byte {at}");
    }
    let mut longer = good.clone();
    longer.push(0);
    set.put(0, longer).await;
    assert_eq!(set.read().await.unwrap_err().reason, "PartDamaged");
    set.put(0, other).await;
    let trouble = set.reader.check(&set.paths[0]).await.unwrap_err();
    assert_eq!(trouble.reason, "PartSwapped");
    assert!(trouble.message.contains("two.jsonl"), "{trouble}");
    set.store
        .delete(&format!("s/a/{}", set.paths[0]).into())
        .await
        .unwrap();
    assert_eq!(set.read().await.unwrap_err().reason, "PartMissing");
    assert_eq!(set.reader.check("three").await.unwrap_err().reason, "PartMissing");
}

#[tokio::test]
async fn a_sealed_part_without_its_key_is_told_so() {
    let identity = Identity::generate();
    let none = set(Some(&identity), None).await;
    assert_eq!(none.read().await.unwrap_err().reason, "IdentityMissing");
    assert!(none.reader.check(&none.paths[0]).await.is_ok());
    let wrong = set(Some(&identity), Some(Identity::generate())).await;
    assert_eq!(wrong.read().await.unwrap_err().reason, "IdentityWrong");
}
