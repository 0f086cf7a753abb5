//! The `migsim` command; see the library for everything.

use std::process::ExitCode;

fn main() -> ExitCode {
    migsim::cli::main()
}
