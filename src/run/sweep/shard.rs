//! Shards: parts of a grid for several machines.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::MOST_POINTS;

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
    #[error(
        "`{0}` is not a shard, expected I/N with I from 1 to N and N up to {MOST_POINTS}, such as 1/4"
    )]
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
        if (1..=count).contains(&index) && count <= MOST_POINTS {
            Ok(Shard { index, count })
        } else {
            Err(ShardError::Invalid(format!("{index}/{count}")))
        }
    }

    /// Which it is, counted from 1.
    pub fn index(self) -> usize {
        self.index
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
    /// Slurm tells a task how many there are, and not how many there should be: where some are run again, as with
    /// `--array=2,5`, that is another number. Only an array of all ids from 1 to N (`--array=1-8`) is clear.
    ///
    /// # Errors
    ///
    /// [`ShardError::Array`] for any other array, or when the variables are not numbers.
    pub fn from_slurm(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ShardError> {
        let number = |name: &str| {
            let name = format!("SLURM_ARRAY_TASK_{name}");
            let value = variable(&name);
            let value = value.ok_or_else(|| ShardError::Array(format!("{name} is not set")))?;
            value
                .parse::<usize>()
                .map_err(|_| ShardError::Array(format!("{name}=`{value}` is not a number")))
        };
        if variable("SLURM_ARRAY_TASK_ID").is_none() {
            return Ok(None);
        }
        let (id, count) = (number("ID")?, number("COUNT")?);
        let (least, most) = (number("MIN")?, number("MAX")?);
        if least != 1 || most != count || count < 2 {
            return Err(ShardError::Array(format!(
                "a job array of {count} tasks from {least} to {most} does not tell which part of how many this is"
            )));
        }
        Shard::new(id, count).map(Some)
    }
}

/// Ascending numbers as Slurm's `--array` takes them: `2,5-7`.
pub fn array(numbers: impl IntoIterator<Item = usize>) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let words = runs.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        _ => format!("{first}-{last}"),
    });
    words.collect::<Vec<_>>().join(",")
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
        for bad in [
            "",
            "1",
            "0/4",
            "5/4",
            "1/0",
            "a/b",
            "-1/2",
            "1/2/3",
            "1/18446744073709551615",
        ] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
        assert_eq!(" 2/4".parse(), Shard::new(2, 4));
    }

    #[test]
    fn numbers_as_slurm_takes_them() {
        assert_eq!(array([2, 5, 6, 7, 9]), "2,5-7,9");
        assert_eq!(array([]), "");
    }

    #[test]
    fn slurm_counts_only_where_it_is_clear() {
        let shard = |variables: &str| {
            Shard::from_slurm(|name| {
                let wanted = name.strip_prefix("SLURM_ARRAY_TASK_")?;
                let mut pairs = variables.split(' ').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, value)| value.to_owned())
            })
            .map(|shard| shard.map(|shard| shard.to_string()))
            .map_err(|error| error.to_string())
        };
        assert_eq!(shard(""), Ok(None));
        assert_eq!(
            shard("ID=8 COUNT=8 MIN=1 MAX=8"),
            Ok(Some("8/8".to_owned()))
        );
        for (variables, part) in [
            ("ID=1", "COUNT is not set"),
            ("ID=1 COUNT=4", "MIN is not set"),
            ("ID=one COUNT=4", "not a number"),
            // --array=0-7, 2,5, 5, 1-16:15 and 10-80:10
            ("ID=0 COUNT=8 MIN=0 MAX=7", "does not tell"),
            ("ID=5 COUNT=2 MIN=2 MAX=5", "does not tell"),
            ("ID=1 COUNT=1 MIN=1 MAX=1", "does not tell"),
            ("ID=16 COUNT=2 MIN=1 MAX=16", "does not tell"),
            ("ID=30 COUNT=8 MIN=10 MAX=80 STEP=10", "does not tell"),
            ("ID=9 COUNT=8 MIN=1 MAX=8", "not a shard"),
        ] {
            let error = shard(variables).expect_err(part);
            assert!(error.contains(part), "{error}");
        }
    }
}
