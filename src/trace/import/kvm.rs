//! KVM's tracepoints of guest-physical page faults, from `perf script`, `trace-cmd report` or ftrace's `trace` file.
//!
//! ```text
//! CPU 5/KVM  4145 [002]    86.581928: kvm:kvm_page_fault: vcpu 5 rip 0x7f08a4602116 address 0x113600002 error_code 0x181
//! CPU 5/KVM-4145 [002] d...  86.581928: kvm_page_fault: address fd000 error_code 14
//! CPU 0/KVM  4145 [002]    86.581928: kvm:kvm_guest_fault: ipa 0x4a3c1000, hsr 0x92000047, hxfar 0xffff80, pc 0xffff80
//! ```
//!
//! Such a fault is raised where the second-level page table does not map a page (yet), or not for writing: after a
//! restore, while the dirty log is on, or when memory comes back from swap. Between them accesses leave no trace. A
//! fault may map 2 MiB.
//!
//! The error code is Intel's exit qualification where its bit 7 or 8 is set (bit 1 write, bit 2 fetch), else AMD's (bit
//! 1 write, bit 4 fetch); arm64 tells by its syndrome (class 0x20 is a fetch, bit 6 a write).
//!
//! Addresses are guest-physical. A vCPU is what the event calls one, else what the thread is called (`CPU 5/KVM`,
//! `vcpu5`, `fc_vcpu 5`), else each thread is one: ftrace writes `<...>` for a name that it has forgotten, for some
//! lines or for all.

use std::collections::HashSet;

use super::accesses::Accesses;
use super::importer::Importer;
use super::text::{self, TextFormat, decimal, hex};
use super::tracepoint::{Events, Sample};
use super::{Addresses, Refusal};
use crate::trace::Op;

pub(super) const IMPORTER: Importer = Importer {
    name: "kvm",
    reads: "KVM's `kvm_page_fault` or `kvm_guest_fault`: `perf script`, `trace-cmd report` or ftrace",
    places: "guest-physical addresses",
    ops: "read, write, fetch",
    time: "recorded",
    vcpu: "recorded",
    read: |input, options, out| {
        let faults = GuestFaults::new(options.page_size, options.ram.is_empty());
        text::import(faults, input, options, out)
    },
};

const EXPECTED: &str =
    "a line of perf, trace-cmd or ftrace with the event `kvm_page_fault` or `kvm_guest_fault`";
const BLOCK_SHIFT: u32 = 21;

struct GuestFaults {
    events: Events,
    /// By vCPU, in the order of appearance.
    runners: Vec<Runner>,
    blocks: Blocks,
    whole_memory: bool,
}

/// What runs a vCPU.
struct Runner {
    thread: u64,
    /// The vCPU's number, once an event or the thread's name has told it.
    number: Option<u16>,
}

impl GuestFaults {
    fn new(page_size: Option<u64>, whole_memory: bool) -> Self {
        GuestFaults {
            events: Events::default(),
            runners: Vec::new(),
            blocks: Blocks::new(page_size.is_some_and(|size| size >= 1 << BLOCK_SHIFT)),
            whole_memory,
        }
    }

    /// The vCPU of an event, in the order of appearance. One that another thread runs is another VM's.
    fn vcpu(
        &mut self,
        sample: &Sample<'_>,
        said: Option<u64>,
        to: &mut Accesses,
    ) -> Result<u16, Refusal> {
        let number = said.or_else(|| vcpu_of_name(sample.command));
        let number = number.map(|number| {
            let number = u16::try_from(number).ok();
            let number = number.filter(|&number| number < u16::MAX);
            number.ok_or_else(|| sample.refused("a vCPU below 65535"))
        });
        let number = number.transpose()?;
        let vcpu = match said {
            Some(said) => to.vcpu_of_thread(1, said)?,
            None => to.vcpu_of_thread(0, sample.thread)?,
        };
        let index = usize::from(vcpu);
        if index == self.runners.len() {
            self.runners.push(Runner {
                thread: sample.thread,
                number: None,
            });
        }
        let (thread, known) = (self.runners[index].thread, self.runners[index].number);
        if thread != sample.thread {
            return Err(of_two_vms(number.unwrap_or(vcpu), thread, sample.thread));
        }
        if let (None, Some(number)) = (known, number) {
            let mut runners = self.runners.iter();
            if let Some(other) = runners.find(|runner| runner.number == Some(number)) {
                return Err(of_two_vms(number, other.thread, thread));
            }
            self.runners[index].number = Some(number);
        }
        Ok(vcpu)
    }

    /// By vCPU in the order of appearance: its number. One that nothing tells gets the lowest that is free.
    fn numbers(&self) -> Vec<u16> {
        let told: HashSet<u16> = self.runners.iter().filter_map(|run| run.number).collect();
        let mut free = (0..u16::MAX).filter(|number| !told.contains(number));
        let number = |runner: &Runner| runner.number.or_else(|| free.next());
        let numbers = self.runners.iter().map_while(number);
        numbers.collect()
    }
}

fn of_two_vms(vcpu: u16, thread: u64, other: u64) -> Refusal {
    Refusal::Line(format!(
        "the faults of one VM (`perf record -p PID`, `trace-cmd record -P PID -c`), found vCPU {vcpu} in thread \
         {thread} and in thread {other}"
    ))
}

impl TextFormat for GuestFaults {
    const ADDRESSES: Addresses = Addresses::Physical;
    const KEEPS_INDENT: bool = true;

