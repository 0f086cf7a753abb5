//! The guest under a recorder.

use super::super::trace::Stream;
use super::super::{Input, LeadIn, Op, Ps, ps};

/// The guest under a recorder: each access with the wall time at which it is made.
pub(super) struct Recorded<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) streams: &'a [Stream<'a>],
    pub(super) next: Vec<usize>,
    pub(super) delay: Vec<Ps>,
    pub(super) protected: Vec<bool>,
    /// Wall time, guest time, vCPU, page, what it did.
    pub(super) made: Vec<(Ps, Ps, usize, u32, Op)>,
    /// Pages of the trace, with every write.
    pub(super) written: Vec<u32>,
    pub(super) readings: Ps,
}

impl Recorded<'_> {
    pub(super) fn run(&mut self, until: Ps) {
        let interval = match self.input.lead_in {
            LeadIn::Push => 0, // nobody reads a log
            _ => ps(self.input.settings.source.dirty_log_interval),
        };
        while interval > 0 && (self.readings + 1) * interval <= until {
            self.readings += 1;
            self.run_between_readings(self.readings * interval);
            self.protected.fill(true);
        }
        self.run_between_readings(until);
    }

    fn run_between_readings(&mut self, until: Ps) {
        loop {
            let candidates = self.streams.iter().enumerate().filter_map(|(v, stream)| {
                let touch = stream.nth(self.next[v])?;
                Some((touch.g + self.delay[v], v, touch))
            });
            let Some((wall, v, touch)) = candidates.min_by_key(|&(wall, v, _)| (wall, v)) else {
                return;
            };
            if wall >= until {
                return;
            }
            self.next[v] += 1;
            if std::mem::take(&mut self.protected[touch.page as usize]) {
                self.delay[v] += ps(self.input.settings.source.record_trap);
            }
            self.made.push((wall, touch.g, v, touch.page, touch.op));
            if touch.op == Op::Write {
                self.written.push(touch.small);
            }
        }
    }

    /// Where in its own time a vCPU is.
    pub(super) fn position(&self, v: usize, wall: Ps) -> Ps {
        let made = self.made.iter().filter(|made| made.2 == v);
        let last = made.map(|made| made.1).max().unwrap_or(0);
        wall.saturating_sub(self.delay[v]).max(last)
    }

    /// Whether the page was written in the epoch in which a vCPU still is.
    pub(super) fn may_be_written(&self, page: u32, wall: Ps) -> bool {
        (0..self.streams.len()).any(|v| {
            let epoch = epoch_beginning(self.input, self.position(v, wall));
            self.made
                .iter()
                .any(|&(_, g, by, of, op)| by == v && of == page && op == Op::Write && g >= epoch)
        })
    }
}

/// The last boundary of an epoch that is not behind a guest time.
pub(super) fn epoch_beginning(input: &Input, g: Ps) -> Ps {
    if input.compaction_ns == 0 {
        return g;
    }
    let boundaries = (0u128..).map(|epoch| input.scale(epoch * u128::from(input.compaction_ns)));
    boundaries
        .take_while(|boundary| *boundary <= g)
        .last()
        .unwrap_or(0)
}
