//! Accesses to addresses, on their way into a trace.
//!
//! The numbers of pages are known only at the end, so that records wait in a temporary trace, by provisional numbers.
//! Its file has no name: whatever ends the process, it goes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::RangeInclusive;

use super::addresses::AddressSpace;
use super::late::SLACK_NS;
use super::numbering::agreed_pages;
use super::sink::{self, Sink};
use super::{Addresses, ImportError, ImportOptions, Refusal};
use crate::trace::interner::Interner;
use crate::trace::{Op, Record, Trace, TraceHeader};

/// As many as a trace may have vCPUs.
const MAX_THREADS: u32 = 65_535;
const MAX_PROCESSES: u32 = 1 << 16;
const HOUR_NS: u64 = 3_600_000_000_000;

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
    /// The time of the recorder's clock that is 0 in the temporary trace.
    origin_ns: Option<u64>,
    /// The earliest time of an access that was taken, or dropped as outside the RAM.
    earliest_ns: u64,
    epoch_ns: u64,
    /// By vCPU so far: what it is called in the trace; beyond these and empty: the same.
    vcpu_numbers: Vec<u16>,
}

impl Accesses {
    /// `usual` is what addresses are where the options do not say.
    pub(super) fn new(
        options: &ImportOptions,
        usual: Addresses,
        name: &str,
    ) -> Result<Self, ImportError> {
        let wrong = |expected| ImportError::Header {
            name: name.to_owned(),
            expected,
        };
        let mut header = options.header();
        let addresses = options.addresses.unwrap_or(usual);
        if addresses == Addresses::Virtual && usual == Addresses::Physical {
            return Err(wrong(
                "no virtual addresses, found a format whose addresses are physical".to_owned(),
            ));
        }
        if addresses != Addresses::Physical && !options.ram.is_empty() {
            return Err(wrong(
                "physical addresses (`--addresses physical`), of which ranges can be RAM"
                    .to_owned(),
            ));
        }
        if !options.zero_runs.is_empty() && addresses == Addresses::Virtual {
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
        options.check_places(header.page_size).map_err(wrong)?;
        let epoch_ns = header.compaction_ns.max(1);
        Ok(Accesses {
            now_ns: 0,
            step_ns: options.time_per_record_ns,
            threads: Interner::new(MAX_THREADS),
            processes: Interner::new(MAX_PROCESSES),
            space: AddressSpace::new(
                addresses,
                header.page_size.trailing_zeros(),
                options.pages,
                &options.ram,
            ),
            temporary,
            header,
            origin_ns: None,
            earliest_ns: u64::MAX,
            epoch_ns,
            vcpu_numbers: Vec::new(),
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

    /// The vCPUs so far have these numbers in the trace, each another one.
    pub(super) fn number_vcpus(&mut self, numbers: Vec<u16>) {
        self.vcpu_numbers = numbers;
    }

    /// The recorder's clock tells the time of the next access. The trace counts from the first access of all, which may
    /// come later in the recording: files of threads or processors stand one behind the other.
    pub(super) fn set_clock(&mut self, recorder_ns: u64) -> Result<(), Refusal> {
        let slack_ns = SLACK_NS / self.epoch_ns * self.epoch_ns;
        let origin_ns = match self.origin_ns {
            Some(origin_ns) => origin_ns,
            None => {
                let origin_ns = recorder_ns.saturating_sub(slack_ns);
                self.temporary.set_clock(origin_ns);
                *self.origin_ns.insert(origin_ns)
            }
        };
        let now_ns = recorder_ns.checked_sub(origin_ns).ok_or_else(|| {
            Refusal::Line(format!(
                "a time of at most 24 h before the first access's, found {} h",
                (origin_ns + slack_ns - recorder_ns) / HOUR_NS
            ))
        })?;
        self.now_ns = now_ns;
        Ok(())
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
        let Some(pages) = self.space.pages(address, size) else {
            self.earliest_ns = self.earliest_ns.min(self.now_ns);
            return Ok(());
        };
        for page in pages {
            let page = self.space.access(process, page)?;
            self.temporary.push(Record {
                time_ns: self.now_ns,
                vcpu,
                page,
                op,
            })?;
        }
        self.earliest_ns = self.earliest_ns.min(self.now_ns);
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

    /// The pages that hold the addresses from `start` up to, but without, `end`, as far as they are memory.
    pub(super) fn pages(&mut self, start: u64, end: u64) -> Vec<RangeInclusive<u64>> {
        self.space.pages_of_range(start, end)
    }

    /// Pages that hold content, whether they are accessed or not.
    pub(super) fn occupied(&mut self, process: u32, pages: RangeInclusive<u64>) {
        self.space.occupied(process, pages);
    }

    /// Time goes on by a record.
    pub(super) fn step(&mut self) {
        self.now_ns = self.now_ns.saturating_add(self.step_ns);
    }

    /// What was dropped.
    pub(super) fn notes(&self) -> Vec<String> {
        self.space.notes()
    }

    /// Numbers the pages, and writes the trace. Returns what else a user should know.
    pub(super) fn finish(
        self,
        options: &ImportOptions,
        name: &str,
        out: impl Write,
    ) -> Result<Vec<String>, ImportError> {
        let numbering = self.space.numbering(&options.zero_runs);
        let mut header = self.header;
        if !options.ram.is_empty() {
            header.pages = agreed_pages(options.pages, &numbering.ram).map_err(|expected| {
                ImportError::Header {
                    name: name.to_owned(),
                    expected,
                }
            })?;
        } else if header.pages == 0 {
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
        header.ram = numbering.ram.clone();
        let (start_ns, origin_ns) = match self.origin_ns {
            Some(origin_ns) => (self.earliest_ns / self.epoch_ns * self.epoch_ns, origin_ns),
            None => (0, 0),
        };
        let (temporary, _) = self.temporary.finish()?;
        let file = temporary
            .into_inner()
            .map_err(|error| ImportError::Temporary(error.into_error()))?;
        let records = Trace::from_nameless(name, file)?;
        let mut sink = Sink::new(out, header, numbering.zero_runs.clone(), None)?;
        sink.expect_addresses(records.record_count());
        sink.set_idle_spans(options.idle_spans.clone());
        sink.set_clock(origin_ns + start_ns);
        for record in records.records() {
            let record = record?;
            let vcpu = usize::from(record.vcpu);
            let record = Record {
                time_ns: record.time_ns - start_ns,
                vcpu: *self.vcpu_numbers.get(vcpu).unwrap_or(&record.vcpu),
                page: numbering.page(record.page),
                op: record.op,
            };
            sink.push(record).map_err(|refusal| {
                refusal.at(|expected| ImportError::Header {
                    name: name.to_owned(),
                    expected,
                })
            })?;
        }
        let mut notes = numbering.notes;
        notes.extend(sink.finish()?.1);
        Ok(notes)
    }
}
