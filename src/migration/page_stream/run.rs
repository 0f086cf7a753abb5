//! What a sending thread takes up at one pace.

use crate::engine::Progression;
use crate::memory::Content;
use crate::units::SimTime;

/// Pages of one content that a thread takes up at one pace, whichever they are: nobody waits for one before the resume.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    pub(super) content: Content,
    /// When each is taken up.
    pub(super) times: Progression,
    /// How many have been.
    pub(super) taken: u32,
    /// How many surely are.
    pub(super) most: u32,
}

impl Run {
    /// When the next is taken up.
    pub(super) fn next_time(&self) -> SimTime {
        self.times.at(self.taken)
    }
}
