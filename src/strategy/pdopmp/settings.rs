//! `[pdopmp]`: the parameters of the reconstruction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OutOfLimits, expect};

/// `[pdopmp]`: the assumptions of the reconstruction. All are whole numbers, so that no rounding can change an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct PdopmpSettings {
    /// Largest distance, in host pages, from an access to the last one of its stream, at most 65536. Default 16 (64
    /// KiB of 4 KiB pages): what allocators and page caches hand out in one piece, and less than the distance between
    /// two heaps.
    pub stream_gap: u32,
    /// Fewest accesses from which a trend is read. Default 4: three steps in one direction happen by chance in one
    /// random walk of four, so fewer would be noise.
    pub min_points: u32,
    /// Least share of steps in the main direction, less those the other way, in per cent. Default 60: four of five
    /// steps agree.
    pub min_consistency_percent: u32,
    /// Distance to which a trend is followed, in per cent of the stream's way in the window, at most 10000. The
    /// longest sweep of a region that was accessed before goes once around, however far that is. Default 400: most
    /// sweeps go on for longer than they were watched, but the error of the velocity grows with the way.
    pub reach_percent: u32,
    /// Accesses from which a stream with a trend counts as a sweep. Pages behind a sweep's head are not urgent.
    /// Default 32 (128 KiB of 4 KiB pages): the readahead of Linux (`VM_READAHEAD_PAGES`), a size that programs read
    /// at once.
    pub sweep_points: u32,
    /// Planning horizon, in record windows: pages expected later are left to the scan. Default 16: chosen on
    /// recordings (sort, SQLite, Python, sequential, random). From 8 to 32 make little difference; more does harm.
    pub horizon_windows: u32,
    /// Most pages predicted around recorded ones, per recorded page. Default 0, none: the heat behind the plan tells
    /// better what lies around (0.573 of the gap against 0.519, on the recordings that parameters were chosen on). 4
    /// where a destination fetches the plan from a source that scans without heat, as in the profiles of QEMU.
    pub most_per_recorded: u32,
    /// Heat: pages of a block. Default 64 (256 KiB of 4 KiB pages): about what a link transmits while a guest waits
    /// for one page behind a socket's send buffer.
    pub block_pages: u32,
    /// Heat that a recorded page adds to its block. Default 1, the unit. At 0 only requests count; with
    /// `request_weight` 0, too, the plain scan follows the plan.
    pub recorded_weight: u32,
    /// Heat that a request for an unsent page adds. Default 64, a whole block's: it is newer than the
    /// recording, and of a page that the plan missed. From 32 to 256 make little difference. At 0 nothing is learnt
    /// from requests, and the scan is that of the recording alone.
    pub request_weight: u32,
    /// Share of a block's new heat that the block above gets, too, in per cent. The block below gets half of
    /// that. Default 25; 0 is none.
    pub spread_percent: u32,
    /// Heat that a request for a page in flight adds to the blocks ahead, as a multiple of other requests. It
    /// counts if the last such page was at most `stream_gap` or `run_pages` below, whichever is more. Default 10: a
    /// guest that sweeps at the head of the push needs the very next pages. At 0 the guest is not followed.
    pub in_flight_weight: u32,
    /// Pages of a run, which is pushed from its end: planned pages that a request draws forward, and those of a
    /// hot block. 1 is none. Default 16 (64 KiB of 4 KiB pages): a guest that is faster than the link faults once a
    /// run. A longer run keeps others from the page that they wait for.
    pub run_pages: u32,
}

impl Default for PdopmpSettings {
    fn default() -> Self {
        PdopmpSettings {
            stream_gap: 16,
            min_points: 4,
            min_consistency_percent: 60,
            reach_percent: 400,
            sweep_points: 32,
            horizon_windows: 16,
            most_per_recorded: 0,
            block_pages: 64,
            recorded_weight: 1,
            request_weight: 64,
            spread_percent: 25,
            in_flight_weight: 10,
            run_pages: 16,
        }
    }
}

impl PdopmpSettings {
    /// Planning takes time in proportion to both.
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.stream_gap <= 65_536,
            "pdopmp.stream_gap",
            "expected at most 65536 pages",
        )?;
        expect(
            self.reach_percent <= 10_000,
            "pdopmp.reach_percent",
            "expected at most 10000",
        )
    }
}
