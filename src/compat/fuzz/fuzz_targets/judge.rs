//! JUDGEMENT under libFuzzer: any bytes are read and judged on every release, or refused. No panic, within time and memory.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../everything.rs"]
mod everything;

fuzz_target!(|bytes: &[u8]| everything::judge(bytes));
