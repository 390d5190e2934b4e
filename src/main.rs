//! The `unleak` command: parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(unleak::cli::run(std::env::args_os()))
}
