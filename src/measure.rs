//! What a migration came to: its metrics, and a breakdown of its stall.

pub mod bound;
pub mod explain;
mod metrics;
pub mod page_map;
mod prediction;
mod speed;

pub use metrics::{Metrics, Share};
