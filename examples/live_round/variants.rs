//! What is compared: lead-ins and orders, taken together in other ways than the named strategies do, and settings.

use migsim::scenario::Scenario;
use migsim::strategy::hybrid_pre_record::Remembered;
use migsim::strategy::lead_in::{LeadIn, Rounds, Tracking};
use migsim::strategy::pre_record::PreRecord;
use migsim::strategy::{Entry, Order, Parameters, Registry, Settings, hybrid, pdopmp, post_copy};
use migsim::units::{Bytes, SimTime};

/// A strategy with settings.
pub(crate) struct Variant {
    /// What it is called in the tables.
    pub(crate) name: &'static str,
    pub(crate) strategy: &'static str,
    pub(crate) set: fn(&mut Scenario),
}

const fn variant(name: &'static str, strategy: &'static str, set: fn(&mut Scenario)) -> Variant {
    Variant {
        name,
        strategy,
        set,
    }
}

pub(crate) const HYBRID: &str = "hybrid";
pub(crate) const PRE_COPY: &str = "pre-copy";
pub(crate) const POST_COPY: &str = "post-copy";
pub(crate) const PRE_RECORD: &str = "pre-record, link idle";
pub(crate) const PDOPMP: &str = "pre-record+pdopmp, link idle";
pub(crate) const LOCALITY: &str = "PDoPMP, locality for heat, link idle";
pub(crate) const LOCALITY_PUSH: &str = "PDoPMP, locality for heat, push";
pub(crate) const HYBRID_PRE_RECORD: &str = "B + R: hybrid+pre-record";
pub(crate) const TWO_ROUNDS: &str = "C + R: two rounds";
pub(crate) const PRE_RECORD_PUSH: &str = "pre-record, push";
pub(crate) const PDOPMP_PUSH: &str = "pre-record+pdopmp, push";

fn exact(scenario: &mut Scenario) {
    scenario.source.dirty_log_chunk = Bytes(4_096);
}

/// All of them, in the order of the tables.
pub(crate) const VARIANTS: &[Variant] = &[
    variant(POST_COPY, "post-copy", |_| {}),
    variant(PRE_RECORD, "pre-record", |_| {}),
    variant(PDOPMP, "pre-record+pdopmp", |_| {}),
    variant(LOCALITY, "pre-record+pdopmp", locality),
    variant(PRE_RECORD_PUSH, "pre-record", push),
    variant(PDOPMP_PUSH, "pre-record+pdopmp", push),
    variant(LOCALITY_PUSH, "pre-record+pdopmp", |scenario| {
        push(scenario);
        locality(scenario);
    }),
    variant(PRE_COPY, "pre-copy", |_| {}),
    variant(HYBRID, "hybrid", |_| {}),
    variant("A, by address", "hybrid", exact),
    variant("A + recency", "A + recency", |_| {}),
    variant("A + PDoPMP's plan", "A + PDoPMP", |_| {}),
    variant("A + R", "A + R", |_| {}),
    variant("B, by address", "B", |_| {}),
    variant(HYBRID_PRE_RECORD, "hybrid+pre-record", |_| {}),
    variant("B + R, record_trap 0", "hybrid+pre-record", |scenario| {
        scenario.source.record_trap = SimTime::ZERO;
    }),
    variant("B + R, record_trap 5 us", "hybrid+pre-record", |scenario| {
        scenario.source.record_trap = SimTime::from_us(5);
    }),
    variant("B + R, W 50 ms", "hybrid+pre-record", |scenario| {
        scenario.migration.record_window = SimTime::from_ms(50);
    }),
    variant(
        "B + R, dirty log of 50 ms",
        "hybrid+pre-record",
        |scenario| {
            scenario.source.dirty_log_interval = SimTime::from_ms(50);
        },
    ),
    variant(
        "B + R, dirty log of 200 ms",
        "hybrid+pre-record",
        |scenario| {
            scenario.source.dirty_log_interval = SimTime::from_ms(200);
        },
    ),
    variant(TWO_ROUNDS, "hybrid+pre-record", |scenario| {
        scenario.hybrid.rounds = 2;
    }),
];

/// Pages around recorded ones are planned, and a plain scan follows the plan.
fn locality(scenario: &mut Scenario) {
    scenario.pdopmp.most_per_recorded = 4;
    scenario.pdopmp.recorded_weight = 0;
    scenario.pdopmp.request_weight = 0;
}

fn push(scenario: &mut Scenario) {
    scenario.migration.push_while_recording = true;
}

fn recorded(settings: &Settings<'_>, cold_first: bool) -> LeadIn {
    LeadIn::Rounds(Rounds {
        tracking: Tracking::Recorder { cold_first },
        ..hybrid::rounds(settings)
    })
}

/// The strategies of the crate, and parts of `hybrid+pre-record`.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::standard();
    let mut register = |name, lead_in, order| {
        registry.register(Entry {
            name,
            summary: "a part of hybrid+pre-record",
            source: "migsim's own",
            lead_in,
            parameters: Parameters::NONE,
            order,
        });
    };
    let by_address = |settings: &Settings<'_>| recorded(settings, false);
    let cold_first = |settings: &Settings<'_>| recorded(settings, true);
    let recency = Order::Causal(|settings| Box::new(PreRecord::new(settings)));
    let remembered = Order::Causal(|settings| Box::new(Remembered::new(settings.push)));
    let scan = Order::Causal(|settings| post_copy::active_push(settings.push));
    register("A + recency", by_address, recency);
    register("A + PDoPMP", by_address, pdopmp::ENTRY.order);
    register("A + R", by_address, remembered);
    register("B", cold_first, scan);
    registry
}
