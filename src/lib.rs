//! migsim

pub mod time;
pub mod units;
