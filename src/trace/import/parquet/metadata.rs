//! What a Parquet file that migsim exported says of the trace that it was.

use std::collections::BTreeMap;
use std::str::FromStr;

use parquet::file::metadata::FileMetaData;

use crate::trace::TraceHeader;
use crate::trace::import::ImportOptions;
use crate::trace::import::options::{agreed, put_ram};
use crate::trace::rows_hash::{KEY, RowsHasher};
use crate::units::AddressRanges;

/// The entries by their keys; none, if the file comes from elsewhere.
pub(super) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    pub(super) fn of(file: &FileMetaData) -> Self {
        let entries = file.key_value_metadata().into_iter().flatten();
        let own = entries.filter_map(|entry| {
            let key = entry.key.strip_prefix("migsim.")?;
            Some((key.to_owned(), entry.value.clone()?))
        });
        Metadata(own.collect())
    }

    /// An entry, if there is one. Otherwise the rest of "expected …".
    fn value<T: FromStr>(&self, key: &str) -> Result<Option<T>, String> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        let wrong = |_| format!("what an export writes as migsim.{key}, found `{value}`");
        value.parse().map(Some).map_err(wrong)
    }

    /// The header of the trace, if the options agree. Otherwise the rest of "expected …".
    pub(super) fn header(&self, options: &ImportOptions) -> Result<TraceHeader, String> {
        let mut header = options.header();
        if let Some(page_size) = self.value("page_size")? {
            header.page_size = agreed("page size", options.page_size, page_size)?;
        }
        if let Some(pages) = self.value("pages")? {
            header.pages = agreed("number of pages", options.pages, pages)?;
        }
        if let Some(compaction_ns) = self.value("compaction_ns")? {
            header.compaction_ns = agreed(
                "compaction epoch in ns",
                options.compaction_ns,
                compaction_ns,
            )?;
        }
        if let Some(vcpus) = self.value("vcpus")? {
            header.vcpus = vcpus;
        }
        if let ("", Some(provenance)) = (&*options.provenance, self.0.get("provenance")) {
            header.provenance.clone_from(provenance);
        }
        match self.value::<AddressRanges>("ram")? {
            Some(AddressRanges(ram)) if options.ram.is_empty() || options.ram == ram => {
                put_ram(&ram, &mut header)?;
            }
            Some(ram) => {
                let given = AddressRanges(options.ram.clone());
                return Err(format!("RAM of {given} as given, found {ram}"));
            }
            None => put_ram(&options.ram, &mut header)?,
        }
        Ok(header)
    }

    /// Where the trace ends. Otherwise the rest of "expected …".
    pub(super) fn duration_ns(&self) -> Result<Option<u64>, String> {
        self.value("duration_ns")
    }

    /// Whether migsim wrote the file.
    pub(super) fn is_own(&self) -> bool {
        self.0.contains_key("content_hash")
    }

    /// What hashes the file's rows.
    pub(super) fn hasher(&self) -> RowsHasher {
        RowsHasher::new(&self.0)
    }

    /// Makes sure that the rows are those that were exported. Otherwise the rest of "expected …".
    pub(super) fn check(&self, found: &RowsHasher) -> Result<(), String> {
        match self.0.get(KEY) {
            Some(hash) if *hash != found.finish() => Err(
                "the rows and metadata that migsim exported, found others: the file is damaged, or was changed since"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}
