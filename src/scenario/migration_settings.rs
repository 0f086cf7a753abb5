//! `[migration]`: what is compared, the record window, and the end of pre-copy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::delivery::Delivery;
use crate::limits::{OutOfLimits, expect};
use crate::strategy;
use crate::units::SimTime;

/// `[migration]`: what is compared, the record window, and the end of pre-copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct MigrationSettings {
    /// Names of the strategies, in the order of the rows. Default: post-copy, the paper's two,
    /// pre-copy and hybrids, and the clairvoyant.
    pub strategies: Vec<String>,
    /// How long a recording strategy lets the VM run on at the source. Default 500 ms, an assumption: the abstract
    /// names no number.
    pub record_window: SimTime,
    /// Whether the source sends memory during the record window: pages that were read and not written first. Default
    /// `true`, the reading of the abstract under which its claim on total time can hold. `false` is the literal one:
    /// the link is idle until the pre-recorded pages are sent. It goes with a destination that fetches the plan, whose
    /// source knows nothing of the recorder.
    pub push_while_recording: bool,
    /// Whether the source pushes pages while the destination loads the core state: from the state's departure on, and
    /// not only from the resume on. Default `true`: QEMU's source goes on with pages behind the state, and the
    /// destination's listen thread places them beside it (`migration/savevm.c`, `loadvm_postcopy_handle_listen`;
    /// `docs/journal/2026-11-30-live-round.md`).
    pub push_while_resuming: bool,
    /// How long the VM runs on, unrecorded, while a migration is set up that sends nothing before the suspension:
    /// connections, the setup section, and what is left of a period of the rate limiter. Lead-ins that send memory
    /// begin at once. Default 0. In QEMU, post-copy starts from pre-copy's loop. If `max-bandwidth` is so low that the
    /// setup section uses it up, the loop sleeps until 100 ms are over (`migration/migration.c`,
    /// `migration_rate_limit`, `BUFFER_DELAY`).
    pub setup_time: SimTime,
    /// How long the VM runs on, unrecorded, between its record window and its suspension: while a planner works that
    /// stands beside the hypervisor. Default 0.
    pub planning_time: SimTime,
    /// Time per recorded access that a strategy that records computes while the VM is suspended. It is part of the
    /// downtime. Default 0: the recording can be sorted while it is made, and nobody needs the order of the first
    /// pages before the core state was sent. `benches/plan.rs` measures what it takes.
    pub planning_cost: SimTime,
    /// Who follows the plan. Default `source-push`: the paper.
    pub delivery: Delivery,
    /// Longest downtime that pre-copy accepts: it suspends the VM when it estimates that the remainder takes no
    /// longer. Default 300 ms: QEMU (`migration/options.c`, `DEFAULT_MIGRATE_SET_DOWNTIME`).
    pub downtime_limit: SimTime,
    /// Rounds after which pre-copy suspends the VM, however much is dirty. 0 is stop-and-copy. Default 30: Xen for a
    /// decade (`tools/libxc/xc_domain_save.c`, `DEF_MAX_ITERS`: "limit us to 30 times round loop"). QEMU has no such
    /// limit and may never finish.
    pub max_rounds: u32,
}

impl Default for MigrationSettings {
    fn default() -> Self {
        MigrationSettings {
            strategies: strategy::COMPARED_BY_DEFAULT.map(str::to_owned).to_vec(),
            record_window: SimTime::from_ms(500),
            push_while_recording: true,
            push_while_resuming: true,
            setup_time: SimTime::ZERO,
            planning_time: SimTime::ZERO,
            planning_cost: SimTime::ZERO,
            delivery: Delivery::SourcePush,
            downtime_limit: SimTime::from_ms(300),
            max_rounds: 30,
        }
    }
}

impl MigrationSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.delivery.outstanding() != Some(0),
            "migration.delivery.outstanding",
            "expected 1 to 65535 requests",
        )?;
        expect(
            self.max_rounds <= 1_000,
            "migration.max_rounds",
            "expected at most 1000 rounds",
        )?;
        expect(
            !self.strategies.is_empty(),
            "migration.strategies",
            "expected at least one strategy",
        )?;
        let twice = |(index, name): (usize, &String)| self.strategies[..index].contains(name);
        expect(
            !self.strategies.iter().enumerate().any(twice),
            "migration.strategies",
            "expected each strategy once",
        )
    }
}
