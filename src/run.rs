//! Simulations beside each other: several strategies on one scenario, sweeps over a grid, regression checks.

mod cache;
pub mod check;
pub mod columns;
pub mod compare;
mod comparison;
pub mod from_row;
mod gap;
pub(crate) mod guests;
pub(crate) mod notes;
pub mod row;
pub mod rows;
pub mod sweep;
