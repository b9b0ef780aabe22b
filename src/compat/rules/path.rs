//! JUDGEMENT: paths of rules, and what of a pipeline they lead to. Finds; judges nothing.

use crate::judge::facts::Found;
use crate::judge::steps::{Steps, Task, is_name};
use crate::judge::trail::{Step, add};
use crate::text::{Place, Value};

/// A path of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    base: Base,
    steps: Vec<Word>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Spec,
    Platform,
    Task,
    Component,
    Executor,
    Config,
    ProducerTask,
    ProducerComponent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Name(String),
    Any,
    Deep,
}

/// Most values that one path of a rule looks at in one place. A path with `**` stays linear in the document, but not on a
/// document of aliases to aliases.
const MOST_LOOKED_AT: usize = 1_000_000;

/// A value with its place and its path.
#[derive(Clone, Debug)]
pub(crate) struct Spot<'tree> {
    pub(crate) value: Value<'tree>,
    pub(crate) place: Place,
    pub(crate) path: String,
}

/// What paths begin at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a, 'tree> {
    pub(crate) spec: Value<'tree>,
    pub(crate) platform: Option<Value<'tree>>,
    pub(crate) steps: &'a Steps<'tree>,
    pub(crate) task: Option<&'a Task<'tree>>,
    /// What is true of the task, or of the root.
    pub(crate) facts: &'a [Found<'tree>],
}

impl Pattern {
    /// Reads a path, or says what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut words = text.split('.').peekable();
        let base = match words.next() {
            Some("spec") => Base::Spec,
            Some("platform") => Base::Platform,
            Some("task") => Base::Task,
            Some("component") => Base::Component,
            Some("executor") => Base::Executor,
            Some("config") => Base::Config,
            Some("producer") => match words.next() {
                Some("task") => Base::ProducerTask,
                Some("component") => Base::ProducerComponent,
                _ => return Err(format!("`{text}`: after producer comes task or component")),
            },
            _ => return Err(format!("`{text}` begins with no word that paths begin with")),
        };
        let steps: Vec<Word> = words
            .map(|word| match word {
                "*" => Word::Any,
                "**" => Word::Deep,
                name => Word::Name(name.to_owned()),
            })
            .collect();
        if steps
            .iter()
            .any(|word| matches!(word, Word::Name(name) if name.is_empty()))
        {
            return Err(format!("`{text}` has an empty word"));
        }
        Ok(Self { base, steps })
    }

    /// It begins at what all tasks that run the same component share.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(
            self.base,
            Base::Spec | Base::Platform | Base::Component | Base::Executor | Base::Config
        )
    }

    /// It begins at what all tasks share.
    pub(crate) fn is_global(&self) -> bool {
        matches!(self.base, Base::Spec | Base::Platform)
    }

    /// The first value that it leads to and for which `test` holds, in the order of the text.
    pub(crate) fn first<'tree>(
        &self,
        ground: Ground<'_, 'tree>,
        test: impl Fn(Value<'tree>) -> bool,
    ) -> Option<Spot<'tree>> {
        self.bases(ground)
            .into_iter()
            .find_map(|start| self.below(start, &test))
    }

    /// How many values it leads to.
    pub(crate) fn count(&self, ground: Ground<'_, '_>) -> usize {
        let count = std::cell::Cell::new(0);
        let _ = self.first(ground, |_| {
            count.set(count.get() + 1);
            false
        });
        count.get()
    }

    fn bases<'tree>(&self, ground: Ground<'_, 'tree>) -> Vec<Start<'tree>> {
        let task = ground.task;
        let one = |start: Option<Start<'tree>>| start.into_iter().collect();
        match self.base {
            Base::Spec => one(Some(Start::whole(ground.spec, ""))),
            Base::Platform => one(ground
                .platform
                .map(|value| Start::whole(value, "platforms.kubernetes"))),
            Base::Task => one(task.map(Start::task)),
            Base::Component => one(task.and_then(Start::component)),
            Base::Executor => one(task.and_then(|task| {
                task.executor
                    .map(|pair| Start::of("deploymentSpec.executors", pair.key, pair.value, pair.place))
            })),
            Base::Config => one(task.and_then(|task| {
                task.config.map(|pair| {
                    let above = "platforms.kubernetes.deploymentSpec.executors";
                    Start::of(above, pair.key, pair.value, pair.place)
                })
            })),
            Base::ProducerTask | Base::ProducerComponent => {
                let producers = task.map(|task| ground.steps.producers(task)).unwrap_or_default();
                let start = |producer: &&Task<'tree>| match self.base {
                    Base::ProducerTask => Some(Start::task(producer)),
                    _ => Start::component(producer),
                };
                producers.iter().filter_map(start).collect()
            }
        }
    }

    fn below<'tree>(&self, start: Start<'tree>, test: &impl Fn(Value<'tree>) -> bool) -> Option<Spot<'tree>> {
        let mut budget = MOST_LOOKED_AT;
        // (value, its place, words still to go, steps from the start)
        let mut stack = vec![(start.value, start.place, 0_usize, Vec::<Step<'tree>>::new())];
        while let Some((value, place, at, steps)) = stack.pop() {
            budget = budget.checked_sub(1)?;
            let Some(word) = self.steps.get(at) else {
                if test(value) {
                    let mut path = start.path;
                    for step in steps {
                        add(&mut path, step);
                    }
                    return Some(Spot { value, place, path });
                }
                continue;
            };
            let from = stack.len();
            let (all, next) = match word {
                Word::Name(_) => (false, at + 1),
                Word::Any => (true, at + 1),
                Word::Deep => (true, at),
            };
            if *word == Word::Deep {
                stack.push((value, place, at + 1, steps.clone()));
            }
            let longer = |step: Step<'tree>| {
                let mut steps = steps.clone();
                steps.push(step);
                steps
            };
            for pair in value.entries() {
                if all || matches!(word, Word::Name(name) if is_name(pair.key, name)) {
                    stack.push((pair.value, pair.place, next, longer(Step::Key(pair.key))));
                }
            }
            if all {
                for (index, item) in value.items().enumerate() {
                    stack.push((item, item.place(), next, longer(Step::Index(index))));
                }
            }
            if let Some(pushed) = stack.get_mut(from..) {
                pushed.reverse();
            }
        }
        None
    }
}

/// A value that a path begins at.
struct Start<'tree> {
    value: Value<'tree>,
    place: Place,
    path: String,
}

impl<'tree> Start<'tree> {
    fn whole(value: Value<'tree>, path: &str) -> Self {
        Self {
            value,
            place: value.place(),
            path: path.to_owned(),
        }
    }

    fn of(above: &str, key: &'tree str, value: Value<'tree>, place: Place) -> Self {
        let mut path = above.to_owned();
        add(&mut path, Step::Key(key));
        Self { value, place, path }
    }

    fn task(task: &Task<'tree>) -> Self {
        Self {
            value: task.pair.value,
            place: task.pair.place,
            path: task.path(),
        }
    }

    fn component(task: &Task<'tree>) -> Option<Self> {
        let pair = task.component?;
        Some(Self::of("components", pair.key, pair.value, pair.place))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Pattern;

    #[rstest]
    #[case("nowhere.x")]
    #[case("producer.x")]
    #[case("task..x")]
    #[case("")]
    fn a_path_that_leads_nowhere_is_refused(#[case] text: &str) {
        assert!(Pattern::read(text).is_err());
    }
}
