//! `migsim metrics` and `strategies`, and what a misspelt name is answered with.

use std::fmt::Write;
use std::path::Path;

use migsim::run::columns::{ERROR, ERROR_MEANING, IDENTIFYING, METRICS};
use migsim::strategy::Registry;

use super::Desk;

/// `docs/metrics.md`: every column with its unit and meaning.
fn page() -> String {
    let mut page = "# Columns\n\n\
        Rows of `compare`, `run` and `sweep` have these columns in CSV and JSON, in this order. `migsim metrics` lists them,\n\
        too. This page is generated: `BLESS=1 cargo test --test it listings` makes it again.\n\n\
        ## What identifies a row\n\nA sweep has a column for each axis between `strategy` and `seed`. It is named as the axis' key, and ends with the unit\n\
        of its cells: `link.latency_s`, `vm.memory_bytes`, `link.bandwidth_bits_per_s`. A column of labels has no unit.\n\n\
        | column | meaning |\n|---|---|\n"
        .to_owned();
    for (name, meaning) in IDENTIFYING {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str("\n## Metrics\n\n| column | unit | meaning |\n|---|---|---|\n");
    for column in METRICS {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            column.name,
            column.unit.name(),
            column.meaning
        );
    }
    let _ = write!(
        page,
        "\n## Failed runs\n\nRows of `sweep` have a last column.\n\n\
         | column | meaning |\n|---|---|\n| `{ERROR}` | {ERROR_MEANING} |\n"
    );
    page
}

#[test]
fn the_page_of_columns_is_what_the_registry_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page()).expect("docs/ can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page(),
        "docs/metrics.md is old; BLESS=1 makes it again"
    );
}

#[test]
fn columns_and_strategies_are_listed() {
    let desk = Desk::new();
    let metrics = desk.data(&["metrics"]);
    assert!(
        metrics.contains("\ninterruption_s\n    unit: s\n    meaning: `downtime_s` plus"),
        "{metrics}"
    );
    let csv = desk.data(&["metrics", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 2 + IDENTIFYING.len() + METRICS.len());
    assert!(csv.contains("\nerror,text,\"Why the run failed"), "{csv}");
    let strategies = desk.data(&["strategies", "--format", "csv"]);
    let names: Vec<&str> = strategies
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert!(
        names.iter().copied().eq(Registry::standard()
            .entries()
            .iter()
            .map(|entry| entry.name))
    );
    assert!(strategies.contains("\npre-copy,rounds,"), "{strategies}");
    assert!(strategies.contains("\nstop-and-copy,none,"), "{strategies}");
    assert!(
        strategies.contains("reconstruction from the abstract"),
        "{strategies}"
    );
}

#[test]
fn a_misspelt_strategy_is_answered_with_the_nearest() {
    let desk = Desk::new();
    let error = desk.refusal(&["run", "small.toml", "--strategy", "pre-recrod"]);
    assert!(error.contains("did you mean `pre-record`?"), "{error}");
    let error = desk.refusal(&["run", "small.toml", "--strategy", "zzzz"]);
    assert!(!error.contains("did you mean"), "{error}");
}
