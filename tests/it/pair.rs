//! One migration on the engine and on the naive reference simulator, whose results have to be equal.

use migsim::guest::recording::{Access, RecordError};
use migsim::measure::Metrics;
use migsim::memory::PageRun;
use migsim::migration::{MigrationError, SwitchOver};
use migsim::run::compare::{ComparisonError, compare};
use migsim::scenario::Scenario;
use migsim::strategy::Registry;
use migsim::strategy::hybrid::LiveRecorder;
use migsim::strategy::pdopmp;
use migsim::trace::{IdleSpan, Op, Record, Trace, TraceHeader, TraceWriter};
use migsim::units::{AddressRange, AddressRanges, SimTime};

use crate::naive;

/// Whether a strategy was refused as its rounds would go through a short trace too often: on a slow link they may.
pub(crate) fn is_too_short(error: &ComparisonError) -> bool {
    matches!(
        error,
        ComparisonError::SwitchOver(MigrationError::Record(RecordError::TooShort { .. }))
            | ComparisonError::Run {
                source: MigrationError::Record(RecordError::TooShort { .. }),
                ..
            }
    )
}

/// A trace, a scenario, and what the reference needs beside them.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) records: Vec<Record>,
    /// By vCPU, then in time order, without overlap.
    pub(crate) idle: Vec<IdleSpan>,
    pub(crate) vcpus: u16,
    pub(crate) page_size: u64,
    /// The page after the trace's last.
    pub(crate) trace_pages: u32,
    /// Empty: all pages.
    pub(crate) ram: Vec<PageRun>,
    pub(crate) zero: Vec<bool>,
    pub(crate) compaction_ns: u64,
    pub(crate) duration_ns: u64,
    pub(crate) scale_factor: f64,
    pub(crate) host_shift: u32,
    pub(crate) scenario: Scenario,
}

impl Case {
    pub(crate) fn trace(&self) -> Trace {
        let header = TraceHeader {
            page_size: self.page_size,
            pages: self.trace_pages,
            ram: match self.scenario.vm.ram {
                Some(_) => Vec::new(),
                None => self.ram.clone(),
            },
            vcpus: self.vcpus,
            tick_ns: 1,
            compaction_ns: self.compaction_ns,
            provenance: String::new(),
        };
        let zero = (0..)
            .zip(&self.zero)
            .filter(|(_, zero)| **zero)
            .map(|(first, _)| PageRun { first, count: 1 })
            .collect();
        let mut writer = TraceWriter::new(Vec::new(), header, zero).expect("a valid header");
        for record in &self.records {
            writer.push(*record).expect("a valid record");
        }
        writer.set_idle_spans(self.idle.clone());
        let bytes = writer.finish(Some(self.duration_ns)).expect("in memory");
        Trace::from_bytes("case", bytes.into()).expect("a trace that was just written")
    }

    /// The same guest, with holes between its pages of RAM: of so many pages before a page. The scenario says so, or
    /// the trace.
    pub(crate) fn with_holes(mut self, holes: &[(u32, u32)], by_scenario: bool) -> Self {
        let moved = |page: u32| {
            let before = holes.iter().filter(|(at, _)| *at <= page);
            page + before.map(|(_, pages)| pages).sum::<u32>()
        };
        let mut zero = Vec::new();
        for page in 0..self.trace_pages {
            let first = moved(page);
            zero.resize(first as usize, false);
            zero.push(self.zero[page as usize]);
            match self.ram.last_mut() {
                Some(range) if range.end() == u64::from(first) => range.count += 1,
                _ => self.ram.push(PageRun { first, count: 1 }),
            }
        }
        for record in &mut self.records {
            record.page = moved(record.page);
        }
        self.trace_pages = zero.len() as u32;
        self.zero = zero;
        if by_scenario {
            let address = |page: u64| page * self.page_size;
            let range = |run: &PageRun| AddressRange {
                start: address(run.first.into()),
                end: Some(address(run.end())),
            };
            self.scenario.vm.ram = Some(AddressRanges(self.ram.iter().map(range).collect()));
        }
        self
    }

    /// What precedes a strategy's suspension.
    pub(crate) fn lead_in(&self, strategy: &str) -> naive::LeadIn {
        let scenario = &self.scenario;
        let rounds = scenario.hybrid.rounds;
        match strategy {
            "post-copy" | "clairvoyant" => naive::LeadIn::Nothing,
            "hybrid" => naive::LeadIn::Rounds {
                most: rounds,
                recorded: false,
            },
            "hybrid+pre-record" if scenario.hybrid.recorder == LiveRecorder::Beside => {
                naive::LeadIn::Rounds {
                    most: rounds,
                    recorded: true,
                }
            }
            "hybrid+pre-record" => naive::LeadIn::Recorded {
                rounds,
                cold_first: true,
            },
            _ if scenario.strategy_settings().push_while_recording => naive::LeadIn::Push,
            _ => naive::LeadIn::Record,
        }
    }

