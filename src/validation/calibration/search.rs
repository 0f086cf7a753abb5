//! The search for values that fit best.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Candidates, misfit};
use crate::scenario::{Scenario, ScenarioError, ScenarioSource};
use crate::validation::{Predictor, ValidationError, Verdict};

/// Settings of the keys that are tried at most; the values of one key are tried to their end.
pub const MOST_TRIED: usize = 4_000;

/// Settings that are spread over the bounds, to find where to start.
const SPREAD: u64 = 200;

/// How many of them the search starts from, beside the scenario as it is.
const STARTS: usize = 3;

/// The key of which each value has a start of its own. The pieces in which a stream arrives decide what other keys do:
/// one key after the other, no way leads from one size to the next.
const BRANCHES: &str = "link.segment";

/// One in so many switch positions is enough while the search is coarse.
const COARSE: usize = 3;

/// How often values half-way between neighbours are added.
const REFINEMENTS: usize = 2;

/// What it costs, in units of the misfit, to move a key an octave away from its value in the scenario. So a key that
/// the data do not determine stays where it is known to be, instead of making up for what the others lack.
const PRICE: f64 = 0.1;

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
    /// Whether the value is the least or the greatest that was tried: one beyond it may fit better.
    pub is_at_bound: bool,
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
        stride: problem.positions.len(),
        problem,
        misfits: HashMap::new(),
        tried: 0,
    };
    let starts = search.starts(&mut progress);
    search.look_closer(COARSE);
    let found = starts.iter().map(|start| {
        search.go(start);
        let cost = search.descend(&mut progress);
        (search.here(), cost)
    });
    let found: Vec<(Places, f64)> = found.collect();
    let costs: Vec<f64> = found.iter().map(|(_, cost)| *cost).collect();
    search.go(&found[least(&costs, 0).0].0);
    search.look_closer(1);
    for _ in 0..REFINEMENTS {
        search.problem.keys.iter_mut().for_each(Candidates::refine);
        search.descend(&mut progress);
    }
    let after = search.problem.verdicts(&search.here(), 1, |_| true)?;
    Ok(Calibration {
        keys: search.fitted()?,
        before,
        after,
        tried: search.tried,
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
        stride: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Verdict>, CalibrationError> {
        let scenario = |position| self.at(places, position)?.scenario();
        let positions = self.positions.iter().skip(stride / 2).step_by(stride);
        let scenarios: Result<Vec<_>, _> = positions.map(scenario).collect();
        Ok(self.predictor.verdicts(&scenarios?, wanted)?)
    }

    /// Infinite where values do not fit together, or some migration never ends.
    fn misfit(&self, places: &Places, stride: usize) -> f64 {
        let is_on = |workload: &str| self.on.iter().any(|on| on == workload);
        let verdicts = self.verdicts(places, stride, is_on);
        verdicts.map_or(f64::INFINITY, |verdicts| misfit(&verdicts))
    }
}

struct Search<'a> {
    problem: Problem<'a>,
    /// One in so many positions is looked at.
    stride: usize,
    /// What was found at these positions, by the values' names.
    misfits: HashMap<Vec<String>, f64>,
    tried: usize,
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

    /// Looks at one in so many positions from now on, or at more if there are few.
    fn look_closer(&mut self, stride: usize) {
        self.stride = stride.min(self.problem.positions.len());
        self.misfits.clear();
    }

    /// Gives the keys these values.
    fn go(&mut self, places: &Places) {
        for (key, place) in self.problem.keys.iter_mut().zip(places) {
            key.place = *place;
        }
    }

    /// The misfits of settings.
    fn misfits(&mut self, all: &[Places]) -> Vec<f64> {
        let mut unknown: Vec<&Places> = all.iter().collect();
        unknown.retain(|there| !self.misfits.contains_key(&self.names(there)));
        let (problem, stride) = (&self.problem, self.stride);
        let found: Vec<f64> = unknown
            .par_iter()
            .map(|there| problem.misfit(there, stride))
            .collect();
        self.tried += found.len();
        for (there, misfit) in unknown.into_iter().zip(found) {
            self.misfits.insert(self.names(there), misfit);
        }
        let all = all.iter();
        all.map(|there| self.misfits[&self.names(there)]).collect()
    }

    /// The misfits of settings, and what it costs to be there.
    fn costs(&mut self, all: &[Places]) -> Vec<f64> {
        let misfits = self.misfits(all);
        let keys = &self.problem.keys;
        let moved = |there: &Places| -> f64 {
            let keys = keys.iter().zip(there);
            keys.map(|(key, place)| key.moved(*place)).sum()
        };
        let costs = misfits.into_iter().zip(all);
        costs
            .map(|(misfit, there)| misfit + PRICE * moved(there))
            .collect()
    }

    /// Where to start: the scenario as it is, and the best of settings that are spread evenly over the bounds, of each
    /// [branch](BRANCHES) if there are any.
    fn starts(&mut self, progress: &mut impl FnMut(usize, f64)) -> Vec<Places> {
        let counts: Vec<u64> = (self.problem.keys.iter())
            .map(|key| key.values().len() as u64)
            .collect();
        let mut spread: Vec<(Places, f64)> = Vec::new();
        // A few at once, so that there is progress to tell.
        let numbers: Vec<u64> = (1..=SPREAD).collect();
        for numbers in numbers.chunks(16) {
            let places: Vec<Places> = numbers.iter().map(|n| halton(*n, &counts)).collect();
            let costs = self.costs(&places);
            spread.extend(places.into_iter().zip(costs));
            let least = spread
                .iter()
                .map(|(_, cost)| *cost)
                .fold(f64::INFINITY, f64::min);
            progress(self.tried, least);
        }
        // A stable sort keeps the order of equal ones.
        spread.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut starts = vec![self.here()];
        let keys = &self.problem.keys;
        match keys.iter().position(|key| key.key() == BRANCHES) {
            Some(key) => starts.extend((0..keys[key].values().len()).filter_map(|place| {
                let mut spread = spread.iter().map(|(places, _)| places);
                spread.find(|places| places[key] == place).cloned()
            })),
            None => starts.extend(spread.into_iter().take(STARTS).map(|(places, _)| places)),
        }
        starts
    }

    /// The settings with each value of a key, the others being as they are.
    fn along(&self, index: usize) -> Vec<Places> {
        let here = self.here();
        let places = 0..self.problem.keys[index].values().len();
        places
            .map(|place| {
                let mut there = here.clone();
                there[index] = place;
                there
            })
            .collect()
    }

    /// Takes the best value of one key after the other, until none has a better one. Returns what it costs.
    fn descend(&mut self, progress: &mut impl FnMut(usize, f64)) -> f64 {
        let (mut since_better, mut found) = (0, f64::INFINITY);
        for index in (0..self.problem.keys.len()).cycle() {
            if since_better == self.problem.keys.len() || self.tried >= MOST_TRIED {
                break;
            }
            let costs = self.costs(&self.along(index));
            let place = self.problem.keys[index].place;
            let (best, least) = least(&costs, place);
            self.problem.keys[index].place = best;
            since_better = if best == place { since_better + 1 } else { 1 };
            found = least;
            progress(self.tried, least);
        }
        found
    }

    /// What is known about each key, now that the search is over.
    fn fitted(&mut self) -> Result<Vec<Fitted>, ScenarioError> {
        let found = self.problem.at(&self.here(), &self.problem.positions[0])?;
        let keys = 0..self.problem.keys.len();
        let fitted = keys.map(|index| {
            let misfits = self.misfits(&self.along(index));
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
                is_at_bound: key.is_at_bound(),
            }
        });
        Ok(fitted.collect())
    }
}

