//! migsim

pub mod cli;
pub mod time;
pub mod trace;
pub mod units;
