//! The file of a thread, or of a core: 12 bytes a record, little-endian (`trace_entry.h`).
//!
//! | offset | field |
//! |---|---|
//! | 0 | u16 what it is |
//! | 2 | u16 size of the access; of a marker: its kind |
//! | 4 | u64 address; of a marker: its value |

use super::{Clocks, Op, Refusal};
use crate::trace::import::accesses::Accesses;
use crate::trace::import::binary::BinaryFormat;

pub(super) const BYTES: usize = 12;
/// The first byte of every file, which begins no text.
pub(super) const FIRST: u8 = HEADER as u8;

const READ: u16 = 0;
const WRITE: u16 = 1;
const BUNDLE: u16 = 17;
const THREAD: u16 = 22;
const PROCESS: u16 = 24;
const HEADER: u16 = 25;
const MARKER: u16 = 28;

const TIMESTAMP: u16 = 2;
const FILE_TYPE: u16 = 9;

/// In the marker [`FILE_TYPE`]: any filter, or instructions only.
const FILTERED: u64 = 0x01 | 0x04 | 0x80 | 0x100;

#[derive(Default)]
pub(super) struct Records {
    process: u64,
    thread: Option<u64>,
    /// Of the thread, once it is known.
    vcpu: Option<(u32, u16)>,
    clocks: Clocks,
    /// By vCPU: its last timestamp.
    timestamps_us: Vec<u64>,
    /// Where the last instruction ended.
    next_instruction: u64,
    filtered: bool,
}

impl BinaryFormat<BYTES> for Records {
    fn record(&mut self, bytes: &[u8; BYTES], to: &mut Accesses) -> Result<(), Refusal> {
        let [a, b, c, d, address @ ..] = *bytes;
        let (kind, size) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let address = u64::from_le_bytes(address);
        match kind {
            READ => self.access(Op::Read, address, size, to),
            WRITE => self.access(Op::Write, address, size, to),
            // Instructions by their kinds of jumps and calls.
            10..=16 | 30 | 31 | 48 | 49 => self.instruction(address, size, to),
            BUNDLE => {
                for length in address.to_le_bytes().into_iter().take(size.into()) {
                    self.instruction(self.next_instruction, length.into(), to)?;
                }
                Ok(())
            }
            THREAD => {
                (self.thread, self.vcpu) = (Some(address), None);
                Ok(())
            }
            PROCESS => {
                (self.process, self.vcpu) = (address, None);
                Ok(())
            }
            // Four bytes of address would make it another number.
            HEADER if address > u16::MAX.into() => Err(Refusal::Line(
                "a recording of a 64-bit program, found one of a 32-bit program".to_owned(),
            )),
            MARKER if size == TIMESTAMP => self.timestamp(address, to),
            MARKER if size == FILE_TYPE => {
                self.filtered |= address & FILTERED != 0;
                Ok(())
            }
            // Prefetches, flushes, ends of threads, repeated instructions, encodings.
            2..=9 | 18..=29 | 32..=47 => Ok(()),
            other => Err(Refusal::Line(format!(
                "a record of drmemtrace (kind 0 to 49), found kind {other}"
            ))),
        }
    }

    fn notes(&self) -> Vec<String> {
        let note = self
            .filtered
            .then(|| "the recorder has filtered accesses: pages and writes are missing".to_owned());
        note.into_iter().collect()
    }
}

impl Records {
    fn vcpu(&mut self, to: &mut Accesses) -> Result<(u32, u16), Refusal> {
        if let Some(known) = self.vcpu {
            return Ok(known);
        }
        let Some(thread) = self.thread else {
            return Err(Refusal::Line(
                "a thread before its first access or timestamp".to_owned(),
            ));
        };
        let process = to.process(self.process)?;
        let vcpu = to.vcpu_of_thread(process, thread)?;
        self.vcpu = Some((process, vcpu));
        Ok((process, vcpu))
    }

    fn timestamp(&mut self, us: u64, to: &mut Accesses) -> Result<(), Refusal> {
        let (_, vcpu) = self.vcpu(to)?;
        let index = usize::from(vcpu);
        if index >= self.timestamps_us.len() {
            self.timestamps_us.resize(index + 1, 0);
        }
        let last_us = std::mem::replace(&mut self.timestamps_us[index], us);
        if us < last_us {
            return Err(Refusal::Line(format!(
                "a thread's timestamps in ascending order (files of threads, not of cores, can be read in a row), \
                 found {us} after {last_us}"
            )));
        }
        self.clocks.set(vcpu, us)
    }

    fn instruction(&mut self, address: u64, size: u16, to: &mut Accesses) -> Result<(), Refusal> {
        self.next_instruction = address.saturating_add(size.into());
        self.access(Op::Execute, address, size, to)
    }

    fn access(
        &mut self,
        op: Op,
        address: u64,
        size: u16,
        to: &mut Accesses,
    ) -> Result<(), Refusal> {
        let (process, vcpu) = self.vcpu(to)?;
        to.set_clock(self.clocks.now_ns(vcpu))?;
        to.access_by(process, vcpu, op, address, size.into())?;
        self.clocks.step(vcpu, to.step_ns);
        Ok(())
    }
}
