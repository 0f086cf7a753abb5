//! What random cases are drawn from: link, hosts, strategies, and keys beside them.

use super::traces::trace_part;
use crate::any_key;
use crate::pair::Case;
use migsim::host::destination::{FaultBlocks, Nagle};
use migsim::host::source::{DemandMode, Overtaken, WakeOnRequest};
use migsim::network::{
    BackgroundSettings, CongestionControl, Discipline, LossSettings, Outage, RecoverySettings,
    Step, Steps,
};
use migsim::scenario::Delivery;
use migsim::scenario::keys::Key;
use migsim::strategy::pre_record::PpsOrder;
use migsim::strategy::scan::Push;
use migsim::units::SimTime;
use migsim::units::{Bandwidth, Bytes};
use proptest::prelude::*;
use std::sync::LazyLock;

/// More than any case sends.
pub(super) const NO_WINDOW: Bytes = Bytes(1 << 50);

/// Spans that often coincide, so that ties and zero costs are common.
fn span(most_us: u64) -> impl Strategy<Value = SimTime> {
    prop_oneof![
        2 => Just(SimTime::ZERO),
        3 => (0..=most_us).prop_map(SimTime::from_us),
        2 => (0..=most_us * 1_000_000).prop_map(SimTime::from_ps),
    ]
}

fn in_order(mut steps: Vec<Step>) -> Vec<Step> {
    steps.sort_by_key(|step| step.at);
    steps.dedup_by_key(|step| step.at);
    steps
}

fn load() -> impl Strategy<Value = BackgroundSettings> {
    (1u8..=60, 100u64..=1_000, any::<u32>()).prop_map(|(mean_percent, period, seed)| {
        BackgroundSettings {
            mean_percent,
            period: SimTime::from_us(period),
            seed: seed.into(),
        }
    })
}

/// Mostly none. The gaps between them may be short.
fn outages() -> impl Strategy<Value = Vec<Outage>> {
    let outage = (1u64..700, 1u64..500);
    let apart = prop::collection::vec(outage, 1..5).prop_map(|apart| {
        let mut end = 0;
        let mut outages = Vec::new();
        for (gap, length) in apart {
            outages.push(Outage {
                at: SimTime::from_us(end + gap),
                duration: SimTime::from_us(length),
            });
            end += gap + length;
        }
        outages
    });
    prop_oneof![3 => Just(Vec::new()), 1 => apart]
}

/// In whole microseconds, as rows hold no picoseconds.
fn step() -> impl Strategy<Value = Step> {
    let megabits = prop_oneof![Just(200u64), 300u64..=3_000, Just(10_000)];
    (0u64..2_000, megabits).prop_map(|(at, mbit)| Step {
        at: SimTime::from_us(at),
        bandwidth: Bandwidth::from_bits_per_second(mbit * 1_000_000).expect("not zero"),
    })
}

type HostCosts = (
    (
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
        SimTime,
    ),
    (SimTime, SimTime, u64, bool, SimTime, SimTime),
);

fn host_costs() -> impl Strategy<Value = HostCosts> {
    (
        (
            span(30),
            span(30),
            span(20),
            span(20),
            span(20),
            span(20),
            span(10),
        ),
        (
            span(30),
            span(400),
            0u64..=20_000,
            any::<bool>(),
            span(30),
            span(200),
        ),
    )
}

/// A VM of a few pages, where everything happens at once.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    with_any_key(drawn_case())
}

/// A VM of so many pages that nothing happens for long, and bytes that buffers hold at most.
pub(crate) fn large_case() -> impl Strategy<Value = Case> {
    with_any_key(case_of(trace_part(700, 700), 700_000))
}

fn drawn_case() -> impl Strategy<Value = Case> {
    case_of(trace_part(24, 3), 60_000)
}

/// Keys that a case does not draw itself.
pub(super) static UNDRAWN: LazyLock<Vec<Key>> =
    LazyLock::new(|| any_key::undrawn(&drawn_case().boxed()));

fn with_any_key(case: impl Strategy<Value = Case>) -> impl Strategy<Value = Case> {
    (case, any_key::draws(&UNDRAWN)).prop_map(|(case, values)| Case {
        scenario: any_key::with_values(&case.scenario, &UNDRAWN, &values),
        ..case
    })
}

