//! The horizontal axis: numbers stand to scale, words at equal distances as they come.

use std::collections::BTreeMap;

use super::super::scale::{along, evenly};
use crate::units::{Bandwidth, Bytes, SimTime};

/// Letters of a word at a place.
const LETTERS: usize = 16;
/// Letters that fit beside each other along the axis of a panel.
const ROOM: f64 = 54.0;
/// Share of the axis on either side of its places.
const MARGIN: f64 = 0.05;

/// A column along the horizontal axis.
pub(super) struct Along {
    column: String,
    /// What is at each place: a number may be written in other ways, too.
    cells: Vec<String>,
    place_of: BTreeMap<String, usize>,
    shares: Vec<f64>,
    is_log: bool,
}

impl Along {
    pub(super) fn of(column: &str, cells: Vec<&str>) -> Self {
        let number = |cell: &str| cell.parse::<f64>().ok().filter(|number| number.is_finite());
        let numbers: Option<Vec<f64>> = cells.iter().map(|cell| number(cell)).collect();
        let mut ordered: Vec<(f64, &str)> = match &numbers {
            Some(numbers) => numbers.iter().copied().zip(cells).collect(),
            None => (0..).map(f64::from).zip(cells).collect(),
        };
        ordered.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let places: Vec<&[(f64, &str)]> = ordered.chunk_by(|one, other| one.0 == other.0).collect();
        let at: Vec<f64> = places.iter().map(|place| place[0].0).collect();
        let (shares, is_log) = match numbers {
            Some(_) => along(&at),
            None => (evenly(&at), false),
        };
        let mut place_of = BTreeMap::new();
        for (place, cells) in places.iter().enumerate() {
            place_of.extend(cells.iter().map(|(_, cell)| ((*cell).to_owned(), place)));
        }
        Along {
            column: column.to_owned(),
            cells: places.iter().map(|place| place[0].1.to_owned()).collect(),
            place_of,
            shares,
            is_log,
        }
    }

    pub(super) fn places(&self) -> usize {
        self.cells.len()
    }

    /// Where a cell stands; nowhere if it is empty.
    pub(super) fn place_of(&self, cell: &str) -> Option<usize> {
        self.place_of.get(cell).copied()
    }

    /// Where a place lies between 0 and 1.
    pub(super) fn share(&self, place: usize) -> f64 {
        self.shares[place]
    }

    pub(super) fn label(&self) -> String {
        let scale = if self.is_log { " — log scale" } else { "" };
        format!("{}{scale}", self.column)
    }

    /// All places, with their words where there is room, in two lines. The last has its word for sure.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let cells: Vec<&str> = self.cells.iter().map(String::as_str).collect();
        let words = distinct_words(&self.column, &cells);
        let words: Vec<String> = words.iter().map(|word| shortened(word, LETTERS)).collect();
        let extent = |place: usize| {
            let middle = (MARGIN + self.shares[place] * (1.0 - 2.0 * MARGIN)) * ROOM;
            let half = words[place].chars().count() as f64 / 2.0 + 0.5;
            (middle - half, middle + half)
        };
        let last = words.len().saturating_sub(1);
        let mut lines = [f64::NEG_INFINITY; 2];
        (0..words.len())
            .map(|place| {
                let (left, right) = extent(place);
                // The first line is kept free for the last word.
                let fits = |line: usize| {
                    left >= lines[line] && (line > 0 || place == last || right <= extent(last).0)
                };
                let line = (0..2).find(|line| fits(*line));
                if let Some(line) = line {
                    lines[line] = right;
                }
                let word = match line {
                    Some(0) => words[place].clone(),
                    Some(_) => format!("\n{}", words[place]),
                    None => String::new(),
                };
                (self.shares[place], word)
            })
            .collect()
    }
}

/// Cells for people; as they are written, where two would read the same.
pub(super) fn distinct_words(column: &str, cells: &[&str]) -> Vec<String> {
    let words: Vec<String> = cells.iter().map(|cell| in_units(column, cell)).collect();
    let mut sorted = words.clone();
    sorted.sort_unstable();
    if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
        return words;
    }
    let unit = unit(column).map_or("", |(_, name)| name);
    cells.iter().map(|cell| format!("{cell}{unit}")).collect()
}

/// A cell for people.
fn in_units(column: &str, cell: &str) -> String {
    let words = unit(column).and_then(|(words, _)| words(cell));
    words.unwrap_or_else(|| cell.to_owned())
}

/// A number in words, if it is one of that unit.
type InWords = fn(&str) -> Option<String>;

/// How the numbers of a column are said, and their unit: both by what the column's name ends with.
fn unit(column: &str) -> Option<(InWords, &'static str)> {
    let bandwidth = |cell: &str| {
        let bits = cell.parse().ok().and_then(Bandwidth::from_bits_per_second);
        bits.map(|bandwidth| bandwidth.to_string())
    };
    let bytes = |cell: &str| cell.parse().ok().map(|bytes| Bytes(bytes).to_string());
    let rate = |cell: &str| {
        let bytes = cell.parse().ok().map(Bytes);
        bytes.map(|bytes| format!("{bytes}/s"))
    };
    let time = |cell: &str| {
        let time = format!("{cell} s").parse::<SimTime>();
        time.ok().map(|time| time.to_string())
    };
    let units: [(&str, InWords, &str); 5] = [
        ("_bits_per_s", bandwidth, " bit/s"),
        ("_bytes_per_s", rate, " B/s"),
        ("_bytes", bytes, " B"),
        ("_per_s", |_| None, ""),
        ("_s", time, " s"),
    ];
    let of_column = units
        .into_iter()
        .find(|(ending, ..)| column.ends_with(ending));
    of_column.map(|(_, words, name)| (words, name))
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(column: &str, cells: &[&str]) -> Vec<String> {
        let ticks = Along::of(column, cells.to_vec()).ticks();
        ticks.into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn numbers_are_ordered_and_those_of_one_value_share_a_place() {
        let along = Along::of("n", vec!["10", "6", "1e1", "1", "10.0"]);
        assert_eq!(along.places(), 3);
        assert_eq!(along.place_of("1e1"), along.place_of("10.0"));
        assert_eq!((along.share(0), along.share(2)), (0.0, 1.0));
        assert_eq!(along.label(), "n");
        let words = Along::of("n", vec!["b", "a", "1"]);
        assert_eq!((words.place_of("b"), words.share(1)), (Some(0), 0.5));
    }

    #[test]
    fn words_tell_places_apart() {
        assert_eq!(words("stall_s", &["0.5", "2"]), ["500 ms", "2.00 s"]);
        assert_eq!(
            words("trace.start_s", &["1.001", "1.002"]),
            ["1.001 s", "1.002 s"]
        );
        assert_eq!(
            words("dirty_rate_bytes_per_s", &["0", "1048576"])[1],
            "1.0 MiB/s"
        );
        assert_eq!(words("faults_per_s", &["3"]), ["3"]);
        assert_eq!(
            distinct_words("vm.memory_bytes", &["1073741824", "1090519040"])[0],
            "1073741824 B"
        );
    }

    #[test]
    fn words_have_room() {
        let cells: Vec<String> = (0..100).map(|n| format!("{}", 1_000 + n)).collect();
        let words = words("n", &cells.iter().map(String::as_str).collect::<Vec<_>>());
        let shown = words.iter().filter(|word| !word.is_empty()).count();
        assert!((15..=25).contains(&shown), "{words:?}");
        assert_eq!(words[99].trim(), "1099");
    }
}
