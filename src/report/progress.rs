//! Progress on stderr: a bar on a terminal, else a line for each phase that took a while, or nothing.

use super::text::{count, grouped, human};
use crate::audit::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A phase that is shorter has no line: short runs stay silent.
const SHORT: Duration = Duration::from_secs(2);
/// When a phase that goes on says so first; from then on at twice the distance each time.
const FIRST: Duration = Duration::from_secs(5);
/// Longest time without a line.
const LONGEST: Duration = Duration::from_secs(120);
/// Steps of a bar.
const STEPS: u64 = 1000;

/// One of the three ways.
pub enum Bars {
    Quiet,
    /// Lines: for logs.
    Plain(Mutex<Watch>),
    /// A bar on a terminal, or a spinner where nobody knows the end.
    Bar(ProgressBar, Mutex<Watch>),
}

/// The phase that is under way, and the clock.
pub struct Watch {
    began: Instant,
    phase: Phase,
}

/// What a phase has done; times are since the start of the program.
#[derive(Debug, Clone, Default)]
pub struct Phase {
    /// Empty: there is none.
    pub name: String,
    /// When it began.
    pub began: Duration,
    /// What it counts, and what one of them is called.
    pub done: u64,
    pub what: String,
    pub bytes: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
    pub total_bytes: Option<u64>,
    /// When it spoke last, and how long it then was silent.
    said: (Duration, Duration),
}

impl Phase {
    /// A phase that begins now.
    #[must_use]
    pub fn new(name: &str, total: Option<u64>, now: Duration) -> Self {
        Self { name: name.to_string(), began: now, total, said: (now, FIRST), ..Self::default() }
    }

    /// Done and all, in bytes if they are known, else in what is counted. None once there is more than was said.
    #[must_use]
    pub fn share(&self) -> Option<(u64, u64)> {
        let bytes = self.total_bytes.map(|all| (self.bytes, all));
        bytes.or(self.total.map(|all| (self.done, all))).filter(|(done, all)| done <= all && *all > 0)
    }

    /// Bytes, or what is counted, in a second: as a number and in words.
    fn rate(&self, seconds: f64) -> Option<(f64, String)> {
        // Numbers for the eye: what a float loses does not matter.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let per = |n: u64| (n as f64 / seconds, (n as f64 / seconds) as u64);
        match (self.bytes, self.done) {
            _ if seconds <= 0.0 => None,
            (0, 0) => None,
            (0, done) => Some((per(done).0, format!("{}/s", count(per(done).1, &self.what)))),
            (bytes, _) => Some((per(bytes).0, format!("{}/s", human(per(bytes).1)))),
        }
    }

    /// What it has done.
    fn amount(&self) -> Vec<String> {
        let mut out = Vec::new();
        if self.done > 0 {
            out.push(match self.total.filter(|all| *all >= self.done && self.total_bytes.is_none()) {
                Some(all) => format!("{} of {}", grouped(self.done), count(all, &self.what)),
                None => count(self.done, &self.what),
            });
        }
        if self.bytes > 0 {
            out.push(match self.total_bytes.filter(|all| *all >= self.bytes) {
                Some(all) => format!("{} of {}", human(self.bytes), human(all)),
                None => human(self.bytes),
            });
        }
        out
    }

    /// While it goes on.
    #[must_use]
    pub fn now(&self, now: Duration) -> String {
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        // The first moments say little.
        let rate = self.rate(seconds).filter(|_| seconds >= 1.0);
        // What matters most comes first: a terminal may have no room for all of it.
        let mut out = Vec::new();
        if let Some((done, all)) = self.share() {
            out.push(format!("{} %", u128::from(done) * 100 / u128::from(all)));
            if let Some((rate, _)) = rate.as_ref().filter(|(rate, _)| *rate >= 1.0) {
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let left = ((all - done) as f64 / rate) as u64;
                out.push(format!("{} left", span(left)));
            }
        }
        out.extend(self.amount());
        out.extend(rate.map(|(_, words)| words));
        if out.is_empty() { self.name.clone() } else { format!("{}: {}", self.name, out.join(", ")) }
    }

    /// Once it is over; nothing of a short one.
    #[must_use]
    pub fn over(&self, now: Duration) -> Option<String> {
        let took = now.saturating_sub(self.began);
        if self.name.is_empty() || took < SHORT {
            return None;
        }
        let done = Self { total: None, total_bytes: None, ..self.clone() }.amount();
        let amount = if done.is_empty() { String::new() } else { format!("{} in ", done.join(", ")) };
        let rate = self.rate(took.as_secs_f64()).map_or(String::new(), |(_, words)| format!(", {words}"));
        Some(format!("{}: {amount}{}{rate}", self.name, span(took.as_secs())))
    }

