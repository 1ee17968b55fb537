//! The command-line tool: parse, run, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    wtcheck::program()
}
