//! Reads a scenario's file and what it extends, and keeps it as it was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::former::instead_of;
use super::layers::{layers, read};
use super::set::COMMAND_LINE;
use super::sweep_section::{SECTION, WrittenAxis};
use super::{Scenario, ScenarioError, profile};
use crate::nearest::with_nearest;
use crate::strategy::Registry;

/// A scenario as it was written, so that single keys can still be set.
#[derive(Debug, Clone)]
pub struct ScenarioSource {
    name: String,
    /// What errors call it.
    origin: String,
    directory: PathBuf,
    /// Its own and those that it extends.
    files: Vec<PathBuf>,
    /// What has set a key of a section that lacks another one.
    pub(super) incomplete: Option<String>,
    pub(super) table: toml::Table,
    pub(super) axes: Vec<WrittenAxis>,
    /// Where each key is from that is set: the text, and the line in it.
    pub(super) origins: BTreeMap<String, (String, Option<usize>)>,
}

impl ScenarioSource {
    /// The default scenario.
    pub fn embedded() -> Self {
        ScenarioSource {
            name: "default".to_owned(),
            origin: "default".to_owned(),
            directory: PathBuf::new(),
            files: Vec::new(),
            incomplete: None,
            table: toml::Table::new(),
            axes: Vec::new(),
            origins: BTreeMap::new(),
        }
    }

    /// Reads a scenario's file, or takes the profile of that name (`./NAME` is a file in any case).
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when it cannot be read or is not a scenario.
    pub fn open(path: &Path) -> Result<Self, ScenarioError> {
        let origin = path.display().to_string();
        if let Some(text) = profile::text(&origin) {
            return Self::from_text(&origin, text);
        }
        let name = path
            .file_stem()
            .map_or_else(|| "scenario".into(), |stem| stem.to_string_lossy())
            .into_owned();
        let text = read(path).map_err(|problem| {
            let problem = match path.exists() {
                true => problem,
                false => format!("{problem}; {}", profile::expected(&origin)),
            };
            ScenarioError::new(&origin, problem)
        })?;
        let directory = path.parent().map(Path::to_owned).unwrap_or_default();
        Self::from_layers(name, &origin, directory, &text, Some(path))
    }

    /// Takes a scenario from a text inside the program; its relative paths start at the current directory.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when it is not a scenario.
    pub fn from_text(name: &str, text: &str) -> Result<Self, ScenarioError> {
        Self::from_layers(name.to_owned(), name, PathBuf::new(), text, None)
    }

    fn from_layers(
        name: String,
        origin: &str,
        directory: PathBuf,
        text: &str,
        file: Option<&Path>,
    ) -> Result<Self, ScenarioError> {
        let (layers, files) = layers(origin, text, file)?;
        let mut origins = BTreeMap::new();
        let mut merged = (toml::Table::new(), Vec::new());
        for layer in layers.into_iter().rev() {
            for (key, line) in &layer.lines {
                origins.insert(key.clone(), (layer.origin.clone(), Some(*line)));
            }
            merged = layer.over(merged);
        }
        let (table, axes) = merged;
        let source = ScenarioSource {
            name,
            origin: origin.to_owned(),
            directory,
            files,
            incomplete: None,
            table,
            axes,
            origins,
        };
        source.of_sound_keys()?;
        Ok(source)
    }

    /// The file's name without its ending, the profile's name, or `default`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The files that its texts are from, its own and those that it extends.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The keys that the command line has set.
    pub fn command_line_keys(&self) -> impl Iterator<Item = &str> {
        let from_it = |(_, (origin, _)): &(&String, &(String, _))| origin == COMMAND_LINE;
        self.origins
            .iter()
            .filter(from_it)
            .map(|(key, _)| key.as_str())
    }

    /// The axes of its `[sweep]`, in the order of the file; the scenario itself goes without them.
    pub fn axes(&self) -> &[WrittenAxis] {
        &self.axes
    }

    /// What is set, without the axes: equal texts are equal scenarios.
    pub fn settings(&self) -> String {
        self.table.to_string()
    }

    /// The value of a key that is set, axes aside, and where it is from.
    pub fn value(&self, key: &str) -> Option<(toml::Value, String)> {
        let mut parts = key.split('.');
        let first = self.table.get(parts.next()?)?;
        let value = parts.try_fold(first, |value, part| value.as_table()?.get(part))?;
        let origin = match self.origins.get(key) {
            Some((origin, Some(line))) => format!("{origin}:{line}"),
            Some((origin, None)) => origin.clone(),
            None => self.origin.clone(),
        };
        Some((value.clone(), origin))
    }

    /// An error in a key that an axis does not name.
    pub(crate) fn key_error(&self, key: &str, problem: String) -> ScenarioError {
        let (origin, line) = match self.origins.get(key) {
            Some((origin, line)) => (origin.as_str(), *line),
            None => (self.origin.as_str(), None),
        };
        let assignment = match self.value(key) {
            Some((value, _)) if origin == COMMAND_LINE => format!("{COMMAND_LINE} {key}={value}"),
            _ => origin.to_owned(),
        };
        ScenarioError::new(&assignment, problem)
            .at_line(line)
            .in_key(key)
    }

    /// An error in an axis.
    pub(crate) fn axis_error(&self, axis: &WrittenAxis, problem: String) -> ScenarioError {
        let problem = instead_of(&axis.key).unwrap_or(problem);
        let key = format!("{SECTION}.{}", axis.key);
        match axis.line {
            Some(line) => ScenarioError::new(&axis.origin, problem).at_line(line),
            None => ScenarioError::new(COMMAND_LINE, problem),
        }
        .in_key(key)
    }