    pub(crate) fn input<'a>(
        &self,
        lead_in: naive::LeadIn,
        strategy: naive::Strategy<'a>,
    ) -> naive::Input<'a> {
        naive::Input {
            records: self
                .records
                .iter()
                .map(|record| naive::RawRecord {
                    time_ns: record.time_ns,
                    vcpu: record.vcpu,
                    page: record.page,
                    op: reference_op(record.op),
                })
                .collect(),
            vcpus: self.vcpus,
            idle: (self.idle.iter())
                .map(|span| (span.vcpu, span.from_ns, span.until_ns))
                .collect(),
            duration_ns: self.duration_ns,
            compaction_ns: self.compaction_ns,
            scale_fp: (1_000.0 * f64::from(1 << 20) * self.scale_factor).round() as u64,
            ram: self.ram.iter().map(|run| (run.first, run.count)).collect(),
            zero: self.zero.clone(),
            page_size: self.page_size,
            host_shift: self.host_shift,
            settings: self.scenario.clone(),
            background: (self.scenario.link.background.as_ref())
                .map(|load| naive::Background::new(load.mean_percent, load.period, load.seed)),
            initially_installed: Vec::new(),
            lead_in,
            strategy,
        }
    }

    /// The engine's switch-over of a strategy that records.
    pub(crate) fn recorded_switch_over(&self, trace: &Trace) -> SwitchOver {
        let replay = self
            .scenario
            .replay(trace)
            .expect("the case fits its trace");
        if self.scenario.strategy_settings().push_while_recording {
            return SwitchOver::after_recorded_push(&self.scenario, &replay).expect("a sound case");
        }
        SwitchOver::prepare(&self.scenario, &replay, true).expect("the trace is whole")
    }

    /// Runs the scenario's strategies both ways; none of them if the trace is too short for the guest's course. The
    /// order of the pages is the reference's in both outcomes.
    pub(crate) fn run(&self) -> Vec<Pair> {
        let trace = self.trace();
        let mut scenario = self.scenario.clone();
        // The reference has no heat: the plain scan follows the plan.
        scenario.pdopmp.recorded_weight = 0;
        scenario.pdopmp.request_weight = 0;
        let runs = match compare(&scenario, &trace, &Registry::standard()) {
            Err(error) if is_too_short(&error) => return Vec::new(),
            runs => runs.expect("a sound case"),
        };
        let observed = self.recorded_switch_over(&trace);
        let recorded = as_recorded(&observed);
        // The plan is the library's: a pure function of the recording, and not what is tested here.
        let plan = |by_reference: &[naive::Access]| {
            assert_eq!(by_reference, recorded, "the recording");
            let observation = observed.observation(&self.scenario.link);
            let plan = pdopmp::plan(&observation, &self.scenario.pdopmp);
            let list = plan.forecasts.iter().map(|forecast| forecast.page);
            (list.collect(), plan.scan_from)
        };
        let pair = |run: migsim::run::compare::Run| {
            let strategy = match run.strategy {
                "post-copy" | "hybrid" => naive::Strategy::PostCopy,
                "hybrid+pre-record" => naive::Strategy::Remembered,
                "pre-record" => naive::Strategy::PreRecord(self.scenario.pre_record.order),
                "pre-record+pdopmp" => naive::Strategy::Planned(&plan),
                "clairvoyant" => naive::Strategy::Clairvoyant,
                other => panic!("the reference has no {other}"),
            };
            let reference = naive::simulate(&self.input(self.lead_in(run.strategy), strategy));
            Pair {
                strategy: run.strategy,
                engine: as_outcome(&run.metrics, reference.push_and_demand_order.clone()),
                reference,
            }
        };
        runs.into_iter().map(pair).collect()
    }
}

/// The engine's recording in the reference's form.
pub(crate) fn as_recorded(switch_over: &SwitchOver) -> Vec<naive::Access> {
    let accesses = &switch_over.recording.accesses;
    accesses.iter().map(reference_access).collect()
}

/// What one strategy came to.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) strategy: &'static str,
    pub(crate) engine: naive::Outcome,
    pub(crate) reference: naive::Outcome,
}

fn reference_access(access: &Access) -> naive::Access {
    naive::Access {
        time_ps: access.time.as_ps(),
        vcpu: access.vcpu,
        page: access.page,
        op: reference_op(access.op),
    }
}

fn reference_op(op: Op) -> naive::Op {
    match op {
        Op::Read => naive::Op::Read,
        Op::Write => naive::Op::Write,
        Op::Execute => naive::Op::Execute,
    }
}

/// The engine's metrics in the reference's form.
pub(crate) fn as_outcome(metrics: &Metrics, pages_in_order: Vec<u32>) -> naive::Outcome {
    naive::Outcome {
        total_migration_time: metrics.total_migration_time.map(SimTime::as_ps),
        downtime: metrics.downtime.as_ps(),
        residual_dependency: metrics.residual_dependency.map(SimTime::as_ps),
        page_faults: metrics.page_faults,
        network_faults: metrics.network_faults,
        in_flight_faults: metrics.in_flight_faults,
        requests: metrics.requests,
        stall: metrics.stall.as_ps(),
        stall_bound: metrics.stall_bound.as_ps(),
        all_vcpus_blocked: metrics.all_vcpus_blocked.as_ps(),
        interruption: metrics.interruption.as_ps(),
        longest_interruption: metrics.longest_interruption.as_ps(),
        fault_latency_mean: metrics.fault_latency_mean.as_ps(),
        fault_latency_p50: metrics.fault_latency_p50.as_ps(),
        fault_latency_p99: metrics.fault_latency_p99.as_ps(),
        fault_latency_max: metrics.fault_latency_max.as_ps(),
        bytes_sent: metrics.bytes_sent,
        pages_sent: metrics.pages_sent,
        zero_pages_sent: metrics.zero_pages_sent,
        duplicate_pages_sent: metrics.duplicate_pages_sent,
        pps_pages: metrics.pps_pages,
        time_to_90pct_speed: metrics.time_to_90pct_speed.as_ps(),
        push_and_demand_order: pages_in_order,
    }
}
