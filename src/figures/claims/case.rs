//! A case, and what a claim finds in it.

use super::Claim;
use crate::figures::data::Group;
use crate::figures::words;
use crate::units::SimTime;

/// Within this a number counts as the same.
const TOLERANCE: f64 = 0.01;

/// Places of the measures.
pub(super) const ALL_FAULTS: usize = words::ALL_FAULTS;
pub(super) const NETWORK_FAULTS: usize = words::NETWORK_FAULTS;
pub(super) const TOTAL_TIME: usize = words::TOTAL_TIME;
pub(super) const DOWNTIME: usize = words::DOWNTIME;

// Places of the strategies in the claims' scenario.
pub(super) const POST_COPY: usize = 0;
pub(super) const PRE_RECORD: usize = 1;
pub(super) const PDOPMP: usize = 2;

/// What the source does in the record window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Nothing.
    LinkIdle,
    /// It sends memory.
    Push,
}

impl Reading {
    /// Both, the literal one first.
    pub const ALL: [Reading; 2] = [Reading::LinkIdle, Reading::Push];

    /// In tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Reading::LinkIdle => "link idle in W",
            Reading::Push => "push while recording",
        }
    }
}

/// What two numbers say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As claimed.
    Better,
    /// No difference that counts.
    Same,
    /// At odds with the claim.
    Worse,
}

/// A claim in one case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// What the claim compares with.
    pub against: f64,
    /// What it claims to be less.
    pub value: f64,
    /// What that says.
    pub standing: Standing,
}

/// A guest, a network, a sender, a window and a reading, with the mean results of the strategies.
pub struct Case {
    /// The recorded guest or the kind of the synthetic one.
    pub guest: String,
    /// Record window.
    pub window: String,
    /// What happens in it.
    pub reading: Reading,
    /// Bandwidth and latency.
    pub network: String,
    /// `pipelined` or `synchronous`.
    pub sender: String,
    pub(super) means: [[f64; words::MEASURES]; 3],
}

impl Case {
    pub(super) fn of(group: &Group) -> Option<Self> {
        let [guest, window, reading, network, sender] = group.label.as_slice() else {
            return None;
        };
        let mean = |strategy, metric| group.spread(strategy, metric).mean;
        Some(Case {
            guest: guest.clone(),
            window: window.clone(),
            reading: if reading == "true" {
                Reading::Push
            } else {
                Reading::LinkIdle
            },
            network: network.clone(),
            sender: sender.clone(),
            means: [POST_COPY, PRE_RECORD, PDOPMP]
                .map(|strategy| std::array::from_fn(|metric| mean(strategy, metric))),
        })
    }

    pub(super) fn compare(&self, metric: usize, against: usize, of: &[usize]) -> Finding {
        let of = of.iter().map(|&strategy| self.means[strategy][metric]);
        let (against, value) = (self.means[against][metric], of.fold(0.0, f64::max));
        let tolerance = if metric == DOWNTIME { 0.0 } else { TOLERANCE };
        let standing = if value > against * (1.0 + tolerance) {
            Standing::Worse
        } else if value < against * (1.0 - tolerance) {
            Standing::Better
        } else {
            Standing::Same
        };
        Finding {
            against,
            value,
            standing,
        }
    }

    /// How many of these claims it does not show.
    pub(super) fn shows(&self, claims: &[Claim]) -> Finding {
        let missing = claims.iter().filter(|claim| {
            let standing = (claim.find)(self).standing;
            standing == Standing::Worse || (standing == Standing::Same && !claim.may_be_same)
        });
        let failed = missing.count();
        Finding {
            against: 0.0,
            value: failed as f64,
            standing: if failed == 0 {
                Standing::Better
            } else {
                Standing::Worse
            },
        }
    }

    /// What was recorded is used again, so that sending it early can save faults.
    pub(super) fn guest_comes_back(&self) -> bool {
        self.means[PRE_RECORD][words::COVERAGE] >= 0.5
    }

    /// With a synchronous sender nothing is pushed for a round trip at each network fault. Without as much to save as
    /// the link idles in the window, the total time cannot fall.
    pub(super) fn faults_cost_more_than_the_window(&self) -> bool {
        let latency = self.network.rsplit(", ").next();
        let time = |text: &str| text.parse().map_or(0.0, SimTime::as_secs_f64);
        let idle = match self.reading {
            Reading::LinkIdle => time(&self.window),
            Reading::Push => 0.0,
        };
        let round_trip = 2.0 * latency.map_or(0.0, time);
        self.sender == "synchronous" && self.means[POST_COPY][NETWORK_FAULTS] * round_trip > idle
    }
}