    /// Whether it has been silent for long enough.
    pub fn is_due(&mut self, now: Duration) -> bool {
        let (last, silence) = self.said;
        let due = now.saturating_sub(last) >= silence;
        if due {
            self.said = (now, (silence * 2).min(LONGEST));
        }
        due
    }
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
        let watch = || Mutex::new(Watch { began: Instant::now(), phase: Phase::default() });
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            Self::Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10)), watch())
        } else {
            Self::Plain(watch())
        }
    }

    /// Take in what has been done. Whoever comes at the same time as others is passed over: the next one knows more.
    fn take(&self, change: impl FnOnce(&mut Phase)) {
        let (Self::Plain(watch) | Self::Bar(_, watch)) = self else { return };
        let Ok(mut watch) = watch.try_lock() else { return };
        let now = watch.began.elapsed();
        change(&mut watch.phase);
        match self {
            Self::Bar(bar, _) => draw(bar, &watch.phase, now),
            _ if watch.phase.is_due(now) => say(&watch.phase.now(now)),
            _ => {}
        }
    }

    /// End the phase that was, and begin another one.
    fn turn(&self, next: impl FnOnce(Duration) -> Phase) {
        let (Self::Plain(watch) | Self::Bar(_, watch)) = self else { return };
        let mut watch = watch.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = watch.began.elapsed();
        let before = std::mem::replace(&mut watch.phase, next(now));
        match self {
            Self::Bar(bar, _) if !watch.phase.name.is_empty() => draw(bar, &watch.phase, now),
            Self::Plain(_) => before.over(now).iter().for_each(|line| say(line)),
            _ => {}
        }
    }

    /// Take the bar away before results are printed.
    pub fn finish(&self) {
        if let Self::Bar(bar, _) = self {
            bar.finish_and_clear();
        }
        self.turn(|_| Phase::default());
    }

    /// What takes the bar away from another thread, for good: nothing is drawn afterwards.
    pub fn clearing(&self) -> impl Fn() + Clone + Send + 'static {
        let bar = match self {
            Self::Bar(bar, _) => Some(bar.clone()),
            Self::Quiet | Self::Plain(_) => None,
        };
        move || bar.iter().for_each(ProgressBar::finish_and_clear)
    }
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "wtcheck: {line}");
}

fn draw(bar: &ProgressBar, phase: &Phase, now: Duration) {
    let (style, at) = match phase.share() {
        Some((done, all)) => {
            let at = u128::from(done) * u128::from(STEPS) / u128::from(all);
            ("{spinner} [{bar:20}] {wide_msg}", u64::try_from(at).ok())
        }
        None => ("{spinner} {wide_msg}", None),
    };
    // A style is made anew only where the kind of line changes.
    if bar.length().is_some() != at.is_some() || now == phase.began {
        let made = ProgressStyle::with_template(style).map(|s| s.progress_chars("=> "));
        bar.set_style(made.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    }
    match at {
        Some(at) => {
            bar.set_length(STEPS);
            bar.set_position(at);
        }
        None => bar.unset_length(),
    }
    let time = now.saturating_sub(phase.began).as_secs();
    let time = if time > 0 { format!(" {}", span(time)) } else { String::new() };
    bar.set_message(phase.now(now) + &time);
}

impl Progress for Bars {
    fn part(&self, done: u64, total: u64) {
        self.take(|p| (p.bytes, p.total_bytes) = (p.bytes.max(done), Some(total)));
    }

    fn phase(&self, name: &str, total: Option<u64>) {
        self.turn(|now| Phase::new(name, total, now));
    }

    fn of_bytes(&self, total: u64) {
        self.take(|p| p.total_bytes = Some(total).filter(|n| *n > 0));
    }

    fn at(&self, done: u64, bytes: u64) {
        self.take(|p| {
            (p.done, p.bytes) = (p.done.max(done), p.bytes.max(bytes));
            p.what = if bytes == 0 { "row" } else { "block" }.to_string();
        });
    }

    fn count(&self, done: u64, what: &str) {
        self.take(|p| (p.done, p.what) = (p.done.max(done), what.to_string()));
    }
}
