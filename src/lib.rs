//! migsim

pub mod time;
pub mod trace;
pub mod units;