fn case_of(trace: impl Strategy<Value = Case>, most_bytes: u64) -> impl Strategy<Value = Case> {
    let link = (
        prop_oneof![Just(50u64), Just(200), Just(1_000), Just(10_000)],
        // The longer ones hold hundreds of pages.
        prop_oneof![3 => span(60), 1 => span(4_000)],
        prop_oneof![Just(1_500u32), Just(9_000), Just(68)],
        0u32..=2,
        0u32..=12,
        0u32..=12,
        prop_oneof![2 => Just(None), 1 => (1u32..=10_000, 0usize..3).prop_map(Some)],
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(step(), 1..6)],
        (
            proptest::option::weighted(0.2, load()),
            outages(),
            proptest::option::of((1u64..200, 0u64..100)),
        ),
    );
    let source = (
        0usize..4,
        span(20),
        span(20),
        prop_oneof![1u64..=9, 4_000..=most_bytes],
        any::<bool>(),
        0usize..4,
        // Fetching threads; 0: the source pushes.
        prop_oneof![3 => Just(0u16), 2 => 1u16..=5],
    );
    let sending = (
        prop_oneof![Just(None), (0u64..=4).prop_map(Some)],
        prop_oneof![3 => 0u32..=4, 1 => 5u32..=40],
        proptest::option::of(span(20)),
        prop_oneof![Just(0u64), Just(1), 4_000u64..=30_000],
        prop_oneof![Just(0u64), 1u64..=30_000],
        (
            any::<bool>(),
            0u8..=100,
            span(30),
            any::<bool>(),
            any::<bool>(),
        ),
        proptest::option::of(prop_oneof![1u64..=10, 4_000..=most_bytes]),
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            prop_oneof![Just(SimTime::ZERO), span(200)],
            prop_oneof![2 => Just(None), 1 => (1u64..=2_000).prop_map(Some)],
            any::<bool>(),
        ),
    );
    let parts = (trace, link, source, sending, host_costs());
    parts.prop_map(|(mut case, link, source, sending, costs)| {
        let scenario = &mut case.scenario;
        let (mbit, latency, mtu, discipline, message_header, zero_page_bytes, loss, steps, others) =
            link;
        scenario.link.bandwidth =
            Bandwidth::from_bits_per_second(mbit * 1_000_000).expect("not zero");
        scenario.link.steps = Steps::given(in_order(steps));
        let (background, outages, recovery) = others;
        (scenario.link.background, scenario.link.outages) = (background, outages);
        scenario.link.recovery = recovery.map(|(timeout, reconnect)| RecoverySettings {
            timeout: SimTime::from_us(timeout),
            reconnect: SimTime::from_us(reconnect),
        });
        scenario.link.latency = latency;
        scenario.link.mtu = mtu;
        scenario.link.discipline =
            [Discipline::Fifo, Discipline::Fair, Discipline::Priority][discipline as usize];
        scenario.link.loss = loss.map(|(per_million, control)| LossSettings {
            per_million,
            congestion_control: [
                CongestionControl::Reno,
                CongestionControl::Cubic,
                CongestionControl::Bbr,
            ][control],
        });
        scenario.link.message_header = message_header;
        scenario.link.zero_page_bytes = zero_page_bytes;
        let (push, push_service, demand_service, send_buffer, synchronous, order, fetchers) =
            source;
        scenario.source.push = [Push::Pivot, Push::Linear, Push::Bubble, Push::None][push];
        scenario.source.push_service = push_service;
        scenario.source.demand_service = demand_service;
        scenario.source.send_buffer = Bytes(send_buffer);
        let (
            resume_quarters,
            write_batch,
            zero_service,
            device_queue,
            segment,
            (wake_on_request, overtaken_percent, overtaken_by, nagle, receiver_thread),
            receive,
            (request_thread, quickack, push_after, limiter_period, limit, push_while_resuming),
        ) = sending;
        scenario.migration.push_while_resuming = push_while_resuming;
        scenario.source.send_resume = resume_quarters.map(|n| Bytes(send_buffer * n / 4));
        scenario.source.write_batch = write_batch;
        scenario.source.zero_service = zero_service.unwrap_or(push_service);
        scenario.link.demand_channel.request_thread = request_thread;
        scenario.source.max_postcopy_bandwidth =
            limit.and_then(|mbit: u64| Bandwidth::from_bits_per_second(mbit * 1_000_000));
        if scenario.link.discipline != Discipline::Priority {
            scenario.link.device_queue = Bytes(device_queue);
        }
        scenario.destination.receive_buffer = receive.map_or(NO_WINDOW, Bytes);
        // At least a packet's payload.
        let least = if segment == 0 { 0 } else { mtu - 52 };
        scenario.link.segment = Bytes(segment.max(least.into()));
        scenario.destination.nagle = match (nagle, quickack) {
            (false, _) => Nagle::Off,
            (true, false) => Nagle::DelayedAck,
            (true, true) => Nagle::Quickack,
        };
        scenario.link.demand_channel.receiver_thread = receiver_thread;
        scenario.source.wake_on_request = WakeOnRequest(wake_on_request.then_some(Overtaken {
            overtaken_percent,
            overtaken_by,
        }));
        if synchronous {
            scenario.source.demand_mode = DemandMode::Synchronous;
        }
        scenario.migration.delivery = match (fetchers, push_after) {
            (0, _) => Delivery::SourcePush,
            (_, false) => Delivery::DestinationFetch(fetchers),
            (_, true) => Delivery::FetchThenPush(fetchers),
        };
        scenario.source.limiter_period = match (limit, scenario.migration.delivery) {
            (Some(_), _) => Some(limiter_period.max(SimTime::from_ns(100))),
            (None, Delivery::FetchThenPush(_)) => Some(limiter_period),
            (None, _) => None,
        };
        scenario.pre_record.order = [
            PpsOrder::FirstAccess,
            PpsOrder::Recency,
            PpsOrder::Frequency,
            PpsOrder::Address,
        ][order];
        let (
            (suspend, resume, fault_trap, install, receive_wake, wake, record_trap),
            (planning_cost, record_window, core_state, blocks_vm, planning_time, setup_time),
        ) = costs;
        scenario.vm.suspend = suspend;
        scenario.vm.resume = resume;
        // Not so many windows that a recorder would watch for longer than the trace is.
        let most = receive.map_or(u64::MAX, |window| 20 * window);
        scenario.vm.core_state = Bytes(core_state.min(most));
        scenario.destination.fault_trap = fault_trap;
        scenario.destination.install = install;
        scenario.destination.receive_wake = receive_wake;
        scenario.destination.wake = wake;
        scenario.source.record_trap = record_trap;
        scenario.migration.record_window = record_window;
        scenario.migration.planning_cost = planning_cost;
        scenario.migration.planning_time = planning_time;
        scenario.migration.setup_time = setup_time;
        if blocks_vm {
            scenario.destination.fault_blocks = FaultBlocks::Vm;
        }
        case
    })
}
