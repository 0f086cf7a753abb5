//! A strategy's own parameters: `[strategy.NAME]` of a scenario, of a type that the strategy defines.
//!
//! ```toml
//! [strategy.written-first]
//! then_read = true
//! ```

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Entry, Registry, Settings};
use crate::nearest::with_nearest;

/// All strategies' parameters, by the strategies' names: as they were written, or after [`Registry::resolve`] those
/// that differ from their defaults.
pub type ByStrategy = BTreeMap<String, Table>;

type Complete = fn(&Table) -> Result<Table, String>;

/// The type of a strategy's parameters.
#[derive(Debug, Clone, Copy)]
pub struct Parameters {
    /// All of them with their values, where only some are given.
    complete: Option<Complete>,
}

impl Parameters {
    /// A strategy without any.
    pub const NONE: Parameters = Parameters { complete: None };

    /// Those of a type with a default for each: `#[serde(default, deny_unknown_fields)]`.
    pub const fn of<P: Serialize + DeserializeOwned>() -> Self {
        Parameters {
            complete: Some(|given| {
                let read: Result<P, _> = given.clone().try_into();
                let parameters = read.map_err(|error| with_nearest(error.message()))?;
                Table::try_from(parameters).map_err(|error| error.to_string())
            }),
        }
    }

    /// All of them with their defaults.
    pub fn defaults(self) -> Table {
        let complete = self.complete.map(|complete| complete(&Table::new()));
        complete.and_then(Result::ok).unwrap_or_default()
    }

    /// Those that differ from their defaults. Otherwise the key that is wrong, and what was expected.
    fn differing(self, given: &Table) -> Result<Table, (Option<String>, String)> {
        let Some(complete) = self.complete else {
            return match given.keys().next() {
                Some(key) => Err((
                    Some(key.clone()),
                    "the strategy has no parameters".to_owned(),
                )),
                None => Ok(Table::new()),
            };
        };
        let parameters = complete(given).map_err(|problem| {
            let alone =
                |(key, value): (&String, &Value)| Table::from_iter([(key.clone(), value.clone())]);
            let wrong = given.iter().find(|pair| complete(&alone(*pair)).is_err());
            (wrong.map(|(key, _)| key.clone()), problem)
        })?;
        let defaults = self.defaults();
        let differs = |(key, value): &(String, Value)| defaults.get(key) != Some(value);
        Ok(parameters.into_iter().filter(differs).collect())
    }
}

/// Parameters that a strategy does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct ParameterError {
    /// The scenario's key, such as `strategy.written-first.then_read`.
    pub key: String,
    /// What was expected.
    pub problem: String,
}

impl Registry {
    /// Leaves those parameters that differ from their defaults, so that equal ones look equal however they were
    /// written.
    ///
    /// # Errors
    ///
    /// [`ParameterError`] for an unknown strategy, or a parameter that its strategy does not take.
    pub fn resolve(&self, parameters: &mut ByStrategy) -> Result<(), ParameterError> {
        for (name, own) in &mut *parameters {
            let section = format!("strategy.{name}");
            let entry = self.get(name).map_err(|unknown| ParameterError {
                key: section.clone(),
                problem: unknown.to_string(),
            })?;
            *own = entry
                .parameters
                .differing(own)
                .map_err(|(key, problem)| ParameterError {
                    key: key.map_or(section.clone(), |key| format!("{section}.{key}")),
                    problem,
                })?;
        }
        parameters.retain(|_, own| !own.is_empty());
        Ok(())
    }
}

/// The parameters of all strategies as keys of a scenario, with their defaults.
pub fn keys(registry: &Registry) -> Vec<(String, Value)> {
    let of = |entry: &Entry| {
        let name = entry.name;
        let defaults = entry.parameters.defaults().into_iter();
        defaults.map(move |(key, value)| (format!("strategy.{name}.{key}"), value))
    };
    registry.entries().iter().flat_map(of).collect()
}

impl Settings<'_> {
    /// The parameters of the strategy `name`: what is set, and defaults.
    pub fn parameters<P: DeserializeOwned + Default>(&self, name: &str) -> P {
        let own = self.own.get(name).cloned();
        // `Registry::resolve` has refused what does not fit.
        own.and_then(|own| own.try_into().ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::post_copy;
    use super::*;
    use crate::units::SimTime;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Patience {
        wait: SimTime,
        pages: u32,
    }

    impl Default for Patience {
        fn default() -> Self {
            Patience {
                wait: SimTime::from_ms(1),
                pages: 8,
            }
        }
    }

    fn resolved(given: &str) -> Result<String, String> {
        let mut registry = Registry::standard();
        registry.register(super::super::Entry {
            name: "patient",
            parameters: Parameters::of::<Patience>(),
            ..post_copy::ENTRY
        });
        let mut parameters: ByStrategy = toml::from_str(given).expect("TOML");
        registry
            .resolve(&mut parameters)
            .map_err(|error| error.to_string())?;
        toml::to_string(&parameters).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_as_by_default_is_left_out() {
        let left = resolved("[patient]\nwait = \"1000 us\"\npages = 9");
        assert_eq!(left.as_deref(), Ok("[patient]\npages = 9\n"));
        assert_eq!(resolved("[patient]\npages = 8").as_deref(), Ok(""));
    }

    #[test]
    fn what_no_strategy_takes_is_refused_by_its_key() {
        for (given, expected) in [
            ("[pateint]\nx = 1", "strategy.pateint: unknown strategy"),
            (
                "[patient]\npages = 9\nwiat = \"1 ms\"",
                "strategy.patient.wiat: unknown field `wiat`",
            ),
            ("[patient]\nwiat = 1", "did you mean `wait`?"),
            (
                "[patient]\nwait = \"soon\"\npages = 1",
                "strategy.patient.wait: `soon` is not a duration",
            ),
            (
                "[post-copy]\nx = 1",
                "strategy.post-copy.x: the strategy has no parameters",
            ),
        ] {
            let error = resolved(given).expect_err(given);
            assert!(error.contains(expected), "{error}");
        }
    }
}
