//! The progress of a long import.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shorter imports show no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows on a terminal's standard error how much of `raw` has been read.
pub(super) struct Progress<R> {
    raw: R,
    length: Option<u64>,
    position: u64,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl<R> Progress<R> {
    /// `length` is in bytes, where it is known.
    pub(super) fn new(raw: R, length: Option<u64>) -> Self {
        Progress {
            raw,
            length,
            position: 0,
            start: Instant::now(),
            bar: None,
        }
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(buffer)?;
        self.position += read as u64;
        if self.bar.is_none() && self.start.elapsed() > PATIENCE {
            self.bar = Some(bar(self.length));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.position);
        }
        Ok(read)
    }
}

impl<R> Drop for Progress<R> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Draws on standard error, and nothing when that is not a terminal.
fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "importing {bar:40} {bytes}/{total_bytes} ({eta})",
        ),
        None => (ProgressBar::new_spinner(), "importing {spinner} {bytes}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
