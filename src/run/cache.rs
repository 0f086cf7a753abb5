//! Values that many simulations share, each made once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Values that are made once per key, by whoever asks first, while the others wait; the least recently used ones are
/// dropped when they weigh too much in all. Failures are kept too.
pub(super) struct Cache<K, V> {
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
    pub(super) fn new(budget: u64, weigh: fn(&V) -> u64) -> Self {
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
    pub(super) fn get(
        &self,
        key: K,
        make: impl FnOnce() -> Result<V, String>,
    ) -> Result<Arc<V>, String> {
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
