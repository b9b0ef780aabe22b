//! PEOPLE: asks before what cannot be taken back. Without a terminal it refuses instead of waiting for ever.

use std::io::{BufRead, IsTerminal, Write};

use crate::failure::Failure;

/// Asks on standard error, unless the answer was given already. Everything but `y` or `yes` is a no.
pub fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err(Failure::Usage(format!(
            "{question} There is no terminal to ask on; say --yes"
        )));
    }
    eprint!("{question} [y/N] ");
    // An unwritten question is answered by whoever knows it.
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    input
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::Failed(format!("the answer cannot be read: {error}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Failed("nothing was done".into())),
    }
}
