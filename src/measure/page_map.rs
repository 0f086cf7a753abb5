//! Pages over time, in a grid of bounded size: when each was recorded, pushed, touched and waited for.
//!
//! The grid has as many rows and columns for four pages as for 256 million.

use crate::guest::touch_order::VcpuCourse;
use crate::host::destination::{Arrival, FaultBlocks, Stall};
use crate::migration::{Outcome, Probe, Progress, SwitchOver};
use crate::units::SimTime;

/// Cells along, which are time.
pub const COLUMNS: usize = 480;
/// Cells upwards, which are pages; where there are fewer pages, as many.
const MOST_ROWS: u32 = 200;

/// Which cells something happened in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    /// Row by row.
    marked: Vec<bool>,
}

impl Cells {
    fn none(rows: u32) -> Self {
        Cells {
            marked: vec![false; COLUMNS * rows as usize],
        }
    }

    fn mark(&mut self, row: usize, from: usize, to: usize) {
        self.marked[row * COLUMNS..][from..=to].fill(true);
    }

    /// Runs of marked cells: row, first column, number of columns.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.marked
            .chunks(COLUMNS)
            .enumerate()
            .flat_map(|(row, cells)| {
                let mut column = 0;
                let runs = cells.chunk_by(|one, other| one == other);
                runs.filter_map(move |run| {
                    let first = column;
                    column += run.len();
                    run[0].then_some((row, first, run.len()))
                })
            })
    }
}

/// The map of one migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMap {
    /// Pages of the VM.
    pub pages: u32,
    /// Bytes in each.
    pub page_size: u64,
    /// Rows of the grid.
    pub rows: u32,
    /// When the record window ended, if there was one, the VM was suspended, and resumed.
    pub recorded_until: Option<SimTime>,
    /// See above.
    pub suspended_at: SimTime,
    /// See above.
    pub resumed_at: SimTime,
    /// Where the map ends: the last page is there.
    pub end: SimTime,
    /// Pages that were sent ahead of the core state, in pages of the trace's size: the map does not have them.
    pub sent_ahead: u64,
    /// Accesses on the source that were recorded.
    pub recorded: Cells,
    /// Pages that the source pushed, when they were installed.
    pub pushed: Cells,
    /// Pages that were sent on request, when they were installed.
    pub demanded: Cells,
    /// First touches that found their page installed. Between two faults of a vCPU they lie where its own time puts
    /// them.
    pub touched: Cells,
    /// vCPUs that wait for a page, from the touch until they run again.
    pub waited: Cells,
}

impl PageMap {
    /// A map that ends where an earlier run of the same migration did.
    pub fn new(switch_over: &SwitchOver, outcome: &Outcome) -> Self {
        let last_stall = outcome.stalls.iter().map(|stall| stall.until).max();
        let end = outcome
            .completed_at
            .or(last_stall)
            .unwrap_or(outcome.resumed_at);
        let window = switch_over.preparation.window;
        let rows = switch_over.memory.pages.clamp(1, MOST_ROWS);
        PageMap {
            rows,
            pages: switch_over.memory.pages,
            page_size: switch_over.memory.host_page,
            recorded_until: (switch_over.recorded && window > SimTime::ZERO).then_some(window),
            suspended_at: switch_over.suspended_at,
            resumed_at: outcome.resumed_at,
            end: end.max(SimTime::from_ps(1)),
            sent_ahead: switch_over.copied.pages + switch_over.copied.zero_pages,
            recorded: Cells::none(rows),
            pushed: Cells::none(rows),
            demanded: Cells::none(rows),
            touched: Cells::none(rows),
            waited: Cells::none(rows),
        }
    }

    /// Adds what the guest did, on the source and on the destination.
    pub fn add_guest(&mut self, switch_over: &SwitchOver, outcome: &Outcome, blocks: FaultBlocks) {
        for access in switch_over.recording.accesses.iter() {
            let (row, column) = (self.row(access.page), self.column(access.time));
            self.recorded.mark(row, column, column);
        }
        for stall in &outcome.stalls {
            let row = self.row(stall.page);
            let (from, to) = (self.column(stall.from), self.column(stall.until));
            self.waited.mark(row, from, to);
        }
        let mut stalls: Vec<&Stall> = outcome.stalls.iter().collect();
        stalls.sort_by_key(|stall| (stall.from, stall.vcpu));
        for (vcpu, course) in (0..).zip(switch_over.touch_order.vcpus()) {
            let stops = |stall: &&&Stall| blocks == FaultBlocks::Vm || stall.vcpu == vcpu;
            let own: Vec<&Stall> = stalls.iter().filter(stops).copied().collect();
            self.add_touches(vcpu, course, &own);
        }
    }

    fn add_touches(&mut self, vcpu: u16, course: &VcpuCourse, stalls: &[&Stall]) {
        let mut stalls = stalls.iter().peekable();
        // Where guest time zero lies, as far as is known by now.
        let mut origin = self.resumed_at;
        for touch in &course.touches {
            while let Some(stall) = stalls.next_if(|stall| stall.from < origin + touch.offset) {
                origin += stall.until - stall.from;
            }
            let waits = |stall: &&&Stall| stall.vcpu == vcpu && stall.page == touch.page;
            if let Some(stall) = stalls.next_if(waits) {
                origin = stall.until - touch.offset;
                continue;
            }
            let time = origin + touch.offset;
            if time > self.end {
                break;
            }
            let (row, column) = (self.row(touch.page), self.column(time));
            self.touched.mark(row, column, column);
        }
    }

    fn row(&self, page: u32) -> usize {
        (u64::from(page) * u64::from(self.rows) / u64::from(self.pages.max(1))) as usize
    }

    fn column(&self, time: SimTime) -> usize {
        let share = u128::from(time.as_ps()) * COLUMNS as u128 / u128::from(self.end.as_ps());
        (share as usize).min(COLUMNS - 1)
    }

    /// The first page of a row.
    fn first_page(&self, row: usize) -> u32 {
        (row as u64 * u64::from(self.pages)).div_ceil(self.rows.into()) as u32
    }
}

impl Probe for PageMap {
    const WATCHES: bool = false;
    const LISTENS: bool = true;

    fn observe(&mut self, _: SimTime, _: impl FnOnce() -> Progress) {}

    fn installed(&mut self, arrival: &Arrival) {
        let last = arrival.first + (arrival.count - 1);
        let mut page = arrival.first;
        while page <= last {
            let row = self.row(page);
            let until = self.first_page(row + 1).max(page + 1).min(last + 1);
            let time = |page: u32| arrival.installed.at(page - arrival.first);
            let (from, to) = (self.column(time(page)), self.column(time(until - 1)));
            let cells = if arrival.demanded {
                &mut self.demanded
            } else {
                &mut self.pushed
            };
            cells.mark(row, from, to);
            page = until;
        }
    }
}
