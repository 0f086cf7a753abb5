//! Why a scenario cannot be used: file, line, key and what was expected.

use std::fmt;

/// A scenario that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// The file, the profile, or the `--set` argument.
    origin: String,
    line: Option<usize>,
    key: Option<String>,
    problem: String,
}

impl std::error::Error for ScenarioError {}

impl ScenarioError {
    pub(super) fn new(origin: &str, problem: impl Into<String>) -> Self {
        ScenarioError {
            origin: origin.to_owned(),
            line: None,
            key: None,
            problem: problem.into(),
        }
    }

    pub(super) fn at_line(self, line: impl Into<Option<usize>>) -> Self {
        ScenarioError {
            line: line.into(),
            ..self
        }
    }

    pub(super) fn in_key(self, key: impl Into<String>) -> Self {
        ScenarioError {
            key: Some(key.into()),
            ..self
        }
    }

    /// What is wrong, without the place.
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(key) = &self.key {
            write!(f, ": {key}")?;
        }
        write!(f, ": {}", self.problem)
    }
}
