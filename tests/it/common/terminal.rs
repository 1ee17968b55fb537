//! A command on a terminal: a pseudo-terminal, what it shows, and what is left of it on the screen.

#![allow(dead_code, missing_docs, unreachable_pub)]

use rustix::process::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A command and the terminal it runs on.
pub struct Screen {
    child: Child,
    terminal: File,
    seen: Vec<u8>,
}

impl Screen {
    /// Its stdout is the terminal; its stderr, too, or nothing.
    pub fn open(command: &mut Command, stderr: bool) -> Self {
        Self::sized(command, stderr, 120)
    }

    /// The same on a terminal of so many columns.
    pub fn sized(command: &mut Command, stderr: bool, columns: u16) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let side = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let size = rustix::termios::Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&side, size).unwrap();
        let other = || side.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(other());
        command.stderr(if stderr { Stdio::from(other()) } else { Stdio::null() });
        let child = command.spawn().unwrap();
        // The command holds the other ends, too; the terminal ends when it does.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self { child, terminal: File::from(controller), seen: Vec::new() }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// One more piece of what it shows; false at the end.
    fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        // A terminal without anyone on the other end gives an error.
        match self.terminal.read(&mut piece) {
            Ok(n) if n > 0 => {
                self.seen.extend_from_slice(&piece[..n]);
                true
            }
            _ => false,
        }
    }

    pub fn read_until(&mut self, enough: impl Fn(&[u8]) -> bool) {
        while !enough(&self.seen) {
            assert!(self.more(), "the end came first: {}", String::from_utf8_lossy(&self.seen));
        }
    }

    pub fn finish(mut self) -> (ExitStatus, Vec<u8>) {
        while self.more() {}
        (self.child.wait().unwrap(), self.seen)
    }
}

/// Exit code and everything shown, with stdout on a terminal.
pub fn run(command: &mut Command) -> (Option<i32>, Vec<u8>) {
    let (status, seen) = Screen::open(command, false).finish();
    (status.code(), seen)
}

/// What is left on a screen of one line: carriage returns, lines cleared, cursor moves up.
pub fn visible(shown: &[u8]) -> String {
    let text = String::from_utf8_lossy(shown);
    let (mut lines, mut row, mut column) = (vec![Vec::new()], 0_usize, 0_usize);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                if row == lines.len() {
                    lines.push(Vec::new());
                }
            }
            '\u{1b}' => {
                let mut number = String::new();
                assert_eq!(chars.next(), Some('['), "an escape that is no CSI: {text:?}");
                let end = loop {
                    match chars.next() {
                        Some(c) if c.is_ascii_digit() || c == ';' || c == '?' => number.push(c),
                        Some(c) => break c,
                        None => panic!("an escape without end: {text:?}"),
                    }
                };
                let n = number.parse().unwrap_or(1);
                match end {
                    'K' => {
                        let from = if number == "2" { 0 } else { column };
                        lines[row].truncate(from);
                    }
                    'J' => lines.truncate(row + 1),
                    'A' => row = row.saturating_sub(n),
                    'B' => row = (row + n).min(lines.len() - 1),
                    'C' => column += n,
                    'D' => column = column.saturating_sub(n),
                    'G' => column = n.saturating_sub(1),
                    'm' | 'h' | 'l' => {}
                    other => panic!("escape {number}{other} in {text:?}"),
                }
            }
            c => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    let lines: Vec<String> = lines.into_iter().map(|l| l.into_iter().collect::<String>().trim_end().into()).collect();
    lines.join("\n").trim_end().to_string()
}
