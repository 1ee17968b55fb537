//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere, or nothing.

use crate::audit::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// One of the three ways.
pub enum Bars {
    Quiet,
    /// A line every five seconds: for logs.
    Plain(Mutex<Plain>),
    /// A spinner on a terminal.
    Bar(ProgressBar),
}

/// State of the plain way.
pub struct Plain {
    phase: String,
    last: Instant,
}

/// When a phase began whose end is known.
static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

/// How far a phase is, how fast, and how long it will take.
fn share(phase: &str, done: u64, total: u64) -> String {
    let began = *BEGAN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seconds = began.map_or(0.0, |at| at.elapsed().as_secs_f64());
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
    let mut out = format!("{phase}: {percent} % of {}", super::text::human(total));
    if seconds > 1.0 && done > 0 {
        // Numbers for the eye: what a float loses does not matter.
        let rate = done as f64 / seconds;
        let left = total.saturating_sub(done) as f64 / rate;
        out.push_str(&format!(", {}/s, {} left", super::text::human(rate as u64), span(left as u64)));
    }
    out
}

/// A time in seconds, minutes or hours.
fn span(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5999 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

impl Bars {
    /// Choose by where stderr goes.
    pub fn choose(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            Self::Bar(bar)
        } else {
            Self::Plain(Mutex::new(Plain { phase: String::new(), last: Instant::now() }))
        }
    }

    fn say(&self, line: impl Fn(&str) -> String) {
        match self {
            Self::Quiet => {}
            Self::Plain(state) => {
                if let Ok(mut state) = state.lock()
                    && state.last.elapsed() >= PLAIN_EVERY
                {
                    state.last = Instant::now();
                    let _ = writeln!(std::io::stderr(), "wtcheck: {}", line(&state.phase));
                }
            }
            Self::Bar(bar) => bar.set_message(line(&bar.prefix())),
        }
    }

    /// Take the bar away before results are printed.
    pub fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Bars {
    /// What takes the bar away from another thread, for good: nothing is drawn afterwards.
    pub fn clearing(&self) -> impl Fn() + Clone + Send + 'static {
        let bar = match self {
            Self::Bar(bar) => Some(bar.clone()),
            Self::Quiet | Self::Plain(_) => None,
        };
        move || bar.iter().for_each(ProgressBar::finish_and_clear)
    }
}

fn line(phase: &str, done: u64, bytes: u64) -> String {
    match (done, bytes) {
        (0, _) => phase.to_string(),
        (_, 0) => format!("{phase}: {} rows", super::text::grouped(done)),
        _ => format!("{phase}: {} blocks, {}", super::text::grouped(done), super::text::human(bytes)),
    }
}

impl Progress for Bars {
    fn part(&self, done: u64, total: u64) {
        self.say(|phase| share(phase, done, total));
    }

    fn phase(&self, name: &str, _total: Option<u64>) {
        *BEGAN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
        match self {
            Self::Quiet => {}
            Self::Plain(state) => {
                if let Ok(mut state) = state.lock() {
                    state.phase = name.to_string();
                }
            }
            Self::Bar(bar) => {
                bar.set_prefix(name.to_string());
                bar.set_message(name.to_string());
                bar.tick();
            }
        }
    }

    fn at(&self, done: u64, bytes: u64) {
        self.say(|phase| line(phase, done, bytes));
    }

    fn count(&self, done: u64, what: &str) {
        self.say(|phase| format!("{phase}: {}", super::text::count(done, what)));
    }
}
