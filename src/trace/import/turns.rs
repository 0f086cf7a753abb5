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

#[derive(Debug, Clone, Copy, Default)]
struct Vcpu {
    state: State,
    /// Of its last note.
    last_ns: u64,
}

/// The notes so far.
#[derive(Debug, Default)]
pub(super) struct Turns {
    vcpus: Vec<Vcpu>,
    spans: Vec<IdleSpan>,
    any: bool,
}

impl Turns {
    /// Of so many vCPUs.
    pub(super) fn new(vcpus: u16) -> Self {
        Turns {
            vcpus: vec![Vcpu::default(); vcpus.into()],
            ..Turns::default()
        }
    }

    /// The vCPU accesses memory: it is not idle, whether its waking was noted or not. Otherwise the rest of "expected
    /// …".
    pub(super) fn runs(&mut self, vcpu: u16, time_ns: u64) -> Result<(), String> {
        let state = self.vcpus.get_mut(usize::from(vcpu));
        match state.map(|noted| &mut noted.state) {
            Some(State::IdleSince(_)) => self.woken(vcpu, time_ns),
            Some(state) => {
                *state = State::Running;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The vCPU goes idle; one that is idle stays so. Otherwise the rest of "expected …".
    pub(super) fn idle(&mut self, vcpu: u16, time_ns: u64) -> Result<(), String> {
        let state = self.note(vcpu, time_ns)?;
        if !matches!(state, State::IdleSince(_)) {
            *state = State::IdleSince(time_ns);
        }
        Ok(())
    }

    /// The vCPU is woken; one that runs runs on. Otherwise the rest of "expected …".
    pub(super) fn woken(&mut self, vcpu: u16, time_ns: u64) -> Result<(), String> {
        let from_ns = match std::mem::replace(self.note(vcpu, time_ns)?, State::Running) {
            State::IdleSince(from_ns) => from_ns,
            // It was idle when the recording began.
            State::Unknown => 0,
            State::Running => return Ok(()),
        };
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

    /// What the vCPU has done until a note of this time.
    fn note(&mut self, vcpu: u16, time_ns: u64) -> Result<&mut State, String> {
        self.any = true;
        let count = self.vcpus.len();
        let noted = self.vcpus.get_mut(usize::from(vcpu));
        let noted = noted.ok_or_else(|| format!("one of {count} vCPUs, found vCPU {vcpu}"))?;
        if time_ns < noted.last_ns {
            return Err(format!(
                "times of vCPU {vcpu} in ascending order, found {time_ns} ns after {} ns",
                noted.last_ns
            ));
        }
        noted.last_ns = time_ns;
        Ok(&mut noted.state)
    }

    /// The spans. A vCPU that is still idle stays so; so does one without any record, if the recorder makes such notes.
    pub(super) fn spans(mut self) -> Vec<IdleSpan> {
        if !self.any {
            return Vec::new();
        }
        for (noted, vcpu) in self.vcpus.iter().zip(0..) {
            let from_ns = match noted.state {
                State::Unknown => 0,
                State::IdleSince(from_ns) => from_ns,
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
        let mut turns = Turns::new(3);
        turns.woken(1, 5).unwrap();
        turns.runs(0, 0).unwrap();
        turns.woken(0, 6).unwrap(); // it runs
        turns.idle(0, 7).unwrap();
        turns.woken(0, 7).unwrap(); // for no time
        turns.idle(0, 8).unwrap();
        turns.idle(0, 9).unwrap(); // it is
        turns.woken(0, 12).unwrap();
        turns.idle(1, 13).unwrap();
        turns.runs(1, 15).unwrap(); // nobody has noted that it was woken
        turns.idle(1, 20).unwrap();
        let open = |vcpu, from_ns| span(vcpu, from_ns, u64::MAX);
        assert_eq!(
            turns.spans(),
            [
                span(0, 8, 12),
                span(1, 0, 5),
                span(1, 13, 15),
                open(1, 20),
                open(2, 0)
            ]
        );
    }

    #[test]
    fn a_recorder_without_notes_knows_of_no_idleness() {
        let mut turns = Turns::new(2);
        turns.runs(0, 0).unwrap();
        assert_eq!(turns.spans(), []);
    }

    #[test]
    fn notes_that_cannot_be() {
        let mut turns = Turns::new(1);
        turns.idle(0, 9).unwrap();
        assert!(turns.woken(0, 8).is_err());
        turns.woken(0, 9).unwrap();
        assert!(turns.idle(0, 8).is_err());
        assert!(turns.idle(1, 10).is_err());
    }

    #[test]
    fn as_many_vcpus_as_there_can_be() {
        let mut turns = Turns::new(u16::MAX);
        turns.idle(0, 1).unwrap();
        assert_eq!(turns.spans().len(), usize::from(u16::MAX));
    }
}
