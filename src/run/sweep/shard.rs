//! Shards: parts of a grid for several machines.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The I-th of N parts, counted from 1.
///
/// A shard is a contiguous range of points: shards put one after the other are the whole, and neighbouring points share
/// the most. The last axis is cut the finest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(usize, usize)", into = "(usize, usize)")]
pub struct Shard {
    index: usize,
    count: usize,
}

/// What is not a shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// Not I/N.
    #[error("`{0}` is not a shard, expected I/N with I from 1 to N, such as 1/4")]
    Invalid(String),
    /// The job array's variables say too little, or contradict each other.
    #[error("{0}; expected --shard I/N")]
    Array(String),
}

impl Shard {
    /// Everything.
    pub const WHOLE: Shard = Shard { index: 1, count: 1 };

    /// The `index`-th of `count`, from 1.
    ///
    /// # Errors
    ///
    /// [`ShardError::Invalid`] when there is no such part.
    pub fn new(index: usize, count: usize) -> Result<Self, ShardError> {
        if (1..=count).contains(&index) {
            Ok(Shard { index, count })
        } else {
            Err(ShardError::Invalid(format!("{index}/{count}")))
        }
    }

    /// How many shards there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// All shards of this one's kind.
    pub fn all(self) -> impl Iterator<Item = Shard> {
        let count = self.count;
        (1..=count).map(move |index| Shard { index, count })
    }

    /// Its points, out of so many. Sizes differ by one at most.
    pub fn range(self, points: usize) -> Range<usize> {
        let bound = |index: usize| {
            let bound = points as u128 * index as u128 / self.count as u128;
            bound as usize
        };
        bound(self.index - 1)..bound(self.index)
    }

    /// The shard of a task in a Slurm job array; `None` outside of one.
    ///
    /// Task ids may start anywhere and be any step apart, as long as they are evenly spaced: `--array=0-7`, `1-8`,
    /// `10-80:10`.
    ///
    /// # Errors
    ///
    /// [`ShardError::Array`] when the variables are not numbers, or do not tell which of how many the task is.
    pub fn from_slurm(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ShardError> {
        let number = |name: &str| {
            let name = format!("SLURM_ARRAY_TASK_{name}");
            variable(&name)
                .map(|value| {
                    value
                        .parse::<usize>()
                        .map_err(|_| ShardError::Array(format!("{name}=`{value}` is not a number")))
                })
                .transpose()
        };
        let Some(id) = number("ID")? else {
            return Ok(None);
        };
        let unclear = |problem: &str| {
            Err(ShardError::Array(format!(
                "SLURM_ARRAY_TASK_ID is {id}, but {problem}"
            )))
        };
        let Some(count) = number("COUNT")? else {
            return unclear("SLURM_ARRAY_TASK_COUNT is not set");
        };
        let (least, most) = (number("MIN")?, number("MAX")?);
        let step = number("STEP")?.unwrap_or(1);
        let least = match (least, most) {
            (Some(least), _) => least,
            // Without the least id the largest tells whether the ids count from 0 or from 1.
            (None, Some(most)) if most == count || most + 1 == count => most + 1 - count,
            _ => return unclear("SLURM_ARRAY_TASK_MIN is not set"),
        };
        let offset = id.checked_sub(least);
        let index = offset.filter(|offset| step > 0 && offset.is_multiple_of(step));
        match index.map(|offset| Shard::new(offset / step + 1, count)) {
            Some(Ok(shard)) => Ok(Some(shard)),
            _ => unclear("the array's ids are not evenly spaced"),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        text.split_once('/')
            .and_then(|(index, count)| {
                Shard::new(index.trim().parse().ok()?, count.trim().parse().ok()?).ok()
            })
            .ok_or_else(|| ShardError::Invalid(text.to_owned()))
    }
}

impl TryFrom<(usize, usize)> for Shard {
    type Error = ShardError;

    fn try_from((index, count): (usize, usize)) -> Result<Self, ShardError> {
        Shard::new(index, count)
    }
}

impl From<Shard> for (usize, usize) {
    fn from(shard: Shard) -> Self {
        (shard.index, shard.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_everything_once() {
        for (points, count) in [(10, 3), (3, 5), (1, 1), (0, 2), (1_000_000, 7)] {
            let shard = Shard::new(1, count).expect("a shard");
            let mut next = 0;
            for part in shard.all() {
                let range = part.range(points);
                assert_eq!(range.start, next);
                next = range.end;
            }
            assert_eq!(next, points);
        }
        for bad in ["", "1", "0/4", "5/4", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
        assert_eq!(" 2/4".parse(), Shard::new(2, 4));
    }

    #[test]
    fn slurm_arrays_start_anywhere() {
        let shard = |variables: &[(&str, &str)]| {
            Shard::from_slurm(|name| {
                let wanted = name.strip_prefix("SLURM_ARRAY_TASK_")?;
                let (_, value) = variables.iter().find(|(name, _)| *name == wanted)?;
                Some((*value).to_owned())
            })
            .map(|shard| shard.map(|shard| shard.to_string()))
            .map_err(|error| error.to_string())
        };
        let is = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(shard(&[]), Ok(None));
        assert_eq!(
            shard(&[("ID", "0"), ("COUNT", "8"), ("MIN", "0"), ("MAX", "7")]),
            is("1/8")
        );
        assert_eq!(
            shard(&[("ID", "8"), ("COUNT", "8"), ("MIN", "1"), ("MAX", "8")]),
            is("8/8")
        );
        assert_eq!(
            shard(&[("ID", "30"), ("COUNT", "8"), ("MIN", "10"), ("STEP", "10")]),
            is("3/8")
        );
        assert_eq!(
            shard(&[("ID", "0"), ("COUNT", "4"), ("MAX", "3")]),
            is("1/4")
        );
        assert_eq!(
            shard(&[("ID", "1"), ("COUNT", "4"), ("MAX", "4")]),
            is("1/4")
        );
        for (variables, part) in [
            (&[("ID", "1")][..], "COUNT is not set"),
            (&[("ID", "1"), ("COUNT", "4")], "MIN is not set"),
            (
                &[("ID", "7"), ("COUNT", "3"), ("MIN", "1")],
                "not evenly spaced",
            ),
            (
                &[("ID", "15"), ("COUNT", "3"), ("MIN", "10"), ("STEP", "10")],
                "not evenly spaced",
            ),
            (&[("ID", "one"), ("COUNT", "4")], "not a number"),
        ] {
            let error = shard(variables).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
