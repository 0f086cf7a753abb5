//! `[vm]`: the virtual machine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::{OutOfLimits, expect};
use crate::units::{AddressRanges, Bytes, SimTime};

/// `[vm]`: the virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct VmSettings {
    /// Guest memory. Default: the trace's, or 256 MiB for a synthetic workload. The guest never touches what exceeds
    /// its trace's memory, and that part has content, but for [`free`](VmSettings::free).
    pub memory: Option<Bytes>,
    /// How much of the memory has no content, beside what the trace says is zero: of the pages that the trace never
    /// touches the highest. At most as much as there is of them. Default 0.
    pub free: Bytes,
    /// Guest-physical addresses that are RAM, such as `"0-3GiB,4GiB-5GiB"` or a list of ranges, in whole pages; an open
    /// last range ends where the trace's memory does. What lies between them is neither sent nor may it be touched.
    /// Pages of RAM are numbered without the holes. Default: as the trace has it.
    pub ram: Option<AddressRanges>,
    /// Page of the trace. Default: as recorded, or 4 KiB for a synthetic workload.
    pub page_size: Option<Bytes>,
    /// Host page, the unit of fault and transfer, up to 1 GiB. It is sent as the trace's pages in it, of which those
    /// without content are sent as zero pages (QEMU: `migration/ram.c`, `ram_save_host_page`). Default: the trace's
    /// page.
    pub host_page: Option<Bytes>,
    /// CPU and device state, sent while no vCPU runs. Default 1 MiB, an assumption: the order of magnitude of a
    /// machine with a few emulated devices.
    pub core_state: Bytes,
    /// Time to stop the vCPUs and save their state. Default 2 ms, an assumption.
    pub suspend: SimTime,
    /// Time to load the state and start the vCPUs. Default 5 ms, an assumption.
    pub resume: SimTime,
}

impl Default for VmSettings {
    fn default() -> Self {
        VmSettings {
            memory: None,
            free: Bytes(0),
            ram: None,
            page_size: None,
            host_page: None,
            core_state: Bytes(1 << 20),
            suspend: SimTime::from_ms(2),
            resume: SimTime::from_ms(5),
        }
    }
}

impl VmSettings {
    pub(crate) fn check(&self) -> Result<(), OutOfLimits> {
        let core_state = self.core_state.0;
        expect(
            core_state <= 1 << 40,
            "vm.core_state",
            "expected at most 1 TiB",
        )
    }
}
