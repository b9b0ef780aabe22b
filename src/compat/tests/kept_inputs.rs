//! Proof: every input that fuzzing found worth keeping is judged or refused as any bytes must be.

use std::fs;
use std::path::Path;

#[path = "../fuzz/everything.rs"]
mod everything;

#[test]
fn every_kept_input_is_judged_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/judge");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        everything::judge(&fs::read(path).unwrap());
        count += 1;
    }
    assert!(count > 50, "only {count} inputs are kept");
}
