//! The search for values that fit best.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Candidates, misfit};
use crate::scenario::{Scenario, ScenarioError, ScenarioSource};
use crate::validation::{Predictor, ValidationError, Verdict};

/// Settings of the keys that are tried at most. What a value of each key is found best by is tried to its end.
pub const MOST_TRIED: usize = 2_000;

/// How often values half-way between neighbours are added.
const REFINEMENTS: usize = 2;

/// A misfit so little above the least is no worse: repetitions of a migration scatter more.
const TOLERANCE: f64 = 0.05;

/// What is calibrated, and on what.
pub struct Problem<'a> {
    /// The measured migrations.
    pub predictor: &'a Predictor<'a>,
    /// The scenario, once for each of the switch positions of which the median is the prediction.
    pub positions: Vec<ScenarioSource>,
    /// The keys.
    pub keys: Vec<Candidates>,
    /// Workloads whose migrations are to be predicted well.
    pub on: &'a [String],
}

/// A key and what was found about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The key.
    pub key: String,
    /// Its value, as a scenario takes it.
    pub value: toml::Value,
    /// The least and the greatest value around it with nearly the same misfit, the others being as they are.
    pub range: (toml::Value, toml::Value),
    /// Whether these are so near to each other that the data tell the value.
    pub is_determined: bool,
}

/// What a calibration came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The keys, in the order given.
    pub keys: Vec<Fitted>,
    /// Predictions of all groups by the scenario as it was.
    pub before: Vec<Verdict>,
    /// By the calibrated one.
    pub after: Vec<Verdict>,
    /// How many settings of the keys were tried.
    pub tried: usize,
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The scenario does not fit together.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It predicts nothing.
    #[error(transparent)]
    Validation(#[from] ValidationError),
}

/// Finds the keys' values. `progress` is told how many settings were tried and the least misfit so far.
///
/// # Errors
///
/// [`CalibrationError`] when the scenario as it is predicts nothing. Values with which it does not are passed over.
pub fn calibrate(
    problem: Problem<'_>,
    mut progress: impl FnMut(usize, f64),
) -> Result<Calibration, CalibrationError> {
    let as_it_is: Result<Vec<Scenario>, _> = problem
        .positions
        .iter()
        .map(ScenarioSource::scenario)
        .collect();
    let before = problem.predictor.verdicts(&as_it_is?, |_| true)?;
    let mut search = Search {
        problem,
        misfits: HashMap::new(),
    };
    for refinement in 0..=REFINEMENTS {
        if refinement > 0 {
            search.problem.keys.iter_mut().for_each(Candidates::refine);
        }
        search.descend(&mut progress);
    }
    let after = search.problem.verdicts(&search.here(), |_| true)?;
    Ok(Calibration {
        keys: search.fitted()?,
        before,
        after,
        tried: search.misfits.len(),
    })
}

/// Which value each key has.
type Places = Vec<usize>;

impl Problem<'_> {
    /// A scenario with the keys at these values, shares of another key behind that.
    fn at(
        &self,
        places: &Places,
        position: &ScenarioSource,
    ) -> Result<ScenarioSource, ScenarioError> {
        let mut source = position.clone();
        for shares in [false, true] {
            let keys = self.keys.iter().zip(places);
            for (key, place) in keys.filter(|(key, _)| key.has_shares() == shares) {
                source.put(key.key(), key.value(*place, &source))?;
            }
        }
        Ok(source)
    }

    fn verdicts(
        &self,
        places: &Places,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Verdict>, CalibrationError> {
        let scenario = |position| self.at(places, position)?.scenario();
        let scenarios: Result<Vec<_>, _> = self.positions.iter().map(scenario).collect();
        Ok(self.predictor.verdicts(&scenarios?, wanted)?)
    }

    /// Infinite where values do not fit together, or some migration never ends.
    fn misfit(&self, places: &Places) -> f64 {
        let is_on = |workload: &str| self.on.iter().any(|on| on == workload);
        let verdicts = self.verdicts(places, is_on);
        verdicts.map_or(f64::INFINITY, |verdicts| misfit(&verdicts))
    }
}

struct Search<'a> {
    problem: Problem<'a>,
    /// Of all that was tried, by the values' names.
    misfits: HashMap<Vec<String>, f64>,
}

impl Search<'_> {
    fn here(&self) -> Places {
        self.problem.keys.iter().map(|key| key.place).collect()
    }

    fn names(&self, places: &Places) -> Vec<String> {
        let keys = self.problem.keys.iter().zip(places);
        keys.map(|(key, place)| key.values()[*place].cell.clone())
            .collect()
    }

    /// The misfits with each value of a key, the others being as they are.
    fn along(&mut self, index: usize) -> Vec<f64> {
        let here = self.here();
        let all: Vec<Places> = (0..self.problem.keys[index].values().len())
            .map(|place| {
                let mut there = here.clone();
                there[index] = place;
                there
            })
            .collect();
        let unknown: Vec<&Places> = all
            .iter()
            .filter(|there| !self.misfits.contains_key(&self.names(there)))
            .collect();
        let problem = &self.problem;
        let found: Vec<f64> = unknown
            .par_iter()
            .map(|there| problem.misfit(there))
            .collect();
        for (there, misfit) in unknown.into_iter().zip(found) {
            self.misfits.insert(self.names(there), misfit);
        }
        all.iter()
            .map(|there| self.misfits[&self.names(there)])
            .collect()
    }

    /// Takes the best value of one key after the other, until none has a better one.
    fn descend(&mut self, progress: &mut impl FnMut(usize, f64)) {
        let mut since_better = 0;
        for index in (0..self.problem.keys.len()).cycle() {
            if since_better == self.problem.keys.len() || self.misfits.len() >= MOST_TRIED {
                return;
            }
            let misfits = self.along(index);
            let place = self.problem.keys[index].place;
            let (best, least) = least(&misfits, place);
            self.problem.keys[index].place = best;
            since_better = if best == place { since_better + 1 } else { 1 };
            progress(self.misfits.len(), least);
        }
    }

    /// What is known about each key, now that the search is over.
    fn fitted(&mut self) -> Result<Vec<Fitted>, ScenarioError> {
        let found = self.problem.at(&self.here(), &self.problem.positions[0])?;
        let keys = 0..self.problem.keys.len();
        let fitted = keys.map(|index| {
            let misfits = self.along(index);
            let key = &self.problem.keys[index];
            let most = misfits[key.place] * (1.0 + TOLERANCE);
            let fits = |place: &usize| misfits[*place] <= most;
            let low = (0..key.place).rev().take_while(fits).last();
            let high = (key.place + 1..misfits.len()).take_while(fits).last();
            let (low, high) = (low.unwrap_or(key.place), high.unwrap_or(key.place));
            Fitted {
                key: key.key().to_owned(),
                value: key.value(key.place, &found),
                range: (key.value(low, &found), key.value(high, &found)),
                is_determined: !key.are_far_apart(low, high),
            }
        });
        Ok(fitted.collect())
    }
}

/// The least value and its place; where several are, the one `here` if it is among them, else the first.
fn least(values: &[f64], here: usize) -> (usize, f64) {
    let mut best = (here, values[here]);
    for (place, value) in values.iter().enumerate() {
        if *value < best.1 {
            best = (place, *value);
        }
    }
    best
}