/// A point of Halton's sequence (Numerische Mathematik 2, 1960): the places of `number`, which counts from 1, of so
/// many each.
fn halton(number: u64, counts: &[u64]) -> Places {
    let is_prime = |n: &u64| (2..*n).all(|divisor| !n.is_multiple_of(divisor));
    let bases = (2_u64..).filter(is_prime);
    let place = |(count, base): (&u64, u64)| {
        // The digits of the number behind the point, in reverse.
        let (mut rest, mut above, mut below) = (number, 0, 1);
        while rest > 0 {
            above = above * base + rest % base;
            below *= base;
            rest /= base;
        }
        (count * above / below) as usize
    };
    counts.iter().zip(bases).map(place).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_settings_visit_every_value_about_as_often() {
        // 1/2, 1/4, 3/4, 1/8 of 4 values; 1/3, 2/3, 1/9, 4/9 of 3.
        let places: Vec<Places> = (1..5).map(|number| halton(number, &[4, 3])).collect();
        assert_eq!(places, [[2, 1], [1, 2], [3, 0], [0, 1]]);
    }

    #[test]
    fn of_equal_values_the_one_at_hand_is_the_least() {
        assert_eq!(least(&[2.0, 1.0, 1.0], 2), (2, 1.0));
        assert_eq!(least(&[1.0, 1.0, 2.0], 2), (0, 1.0));
        assert_eq!(least(&[f64::INFINITY; 2], 1), (1, f64::INFINITY));
    }
}
