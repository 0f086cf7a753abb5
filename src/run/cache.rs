//! What comparisons of many scenarios share: opened and generated traces, and what guests do.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::compare::Ground;
use crate::guest::recording::Preparation;
use crate::guest::replay::{AtEnd, Replay, TimeScale};
use crate::memory::Memory;
use crate::migration::{GuestCourse, SwitchOver};
use crate::scenario::Scenario;
use crate::strategy;
use crate::trace::Trace;
use crate::units::SimTime;

/// Memory that each of the two caches may hold. A guest of 256 MiB costs about 2 MB, so that a hundred record windows
/// or positions can be an axis inside another one.
const BUDGET: u64 = 256 << 20;

/// Traces and guests in use, each made once as long as it is in use often enough.
pub(crate) struct Shared {
    traces: Cache<TraceKey, Trace>,
    guests: Cache<GuestKey, GuestCourse>,
}

/// What a trace is made of, in words: the file, or the workload and its memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TraceKey(Arc<str>);

impl TraceKey {
    fn of(scenario: &Scenario) -> Self {
        let trace = &scenario.trace;
        let key = match (&trace.file, &trace.workload) {
            (Some(file), _) => format!("file {}", file.display()),
            (None, Some(workload)) => {
                let vm = &scenario.vm;
                format!("{workload:?} {:?} {:?}", vm.memory, vm.page_size)
            }
            (None, None) => String::new(),
        };
        TraceKey(key.into())
    }
}

/// Everything that a guest's course depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct GuestKey {
    /// Name and content; generated traces share names, and what a file says of its content need not be true.
    trace: (String, String),
    start_ns: u64,
    time_scale: TimeScale,
    at_end: AtEnd,
    memory: Memory,
    preparation: Preparation,
    trap: SimTime,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Shared {
            // A record is about three bytes in memory, compressed; of a file only the index is.
            traces: Cache::new(BUDGET, |trace| {
                4 * trace.record_count() + size_of_val(trace.idle_spans()) as u64
            }),
            guests: Cache::new(BUDGET, |guest: &GuestCourse| {
                let vcpus = guest.touch_order.vcpus().iter();
                let courses = vcpus.map(|vcpu| {
                    size_of_val(vcpu.touches.as_slice()) + size_of_val(vcpu.idle.as_slice())
                });
                let accesses = size_of_val(&*guest.recording.accesses);
                (courses.sum::<usize>() + accesses) as u64 + u64::from(guest.memory.pages) / 8
            }),
        }
    }

    pub(crate) fn trace(&self, scenario: &Scenario) -> Result<Arc<Trace>, String> {
        self.traces.get(TraceKey::of(scenario), || {
            scenario.open_trace().map_err(|error| in_one_line(&error))
        })
    }

    /// What runs of the scenario on the trace share.
    pub(crate) fn ground<'a>(
        &self,
        scenario: &'a Scenario,
        trace: &'a Trace,
        entries: &[&strategy::Entry],
    ) -> Result<Ground<'a>, String> {
        let replay =
            super::compare::replay(scenario, trace).map_err(|error| in_one_line(&error))?;
        let settings = scenario.strategy_settings();
        let records = entries
            .iter()
            .any(|entry| (entry.lead_in)(&settings).records());
        let switch_over = |records| self.switch_over(scenario, trace, &replay, records);
        Ok(Ground {
            plain: switch_over(false)?,
            recorded: records.then(|| switch_over(true)).transpose()?,
            scenario,
            replay,
        })
    }

    /// The switch-over of strategies that record, or of those that do not.
    fn switch_over(
        &self,
        scenario: &Scenario,
        trace: &Trace,
        replay: &Replay<'_>,
        records: bool,
    ) -> Result<SwitchOver, String> {
        let preparation = SwitchOver::preparation(scenario, records);
        // Without a window nothing is trapped.
        let trap = if preparation.window == SimTime::ZERO {
            SimTime::ZERO
        } else {
            scenario.source.record_trap
        };
        let key = GuestKey {
            trace: (trace.name().to_owned(), trace.content_hash().to_owned()),
            start_ns: super::compare::start(&scenario.trace, trace)
                .map_err(|error| in_one_line(&error))?,
            time_scale: scenario.trace.time_scale,
            at_end: scenario.trace.at_end,
            memory: replay.memory(),
            preparation,
            trap,
        };
        let guest = self.guests.get(key, || {
            GuestCourse::after(replay, preparation, trap).map_err(|error| in_one_line(&error))
        })?;
        Ok(SwitchOver::new(scenario, records, (*guest).clone()))
    }
}

