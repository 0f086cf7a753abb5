//! The recorder plugin for QEMU: a header of 40 bytes, then records of 16 bytes, little-endian.
//!
//! | offset | header | offset | record |
//! |---|---|---|---|
//! | 0 | `MIGSIMQ1` | 0 | u64 time in ns |
//! | 8 | u32 bytes in a page | 8 | u32 page |
//! | 12 | u32 vCPUs | 12 | u16 vCPU |
//! | 16 | u64 pages | 14 | u8 op: 0 read, 1 write, 2 fetch; 3 idle, 4 woken, with page 0 |
//! | 24 | u64 compaction epoch in ns | 15 | u8 0 |
//! | 32 | u64 0 | | |
//!
//! The records of one vCPU are in time order; vCPUs are interleaved in chunks, as a trace's writer takes them.

use std::io::{ErrorKind, Read, Write};

use super::importer::Importer;
use super::options::{agreed, put_ram};
use super::sink::{self, Sink};
use super::turns::Turns;
use super::{ImportError, ImportOptions, ImportSummary, Input, Skipped};
use crate::trace::format::Fields;
use crate::trace::{Op, Record, TraceHeader};

pub(super) const IMPORTER: Importer = Importer {
    name: "qemu",
    reads: "the recorder plugin for QEMU",
    places: "pages",
    ops: "read, write, fetch",
    time: "recorded",
    vcpu: "recorded, with idle spans",
    read: |input, options, out| import(input, options, out),
};

const MAGIC: [u8; 8] = *b"MIGSIMQ1";
const HEADER_BYTES: usize = 40;
const RECORD_BYTES: usize = 16;

fn import(
    input: Input<'_>,
    options: &ImportOptions,
    out: impl Write,
) -> Result<ImportSummary, ImportError> {
    let (mut header, mut recording) = Recording::open(input, options)?;
    let compaction;
    (compaction, header.compaction_ns) = sink::compaction(options, header.compaction_ns)
        .map_err(|expected| recording.header_error(expected))?;
    if !options.idle_spans.is_empty() {
        return Err(recording.header_error("no idle spans beside the recording's own".to_owned()));
    }
    put_ram(&options.ram, &mut header).map_err(|expected| recording.header_error(expected))?;
    recording.turns = Some(Turns::new(header.vcpus));
    let mut sink = Sink::new(out, header, options.zero_runs.clone(), compaction)?;
    let mut skipped = Skipped::new(options);
    while let Some(record) = recording.next() {
        let pushed = record.and_then(|record| {
            let at = |expected| recording.record_error(expected);
            sink.push(record).map_err(|refusal| refusal.at(at))
        });
        match pushed {
            Err(error @ ImportError::Read { .. }) => return Err(error),
            Err(error) => skipped.note(error)?,
            Ok(()) => {}
        }
    }
    let accesses = sink.accesses();
    if accesses == 0 {
        let none = "at least one access behind the header, found none".to_owned();
        let said = std::iter::once(none).chain(sink.dropped());
        let said: Vec<_> = said.chain(skipped.said()).collect();
        return Err(recording.header_error(said.join("; ")));
    }
    sink.set_idle_spans(recording.turns.map_or_else(Vec::new, Turns::spans));
    let (_, notes) = sink.finish()?;
    Ok(skipped.summary(accesses, notes))
}

fn header(bytes: &[u8], options: &ImportOptions) -> Result<TraceHeader, String> {
    let fields = || {
        let mut fields = Fields(bytes);
        let magic = fields.array()?;
        let header = (fields.u32()?, fields.u32()?, fields.u64()?, fields.u64()?);
        (magic == MAGIC && fields.u64()? == 0).then_some(header)
    };
    let (page_size, vcpus, pages, compaction_ns) =
        fields().ok_or("the header of a QEMU recording, beginning with `MIGSIMQ1`")?;
    let pages = u32::try_from(pages).map_err(|_| format!("at most 2^30 pages, found {pages}"))?;
    let vcpus = u16::try_from(vcpus).map_err(|_| format!("at most 65,535 vCPUs, found {vcpus}"))?;
    Ok(TraceHeader {
        page_size: agreed("page size", options.page_size, page_size.into())?,
        pages: agreed("number of pages", options.pages, pages)?,
        vcpus,
        compaction_ns: agreed(
            "compaction epoch in ns",
            options.compaction_ns,
            compaction_ns,
        )?,
        ..options.header()
    })
}

/// What a record says of its vCPU.
enum Entry {
    Access(Record),
    Idle { vcpu: u16, time_ns: u64 },
    Woken { vcpu: u16, time_ns: u64 },
}

