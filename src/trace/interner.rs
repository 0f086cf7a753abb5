//! Small numbers for large keys.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// What is numbered.
pub(super) type Key = (u32, u64);

/// Numbers pairs of integers in the order in which they first come, up to a limit.
pub(super) struct Interner {
    indices: HashMap<Key, u32, RandomState>,
    /// What was asked for lately: accesses come back to few places, and hashing would be half of an import's time.
    recent: Box<[(Key, u32); RECENT]>,
    limit: u32,
}

const RECENT: usize = 2048;
/// No number: limits are below.
const NONE: u32 = u32::MAX;

impl Interner {
    pub(super) fn new(limit: u32) -> Self {
        Interner {
            indices: HashMap::default(),
            recent: Box::new([((0, 0), NONE); RECENT]),
            limit,
        }
    }

    /// The key's number; `None` for a new key when there are as many as the limit allows.
    #[inline]
    pub(super) fn index(&mut self, key: Key) -> Option<u32> {
        let slot = (key.1 ^ u64::from(key.0).wrapping_mul(0x9e37)) as usize % RECENT;
        let (recent, index) = self.recent[slot];
        if recent == key && index != NONE {
            return Some(index);
        }
        let next = self.indices.len() as u32;
        let index = match self.indices.get(&key) {
            Some(&index) => index,
            None if next < self.limit => {
                self.indices.insert(key, next);
                next
            }
            None => return None,
        };
        self.recent[slot] = (key, index);
        Some(index)
    }

    /// Whether the key has a number.
    pub(super) fn contains(&self, key: Key) -> bool {
        self.indices.contains_key(&key)
    }

    /// The keys in the order of their numbers.
    pub(super) fn into_keys(self) -> Vec<Key> {
        let mut keys: Vec<_> = self.indices.into_iter().collect();
        keys.sort_unstable_by_key(|&(_, index)| index);
        keys.into_iter().map(|(key, _)| key).collect()
    }
}
