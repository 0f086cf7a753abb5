//! `migsim strategies`: what can be compared.

use std::process::ExitCode;

use clap::Args;

use super::output::OutputArgs;
use crate::report::listing::listing;
use crate::run::row::{Row, Value};
use crate::scenario::Scenario;
use crate::strategy::{Entry, LeadIn, Registry};

/// List the strategies: name, lead-in, what it is, source, parameters of its own
///
/// The lead-in is what happens on the source before the VM is suspended.
#[derive(Debug, Args)]
pub(super) struct StrategiesArgs {
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(arguments: StrategiesArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::default();
    let settings = scenario.strategy_settings();
    let row = |entry: &Entry| -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        vec![
            ("strategy".into(), text(entry.name)),
            ("lead_in".into(), text(lead_in((entry.lead_in)(&settings)))),
            ("summary".into(), text(entry.summary)),
            ("source".into(), text(entry.source)),
            ("parameters".into(), parameters(entry)),
        ]
    };
    let rows: Vec<Row> = registry.entries().iter().map(row).collect();
    arguments.output.write(&rows, |_| listing(&rows))?;
    Ok(ExitCode::SUCCESS)
}

/// With their defaults, as `[strategy.NAME]` has them.
fn parameters(entry: &Entry) -> Value {
    let defaults = entry.parameters.defaults();
    if defaults.is_empty() {
        return Value::Missing;
    }
    Value::Text(toml::Value::Table(defaults).to_string())
}

fn lead_in(lead_in: LeadIn) -> &'static str {
    match (lead_in, lead_in.records()) {
        (LeadIn::Nothing, _) => "none",
        (LeadIn::Rounds(rounds), _) if rounds.most == 0 => "none",
        (LeadIn::Rounds(_), false) => "rounds",
        (LeadIn::Rounds(_), true) => "recorded rounds",
        (_, _) => "record window",
    }
}
