//! A range of an axis, in whole base units so that it is exact.

use super::MOST_POINTS;
use crate::scenario::quantity::{Quantity, Unit};

/// `{ from, to, step | count, scale }` in whole base units.
pub(super) struct Range {
    unit: Unit,
    from: i128,
    to: i128,
    steps: Steps,
}

enum Steps {
    /// Adding so much.
    Add(i128),
    /// Multiplying by so much.
    Multiply(i128),
    /// So many values, evenly spaced.
    Linear(usize),
    /// So many values, evenly spaced by factors.
    Log(usize),
}

impl Range {
    pub(super) fn parse(range: &toml::Table) -> Result<Self, String> {
        if let Some(key) = range
            .keys()
            .find(|key| !["from", "to", "step", "count", "scale"].contains(&key.as_str()))
        {
            return Err(format!(
                "unknown field `{key}` of a range, expected `from`, `to`, `step` or `count`, `scale`"
            ));
        }
        let quantity = |name: &str| {
            let value = range
                .get(name)
                .ok_or_else(|| format!("expected `{name}` in the range"))?;
            Quantity::of(value).ok_or_else(|| {
                format!("`{name}` = {value}, expected a number or a quantity such as \"10 ms\"")
            })
        };
        let (from, to) = (quantity("from")?, quantity("to")?);
        let log = match range.get("scale").map(|scale| scale.as_str()) {
            None | Some(Some("linear")) => false,
            Some(Some("log")) => true,
            Some(_) => return Err("`scale`: expected \"linear\" or \"log\"".to_owned()),
        };
        let step = range.get("step").map(|_| quantity("step")).transpose()?;
        // The quantity that is most particular about its unit decides for the others.
        let unit = [Some(from), Some(to), step.filter(|_| !log)]
            .into_iter()
            .flatten()
            .map(|quantity| quantity.unit);
        let unit = Unit::most_particular(unit).unwrap_or(Unit::Whole);
        let in_unit = |name: &str, quantity: Quantity| {
            quantity
                .in_unit(unit)
                .map(|quantity| quantity.amount)
                .ok_or_else(|| format!("`{name}` is of another unit than the rest of the range"))
        };
        let (from, to) = (in_unit("from", from)?, in_unit("to", to)?);
        if log && (from <= 0 || to <= 0) {
            return Err("`scale` = \"log\" expects `from` and `to` above zero".to_owned());
        }
        let steps = match (step, range.get("count")) {
            (Some(factor), None) if log => match factor.unit {
                Unit::Whole if factor.amount > 1 => Steps::Multiply(factor.amount),
                _ => {
                    return Err("`step`: expected a whole factor above 1 on a log scale".to_owned());
                }
            },
            (Some(step), None) => match in_unit("step", step)? {
                step if step > 0 => Steps::Add(step),
                _ => return Err("`step`: expected more than zero".to_owned()),
            },
            (None, Some(count)) => {
                let count = count
                    .as_integer()
                    .and_then(|count| usize::try_from(count).ok())
                    .filter(|count| (2..=MOST_POINTS).contains(count))
                    .ok_or_else(|| format!("`count`: expected 2 to {MOST_POINTS}"))?;
                if log {
                    Steps::Log(count)
                } else {
                    Steps::Linear(count)
                }
            }
            _ => return Err("expected either `step` or `count` in the range".to_owned()),
        };
        if from > to && matches!(steps, Steps::Add(_) | Steps::Multiply(_)) {
            return Err("expected `from` not above `to`".to_owned());
        }
        Ok(Range {
            unit,
            from,
            to,
            steps,
        })
    }

    pub(super) fn expand(&self) -> Result<Vec<toml::Value>, String> {
        let amounts: Vec<i128> = match self.steps {
            Steps::Add(step) => {
                std::iter::successors(Some(self.from), |amount| amount.checked_add(step))
                    .take_while(|amount| *amount <= self.to)
                    .take(MOST_POINTS + 1)
                    .collect()
            }
            Steps::Multiply(factor) => {
                std::iter::successors(Some(self.from), |amount| amount.checked_mul(factor))
                    .take_while(|amount| *amount <= self.to)
                    .collect()
            }
            Steps::Linear(count) => (0..count).map(|index| self.linear(index, count)).collect(),
            Steps::Log(count) => (0..count).map(|index| self.log(index, count)).collect(),
        };
        if amounts.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("`count` is larger than the number of different values".to_owned());
        }
        amounts
            .into_iter()
            .map(|amount| {
                Quantity {
                    amount,
                    unit: self.unit,
                }
                .value()
                .ok_or_else(|| format!("{amount} is too large"))
            })
            .collect()
    }

    /// Rounded to the nearest base unit, halves up.
    fn linear(&self, index: usize, count: usize) -> i128 {
        let (index, gaps) = (index as i128, count as i128 - 1);
        self.from + (2 * (self.to - self.from) * index + gaps).div_euclid(2 * gaps)
    }

    /// The only place with floating point; its result is a whole number again at once.
    fn log(&self, index: usize, count: usize) -> i128 {
        if index == 0 {
            return self.from;
        }
        if index == count - 1 {
            return self.to;
        }
        let (from, to) = (self.from as f64, self.to as f64);
        let share = index as f64 / (count - 1) as f64;
        (from * (to / from).powf(share)).round() as i128
    }
}