    /// The scenario.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when what was set does not fit together.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        let mut scenario = self.of_sound_keys()?;
        scenario
            .check_together()
            .map_err(|wrong| self.key_error(wrong.key, wrong.expected.to_owned()))?;
        if let Some(file) = &mut scenario.trace.file {
            *file = self.directory.join(&*file);
        }
        let loaded = scenario.link.steps.load(&self.directory);
        loaded.map_err(|problem| self.key_error("link.steps", problem))?;
        let sound = scenario.link.check_changes();
        sound.map_err(|(key, expected)| self.key_error(key, expected))?;
        let loaded = scenario.plan.load(&self.directory);
        loaded.map_err(|error| self.key_error("plan.file", error.to_string()))?;
        Ok(scenario)
    }

    /// The scenario, of which each key is as it should be.
    fn of_sound_keys(&self) -> Result<Scenario, ScenarioError> {
        let scenario: Scenario =
            self.table
                .clone()
                .try_into()
                .map_err(|error: toml::de::Error| {
                    let origin = self.incomplete.as_ref().unwrap_or(&self.origin);
                    ScenarioError::new(origin, with_nearest(error.message()))
                })?;
        let sound = scenario.check_keys();
        sound.map_err(|wrong| self.key_error(wrong.key, wrong.expected.to_owned()))?;
        Ok(scenario)
    }

    /// The scenario, for these strategies: their own parameters fit, and those at their defaults are left out.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] when what was set does not fit together, or no strategy takes a parameter.
    pub fn scenario_for(&self, registry: &Registry) -> Result<Scenario, ScenarioError> {
        let mut scenario = self.scenario()?;
        registry
            .resolve(&mut scenario.strategy)
            .map_err(|error| self.key_error(&error.key, error.problem))?;
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_default_is_the_default() {
        let source = ScenarioSource::from_text("default", &super::super::keys::defaults());
        let scenario = source.and_then(|source| source.scenario());
        assert_eq!(scenario, Ok(Scenario::default()));
    }

    #[test]
    fn what_does_not_fit_together_is_found_at_its_line() {
        let source = ScenarioSource::from_text("s.toml", "[vm]\n\n[link]\nmtu = 12");
        let error = source.map(|_| ()).expect_err("too small").to_string();
        assert_eq!(error, "s.toml:4: link.mtu: expected 68 to 65535 bytes");
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("in the folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        folder
    }

    #[test]
    fn a_chain_of_files_and_a_profile_is_laid_layer_on_layer() {
        let folder = folder(&[
            (
                "a.toml",
                "extends = \"base/b.toml\"\n[vm]\nsuspend = \"3 ms\"",
            ),
            (
                "base/b.toml",
                "extends = \"qemu-7.2\"\n[trace]\nfile = \"x.mtrace\"\n[vm]\nsuspend = \"2 ms\"\nresume = \"9 ms\"",
            ),
        ]);
        let source = ScenarioSource::open(&folder.path().join("a.toml")).expect("a scenario");
        let scenario = source.scenario().expect("fits");
        assert_eq!(scenario.vm.suspend.to_string(), "3.00 ms");
        assert_eq!(scenario.vm.resume.to_string(), "9.00 ms");
        assert_eq!(scenario.link.device_queue.0, 128 << 10);
        assert_eq!(
            scenario.trace.file,
            Some(folder.path().join("base").join("x.mtrace"))
        );
        assert_eq!(source.axes().len(), 1, "the profile's positions");
        assert_eq!(source.origins["link.device_queue"].0, "profile qemu-7.2");
    }

    #[test]
    fn circles_depth_and_unknown_names_are_refused() {
        let deep: Vec<(String, String)> = (0..10)
            .map(|level| {
                (
                    format!("d{level}.toml"),
                    format!("extends = \"d{}.toml\"", level + 1),
                )
            })
            .collect();
        let mut files: Vec<(&str, &str)> = deep
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        files.extend([
            ("a.toml", "\nextends = \"b.toml\""),
            ("b.toml", "extends = \"./a.toml\""),
            ("c.toml", "extends = \"qemu-7\""),
            (
                "e.toml",
                "extends = \"wrong.toml\"\n[source]\nsend_buffer = \"2 MiB\"",
            ),
            ("wrong.toml", "[source]\nsend_resume = \"4 MiB\""),
        ]);
        let folder = folder(&files);
        let scenario = |name: &str| {
            let source = ScenarioSource::open(&folder.path().join(name));
            source.and_then(|source| source.scenario())
        };
        let error = |name: &str| match scenario(name) {
            Ok(_) => panic!("{name} was accepted"),
            Err(error) => error.to_string(),
        };
        let circle = error("a.toml");
        assert!(
            circle.contains("b.toml:1: extends: ./a.toml extends itself"),
            "{circle}"
        );
        assert!(error("d0.toml").contains("at most 8 scenarios"));
        let unknown = error("c.toml");
        assert!(
            unknown.contains("c.toml:1: extends") && unknown.contains("qemu-7.2, qemu-10.0"),
            "{unknown}"
        );
        let misfit = error("e.toml");
        assert!(
            misfit
                .contains("wrong.toml:2: source.send_resume: expected at most source.send_buffer"),
            "{misfit}"
        );
    }
}
