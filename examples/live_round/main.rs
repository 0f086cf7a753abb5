//! What a recording is worth in the live round: every recording, position and link of `scenarios/live-round.toml`,
//! tuned and held-out recordings apart; what each part contributes; and both readings of the abstract. As Markdown.
//!
//! Run it by `cargo run --release --example live_round` at the top of the repository.

mod table;
mod variants;

use std::error::Error;

use migsim::run::compare::compare;
use migsim::scenario::{Scenario, ScenarioSource};
use migsim::trace::Trace;
use migsim::units::{Bandwidth, SimTime};
use rayon::prelude::*;

use table::Cell;
use variants::{VARIANTS, registry};

/// Parameters were chosen on these, and on these alone.
const TUNED: [&str; 5] = ["sort", "sqlite", "python", "seq", "rand"];
const HELD_OUT: [&str; 6] = ["idle", "redis", "compile", "tar", "matmul", "zipf"];
const STARTS_MS: [u64; 3] = [1_000, 2_000, 4_000];
const LINKS_MBIT: [u64; 3] = [200, 1_000, 10_000];

/// The defaults that the goals were set with.
const DEFAULTS: &str = "scenarios/live-round.toml";

/// One recording, position and link.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Setting {
    recording: &'static str,
    start_ms: u64,
    link_mbit: u64,
}

fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    for recording in HELD_OUT.into_iter().chain(TUNED) {
        for link_mbit in LINKS_MBIT {
            settings.extend(STARTS_MS.map(|start_ms| Setting {
                recording,
                start_ms,
                link_mbit,
            }));
        }
    }
    settings
}

/// What each variant came to.
fn cells(defaults: &Scenario, setting: Setting) -> Result<Vec<Cell>, String> {
    let text = |error: &dyn Error| error.to_string();
    let file = format!("traces/{}.mtrace", setting.recording);
    let trace = Trace::open(file.as_ref()).map_err(|error| text(&error))?;
    let mut scenario = defaults.clone();
    scenario.trace.start = SimTime::from_ms(setting.start_ms);
    scenario.link.bandwidth =
        Bandwidth::from_bits_per_second(setting.link_mbit * 1_000_000).ok_or("no bandwidth")?;
    let run = |variant: &variants::Variant| {
        let mut scenario = scenario.clone();
        (variant.set)(&mut scenario);
        scenario.migration.strategies = vec![variant.strategy.to_owned()];
        let runs = compare(&scenario, &trace, &registry()).map_err(|error| text(&error))?;
        Ok(Cell::of(setting, variant.name, &runs[0].metrics))
    };
    VARIANTS.iter().map(run).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let defaults = ScenarioSource::open(DEFAULTS.as_ref())?.scenario()?;
    let cells = settings()
        .into_par_iter()
        .map(|setting| cells(&defaults, setting))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    print!("{}", table::report(&cells));
    Ok(())
}
