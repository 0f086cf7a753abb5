//! All figures.

/// How a figure is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// Dots with ranges, a group at each tick.
    Dots,
    /// Lines over a quantity.
    Lines,
    /// What happens after the resume, over time.
    Recovery,
    /// What each strategy leaves of the first one's faults and stall.
    Worth,
}

/// A figure: a scenario, and how it is looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Figure {
    /// Name of its files.
    pub name: &'static str,
    /// Headline.
    pub title: &'static str,
    /// The scenario's text, with its `[sweep]`.
    pub scenario: &'static str,
    /// What is below it.
    pub note: &'static str,
    pub(super) view: View,
    /// The axes of the sweep that make the horizontal axis; the others are what error bars are over.
    pub(super) groups: &'static [&'static str],
    pub(super) x_label: &'static str,
    /// What error bars are over.
    pub(super) over: &'static str,
}

/// The scenario that the claims are judged by.
pub const CLAIMS: &str = include_str!("../../scenarios/figures/claims.toml");

/// The scenario that they are judged by on the recordings of a checkout.
pub const CLAIMS_RECORDED: &str = include_str!("../../scenarios/figures/claims-recorded.toml");

impl Figure {
    /// Whether what it needs is at hand: one figure needs the recordings, in `traces` of a checkout.
    pub fn is_available(&self) -> bool {
        super::data::is_available(self.scenario)
    }
}

const POSITIONS: &str = "positions of the migration in the guest's life";

/// Every figure, in the order of the report.
pub const FIGURES: [Figure; 12] = [
    Figure {
        name: "worth",
        title: "What the strategies are worth: network faults and stall relative to post-copy",
        scenario: include_str!("../../scenarios/figures/worth.toml"),
        note: "1 Gbit/s, 100 us, W = 500 ms; each recorded guest at three positions. Dots are medians over the guests, and \
               bars go from the best guest to the worst.",
        view: View::Worth,
        groups: &["trace.file"],
        x_label: "Strategy",
        over: POSITIONS,
    },
    Figure {
        name: "workloads",
        title: "Migration of seven guests at the defaults: 1 Gbit/s, 100 us, W = 500 ms",
        scenario: include_str!("../../scenarios/figures/workloads.toml"),
        note: "sort is a recording of a whole guest, the others are synthetic. Few faults are not little stall: one \
               fault behind a full queue costs as much as a hundred on pages about to arrive.",
        view: View::Dots,
        groups: &["trace"],
        x_label: "Guest",
        over: POSITIONS,
    },
    Figure {
        name: "recordings",
        title: "Migration of eleven recorded guests at the defaults: 1 Gbit/s, 100 us, W = 500 ms",
        scenario: include_str!("../../scenarios/figures/recordings.toml"),
        note: "Recordings of whole guests under QEMU; traces/README.md says what each of them does.",
        view: View::Dots,
        groups: &["trace.file"],
        x_label: "Recording",
        over: POSITIONS,
    },
    Figure {
        name: "bandwidth",
        title: "Against bandwidth: the recorded guest",
        scenario: include_str!("../../scenarios/figures/bandwidth.toml"),
        note: "Latency 100 us, W = 500 ms.",
        view: View::Lines,
        groups: &["link.bandwidth"],
        x_label: "Bandwidth of the link",
        over: POSITIONS,
    },
    Figure {
        name: "latency",
        title: "Against latency: the recorded guest",
        scenario: include_str!("../../scenarios/figures/latency.toml"),
        note: "1 Gbit/s, W = 500 ms, pipelined sender. With a long way for requests, the push overtakes them.",
        view: View::Lines,
        groups: &["link.latency"],
        x_label: "One-way latency of the link",
        over: POSITIONS,
    },
    Figure {
        name: "window",
        title: "Against the record window W: the recorded guest",
        scenario: include_str!("../../scenarios/figures/window.toml"),
        note: "1 Gbit/s, 100 us. W is part of the total migration time. Post-copy and clairvoyant do not record: they do \
               not depend on W.",
        view: View::Lines,
        groups: &["migration.record_window"],
        x_label: "Record window W",
        over: POSITIONS,
    },
    Figure {
        name: "memory",
        title: "Against the size of memory: a Zipf guest with a working set of 64 MiB",
        scenario: include_str!("../../scenarios/figures/memory.toml"),
        note: "10 Gbit/s, 100 us, W = 500 ms. Half of the memory outside the working set is zero.",
        view: View::Lines,
        groups: &["vm.memory"],
        x_label: "Memory of the VM",
        over: POSITIONS,
    },
    Figure {
        name: "working-set",
        title: "Against the size of the working set: a Zipf guest of 256 MiB",
        scenario: include_str!("../../scenarios/figures/working-set.toml"),
        note: "1 Gbit/s, 100 us, W = 500 ms. Memory outside the working set is half zero, so a larger working set is also \
               more to send.",
        view: View::Lines,
        groups: &["trace.workload.working_set"],
        x_label: "Working set",
        over: POSITIONS,
    },
    Figure {
        name: "write-rate",
        title: "Against the share of writes: a Zipf guest of 256 MiB, 20,000 accesses a second",
        scenario: include_str!("../../scenarios/figures/write-rate.toml"),
        note: "1 Gbit/s, 100 us, W = 500 ms. Writes do not matter to post-copy, pre-record and PDoPMP: a page moves once, \
               whether it was read or written. Pre-copy and hybrid, which send dirty pages again, are there to show the \
               difference.",
        view: View::Lines,
        groups: &["trace.workload.write_fraction"],
        x_label: "Share of writes among the accesses",
        over: "seeds of the workload",
    },
    Figure {
        name: "recovery",
        title: "After the resume: faults and speed of the guest",
        scenario: include_str!("../../scenarios/figures/recovery.toml"),
        note: "1 Gbit/s, 100 us, W = 500 ms, one position. Speed is the share of each window of 50 ms in which vCPUs were \
               not blocked by faults.",
        view: View::Recovery,
        groups: &["trace"],
        x_label: "Time since the resume in s",
        over: "",
    },
    Figure {
        name: "pps-order",
        title: "Orders in which the PPS is pushed: the recorded guest",
        scenario: include_str!("../../scenarios/figures/pps-order.toml"),
        note: "1 Gbit/s, 100 us, W = 500 ms. PDoPMP makes its own order from predicted times of use: this key does not \
               concern it.",
        view: View::Dots,
        groups: &["pre-record.order"],
        x_label: "Order within the PPS",
        over: POSITIONS,
    },
    Figure {
        name: "demand-mode",
        title: "Pipelined and synchronous senders, near and far: the recorded guest",
        scenario: include_str!("../../scenarios/figures/demand-mode.toml"),
        note: "1 Gbit/s, W = 50 ms. A synchronous sender waits for the acknowledgement of each demanded page: there faults \
               cost total time, and saving them saves it. A pipelined one never idles: there W is added to the total time.",
        view: View::Dots,
        groups: &["source.demand_mode", "link.latency"],
        x_label: "Sender and one-way latency",
        over: POSITIONS,
    },
];
