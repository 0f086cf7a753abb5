//! The one test crate: each module says what belongs there.

/// Random values for keys that no case draws itself.
mod any_key;
/// `check`: baselines and what differs from them.
mod check;
/// The command line as a user drives it.
mod cli;
/// The engine against the second simulator, in random cases.
mod differential;
/// What `figures` writes.
mod figures;
/// Cases whose results were computed by hand.
mod hand_computed;
/// Lead-ins that send memory: random cases, and some worked out by hand.
mod lead_ins;
/// The second simulator, written from the model's description; it replays every raw record.
mod naive;
/// The second simulator in cases of its own.
mod naive_selftest;
/// A strategy from outside the crate.
mod own_strategy;
/// Pages over time.
mod page_map;
/// One migration on both simulators.
mod pair;
/// Plans for real migrations.
mod plan;
/// Rounds before the switch-over.
mod pre_copy;
/// Random scenarios, traces and strategies, against laws and the second simulator.
mod random;
/// The documents show what their commands print.
mod readme;
/// Sweeps: files, shards, kills, resumption.
mod sweep;
/// The source itself: imports, names, forgotten files, line lengths.
mod tidy;
/// Timelines of runs.
mod timeline;
/// `trace` on the command line.
mod trace_cli;
/// Compaction keeps what it promises.
mod trace_compaction;
/// The container, and damage to it.
mod trace_container;
/// Importers, format by format.
mod trace_import;
/// RAM ranges and free memory, from an import to a migration.
mod trace_memory;
/// Slices of traces.
mod trace_slice;
/// Real recorders whose output is imported.
mod trace_tools;
/// Windows on long ways.
mod windows;
