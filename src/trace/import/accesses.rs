//! Accesses to addresses, on their way into a trace.
//!
//! The numbers of pages are known only at the end, so that records wait in a temporary trace, by provisional numbers. Its
//! file has no name: whatever ends the process, it goes.

use std::fs::File;
use std::io::{BufWriter, Write};

use super::addresses::AddressSpace;
use super::sink::{self, Sink};
use super::{Addresses, ImportError, ImportOptions, Refusal};
use crate::trace::interner::Interner;
use crate::trace::{Op, Record, Trace, TraceHeader};

/// As many as a trace may have vCPUs.
const MAX_THREADS: u32 = 65_535;
const MAX_PROCESSES: u32 = 1 << 16;

/// Takes what a text format's lines say.
pub(super) struct Accesses {
    /// The time of the next access.
    pub(super) now_ns: u64,
    /// From one record to the next, for formats that do not say.
    pub(super) step_ns: u64,
    threads: Interner,
    processes: Interner,
    space: AddressSpace,
    temporary: Sink<BufWriter<File>>,
    header: TraceHeader,
}

impl Accesses {
    pub(super) fn new(options: &ImportOptions, name: &str) -> Result<Self, ImportError> {
        let wrong = |expected| ImportError::Header {
            name: name.to_owned(),
            expected,
        };
        let mut header = options.header();
        if !options.zero_runs.is_empty() && options.addresses == Addresses::Virtual {
            return Err(wrong(
                "no zero pages with virtual addresses, whose pages the import numbers itself"
                    .to_owned(),
            ));
        }
        let compaction;
        (compaction, header.compaction_ns) =
            sink::compaction(options, header.compaction_ns).map_err(wrong)?;
        let file = tempfile::tempfile().map_err(ImportError::Temporary)?;
        let temporary = TraceHeader {
            pages: 0,
            compaction_ns: 0,
            ..header.clone()
        };
        // The page size has been checked when this returns.
        let temporary = Sink::temporary(BufWriter::new(file), temporary, compaction)?;
        Ok(Accesses {
            now_ns: 0,
            step_ns: options.time_per_record_ns,
            threads: Interner::new(MAX_THREADS),
            processes: Interner::new(MAX_PROCESSES),
            space: AddressSpace::new(
                options.addresses,
                header.page_size.trailing_zeros(),
                options.pages,
            ),
            temporary,
            header,
        })
    }

    /// What the addresses are.
    pub(super) fn addresses(&self) -> Addresses {
        self.space.kind()
    }

    /// Accesses so far.
    pub(super) fn count(&self) -> u64 {
        self.temporary.accesses()
    }

    /// The vCPU that stands for a thread: threads are numbered in the order of their appearance.
    pub(super) fn vcpu_of_thread(&mut self, process: u32, thread: u64) -> Result<u16, Refusal> {
        let vcpu = self.threads.index((process, thread));
        vcpu.map(|vcpu| vcpu as u16)
            .ok_or_else(|| Refusal::Limit(format!("at most {MAX_THREADS} threads")))
    }

    /// The number of an address space, in the order of their appearance.
    pub(super) fn process(&mut self, id: u64) -> Result<u32, Refusal> {
        self.processes
            .index((0, id))
            .ok_or_else(|| Refusal::Limit(format!("at most {MAX_PROCESSES} processes")))
    }

    /// The only vCPU of the only process accesses `size` bytes.
    #[inline]
    pub(super) fn access(&mut self, op: Op, address: u64, size: u64) -> Result<(), Refusal> {
        self.access_by(0, 0, op, address, size)
    }

    /// A vCPU accesses `size` bytes of a process.
    #[inline]
    pub(super) fn access_by(
        &mut self,
        process: u32,
        vcpu: u16,
        op: Op,
        address: u64,
        size: u64,
    ) -> Result<(), Refusal> {
        /// No instruction accesses more (x86's XSAVE: 11 KiB).
        const MAX_SIZE: u64 = 64 * 1024;
        if size > MAX_SIZE {
            return Err(Refusal::Line(format!(
                "an access of at most {MAX_SIZE} bytes, found {size}"
            )));
        }
        for page in self.space.pages(address, size) {
            let page = self.space.access(process, page)?;
            self.temporary.push(Record {
                time_ns: self.now_ns,
                vcpu,
                page,
                op,
            })?;
        }
        Ok(())
    }

    /// A vCPU reads a page, given by its number in the process's address space.
    pub(super) fn read_page(
        &mut self,
        process: u32,
        vcpu: u16,
        page: u64,
        time_ns: u64,
    ) -> Result<(), Refusal> {
        let page = self.space.access(process, page)?;
        self.temporary.push(Record {
            time_ns,
            vcpu,
            page,
            op: Op::Read,
        })
    }

    /// The pages that hold the addresses from `start` up to, but without, `end`.
    pub(super) fn pages(&self, start: u64, end: u64) -> std::ops::RangeInclusive<u64> {
        self.space.pages(start, end.saturating_sub(start))
    }

    /// Time goes on by a record.
    pub(super) fn step(&mut self) {
        self.now_ns = self.now_ns.saturating_add(self.step_ns);
    }

    /// Numbers the pages, and writes the trace.
    pub(super) fn finish(
        self,
        options: &ImportOptions,
        name: &str,
        out: impl Write,
    ) -> Result<(), ImportError> {
        let numbering = self.space.numbering();
        let mut header = self.header;
        if header.pages == 0 {
            header.pages = numbering.pages;
        } else if header.pages < numbering.pages {
            return Err(ImportError::Header {
                name: name.to_owned(),
                expected: format!(
                    "at least {} pages, which its addresses need, found {} as given",
                    numbering.pages, header.pages
                ),
            });
        }
        let zero_runs = match options.addresses {
            Addresses::Virtual => numbering.zero_runs.clone(),
            Addresses::Physical => options.zero_runs.clone(),
        };
        let file = self
            .temporary
            .finish()?
            .into_inner()
            .map_err(|error| ImportError::Temporary(error.into_error()))?;
        let records = Trace::from_nameless(name, file)?;
        let mut sink = Sink::new(out, header, zero_runs, None)?;
        sink.set_idle_spans(options.idle_spans.clone());
        for record in records.records() {
            let record = record?;
            let page = numbering.page(record.page);
            sink.push(Record { page, ..record }).map_err(|refusal| {
                refusal.at(name, |expected| ImportError::Header {
                    name: name.to_owned(),
                    expected,
                })
            })?;
        }
        sink.finish()?;
        Ok(())
    }
}
