//! Which page has which rank: popular pages lie scattered over a working set.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

/// Ranks beyond this are not listed: a list of all pages of a terabyte takes a gigabyte, and seconds to shuffle.
const MOST_LISTED: u32 = 1 << 24;

/// A random order of so many pages.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scattered {
    /// All pages, shuffled.
    Listed(Vec<u32>),
    /// Four Feistel rounds, a permutation of numbers of twice `half_bits` bits, again and again until one is a page's
    /// (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
    Computed {
        pages: u32,
        half_bits: u32,
        keys: [u32; 4],
    },
}

impl Scattered {
    pub(super) fn new(pages: u32, generator: &mut impl Rng) -> Self {
        if pages <= MOST_LISTED {
            let mut listed: Vec<u32> = (0..pages).collect();
            listed.shuffle(generator);
            Scattered::Listed(listed)
        } else {
            Scattered::computed(pages, generator)
        }
    }

    fn computed(pages: u32, generator: &mut impl Rng) -> Self {
        Scattered::Computed {
            pages,
            half_bits: (u32::BITS - (pages.saturating_sub(1)).leading_zeros()).div_ceil(2),
            keys: generator.random(),
        }
    }

    /// The page of a rank, counted from 0; there are as many as pages.
    pub(super) fn page(&self, rank: u32) -> u32 {
        match self {
            Scattered::Listed(pages) => pages[rank as usize],
            Scattered::Computed {
                pages,
                half_bits,
                keys,
            } => {
                let mut number = rank;
                loop {
                    number = permuted(number, *half_bits, keys);
                    if number < *pages {
                        return number;
                    }
                }
            }
        }
    }
}

fn permuted(number: u32, half_bits: u32, keys: &[u32; 4]) -> u32 {
    let mask = (1_u32 << half_bits) - 1;
    let (mut high, mut low) = (number >> half_bits, number & mask);
    for key in keys {
        // Multiplicative hashing (Knuth, volume 3, section 6.4).
        let product = u64::from(low ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (high, low) = (low, high ^ ((product >> 40) as u32 & mask));
    }
    high << half_bits | low
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn each_page_has_one_rank() {
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        for pages in [1, 2, 3, 4, 5, 1_000, 4_095, 4_096, 4_097, 70_000] {
            for scattered in [
                Scattered::new(pages, &mut generator),
                Scattered::computed(pages, &mut generator),
            ] {
                let mut found: Vec<u32> = (0..pages).map(|rank| scattered.page(rank)).collect();
                let in_order = found.is_sorted();
                found.sort_unstable();
                assert!(found.into_iter().eq(0..pages));
                assert!(pages < 1_000 || !in_order);
            }
        }
    }

    #[test]
    fn neighbouring_ranks_lie_apart() {
        let pages = 1 << 28;
        let scattered = Scattered::new(pages, &mut ChaCha8Rng::seed_from_u64(1));
        let found = (0..100_000).map(|rank| scattered.page(rank));
        let mut of_tenths = [0_u32; 10];
        for page in found {
            of_tenths[(u64::from(page) * 10 / u64::from(pages)) as usize] += 1;
        }
        // A tenth of them each, and five times the deviation of as many fair choices.
        assert!(
            of_tenths.iter().all(|count| count.abs_diff(10_000) < 475),
            "{of_tenths:?}"
        );
    }
}
