//! What tells a row of a grid from all others: scenario, strategy, the values of the axes, and migsim's version.
//!
//! A file of rows says in its first line what comes to of its rows' identities, so that they are held against the grid
//! wherever they are read, with the scenario at hand or without.

use std::ops::Range;

use csv::ByteRecord;

use super::Sweep;

/// Where a row has its identity, and where what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    columns: Vec<usize>,
    pub(super) metrics: Range<usize>,
}

impl Identity {
    /// The columns of a file with this header, if it is one of a sweep.
    pub(super) fn of(header: &ByteRecord) -> Option<Self> {
        let place = |name: &str| header.iter().position(|column| column == name.as_bytes());
        let (scenario, strategy, seed) = (place("scenario")?, place("strategy")?, place("seed")?);
        let (version, error) = (place("version")?, place("error")?);
        let columns = [scenario, strategy].into_iter().chain(strategy + 1..seed);
        Some(Identity {
            columns: columns.chain([version]).collect(),
            metrics: version + 1..error,
        })
    }

    /// The identity of a row.
    pub(super) fn cells<'r>(&self, row: &'r ByteRecord) -> Vec<&'r [u8]> {
        let columns = self.columns.iter();
        columns
            .map(|&column| row.get(column).unwrap_or_default())
            .collect()
    }

    /// Whether a row is of a run that failed.
    pub(super) fn has_error(&self, row: &ByteRecord) -> bool {
        row.get(self.metrics.end)
            .is_some_and(|error| !error.is_empty())
    }

    /// Whether a row's metrics are numbers, truths or nothing: pieces of two rows seldom are.
    pub(super) fn has_metrics(&self, row: &ByteRecord) -> bool {
        self.metrics.clone().all(|column| {
            let cell = row.get(column);
            let cell = cell.and_then(|cell| std::str::from_utf8(cell).ok());
            cell.is_some_and(|cell| {
                cell.is_empty() || cell.parse::<f64>().is_ok() || cell.parse::<bool>().is_ok()
            })
        })
    }
}

/// What the identities of some rows come to.
pub(super) struct Digest(blake3::Hasher);

impl Digest {
    pub(super) fn new() -> Self {
        Digest(blake3::Hasher::new())
    }

    pub(super) fn add<'r>(&mut self, cells: impl IntoIterator<Item = &'r [u8]>) {
        for cell in cells {
            self.0.update(&(cell.len() as u64).to_le_bytes());
            self.0.update(cell);
        }
    }

    pub(super) fn finish(&self) -> String {
        let hash = self.0.finalize().to_hex();
        hash.chars().take(16).collect()
    }
}

impl Sweep {
    /// The identity of the row of a point and a strategy, in the order of [`Identity::cells`].
    pub(super) fn identity(&self, point: usize, strategy: &str) -> Vec<String> {
        let axes = self.parameters(point).into_iter();
        [self.name().to_owned(), strategy.to_owned()]
            .into_iter()
            .chain(axes.map(|value| value.cell.clone()))
            .chain([env!("CARGO_PKG_VERSION").to_owned()])
            .collect()
    }

    /// What the identities of these points' rows come to.
    pub(super) fn digest(&self, points: Range<usize>) -> String {
        let mut digest = Digest::new();
        for point in points {
            for strategy in self.strategies() {
                let identity = self.identity(point, strategy);
                digest.add(identity.iter().map(String::as_bytes));
            }
        }
        digest.finish()
    }
}
