//! The command-line tool: parse, run, exit code; nothing else.

fn main() {}
