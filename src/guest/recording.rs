//! The recorder: what the source sees of the VM's accesses while it runs on for the record window.

use std::sync::Arc;

use crate::guest::recorder::RecordedGuest;
use crate::guest::replay::Replay;
use crate::memory::{PageId, PageSet};
use crate::trace::{Op, TraceError};
use crate::units::SimTime;

/// One recorded access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// When, counted from the migration command.
    pub time: SimTime,
    /// By which vCPU.
    pub vcpu: u16,
    /// To which page.
    pub page: PageId,
    /// How.
    pub op: Op,
}

/// The accesses of a record window in time order (those of one instant by vCPU).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// The accesses, shared: a recording may be large, and many runs start from the same one.
    pub accesses: Arc<[Access]>,
    /// How long the window was.
    pub window: SimTime,
}

impl Recording {
    /// The pages that were accessed, of a memory of so many: the pre-recorded page set (PPS).
    pub fn pages(&self, memory: u32) -> PageSet {
        PageSet::of(memory, self.accesses.iter().map(|access| access.page))
    }
}

/// The recording has more accesses than a simulated recorder holds.
pub const MOST_ACCESSES: usize = 1 << 26;

/// More repetitions of a trace in one window tell nothing of a guest, and take long.
pub const MOST_PASSES: u64 = 1 << 14;

/// Why a window could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The trace could not be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The window is too long for this trace.
    #[error(
        "the record window holds more than {MOST_ACCESSES} accesses; expected a shorter migration.record_window"
    )]
    TooLong,
    /// The trace is too short for this window.
    #[error(
        "the trace lasts {pass} and would be replayed more than {MOST_PASSES} times in the record window; expected a longer trace, a shorter migration.record_window or trace.at_end = \"idle\""
    )]
    TooShort {
        /// Its guest time.
        pass: SimTime,
    },
}

/// What the VM does on the source before it is suspended for its switch-over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Preparation {
    /// It runs on for so long and is recorded.
    pub window: SimTime,
    /// Then it runs on for so long, unrecorded, while a plan is made.
    pub planning: SimTime,
}

impl Preparation {
    /// Both.
    pub fn length(self) -> SimTime {
        self.window + self.planning
    }
}

/// Runs the VM through its preparation. While it is recorded, each first access to a page costs its vCPU `trap`.
///
/// Returns the recording and, per vCPU, the guest time that it has reached: where it goes on at the destination. That
/// is the preparation less the vCPU's traps, but not before its last recorded access: an access whose trap the window's
/// end cut off is made again. On a compacted trace the positions are rounded to epoch boundaries, where the trace is
/// exact.
///
/// # Errors
///
/// [`RecordError`] when the trace is damaged or the window holds more than [`MOST_ACCESSES`].
pub fn record(
    replay: &Replay<'_>,
    preparation: Preparation,
    trap: SimTime,
) -> Result<(Recording, Vec<SimTime>), RecordError> {
    let window = preparation.window;
    check_passes(replay, window, trap)?;
    let mut guest = RecordedGuest::new(replay, trap)?;
    let mut accesses = Vec::new();
    while let Some((access, _)) = guest.next_before(window)? {
        if accesses.len() == MOST_ACCESSES {
            return Err(RecordError::TooLong);
        }
        accesses.push(access);
    }
    let positions = guest.positions(preparation.length());
    let accesses = accesses.into();
    Ok((Recording { accesses, window }, positions))
}

/// What a recorder beside the hypervisor sees in the last `window` before `until`: it slows nothing down.
///
/// # Errors
///
/// As [`record`].
pub fn record_last(
    replay: &Replay<'_>,
    window: SimTime,
    until: SimTime,
) -> Result<Recording, RecordError> {
    let window = window.min(until);
    check_passes(replay, window, SimTime::ZERO)?;
    let beginning = until - window;
    let mut guest = RecordedGuest::from(replay, beginning, SimTime::ZERO)?;
    let mut accesses = Vec::new();
    while let Some((access, _)) = guest.next_before(until)? {
        if accesses.len() == MOST_ACCESSES {
            return Err(RecordError::TooLong);
        }
        let time = access.time - beginning;
        accesses.push(Access { time, ..access });
    }
    let accesses = accesses.into();
    Ok(Recording { accesses, window })
}

/// Refuses at once what would be refused after a minute of replaying, or never.
fn check_passes(replay: &Replay<'_>, window: SimTime, trap: SimTime) -> Result<(), RecordError> {
    let pass = replay.pass().max(SimTime::from_ps(1));
    // No vCPU is held up by more than a trap for each page.
    let traps = trap.times(replay.memory().pages.into());
    let passes = (window - traps).as_ps() / pass.as_ps();
    if !replay.wraps() {
        return Ok(());
    }
    // The first and the last pass may be parts.
    let accesses = u128::from(passes.saturating_sub(1)) * u128::from(replay.records());
    if accesses > MOST_ACCESSES as u128 {
        return Err(RecordError::TooLong);
    }
    if window.as_ps() / pass.as_ps() > MOST_PASSES {
        return Err(RecordError::TooShort { pass });
    }
    Ok(())
}
