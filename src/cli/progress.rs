//! Signs of life on standard error when something takes long.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::message::say;

/// Work that is done sooner shows nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Work of unknown length that takes longer is slow.
const SLOW: Duration = Duration::from_secs(30);

/// Does `work` and shows the time that has passed: a spinner on a terminal, a line now and then elsewhere.
pub(super) fn while_working<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return while_telling(SLOW, work, |passed| {
            say!("migsim: {what}, {passed:.0?} so far");
        });
    }
    let spinner = spinner(what);
    let result = work();
    spinner.finish_and_clear();
    result
}

/// Does `work`, and meanwhile tells every so often how much time has passed.
fn while_telling<T>(
    every: Duration,
    work: impl FnOnce() -> T,
    tell: impl Fn(Duration) + Send,
) -> T {
    let (working, is_working) = mpsc::channel::<()>();
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || {
            while is_working.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                tell(begun.elapsed());
            }
        });
        let result = work();
        drop(working);
        result
    })
}

/// The time that has passed, behind what is going on.
fn spinner(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_message(what);
    // The first tick, and so the first drawing, comes after one interval.
    spinner.enable_steady_tick(PATIENCE);
    spinner
}

/// A search of unknown length: a spinner on a terminal, a line now and then elsewhere.
pub(super) struct Search {
    spinner: Option<ProgressBar>,
    last_line: Instant,
}

impl Search {
    pub(super) fn new() -> Self {
        Search {
            spinner: io::stderr().is_terminal().then(|| spinner("searching")),
            last_line: Instant::now(),
        }
    }

    /// So many settings were tried, and the best has this misfit.
    pub(super) fn show(&mut self, tried: usize, misfit: f64) {
        let text = format!("{tried} settings tried, least misfit {misfit:.2}");
        match &self.spinner {
            Some(spinner) => spinner.set_message(text),
            None if self.last_line.elapsed() >= BETWEEN_LINES => {
                self.last_line = Instant::now();
                say!("migsim: {text}");
            }
            None => {}
        }
    }

    /// It is over.
    pub(super) fn finish(self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

/// Between two lines where there is no terminal for a bar.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Points of a sweep: a bar with rate and remaining time on a terminal, a line now and then elsewhere.
pub(super) struct Points {
    bar: Option<ProgressBar>,
    total: usize,
    before: usize,
    done: usize,
    started: Instant,
    last_line: Instant,
}

impl Points {
    /// `done` of `total` points were there before.
    pub(super) fn new(total: usize, done: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{wide_bar} {pos} of {len} points, {per_sec}, {eta} left",
            )
            .unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar =
                ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr())
                    .with_style(style)
                    .with_position(done as u64);
            // What was done before says nothing about the rate.
            bar.reset_eta();
            bar.enable_steady_tick(PATIENCE);
            bar
        });
        let now = Instant::now();
        Points {
            bar,
            total,
            before: done,
            done,
            started: now,
            last_line: now,
        }
    }

    /// So many more are done.
    pub(super) fn advance(&mut self, points: usize) {
        self.done += points;
        match &self.bar {
            Some(bar) => bar.inc(points as u64),
            None if self.last_line.elapsed() >= BETWEEN_LINES => {
                self.last_line = Instant::now();
                let rate = self.rate();
                let left = (self.total - self.done) as f64 / rate;
                say!(
                    "migsim: {} of {} points, {rate:.1} a second, {left:.0} s left",
                    self.done,
                    self.total
                );
            }
            None => {}
        }
    }

    /// All is done.
    pub(super) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say!(
            "migsim: {} points in {:.1} s, {:.1} a second",
            self.done - self.before,
            self.started.elapsed().as_secs_f64(),
            self.rate()
        );
    }

    fn rate(&self) -> f64 {
        (self.done - self.before) as f64 / self.started.elapsed().as_secs_f64().max(1e-3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_work_that_lasts_is_told_of() {
        let (told, times) = mpsc::channel();
        let tell = |passed| told.send(passed).expect("it is read");
        assert_eq!(while_telling(Duration::from_secs(60), || 1, tell), 1);
        assert_eq!(times.try_recv(), Err(mpsc::TryRecvError::Empty));
        let passed = while_telling(Duration::from_millis(1), || times.recv(), tell);
        assert!(passed.is_ok_and(|passed| passed >= Duration::from_millis(1)));
    }
}
