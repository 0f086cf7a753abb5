//! `migration.delivery`: who follows a plan.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::short_form::{Short, short_or_table};

/// How a strategy's planned pages come to the destination ahead of the others.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryKind {
    /// The source pushes them first (the paper).
    SourcePush,
    /// The source is one that knows nothing of the plan, such as a stock QEMU, and scans memory. Threads on the
    /// destination touch the plan's pages in order from the resume on; each fault makes a request as a vCPU's does, and
    /// requests go before the scan. Strategies without a plan are as ever.
    DestinationFetch,
    /// The same, but the source scans only once the last page of the plan is being asked for: its push is held back by
    /// a rate limit that does not hold for requests, and released by whoever runs the migration, one latency later.
    FetchThenPush,
}

impl DeliveryKind {
    const ALL: [DeliveryKind; 3] = [
        DeliveryKind::SourcePush,
        DeliveryKind::DestinationFetch,
        DeliveryKind::FetchThenPush,
    ];

    /// In files.
    pub const fn name(self) -> &'static str {
        match self {
            DeliveryKind::SourcePush => "source-push",
            DeliveryKind::DestinationFetch => "destination-fetch",
            DeliveryKind::FetchThenPush => "fetch-then-push",
        }
    }

    /// Whether the destination fetches the plan.
    pub fn is_fetch(self) -> bool {
        self != DeliveryKind::SourcePush
    }
}

/// Who follows the plan, and how many pages are fetched at once if the destination does.
///
/// In files, the kind's name, or a table such as `{ kind = "fetch-then-push", outstanding = 8 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// [`DeliveryKind::SourcePush`].
    SourcePush,
    /// [`DeliveryKind::DestinationFetch`] by so many threads.
    DestinationFetch(u16),
    /// [`DeliveryKind::FetchThenPush`] by so many threads.
    FetchThenPush(u16),
}

/// As tables have it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Who follows the plan. Default `source-push`.
    kind: DeliveryKind,
    /// Number of threads that fetch the plan's pages, each with one request outstanding; none with `source-push`.
    /// Default 64: the default send buffer in pages of 4 KiB. With far fewer, the scan fills the link between them.
    /// Each more is a page that a vCPU's own request may wait behind. On six recordings, 16 to 256 differ by a few per
    /// cent in total; 64 was best on a link with one queue. With `fetch-then-push`, 8 fill the link
    /// (`docs/journal/2026-11-26-qemu-10.0.md`).
    outstanding: Option<u16>,
}

const DEFAULT_OUTSTANDING: u16 = 64;

const EXPECTED: &str = "`source-push`, `destination-fetch`, `fetch-then-push`, or a table with `kind` and `outstanding`";

impl Delivery {
    /// So many threads fetch, if any do.
    pub fn new(kind: DeliveryKind, outstanding: u16) -> Self {
        match kind {
            DeliveryKind::SourcePush => Delivery::SourcePush,
            DeliveryKind::DestinationFetch => Delivery::DestinationFetch(outstanding),
            DeliveryKind::FetchThenPush => Delivery::FetchThenPush(outstanding),
        }
    }

    /// What it is, without the number.
    pub fn kind(self) -> DeliveryKind {
        match self {
            Delivery::SourcePush => DeliveryKind::SourcePush,
            Delivery::DestinationFetch(_) => DeliveryKind::DestinationFetch,
            Delivery::FetchThenPush(_) => DeliveryKind::FetchThenPush,
        }
    }

    /// How many threads fetch; none if the source pushes.
    pub fn outstanding(self) -> Option<u16> {
        match self {
            Delivery::SourcePush => None,
            Delivery::DestinationFetch(threads) | Delivery::FetchThenPush(threads) => Some(threads),
        }
    }

    fn from_short(short: Short<'_>) -> Option<Self> {
        let Short::Word(word) = short else {
            return None;
        };
        let kind = DeliveryKind::ALL
            .into_iter()
            .find(|kind| kind.name() == word)?;
        Some(Delivery::new(kind, DEFAULT_OUTSTANDING))
    }

    fn from_table(table: Table) -> Result<Self, &'static str> {
        if table.outstanding.is_some() && !table.kind.is_fetch() {
            return Err(
                "`outstanding` goes with kind = \"destination-fetch\" and \"fetch-then-push\" only",
            );
        }
        let outstanding = table.outstanding.unwrap_or(DEFAULT_OUTSTANDING);
        Ok(Delivery::new(table.kind, outstanding))
    }
}

impl<'de> Deserialize<'de> for Delivery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        short_or_table(
            deserializer,
            EXPECTED,
            Delivery::from_short,
            Delivery::from_table,
        )
    }
}

impl Serialize for Delivery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let outstanding = self.outstanding();
        if outstanding.is_none_or(|threads| threads == DEFAULT_OUTSTANDING) {
            return self.kind().serialize(serializer);
        }
        let kind = self.kind();
        Table { kind, outstanding }.serialize(serializer)
    }
}

impl JsonSchema for Delivery {
    fn schema_name() -> Cow<'static, str> {
        "Delivery".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let word = DeliveryKind::json_schema(generator);
        let table = Table::json_schema(generator);
        json_schema!({ "anyOf": [word, table] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ScenarioSource;

    #[test]
    fn a_word_or_a_table() {
        let delivery = |settings: &[&str]| {
            let mut source = ScenarioSource::embedded();
            for setting in settings {
                source.set(setting).map_err(|error| error.to_string())?;
            }
            let scenario = source.scenario().map_err(|error| error.to_string())?;
            Ok::<_, String>(scenario.migration.delivery)
        };
        assert_eq!(
            delivery(&["migration.delivery=destination-fetch"]),
            Ok(Delivery::DestinationFetch(64))
        );
        let kind = "migration.delivery.kind=fetch-then-push";
        assert_eq!(
            delivery(&[kind, "migration.delivery.outstanding=8"]),
            Ok(Delivery::FetchThenPush(8))
        );
        for (setting, says) in [
            ("migration.delivery=push", "`push`, expected `source-push`"),
            ("migration.delivery=true", "`true`, expected `source-push`"),
            ("migration.delivery.outstanding=8", "missing field `kind`"),
            (
                "migration.delivery={ kind = \"source-push\", outstanding = 8 }",
                "`outstanding` goes with kind",
            ),
            (
                "migration.delivery={ kind = \"destination-fetch\", outstanding = 0 }",
                "expected 1 to 65535 requests",
            ),
        ] {
            let error = delivery(&[setting]).expect_err(setting);
            assert!(error.contains(says), "{error}");
        }
    }
}
