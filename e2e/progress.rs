//! PROOF: telling a person what is being done and how long it took. Decides nothing.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A line a stage: a spinner while it runs on a terminal, plain lines elsewhere. Clones write to the same place.
#[derive(Clone)]
pub struct Progress(Arc<Inner>);

struct Inner {
    bars: Option<MultiProgress>,
    silent: bool,
    timings: Mutex<Vec<(String, Duration)>>,
}

/// A stage that runs.
pub struct Stage {
    bar: Option<ProgressBar>,
}

impl Stage {
    /// Says what the stage is doing just now; shown on a terminal only.
    pub fn detail(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }
}

impl Progress {
    /// To standard error: drawn if that is a terminal, else a plain line for each stage that ends.
    #[must_use]
    pub fn new() -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self(Arc::new(Inner {
            bars,
            silent: false,
            timings: Mutex::default(),
        }))
    }

    /// Writes nothing and only keeps the times, as tests want it.
    #[must_use]
    pub fn silent() -> Self {
        Self(Arc::new(Inner {
            bars: None,
            silent: true,
            timings: Mutex::default(),
        }))
    }

    /// Runs a stage and notes its time. Stages may run side by side and inside each other.
    pub fn stage<T>(&self, name: &str, work: impl FnOnce(&Stage) -> Result<T>) -> Result<T> {
        let bar = self.0.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            // The template is a constant; should it ever be wrong, the default style does.
            if let Ok(style) =
                ProgressStyle::with_template("{spinner:.cyan} {prefix:32} {elapsed:>5} {wide_msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let start = Instant::now();
        let stage = Stage { bar };
        let result = work(&stage);
        let took = start.elapsed();
        if let Some(bar) = &stage.bar {
            bar.finish_and_clear();
        }
        let mark = if result.is_ok() { "✓" } else { "✗" };
        self.line(&format!("{mark} {name:<44} {:>7.1} s", took.as_secs_f64()));
        if let Ok(mut timings) = self.0.timings.lock() {
            timings.push((name.to_owned(), took));
        }
        result
    }

    /// Writes one line of its own, above what is being drawn.
    pub fn line(&self, text: &str) {
        match &self.0.bars {
            _ if self.0.silent => {}
            Some(bars) => bars.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// The name and duration of every stage that has ended, in the order of their ends.
    #[must_use]
    pub fn timings(&self) -> Vec<(String, Duration)> {
        self.0
            .timings
            .lock()
            .map(|timings| timings.clone())
            .unwrap_or_default()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
