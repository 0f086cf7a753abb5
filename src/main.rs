//! The `migsim` command.
fn main() {}
