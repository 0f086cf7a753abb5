//! The last window of a recording that goes by.

use crate::guest::recording::{Access, MOST_ACCESSES, Recording};
use crate::memory::PageId;
use crate::trace::Record;
use crate::units::SimTime;

/// What more accesses in a window than are held is an error against.
pub(super) const TOO_MANY: &str = "at most 67108864 accesses in the record window";
const _: () = assert!(MOST_ACCESSES == 67_108_864);

/// Accesses of the last `window` so far, and for a while earlier ones.
pub(super) struct LastWindow {
    window: SimTime,
    accesses: Vec<Access>,
    latest: SimTime,
    /// Accesses from which on it is worth while to look for ones that are too old.
    full: usize,
}

const FIRST_FULL: usize = 1 << 16;

impl LastWindow {
    pub(super) fn new(window: SimTime) -> Self {
        LastWindow {
            window,
            accesses: Vec::new(),
            latest: SimTime::ZERO,
            full: FIRST_FULL,
        }
    }

    /// Takes an access in; `false` when the window holds too many. They may come in any order of time.
    pub(super) fn push(&mut self, time: SimTime, record: Record, page: PageId) -> bool {
        self.latest = self.latest.max(time);
        self.accesses.push(Access {
            time,
            vcpu: record.vcpu,
            page,
            op: record.op,
        });
        if self.accesses.len() >= self.full {
            self.forget();
            self.full = FIRST_FULL.max(2 * self.accesses.len());
        }
        self.accesses.len() < MOST_ACCESSES
    }

    /// When the window begins: the switch-over only moves on, so what lies before it now does so for good.
    fn beginning(&self) -> SimTime {
        self.latest.saturating_sub(self.window)
    }

    fn forget(&mut self) {
        let beginning = self.beginning();
        self.accesses.retain(|access| access.time >= beginning);
    }

    /// The window's accesses in time order, counted from its beginning.
    pub(super) fn recording(mut self) -> Recording {
        self.forget();
        let beginning = self.beginning();
        for access in &mut self.accesses {
            access.time = access.time - beginning;
        }
        self.accesses
            .sort_by_key(|access| (access.time, access.vcpu));
        Recording {
            accesses: self.accesses.into(),
            window: self.window,
        }
    }
}
