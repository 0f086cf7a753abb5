//! Results as people and programs read them: one small module a format. Tables for people come with the feature `cli`.

#[cfg(feature = "cli")]
mod bottleneck;
#[cfg(feature = "cli")]
pub mod calibration;
#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod comparison;
pub mod csv;
#[cfg(feature = "cli")]
pub mod details;
#[cfg(feature = "cli")]
pub mod explanation;
pub mod json;
pub mod keys;
pub mod listing;
pub mod qmp;
#[cfg(feature = "cli")]
pub mod table;
pub mod timeline;
#[cfg(feature = "cli")]
pub mod validation;
#[cfg(feature = "cli")]
pub mod verdict;