/// An error with its causes, fit for a cell of a table.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error says what its cause says.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.replace(char::is_control, " ")
}

/// Values that are made once per key, by whoever asks first, while the others wait; the least recently used ones are
/// dropped when they weigh too much in all. Failures are kept too.
struct Cache<K, V> {
    budget: u64,
    weigh: fn(&V) -> u64,
    entries: Mutex<Entries<K, V>>,
}

type Slot<V> = Arc<OnceLock<Result<Arc<V>, String>>>;

struct Entries<K, V> {
    by_key: HashMap<K, Entry<V>>,
    weight: u64,
    clock: u64,
}

struct Entry<V> {
    slot: Slot<V>,
    used: u64,
    weight: u64,
}

/// Weight of an entry by itself, so that there is a limit to their number.
const ENTRY_WEIGHT: u64 = 1 << 10;

impl<K: Eq + Hash + Clone, V> Cache<K, V> {
    fn new(budget: u64, weigh: fn(&V) -> u64) -> Self {
        Cache {
            budget,
            weigh,
            entries: Mutex::new(Entries {
                by_key: HashMap::new(),
                weight: 0,
                clock: 0,
            }),
        }
    }

    /// While `make` runs, it must not wait for other threads' work: that may be waiting for the same value.
    fn get(&self, key: K, make: impl FnOnce() -> Result<V, String>) -> Result<Arc<V>, String> {
        let slot = self.slot(&key);
        let mut made = false;
        let value = slot
            .get_or_init(|| {
                made = true;
                make().map(Arc::new)
            })
            .clone();
        if made {
            self.weigh(&key, value.as_ref().map_or(0, |value| (self.weigh)(value)));
        }
        value
    }

    fn slot(&self, key: &K) -> Slot<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let used = entries.clock;
        let entry = entries.by_key.entry(key.clone()).or_insert_with(|| Entry {
            slot: Arc::default(),
            used,
            weight: 0,
        });
        entry.used = used;
        Arc::clone(&entry.slot)
    }

    fn weigh(&self, key: &K, weight: u64) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let weight = weight + ENTRY_WEIGHT;
        if let Some(entry) = entries.by_key.get_mut(key) {
            entry.weight = weight;
            entries.weight += weight;
        }
        while entries.weight > self.budget {
            let oldest = entries
                .by_key
                .iter()
                .filter(|(other, entry)| entry.weight > 0 && *other != key)
                .min_by_key(|(_, entry)| entry.used)
                .map(|(oldest, _)| oldest.clone());
            let Some(dropped) = oldest.and_then(|oldest| entries.by_key.remove(&oldest)) else {
                break;
            };
            entries.weight -= dropped.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache: Cache<u32, u64> = Cache::new(3 * ENTRY_WEIGHT + 30, |value| *value);
        let made = std::cell::Cell::new(0);
        let get = |key| {
            cache.get(key, || {
                made.set(made.get() + 1);
                Ok(10)
            })
        };
        for key in [1, 2, 3, 1, 4, 1, 3, 2] {
            assert_eq!(get(key).as_deref(), Ok(&10));
        }
        // 1, 2, 3, 4 (drops 2), and 2 again.
        assert_eq!(made.get(), 5);
        let failed = cache.get(9, || Err("no".to_owned()));
        assert_eq!(failed, Err("no".to_owned()));
    }
}
