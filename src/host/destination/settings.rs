//! `[destination]`: the settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::PageWork;
use crate::limits::{OutOfLimits, expect};
use crate::units::{Bytes, SimTime};

/// What stands still while a page fault is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultBlocks {
    /// The vCPU that touched the page (userfaultfd).
    Vcpu,
    /// The whole VM, as in prototypes that suspend it on each fault.
    Vm,
}

/// Nagle's rule on requests, and when the source acknowledges them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nagle {
    /// Requests go out at once.
    Off,
    /// The next piece of pushed pages that begins to go out carries the acknowledgement, and it counts when that piece
    /// has left; without any piece left to go, it leaves at once. Linux's delay, of up to 40 ms, is not modelled.
    DelayedAck,
    /// A packet of its own acknowledges each request when it arrives: the attribute `quickack` of a route on Linux. It
    /// goes out behind what the link has begun to send (under `priority`, demanded pages that overtake these delay it
    /// too) and takes no bandwidth.
    Quickack,
}

/// `[destination]`: the cost of a fault beyond the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct DestinationSettings {
    /// Time from the touch until the request is sent. Default 20 us, an assumption: an exit from the guest, the
    /// kernel's fault path and a wake-up of the thread that reads userfaultfd.
    pub fault_trap: SimTime,
    /// Time to put 4 KiB of a page into place. Default 2 us, an assumption: one `UFFDIO_COPY` of 4 KiB.
    pub install: SimTime,
    /// Time to put 4 KiB of zeros into place. Default 1.2 us: processor time of QEMU 10.0.2 (`UFFDIO_ZEROPAGE`;
    /// `tools/qemu/page-costs`).
    pub zero_install: SimTime,
    /// The same in a lead-in, where nothing has to be put: the destination looks whether its own 4 KiB are zero
    /// (`migration/ram.c`, `ram_handle_zero`). Default 200 ns: processor time of QEMU 10.0.2
    /// (`tools/qemu/page-costs`).
    pub zero_load: SimTime,
    /// TCP receive window of each channel: bytes in flight, not yet installed, or whose acknowledgement has not come
    /// back. While it is full, no further page starts on that channel; one that has started is finished. It opens one
    /// latency after a page is installed. So a long way carries a window a round trip, and a receiving thread that is
    /// slower than the link slows the source down. A page of which the window would hold less than 128 goes out in
    /// pieces of a 128th of it, or of 4 KiB if that is more. The core state keeps to it, too. With `link.loss` it may
    /// be smaller. Default 3 MiB: what Linux tunes it to on a long way. Of the 6 MiB of `net.ipv4.tcp_rmem`'s maximum
    /// (`net/ipv4/tcp.c`, `tcp_init`; 32 MiB from Linux 6.16 on), half is window (`net.ipv4.tcp_adv_win_scale` 1). The
    /// sender's 4 MiB of `net.ipv4.tcp_wmem` hold more.
    pub receive_buffer: Bytes,
    /// Time from an arrival at an idle receiving thread until it runs. What arrives meanwhile is installed in one go
    /// after it. So a vCPU in step with the stream faults once a burst, not once a page. Default 0: a thread that
    /// polls.
    pub receive_wake: SimTime,
    /// Whether requests follow Nagle's rule (RFC 896): while one is not acknowledged, later ones are held, to go out
    /// together. Default `off`. QEMU leaves the option `TCP_NODELAY` alone on its main channel, so there it is on.
    pub nagle: Nagle,
    /// Time from the installation until the waiting vCPU runs. Default 10 us, an assumption: a wake-up and an entry.
    pub wake: SimTime,
    /// What stands still during a fault. Default `vcpu`: userfaultfd.
    pub fault_blocks: FaultBlocks,
}

impl Default for DestinationSettings {
    fn default() -> Self {
        DestinationSettings {
            fault_trap: SimTime::from_us(20),
            install: SimTime::from_us(2),
            zero_install: SimTime::from_ns(1_200),
            zero_load: SimTime::from_ns(200),
            receive_buffer: Bytes(3 << 20),
            receive_wake: SimTime::ZERO,
            nagle: Nagle::Off,
            wake: SimTime::from_us(10),
            fault_blocks: FaultBlocks::Vcpu,
        }
    }
}

impl DestinationSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        expect(
            self.receive_buffer.0 > 0,
            "destination.receive_buffer",
            "expected at least 1 byte",
        )
    }

    /// The receiving thread's work behind the core state, in pages of a trace's size.
    pub fn installing(&self, page_size: u64) -> PageWork {
        PageWork::new(page_size, self.install, self.zero_install)
    }

    /// The receiving thread's work in a lead-in.
    pub fn loading(&self, page_size: u64) -> PageWork {
        PageWork::new(page_size, self.install, self.zero_load)
    }
}
