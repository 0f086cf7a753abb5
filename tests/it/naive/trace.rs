//! One vCPU's records as the guest goes through them from the migration command on, pass after pass.

use super::{Input, Op, Ps, RawRecord};

/// One access of the replay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Touch {
    /// Guest offset since the migration command.
    pub(super) g: Ps,
    /// Host page.
    pub(super) page: u32,
    /// Page of RAM, of the trace's size.
    pub(super) small: u32,
    pub(super) op: Op,
}

/// All records of one vCPU.
pub(super) struct Stream<'a> {
    input: &'a Input<'a>,
    own: Vec<RawRecord>,
    /// How many of them lie before the start position.
    before: usize,
}

impl<'a> Stream<'a> {
    pub(super) fn new(input: &'a Input<'a>, vcpu: u16) -> Self {
        let mut own: Vec<RawRecord> = input
            .records
            .iter()
            .copied()
            .filter(|r| r.vcpu == vcpu)
            .map(|r| RawRecord {
                page: input.place(r.page),
                ..r
            })
            .collect();
        own.sort_by_key(|r| r.time_ns); // stable: ties keep the order of the file
        let before = own.iter().filter(|r| r.time_ns < input.start_ns()).count();
        Stream { input, own, before }
    }

    /// Records in one whole pass.
    pub(super) fn pass_len(&self) -> usize {
        self.own.len()
    }

    /// Records of the pass before the migration command.
    pub(super) fn before_start(&self) -> &[RawRecord] {
        &self.own[..self.before]
    }

    /// The `n`-th access (from 0) at or after the migration command.
    pub(super) fn nth(&self, n: usize) -> Option<Touch> {
        let index = self.before + n;
        if self.own.is_empty() || (!self.input.wrap() && index >= self.own.len()) {
            return None;
        }
        let pass = (index / self.own.len()) as u128;
        let record = self.own[index % self.own.len()];
        let rel = u128::from(record.time_ns) + pass * u128::from(self.input.duration_ns)
            - u128::from(self.input.start_ns());
        Some(Touch {
            g: self.input.scale(rel),
            page: record.page >> self.input.host_shift,
            small: record.page,
            op: record.op,
        })
    }

    /// Number of the first access with a guest offset of at least `position` (or the number of all accesses).
    pub(super) fn first_at(&self, position: Ps) -> usize {
        (0..)
            .find(|&n| self.nth(n).is_none_or(|touch| touch.g >= position))
            .expect("endless range")
    }
}
