//! When rounds end.

use super::super::{Input, LeadIn, Ps, ps};

/// Whether a round was the last, by what it began with and what it leaves.
pub(super) fn is_enough(input: &Input, before: usize, dirty: usize) -> bool {
    let bytes = dirty as u128 * u128::from(input.whole_message());
    dirty == 0
        || bytes <= u128::from(input.settings.hybrid.remaining.0)
        || input.settings.hybrid.local_minimum && dirty >= before
}

/// When rounds end.
#[derive(Default)]
pub(super) struct Ends {
    rounds: u32,
    /// The part of a round behind the last one is being sent.
    behind: bool,
    now: bool,
}

impl Ends {
    pub(super) fn another(&self, most: u32) -> bool {
        most > 0 && !self.now && (self.behind || self.rounds < most)
    }

    pub(super) fn round(
        &mut self,
        input: &Input,
        (cut, enough): (bool, bool),
        at: Ps,
        deadline: &mut Ps,
    ) {
        self.rounds += 1;
        if cut || self.behind {
            self.now = true;
            return;
        }
        let most = match input.lead_in {
            LeadIn::Recorded { rounds, .. } => rounds,
            LeadIn::Rounds { most, .. } => most,
            _ => 1,
        };
        if !enough && self.rounds < most {
            return;
        }
        let iteration = match input.lead_in {
            LeadIn::Push => 0, // it is not in rounds
            _ => ps(input.settings.hybrid.iteration),
        };
        if iteration == 0 {
            self.now = true;
        } else {
            self.behind = true;
            *deadline = (*deadline).min(at + iteration);
        }
    }
}