    fn line(&mut self, line: &[u8], to: &mut Accesses) -> Result<(), Refusal> {
        let Some(sample) = self.events.sample(line, EXPECTED)? else {
            return Ok(());
        };
        let said = match sample.name() {
            b"kvm_page_fault" => Said::of(sample.said).fault(x86_op),
            b"kvm_guest_fault" => Said::of(sample.said).fault(arm64_op),
            _ => {
                self.events.other(&sample);
                return Ok(());
            }
        };
        let (op, address, vcpu) = said.ok_or_else(|| {
            sample.refused("`address 0x… error_code 0x…` (x86) or `ipa 0x…, hsr 0x…` (arm64)")
        })?;
        let vcpu = self.vcpu(&sample, vcpu, to)?;
        self.blocks.note(address);
        to.set_clock(sample.time_ns)?;
        to.access_by(0, vcpu, op, address, 1)
    }

    fn end(&mut self, to: &mut Accesses) -> Result<(), Refusal> {
        to.number_vcpus(self.numbers());
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.events.notes();
        if self.whole_memory {
            notes.push(
                "every address counts as memory, that of devices, too: `--ram` says what is RAM, such as `0-2GiB,4GiB-66GiB` (QEMU's \
                 q35, 64 GiB) or `0-3GiB,4GiB-65GiB` (i440fx)"
                    .to_owned(),
            );
        }
        notes.extend(self.blocks.note_of_huge_pages());
        notes
    }
}

/// What an event says, as far as it is needed.
#[derive(Default)]
struct Said {
    vcpu: Option<u64>,
    address: Option<u64>,
    code: Option<u64>,
}

impl Said {
    fn of(text: &[u8]) -> Self {
        let mut said = Said::default();
        let separates = |byte: &u8| matches!(byte, b' ' | b',' | b'=' | b'\t');
        let mut words = text.split(separates).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            match word {
                b"vcpu" => said.vcpu = words.next().and_then(decimal),
                b"address" | b"ipa" => said.address = words.next().and_then(hex),
                b"error_code" | b"hsr" | b"esr" => said.code = words.next().and_then(hex),
                _ => {}
            }
        }
        said
    }

    /// Op, address and vCPU.
    fn fault(self, op: fn(u64) -> Op) -> Option<(Op, u64, Option<u64>)> {
        Some((op(self.code?), self.address?, self.vcpu))
    }
}

/// Intel SDM, table 28-7 (exit qualification for EPT violations); AMD APM volume 2, 15.25.6 (nested page fault).
fn x86_op(code: u64) -> Op {
    let intel = code & 0x180 != 0;
    let fetch = if intel { 1 << 2 } else { 1 << 4 };
    match (code & fetch != 0, code & 2 != 0) {
        (_, true) => Op::Write,
        (true, false) => Op::Execute,
        (false, false) => Op::Read,
    }
}

/// Arm ARM, ESR_ELx: the exception class, and WnR of a data abort.
fn arm64_op(syndrome: u64) -> Op {
    const INSTRUCTION_ABORT: u64 = 0x20;
    match (syndrome >> 26 & 0x3f, syndrome & 1 << 6 != 0) {
        (INSTRUCTION_ABORT, _) => Op::Execute,
        (_, true) => Op::Write,
        (_, false) => Op::Read,
    }
}

/// `CPU 5/KVM` (QEMU), `vcpu5` (Cloud Hypervisor), `fc_vcpu 5` (Firecracker). `trace-cmd report` puts the name of a
/// file or an instance in front, where it reads several; with `-l` it cuts names.
fn vcpu_of_name(command: &[u8]) -> Option<u64> {
    /// Linux' `TASK_COMM_LEN` without the end mark.
    const LONGEST_NAME: usize = 15;
    let name = match memchr::memchr(b':', command) {
        Some(colon) if command.len() > LONGEST_NAME => command[colon + 1..].trim_ascii_start(),
        _ => command,
    };
    let qemu = || {
        let rest = name.strip_prefix(b"CPU ")?;
        let (number, end) = rest.split_at(memchr::memchr(b'/', rest)?);
        decimal(number).filter(|_| b"/KVM".starts_with(end))
    };
    let other = |prefix: &[u8]| decimal(name.strip_prefix(prefix)?);
    qemu()
        .or_else(|| other(b"vcpu"))
        .or_else(|| other(b"fc_vcpu "))
}

/// Whether faults map 4 KiB or 2 MiB: a block of 2 MiB that is mapped as a whole has one address in a recording.
struct Blocks {
    known: bool,
    /// By block, up to 64 GiB: its first address's page, and whether there was another.
    seen: Vec<(u32, bool)>,
}

impl Blocks {
    const MOST: usize = 1 << 15;
    const NONE: u32 = u32::MAX;

    fn new(known: bool) -> Self {
        Blocks {
            known,
            seen: Vec::new(),
        }
    }

    fn note(&mut self, address: u64) {
        let block = (address >> BLOCK_SHIFT) as usize;
        if self.known || block >= Self::MOST {
            return;
        }
        if block >= self.seen.len() {
            self.seen.resize(block + 1, (Self::NONE, false));
        }
        let page = (address >> 12) as u32;
        let (first, several) = &mut self.seen[block];
        if *first == Self::NONE {
            *first = page;
        }
        *several |= *first != page;
    }

    /// A warning where nearly every block has one address only.
    fn note_of_huge_pages(&self) -> Option<String> {
        const ENOUGH: usize = 32;
        let seen = self.seen.iter().filter(|(first, _)| *first != Self::NONE);
        let (blocks, several) = seen.fold((0, 0), |(blocks, several), (_, more)| {
            (blocks + 1, several + usize::from(*more))
        });
        (blocks >= ENOUGH && several * 10 < blocks).then(|| {
            format!(
                "nearly every address lies in a block of 2 MiB of its own ({} of {blocks}): a fault seems to map 2 MiB; \
                 `--page-size \"2 MiB\"` takes it so",
                blocks - several
            )
        })
    }
}
