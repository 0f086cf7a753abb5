//! Plans as files.
//!
//! # The binary file
//!
//! Little endian: a header of 32 bytes, 16 bytes a page, and a checksum.
//!
//! | offset | header | offset | page |
//! |---|---|---|---|
//! | 0 | `MIGSIMPL` | 0 | u32 page |
//! | 8 | u32 version: 1 | 4 | u8 why: 0 recorded, 1 predicted |
//! | 12 | u32 bytes in a page | 5 | 3 bytes of 0 |
//! | 16 | u64 pages of the VM | 8 | u64 predicted next touch, in ns after the switch-over; all ones: none |
//! | 24 | u64 pages of the plan | | |
//!
//! Then u32 CRC-32C of all that comes before it. The same as CSV has the columns `page`, `why` (`recorded` or
//! `predicted`), `next_touch_ns` (empty: none) and `page_bytes`.

use std::io::{self, Write};

use super::Plan;
use crate::strategy::PlannedPage;

impl PlannedPage {
    fn next_touch_ns(&self) -> Option<u64> {
        self.next_touch.map(|time| time.as_ps() / 1_000)
    }
}

impl Plan {
    /// Writes the binary file.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_binary(&self, mut out: impl Write) -> io::Result<()> {
        const VERSION: u32 = 1;
        // A host page is at most 1 GiB, and a page of a plan is there once.
        let page_size = self.memory.host_page as u32;
        let mut bytes = Vec::with_capacity(36 + 16 * self.pages.len());
        bytes.extend_from_slice(b"MIGSIMPL");
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&page_size.to_le_bytes());
        bytes.extend_from_slice(&u64::from(self.memory.pages).to_le_bytes());
        bytes.extend_from_slice(&(self.pages.len() as u64).to_le_bytes());
        for planned in &self.pages {
            bytes.extend_from_slice(&planned.page.to_le_bytes());
            bytes.extend_from_slice(&[u8::from(!planned.recorded), 0, 0, 0]);
            bytes.extend_from_slice(&planned.next_touch_ns().unwrap_or(u64::MAX).to_le_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        out.write_all(&bytes)
    }

    /// Writes the plan as CSV.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_csv(&self, out: impl Write) -> io::Result<()> {
        let mut out = io::BufWriter::new(out);
        let page_bytes = self.memory.host_page;
        writeln!(out, "page,why,next_touch_ns,page_bytes")?;
        for planned in &self.pages {
            let why = if planned.recorded {
                "recorded"
            } else {
                "predicted"
            };
            write!(out, "{},{why},", planned.page)?;
            match planned.next_touch_ns() {
                Some(ns) => writeln!(out, "{ns},{page_bytes}")?,
                None => writeln!(out, ",{page_bytes}")?,
            }
        }
        out.flush()
    }
}
