//! HANDS (tests): what is written is what is read.

use age::x25519::Identity;
use object_store::memory::InMemory;

use super::*;
use crate::backup::source::SetReader;
use crate::backup::trouble::Side;

/// Bytes of a piece of an upload.
const PIECE: usize = 6 * 1024 * 1024;

fn place() -> Place {
    Place::test(Arc::new(InMemory::new()), Side::Destination).unwrap()
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[rstest::rstest]
#[case::small(10, false)]
#[case::exactly_one_piece(PIECE, false)]
#[case::several_pieces(2 * PIECE + 17, false)]
#[case::empty(0, false)]
#[case::sealed(3 * PIECE, true)]
#[case::sealed_and_empty(0, true)]
#[tokio::test]
async fn what_is_written_is_what_is_read(#[case] length: usize, #[case] sealed: bool) {
    let identity = Identity::generate();
    let recipients = sealed.then(|| Recipients::read(&[identity.to_public().to_string()]).unwrap());
    let (place, plain) = (place(), noise(length));
    let parts = Parts::new(place.clone(), "set/one".into(), recipients);
    let mut writer = parts.part("a.bin").unwrap();
    for piece in plain.chunks(100_000) {
        writer.push(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    let part = writer.end(length as u64).await.unwrap();
    assert_eq!(part.path, if sealed { "a.bin.age" } else { "a.bin" });
    assert_eq!(parts.kept(), std::slice::from_ref(&part));
    let reader = SetReader::new(place, "set/one".into(), parts.kept(), Some(identity));
    assert!(reader.whole(&part.path).await.unwrap() == plain);
}

#[tokio::test]
async fn lines_are_compressed_and_told_apart() {
    let place = place();
    let parts = Parts::new(place.clone(), "set/one".into(), None);
    let mut lines = parts.lines("a.jsonl.zst").unwrap();
    for number in 0..100_000 {
        lines
            .line(&serde_json::json!({ "number": number }))
            .await
            .unwrap();
    }
    let part = lines.end().await.unwrap();
    let reader = SetReader::new(place, "set/one".into(), parts.kept(), None);
    let text = zstd::decode_all(reader.whole(&part.path).await.unwrap().as_slice()).unwrap();
    assert_eq!(text.len() as u64, part.plain_bytes);
    assert!(text.ends_with(b"{\"number\":99999}\n"));
}
