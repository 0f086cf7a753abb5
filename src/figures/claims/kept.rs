//! The verdicts that were found last: `results/verdicts.csv`, against which `migsim figures --check` holds those of
//! now.

use std::collections::BTreeMap;

use super::{Judgement, Judgements, Verdict};

/// The committed verdicts.
pub const COMMITTED: &str = include_str!("../../../results/verdicts.csv");

const HEADER: &str = "guests,reading,claim,cases,verdict";

/// A verdict's name: guests, reading, claim and cases.
type Named = ([String; 4], Verdict);

fn verdicts(judgements: &Judgements) -> Vec<Named> {
    let of = |guests: &'static str, judgement: &Judgement| {
        let rows = judgement.judged.iter().flat_map(move |judged| {
            let row = |cases: &str, verdict| {
                let name = [guests, judged.reading.name(), judged.claim.id, cases];
                (name.map(str::to_owned), verdict)
            };
            [
                row("all cases", judged.all.verdict),
                row("regime", judged.regime.verdict),
            ]
        });
        rows.collect::<Vec<_>>()
    };
    let mut all = of("seven guests", &judgements.guests);
    if let Some(recorded) = &judgements.recorded {
        all.extend(of("recordings", recorded));
    }
    all
}

/// All verdicts as a file.
pub fn to_csv(judgements: &Judgements) -> String {
    let mut text = format!("{HEADER}\n");
    for (name, verdict) in verdicts(judgements) {
        text.push_str(&format!("{},{verdict}\n", name.join(",")));
    }
    text
}

/// What differs from the verdicts of such a file, a line each; of guests that are not at hand nothing does.
///
/// # Errors
///
/// What is wrong with the file.
pub fn changes(kept: &str, judgements: &Judgements) -> Result<Vec<String>, String> {
    let mut lines = kept.lines();
    if lines.next() != Some(HEADER) {
        return Err(format!("line 1: expected {HEADER}"));
    }
    let rows = lines.zip(2..).map(|(line, number)| {
        let row = line.rsplit_once(',');
        row.ok_or_else(|| format!("line {number}: expected {HEADER}"))
    });
    let kept = rows.collect::<Result<BTreeMap<&str, &str>, String>>()?;
    let now = verdicts(judgements);
    let changed = now.iter().filter_map(|(name, verdict)| {
        let was = kept.get(name.join(",").as_str()).copied();
        let was = was.unwrap_or("no verdict");
        (was != verdict.name()).then(|| format!("{}: {was}, now {verdict}", name.join(", ")))
    });
    Ok(changed.collect())
}
