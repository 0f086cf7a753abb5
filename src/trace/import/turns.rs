//! When vCPUs were idle, from a recorder's notes of when each went idle and was woken.

use crate::trace::IdleSpan;
use crate::trace::format::MAX_IDLE_SPANS;

/// What a vCPU does, as far as its records tell.
#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// It has no record so far.
    #[default]
    Unknown,
    Running,
    IdleSince(u64),
}

/// The notes so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    states: Vec<State>,
    spans: Vec<IdleSpan>,
    any: bool,
}

impl Turns {
    /// The vCPU runs.
    pub(super) fn runs(&mut self, vcpu: u16) {
        let state = self.state(vcpu);
        if matches!(state, State::Unknown) {
            *state = State::Running;
        }
    }

    /// The vCPU goes idle; one that is idle stays so.
    pub(super) fn idle(&mut self, vcpu: u16, time_ns: u64) {
        self.any = true;
        let state = self.state(vcpu);
        if !matches!(state, State::IdleSince(_)) {
            *state = State::IdleSince(time_ns);
        }
    }

    /// The vCPU is woken; one that runs runs on. Otherwise the rest of "expected …".
    pub(super) fn woken(&mut self, vcpu: u16, time_ns: u64) -> Result<(), String> {
        self.any = true;
        let from_ns = match std::mem::replace(self.state(vcpu), State::Running) {
            State::IdleSince(from_ns) => from_ns,
            // It was idle when the recording began.
            State::Unknown => 0,
            State::Running => return Ok(()),
        };
        if from_ns > time_ns {
            return Err(format!(
                "times of vCPU {vcpu} in ascending order, found {time_ns} ns after {from_ns} ns"
            ));
        }
        if self.spans.len() == MAX_IDLE_SPANS {
            return Err(format!("at most {MAX_IDLE_SPANS} idle spans"));
        }
        if from_ns < time_ns {
            self.spans.push(IdleSpan {
                vcpu,
                from_ns,
                until_ns: time_ns,
            });
        }
        Ok(())
    }

    /// The spans of so many vCPUs. One that is still idle stays so; so does one without any record, if the recorder makes
    /// such notes.
    pub(super) fn spans(mut self, vcpus: u16) -> Vec<IdleSpan> {
        if !self.any {
            return Vec::new();
        }
        self.states.resize(usize::from(vcpus), State::Unknown);
        for (vcpu, state) in (0..).zip(&self.states) {
            let from_ns = match state {
                State::Unknown => 0,
                State::IdleSince(from_ns) => *from_ns,
                State::Running => continue,
            };
            self.spans.push(IdleSpan {
                vcpu,
                from_ns,
                until_ns: u64::MAX,
            });
        }
        self.spans.sort_unstable();
        self.spans
    }

    fn state(&mut self, vcpu: u16) -> &mut State {
        let vcpu = usize::from(vcpu);
        if vcpu >= self.states.len() {
            self.states.resize(vcpu + 1, State::Unknown);
        }
        &mut self.states[vcpu]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(vcpu: u16, from_ns: u64, until_ns: u64) -> IdleSpan {
        IdleSpan {
            vcpu,
            from_ns,
            until_ns,
        }
    }

    #[test]
    fn spans_from_notes() {
        let mut turns = Turns::default();
        turns.woken(1, 5).unwrap();
        turns.runs(0);
        turns.woken(0, 6).unwrap(); // it runs
        turns.idle(0, 7);
        turns.woken(0, 7).unwrap(); // for no time
        turns.idle(0, 8);
        turns.idle(0, 9); // it is
        turns.woken(0, 12).unwrap();
        turns.idle(1, 20);
        let open = |vcpu, from_ns| span(vcpu, from_ns, u64::MAX);
        assert_eq!(
            turns.spans(3),
            [span(0, 8, 12), span(1, 0, 5), open(1, 20), open(2, 0)]
        );
    }

    #[test]
    fn a_recorder_without_notes_knows_of_no_idleness() {
        let mut turns = Turns::default();
        turns.runs(0);
        assert_eq!(turns.spans(2), []);
    }

    #[test]
    fn times_ascend() {
        let mut turns = Turns::default();
        turns.idle(0, 9);
        assert!(turns.woken(0, 8).is_err());
    }
}
