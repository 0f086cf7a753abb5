//! What a scenario is, in a line and in a word: rows of results carry both, so that each says what it is of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use toml::{Table, Value};

use super::Scenario;
use crate::trace::Trace;

static DEFAULTS: LazyLock<Table> = LazyLock::new(|| Scenario::default().table());

impl Scenario {
    /// The keys that differ from their defaults, as a scenario's file has them. Equal values are equal texts, however
    /// they were written. Relative paths start at the current directory.
    pub fn settings(&self) -> Table {
        differing(self.table(), &DEFAULTS)
    }

    /// The files that it names and is read from, beside its own.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [self.trace.file.as_deref(), self.plan.file.as_deref()];
        files.into_iter().chain([self.link.steps.file()]).flatten()
    }

    /// Hash of all that decides the numbers of this scenario's runs: every key, at its default or not, and the content
    /// of the trace, of a given plan and of steps in place of their paths.
    pub fn hash(&self, trace: &Trace) -> String {
        let mut contents = self.clone();
        contents.trace.file = Some(PathBuf::from(trace.content_hash()));
        contents.plan.file = self.plan.content_hash().map(PathBuf::from);
        contents.link.steps = self.link.steps.without_file();
        let mut lines = BTreeMap::new();
        flatten(contents.table(), "", &mut lines);
        let mut hasher = blake3::Hasher::new();
        for (key, value) in lines {
            hasher.update(format!("{key} = {value}\n").as_bytes());
        }
        hasher.finalize().to_hex()[..16].to_owned()
    }

    /// As a scenario's file has it, with every key.
    pub(super) fn table(&self) -> Table {
        let mut named = self.clone();
        let files = [named.trace.file.as_mut(), named.plan.file.as_mut()];
        for path in files
            .into_iter()
            .chain([named.link.steps.file_mut()])
            .flatten()
        {
            // A text on every system, and the same one.
            let separator = std::path::MAIN_SEPARATOR_STR;
            *path = path.to_string_lossy().replace(separator, "/").into();
        }
        // Settings are numbers, texts and tables of them, which TOML can hold.
        Table::try_from(named).unwrap_or_default()
    }
}

/// What `own` has and `default` has not.
fn differing(own: Table, default: &Table) -> Table {
    let differs = |(key, value): (String, Value)| match (value, default.get(&key)) {
        (Value::Table(own), Some(Value::Table(default))) => {
            let inner = differing(own, default);
            (!inner.is_empty()).then_some((key, Value::Table(inner)))
        }
        (value, Some(default)) if value == *default => None,
        (value, _) => Some((key, value)),
    };
    own.into_iter().filter_map(differs).collect()
}

/// Keys with their sections, in an order that does not depend on how tables keep theirs.
fn flatten(table: Table, section: &str, lines: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => flatten(inner, &format!("{section}{key}."), lines),
            value => {
                lines.insert(format!("{section}{key}"), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioSource;

    fn scenario(text: &str) -> Scenario {
        let source = ScenarioSource::from_text("s.toml", text).expect(text);
        source.scenario().expect(text)
    }

    fn settings(text: &str) -> String {
        Value::Table(scenario(text).settings()).to_string()
    }

    #[test]
    fn settings_are_what_differs_from_the_defaults() {
        assert_eq!(
            settings("[link]\nbandwidth = \"1000 Mbit/s\"\nmtu = 1500"),
            "{}"
        );
        let all = "trace.workload = { kind = \"zipf\", exponent = 0.5 }\nlink.bandwidth = \"0.2 Gbit/s\"\n\
                   source.send_resume = \"64 KiB\"\nmigration = { strategies = [\"leap\"], record_window = \"0.05 s\" }\n\
                   trace.time_scale = 0.02";
        let inline = settings(all);
        assert_eq!(
            inline,
            "{ link = { bandwidth = \"200 Mbit/s\" }, migration = { record_window = \"50 ms\", strategies = [\"leap\"] }, \
             source = { send_resume = \"64 KiB\" }, trace = { time_scale = 0.02, workload = { exponent = 0.5, kind = \"zipf\" } } }"
        );
        let again: Table = format!("settings = {inline}").parse().expect("TOML");
        let again = again["settings"].as_table().expect("a table").to_string();
        assert_eq!(scenario(&again), scenario(all));
    }

    #[test]
    fn the_hash_is_of_what_decides_the_numbers() {
        let trace = Scenario::default()
            .open_trace()
            .expect("the trace inside the program");
        let hash = |text: &str| scenario(text).hash(&trace);
        let default = hash("");
        assert_eq!(default, hash("link.latency = \"0.1 ms\""));
        // Two names of one trace.
        assert_eq!(default, hash("trace.file = \"a/copy.mtrace\""));
        for other in [
            "link.latency = \"0.2 ms\"",
            "migration.max_rounds = 7",
            "migration.strategies = [\"leap\"]",
        ] {
            assert_ne!(default, hash(other), "{other}");
        }
        let workload = "trace = { start = \"0\", workload = { kind = \"zipf\", duration = \"10 ms\" } }\nvm.memory = \"1 MiB\"";
        let generated = scenario(workload);
        let trace = generated.open_trace().expect("generated");
        assert_ne!(default, Scenario::default().hash(&trace));
    }
}
