//! JUDGEMENT: how a walk came to a value, kept as links to what is above it and written out only for findings.

use std::fmt::Write as _;

/// A value's position in a [`Trail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u32);

/// One step down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'tree> {
    /// Into a mapping.
    Key(&'tree str),
    /// Into a sequence.
    Index(usize),
}

/// Every step of a walk.
#[derive(Debug)]
pub(crate) struct Trail<'tree> {
    links: Vec<(Mark, Step<'tree>)>,
}

/// Top of the document.
pub(crate) const TOP: Mark = Mark(u32::MAX);

impl<'tree> Trail<'tree> {
    pub(crate) const fn new() -> Self {
        Self { links: Vec::new() }
    }

    /// The mark of what is one step below `above`.
    pub(crate) fn step(&mut self, above: Mark, step: Step<'tree>) -> Mark {
        // A text is shorter than 2^32 bytes, so it has fewer values than that.
        let mark = Mark(u32::try_from(self.links.len()).unwrap_or(u32::MAX - 1));
        self.links.push((above, step));
        mark
    }

    /// Steps from the top to `mark`.
    pub(crate) fn steps(&self, mark: Mark) -> Vec<Step<'tree>> {
        let mut steps = Vec::new();
        let mut at = mark;
        while let Some((above, step)) = self.links.get(at.0 as usize) {
            steps.push(*step);
            at = *above;
        }
        steps.reverse();
        steps
    }
}

/// A path as it is shown: `root.dag.tasks.train.inputs`, `args[2]`, `labels["a.b"]`.
pub(crate) fn written(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        add(&mut path, *step);
    }
    path
}

/// Adds one step to a written path.
pub(crate) fn add(path: &mut String, step: Step<'_>) {
    match step {
        Step::Key(key) if is_plain(key) => {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
        }
        Step::Key(key) => {
            let shown: String = key.chars().take(LONGEST_KEY).collect();
            let _ = write!(path, "[{shown:?}]");
        }
        Step::Index(index) => {
            let _ = write!(path, "[{index}]");
        }
    }
}

/// Longest key that a path shows whole, in characters: keys of hostile texts have any length.
const LONGEST_KEY: usize = 200;

fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$' | b'/' | b'@');
    !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::{Step, TOP, Trail, written};

    #[test]
    fn a_path_is_written_as_people_read_it() {
        let mut trail = Trail::new();
        let root = trail.step(TOP, Step::Key("root"));
        let args = trail.step(root, Step::Key("args"));
        let second = trail.step(args, Step::Index(1));
        let label = trail.step(second, Step::Key("app.kubernetes.io/name"));
        assert_eq!(
            written(&trail.steps(label)),
            "root.args[1][\"app.kubernetes.io/name\"]"
        );
        assert_eq!(written(&trail.steps(TOP)), "");
    }
}