fn entry(bytes: &[u8]) -> Result<Entry, String> {
    let mut fields = Fields(bytes);
    let mut record = || {
        Some((
            fields.u64()?,
            fields.u32()?,
            fields.u16()?,
            fields.u8()?,
            fields.u8()?,
        ))
    };
    let (time_ns, page, vcpu, op, reserved) = record().ok_or_else(|| {
        format!(
            "{RECORD_BYTES} bytes, found {} (is the file cut short?)",
            bytes.len()
        )
    })?;
    let access = |op| {
        Entry::Access(Record {
            time_ns,
            vcpu,
            page,
            op,
        })
    };
    match (op, reserved, page) {
        (0, 0, _) => Ok(access(Op::Read)),
        (1, 0, _) => Ok(access(Op::Write)),
        (2, 0, _) => Ok(access(Op::Execute)),
        (3, 0, 0) => Ok(Entry::Idle { vcpu, time_ns }),
        (4, 0, 0) => Ok(Entry::Woken { vcpu, time_ns }),
        _ => Err(format!(
            "op 0 to 4 (3 and 4 with page 0) and then 0, found {op} with page {page} and {reserved}"
        )),
    }
}

/// A recording of the plugin as it comes in: its accesses in the order of the file.
pub struct Recording<'a> {
    input: Input<'a>,
    /// A compressed recording is damaged or cut short here.
    damaged: bool,
    offset: u64,
    /// Records read.
    number: u64,
    /// When vCPUs are idle, if anybody wants to know.
    turns: Option<Turns>,
}

impl<'a> Recording<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ImportError`] when there is none, or when the options say otherwise.
    pub fn open(
        input: Input<'a>,
        options: &ImportOptions,
    ) -> Result<(TraceHeader, Self), ImportError> {
        let mut recording = Recording {
            input,
            damaged: false,
            offset: 0,
            number: 0,
            turns: None,
        };
        let mut bytes = [0; HEADER_BYTES];
        let length = recording.read(&mut bytes)?;
        let header = header(bytes.get(..length).unwrap_or_default(), options);
        match header {
            Ok(header) => Ok((header, recording)),
            Err(expected) => Err(recording.header_error(expected)),
        }
    }

    /// An error of the record that was read last.
    pub fn record_error(&self, expected: String) -> ImportError {
        ImportError::Record {
            name: self.input.name.clone(),
            record: self.number.saturating_sub(1),
            expected,
        }
    }

    fn header_error(&self, expected: String) -> ImportError {
        ImportError::Header {
            name: self.input.name.clone(),
            expected,
        }
    }

    /// Fills `bytes`, but for what lies beyond the end.
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ImportError> {
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match self.input.text.read(rest) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) if self.input.is_damage(&source) => {
                    self.damaged = true;
                    return Err(ImportError::Damaged {
                        name: self.input.name.clone(),
                        place: format!("record {}", self.number),
                        source,
                    });
                }
                Err(source) => {
                    return Err(ImportError::Read {
                        name: self.input.name.clone(),
                        place: format!("byte {}", self.offset),
                        source,
                    });
                }
            }
        }
        self.offset += length as u64;
        Ok(length)
    }
}

impl Iterator for Recording<'_> {
    type Item = Result<Record, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.damaged {
            let mut bytes = [0; RECORD_BYTES];
            let length = match self.read(&mut bytes) {
                Ok(0) => return None,
                Ok(length) => length,
                Err(error) => return Some(Err(error)),
            };
            self.number += 1;
            let entry = entry(bytes.get(..length).unwrap_or_default());
            let noted = entry.and_then(|entry| match (entry, &mut self.turns) {
                (Entry::Access(record), turns) => {
                    let noted = match turns {
                        Some(turns) => turns.runs(record.vcpu, record.time_ns),
                        None => Ok(()),
                    };
                    noted.map(|()| Some(record))
                }
                (Entry::Idle { vcpu, time_ns }, Some(turns)) => {
                    turns.idle(vcpu, time_ns).map(|()| None)
                }
                (Entry::Woken { vcpu, time_ns }, Some(turns)) => {
                    turns.woken(vcpu, time_ns).map(|()| None)
                }
                (Entry::Idle { .. } | Entry::Woken { .. }, None) => Ok(None),
            });
            match noted {
                Ok(None) => {}
                Ok(Some(record)) => return Some(Ok(record)),
                Err(expected) => return Some(Err(self.record_error(expected))),
            }
        }
        None
    }
}
