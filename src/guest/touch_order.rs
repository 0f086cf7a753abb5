//! The touch order: each vCPU's first touch of each page after the switch-over.
//!
//! A page that has reached the destination never leaves it, so a vCPU's later touches of it cannot fault: the first
//! ones are all that a run depends on. A touch order is computed once and shared by every run that switches over at the
//! same position, and a run costs what the number of distinct pages costs, however long the trace is, and what the
//! number of times costs at which vCPUs have nothing to do: they go with it.

use std::sync::{Arc, OnceLock};

use super::replay::{Idle, Replay};
use crate::memory::{PageId, PageSet};
use crate::trace::TraceError;
use crate::units::SimTime;

/// Who touches a page. At one instant vCPUs go before fetching threads, and these in the order of their pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Toucher {
    /// A vCPU, by its number.
    Vcpu(u16),
    /// A thread that fetches the page at this place of the plan.
    Fetcher(u32),
}

/// A vCPU's first touch of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// Guest time since the switch-over.
    pub offset: SimTime,
    /// The page.
    pub page: PageId,
}

/// What one vCPU does after the switch-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcpuCourse {
    /// The vCPU's guest time at the switch-over, since the migration command.
    pub position: SimTime,
    /// Its first touches, in time order.
    pub touches: Vec<Touch>,
    /// When it has nothing to do: in time order, without overlap, from where the vCPU is that has come least far.
    pub idle: Vec<Idle>,
}

/// First touches per vCPU, each in time order; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TouchOrder {
    per_vcpu: Arc<[VcpuCourse]>,
    /// Made when it is asked for first.
    first_touches: Arc<OnceLock<Vec<Touch>>>,
    /// The same.
    deadlines: Arc<OnceLock<Vec<Touch>>>,
}

impl PartialEq for TouchOrder {
    fn eq(&self, other: &Self) -> bool {
        self.per_vcpu == other.per_vcpu
    }
}

impl TouchOrder {
    /// The touches of each vCPU from its position, in guest time, on.
    ///
    /// # Errors
    ///
    /// [`TraceError`] when the trace is damaged.
    pub fn after(replay: &Replay<'_>, positions: &[SimTime]) -> Result<Self, TraceError> {
        let memory = replay.memory();
        let pages = memory.pages;
        let least = positions.iter().copied().min().unwrap_or_default();
        let mut per_vcpu = Vec::with_capacity(positions.len());
        for (vcpu, &position) in (0..replay.vcpus()).zip(positions) {
            // After one pass (and a picosecond for rounding) a trace that wraps around has nothing new.
            let end = position + replay.pass() + SimTime::from_ps(1);
            let mut seen = PageSet::empty(pages);
            let mut touches = Vec::new();
            let mut accesses = replay.first_accesses(vcpu, position);
            let ram = replay.ram();
            while let Some(access) = accesses.next_wanted(end, |page, _| {
                // One outside of RAM is an error to be seen.
                let place = ram.place(page);
                place.is_none_or(|place| !seen.contains(memory.host_page_of(place)))
            }) {
                let access = access?;
                // What saturates is beyond the end of simulated time.
                let over = access.offset > end || access.offset == SimTime::MAX;
                if over || seen.count() == pages {
                    break;
                }
                if seen.insert(access.page) {
                    touches.push(Touch {
                        offset: access.offset - position,
                        page: access.page,
                    });
                }
            }
            per_vcpu.push(VcpuCourse {
                position,
                touches,
                idle: replay.idle(vcpu, least),
            });
        }
        Ok(TouchOrder {
            per_vcpu: per_vcpu.into(),
            first_touches: Arc::default(),
            deadlines: Arc::default(),
        })
    }

    /// What each vCPU does.
    pub fn vcpus(&self) -> &[VcpuCourse] {
        &self.per_vcpu
    }

    /// Each page's first touch by any vCPU, in the order of pages. All runs that share the touch order share them.
    pub fn first_touches(&self) -> &[Touch] {
        self.first_touches.get_or_init(|| {
            let touches = self.per_vcpu.iter().flat_map(|vcpu| &vcpu.touches);
            let mut all: Vec<Touch> = touches.copied().collect();
            all.sort_unstable_by_key(|touch| (touch.page, touch.offset));
            all.dedup_by_key(|touch| touch.page);
            all
        })
    }

    /// Whether any vCPU has nothing to do at times, and may wait for another one then.
    pub fn has_idleness(&self) -> bool {
        self.per_vcpu.iter().any(|vcpu| !vcpu.idle.is_empty())
    }

    /// By when each page is touched at the latest, counted from the resume, if no vCPU ever stalls; in the order of
    /// these times. What is touched in idleness counts with its end. All runs that share the touch order share them.
    pub fn deadlines(&self) -> &[Touch] {
        self.deadlines.get_or_init(|| {
            // A vCPU that waits for another one may be held up by how far that is behind.
            let origin = if self.has_idleness() {
                let positions = self.per_vcpu.iter().map(|vcpu| vcpu.position);
                positions.min()
            } else {
                None
            };
            let of = |vcpu: &VcpuCourse| {
                let mut idle = vcpu.idle.iter().peekable();
                let behind = vcpu.position - origin.unwrap_or(vcpu.position);
                let position = vcpu.position;
                let touches = vcpu.touches.iter().map(move |touch| {
                    let at = position + touch.offset;
                    while idle.next_if(|idle| idle.until < at).is_some() {}
                    let over = idle.peek().filter(|idle| idle.from < at);
                    let at = over.map_or(at, |idle| idle.until);
                    Touch {
                        offset: at - position + behind,
                        page: touch.page,
                    }
                });
                touches.collect::<Vec<_>>()
            };
            let mut all: Vec<Touch> = self.per_vcpu.iter().flat_map(of).collect();
            all.sort_unstable_by_key(|touch| (touch.page, touch.offset));
            all.dedup_by_key(|touch| touch.page);
            all.sort_unstable_by_key(|touch| (touch.offset, touch.page));
            all
        })
    }
}
