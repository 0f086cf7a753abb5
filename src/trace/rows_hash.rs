//! The hash of what a Parquet file holds: it tells whoever reads the file whether that is what was exported.
//!
//! A trace's own hash also depends on what goes into other files, and on how its vCPUs followed one another.

use std::collections::BTreeMap;

use super::Record;

/// The entry of the metadata that has the hash, which is of all others.
pub(super) const KEY: &str = "rows_hash";

/// Hashes metadata and rows in their order.
pub(super) struct RowsHasher(blake3::Hasher);

impl RowsHasher {
    /// Begins with the metadata, but for the hash.
    pub(super) fn new(metadata: &BTreeMap<String, String>) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in metadata
            .iter()
            .filter(|(key, _)| *key != KEY)
            .flat_map(|(key, value)| [key, value])
        {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        RowsHasher(hasher)
    }

    pub(super) fn row(&mut self, record: &Record) {
        let mut bytes = [0; 15];
        bytes[..8].copy_from_slice(&record.time_ns.to_le_bytes());
        bytes[8..10].copy_from_slice(&record.vcpu.to_le_bytes());
        bytes[10..14].copy_from_slice(&record.page.to_le_bytes());
        bytes[14] = record.op as u8;
        self.0.update(&bytes);
    }

    pub(super) fn finish(&self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
