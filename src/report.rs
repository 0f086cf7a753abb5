//! Results as people and programs read them: one small module a format.

pub mod check;
pub mod comparison;
pub mod csv;
pub mod details;
pub mod explanation;
pub mod json;
pub mod qmp;
pub mod table;
pub mod timeline;
pub mod validation;
