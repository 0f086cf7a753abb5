//! QEMU's execlog plugin: `qemu-… -plugin libexeclog.so -d plugin -D FILE`.
//!
//! ```text
//! 0, 0x401026, 0x050f, "syscall "
//! 0, 0x10c8, 0xfff96c43, "ldr r3, [r0, #0x44]", load, 0x200000e4, RAM
//! 0, 0xd34, 0xf9c8f000, "bl #0x10c8", store, 0x200000e0, RAM, sp -> 0x200000e0
//! ```
//!
//! vCPU, address of the instruction, its first bytes, its disassembly (with commas of its own), then any number of
//! accesses. No time, and no sizes. The order of the log is the order in time, over all vCPUs. Other lines of QEMU's
//! log (`-d exec`, `-d in_asm`) are passed over.
//!
//! Under user-mode emulation every address is the process's. Under system emulation an access has a physical address
//! and the name of a device, but the instruction a virtual address: such a log is imported with physical addresses,
//! without fetches, and without accesses to anything but RAM. Firmware counts as RAM there, at addresses beyond the
//! machine's memory: the number of pages and leniency leave it out.

use super::accesses::Accesses;
use super::importer::{BY_RECORDS, Importer};
use super::text::{self, TextFormat, decimal, expected, hex};
use super::{Addresses, Refusal};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "execlog",
    reads: "QEMU's `execlog` plugin",
    places: "virtual or physical addresses",
    ops: "read, write, fetch",
    time: BY_RECORDS,
    vcpu: "recorded",
    read: |input, options, out| text::import(Execlog, input, options, out),
};

struct Execlog;

impl TextFormat for Execlog {
    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        if !is_record(line) {
            return Ok(());
        }
        let (vcpu, instruction, accesses) = instruction(line)
            .ok_or_else(|| expected("`vcpu, 0xADDRESS, 0xOPCODE, \"disassembly\"`", line))?;
        let physical = to.addresses() == Addresses::Physical;
        if !physical {
            to.access_by(0, vcpu, Op::Execute, instruction, 1)?;
        }
        let mut fields = accesses
            .split(|&byte| byte == b',')
            .map(<[u8]>::trim_ascii)
            .peekable();
        while let Some(field) = fields.next() {
            let op = match field {
                b"load" => Op::Read,
                b"store" => Op::Write,
                // What stands before the first comma, and registers.
                _ => continue,
            };
            let address = fields.next().unwrap_or_default();
            let address = hex(address)
                .ok_or_else(|| expected("`load` or `store` and a hexadecimal address", address))?;
            let device = fields
                .next_if(|field| !matches!(*field, b"load" | b"store") && !is_register(field));
            match device {
                None | Some(b"RAM") if device.is_some() == physical => {
                    to.access_by(0, vcpu, op, address, 1)?;
                }
                Some(_) if physical => {}
                Some(device) => {
                    return Err(expected(
                        "no device with virtual addresses (a log of system emulation has physical ones)",
                        device,
                    ));
                }
                None => {
                    return Err(expected(
                        "a device, as in a log of system emulation, with physical addresses",
                        line,
                    ));
                }
            }
        }
        to.step();
        Ok(())
    }
}

/// Whether a line is the plugin's, and not another one of QEMU's log.
fn is_record(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0 && line.get(digits) == Some(&b','))
        || memchr::memmem::find_iter(line, b", 0x").nth(1).is_some()
}

/// The vCPU, the address, and what stands after the disassembly.
fn instruction(line: &[u8]) -> Option<(u16, u64, &[u8])> {
    let mut fields = line.splitn(4, |&byte| byte == b',').map(<[u8]>::trim_ascii);
    let vcpu = decimal(fields.next()?)?.try_into().ok()?;
    let address = hex(fields.next()?)?;
    let _opcode = hex(fields.next()?)?;
    let rest = fields.next()?.strip_prefix(b"\"")?;
    // The last quote: a disassembly may have quotes of its own, what follows has none.
    let quote = rest.iter().rposition(|&byte| byte == b'"')?;
    Some((vcpu, address, rest.get(quote + 1..)?))
}

/// `sp -> 0x200000e0`
fn is_register(field: &[u8]) -> bool {
    field.windows(2).any(|pair| pair == b"->")
}
