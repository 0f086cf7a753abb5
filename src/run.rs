//! Simulations beside each other: several strategies on one scenario, sweeps over a grid, regression checks.

pub(crate) mod cache;
pub mod check;
pub mod columns;
pub mod compare;
pub mod row;
pub mod sweep;
