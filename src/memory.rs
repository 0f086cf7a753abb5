//! The virtual machine's memory: its host pages, what of them has content, and sets of pages.

mod contents;
mod layout;
mod page_sequence;
mod page_set;
mod ram;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub use contents::{Content, Contents, Free};
pub use layout::{MOST_PAGES, Memory, PageRun};
pub use page_sequence::{PageSequence, Stretch};
pub use page_set::PageSet;
pub use ram::{Ram, pages_in};

/// Number of a host page: the unit of fault and transfer. RAM is counted in order of guest-physical addresses, without
/// the holes between its ranges.
pub type PageId = u32;

/// A map from host pages, quicker than one that is safe from chosen keys. Its own order must not matter.
pub type PageMap<T> = HashMap<PageId, T, BuildHasherDefault<PageHasher>>;

/// Multiplicative hashing (Knuth, volume 3, section 6.4) of one page number.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageHasher(u64);

impl Hasher for PageHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, page: u32) {
        let product = (self.0 ^ u64::from(page)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The map picks its slot by the lowest bits, which a product's highest say most about.
        self.0 = product.rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
