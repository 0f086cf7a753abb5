//! All claims over all cases.

use super::{ALL, Case, Claim, Finding, Reading, Tally};
use crate::figures::FigureError;
use crate::figures::catalogue::{CLAIMS, CLAIMS_RECORDED};
use crate::figures::data::{Data, is_available};

/// A claim under one reading.
pub struct Judged {
    /// Which.
    pub claim: &'static Claim,
    /// What happens in the record window.
    pub reading: Reading,
    /// Over all cases.
    pub all: Tally,
    /// Over the cases in which its mechanism can act.
    pub regime: Tally,
}

/// All claims over all cases.
pub struct Judgement {
    /// The rows behind it.
    pub csv: Vec<u8>,
    /// The cases, in the order of the grid.
    pub cases: Vec<Case>,
    /// By reading, then in the order of [`ALL`].
    pub judged: Vec<Judged>,
}

/// Seven guests, one of them recorded, and beside it the recordings of real guests, where they are at hand.
pub struct Judgements {
    /// Seven guests, three positions each.
    pub guests: Judgement,
    /// All recordings.
    pub recorded: Option<Judgement>,
}

impl Judgements {
    /// Runs the claims' scenarios on `jobs` threads and judges what comes out.
    ///
    /// # Errors
    ///
    /// [`FigureError`] when a simulation fails.
    pub fn run(jobs: usize) -> Result<Self, FigureError> {
        let recorded = is_available(CLAIMS_RECORDED)
            .then(|| Judgement::run("claims-recorded", CLAIMS_RECORDED, "trace.file", jobs));
        Ok(Judgements {
            guests: Judgement::run("claims", CLAIMS, "trace", jobs)?,
            recorded: recorded.transpose()?,
        })
    }
}

impl Judgement {
    fn run(name: &str, scenario: &str, guests: &str, jobs: usize) -> Result<Self, FigureError> {
        let axes = [
            guests,
            "migration.record_window",
            "migration.push_while_recording",
            "link",
            "source.demand_mode",
        ];
        let data = Data::run(name, scenario, &axes, jobs)?;
        Ok(Judgement::of(
            data.csv,
            data.groups.iter().filter_map(Case::of).collect(),
        ))
    }

    pub(super) fn of(csv: Vec<u8>, cases: Vec<Case>) -> Self {
        let judge = |reading, claim: &'static Claim| {
            let tally = |applies: fn(&Case) -> bool| {
                Tally::of(claim, &cases, |case| {
                    case.reading == reading && applies(case)
                })
            };
            Judged {
                claim,
                reading,
                all: tally(|_| true),
                regime: tally(claim.applies),
            }
        };
        let judged = Reading::ALL.into_iter();
        let judged = judged.flat_map(|reading| ALL.iter().map(move |claim| (reading, claim)));
        Judgement {
            judged: judged
                .map(|(reading, claim)| judge(reading, claim))
                .collect(),
            csv,
            cases,
        }
    }

    /// A claim over the cases of one sender, `pipelined` or `synchronous`.
    pub fn with_sender(&self, judged: &Judged, sender: &str) -> Tally {
        Tally::of(judged.claim, &self.cases, |case| {
            case.reading == judged.reading && case.sender == sender
        })
    }

    /// What a claim found in a case.
    pub fn finding(&self, claim: &Claim, case: usize) -> Finding {
        (claim.find)(&self.cases[case])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{self, DoesNotHold, Holds, HoldsInPart};
    use super::super::kept;
    use super::*;
    use crate::figures::words;

    fn case(sender: &str, faults: [f64; 3], total: [f64; 3]) -> Case {
        let of = |strategy: usize| {
            let mut means = [0.0; words::MEASURES];
            means[words::ALL_FAULTS] = faults[strategy];
            means[words::NETWORK_FAULTS] = faults[strategy];
            means[words::TOTAL_TIME] = total[strategy];
            means[words::DOWNTIME] = 15.0;
            means[words::COVERAGE] = 0.6;
            means
        };
        Case {
            guest: "zipf".to_owned(),
            window: "500 ms".to_owned(),
            reading: Reading::LinkIdle,
            network: "1 Gbit/s, 10 ms".to_owned(),
            sender: sender.to_owned(),
            means: [of(0), of(1), of(2)],
        }
    }

    fn verdicts(judgement: &Judgement, of: fn(&Judged) -> &Tally) -> Vec<Verdict> {
        let literal = judgement.judged.iter().take(ALL.len());
        literal.map(|judged| of(judged).verdict).collect()
    }

    #[test]
    fn a_claim_holds_where_nothing_is_at_odds_with_it() {
        let far = case("synchronous", [100.0, 80.0, 80.5], [2.0, 1.8, 1.7]);
        let judgement = Judgement::of(Vec::new(), vec![far]);
        // PDoPMP has half a per cent more faults: neither better nor at odds.
        let expected = [
            Holds,
            Holds,
            DoesNotHold,
            DoesNotHold,
            Holds,
            Holds,
            DoesNotHold,
            DoesNotHold,
        ];
        assert_eq!(verdicts(&judgement, |judged| &judged.all), expected);
        // There is no case of the other reading.
        assert_eq!(judgement.judged[ALL.len()].all.cases(), 0);
    }

    #[test]
    fn a_regime_is_where_the_mechanism_can_act() {
        // 100 faults of 20 ms are more than 500 ms, and cost a pipelined sender nothing.
        let far = case("synchronous", [100.0, 80.0, 70.0], [2.0, 1.8, 1.7]);
        let pipelined = case("pipelined", [100.0, 80.0, 70.0], [1.0, 1.5, 1.5]);
        let few = case("synchronous", [20.0, 10.0, 5.0], [1.0, 1.5, 1.5]);
        let judgement = Judgement::of(Vec::new(), vec![far, pipelined, few]);
        let total_time = &judgement.judged[4];
        assert_eq!(total_time.all.verdict, HoldsInPart);
        assert_eq!(total_time.regime.verdict, Holds);
        assert_eq!(
            (total_time.all.better, &total_time.all.worse[..]),
            (1, &[1, 2][..])
        );
        assert_eq!(verdicts(&judgement, |judged| &judged.regime), [Holds; 8]);
    }

    #[test]
    fn a_changed_verdict_is_named() {
        let better = [100.0, 80.0, 70.0];
        let judgements = |faults| Judgements {
            guests: Judgement::of(
                Vec::new(),
                vec![case("synchronous", faults, [2.0, 1.8, 1.7])],
            ),
            recorded: None,
        };
        let was = kept::to_csv(&judgements(better));
        assert!(
            kept::changes(&was, &judgements(better))
                .expect("own rows")
                .is_empty()
        );
        let changes = kept::changes(&was, &judgements([100.0, 120.0, 70.0])).expect("own rows");
        assert!(
            changes[0].ends_with("C1 by all faults, all cases: holds, now does not hold"),
            "{changes:?}"
        );
        assert!(kept::changes("guests,reading\n", &judgements(better)).is_err());
    }
}
