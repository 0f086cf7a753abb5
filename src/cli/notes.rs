//! Notes on the points of a grid, each said once.

use std::collections::BTreeSet;

use crate::message::say;
use crate::run::sweep::PointResult;

/// More say nothing new: they are of one kind, at other positions.
const MOST_NOTES: usize = 10;

/// What was noted so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    different: BTreeSet<String>,
    /// Points with a note that is not among them.
    further: usize,
}

impl Notes {
    pub(super) fn take(&mut self, results: &[PointResult]) {
        for note in results.iter().flat_map(|result| &result.notes) {
            if self.different.contains(note) {
                continue;
            }
            if self.different.len() == MOST_NOTES {
                self.further += 1;
            } else {
                self.different.insert(note.clone());
            }
        }
    }

    pub(super) fn say(&self) {
        for note in &self.different {
            say!("migsim: {note}");
        }
        if self.further > 0 {
            say!("migsim: … and such a note for {} more points", self.further);
        }
    }
}
