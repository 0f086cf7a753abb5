//! migsim

pub mod cli;
pub mod comparison;
pub mod destination;
pub mod engine;
pub mod link;
pub mod metrics;
pub mod migration;
pub mod report;
pub mod scenario;
pub mod source;
pub mod strategy;
pub mod time;
pub mod trace;
pub mod units;
pub mod vm;
