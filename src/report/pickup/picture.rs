//! A run as a picture: SVG that any browser shows, without scripts, fonts or links.

use super::role;
use crate::pickup::run::Report;
use crate::pickup::scenario::Scenario;
use crate::pickup::standby::Role;
use crate::pickup::world::Tone;
use crate::report::svg::{LETTER, folded, xml};
use crate::report::text::fold;
use crate::scenario::duration::Micros;
use std::fmt::Write;

const WIDTH: f64 = 1120.0;
const MARGIN: f64 = 20.0;
/// Narrowest and widest column of names.
const LEFT: (f64, f64) = (140.0, 360.0);
const ROW: f64 = 24.0;
const PITCH: f64 = 40.0;
/// Between title and picture: the time axis.
const HEAD: f64 = 34.0;
const LINE: f64 = 18.0;
/// Ticks of the time axis, about.
const TICKS: u64 = 10;
/// Steps between ticks that people can read, in milliseconds.
const STEPS: [u64; 16] =
    [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000, 300_000, 600_000, 3_600_000];
/// Letters of a line of the title, which are larger.
const TITLE: usize = 110;
/// What colours and marks mean.
const LEGEND: &str = "green serves, blue leads, yellow re-syncs, grey is down, red aborted; numbers are checkpoints; thick red \
                      ticks embed an older key than the log has";
/// Lines of trouble listed below the picture.
const LISTED: usize = 12;

const STYLE: &str = "<style>\n\
.ground{fill:#ffffff} text{fill:#1b1b1b;font:12px ui-monospace,monospace}\n\
.title{font-size:15px;font-weight:bold} .faint{fill:#666666} .label{text-anchor:end} .mid{text-anchor:middle}\n\
.line{stroke:#c8c8c8;stroke-width:1} .serves{fill:#8fbf9f} .leads{fill:#9fb8d8} .away{fill:#e0b050}\n\
.down{fill:#b0b0b0} .aborted{fill:#d05050} .race{fill:#e8a0a0} .key{fill:#c0a0d8} .tick{stroke:#1b1b1b;stroke-width:2}\n\
.stale{stroke:#c02020;stroke-width:3} .bad{fill:#c02020} .warn{fill:#a06000}\n\
@media (prefers-color-scheme:dark){.ground{fill:#121212} text{fill:#e8e8e8} .faint{fill:#a0a0a0} .line{stroke:#3a3a3a}\n\
.serves{fill:#2f6f47} .leads{fill:#34567f} .away{fill:#8a6410} .down{fill:#555555} .aborted{fill:#8f2626}\n\
.race{fill:#7a3030} .stale{stroke:#ff7070} .key{fill:#5d3f7a} .tick{stroke:#e8e8e8} .bad{fill:#ff7070} .warn{fill:#e0b050}}\n\
</style>\n";

/// From virtual time to the picture.
struct Axis {
    end: u64,
    left: f64,
}

impl Axis {
    #[allow(clippy::cast_precision_loss)]
    fn x(&self, at: Micros) -> f64 {
        self.left + (WIDTH - self.left - MARGIN) * (at.0.min(self.end) as f64 / self.end.max(1) as f64)
    }

    /// The middle of a text that stays on the paper.
    #[allow(clippy::cast_precision_loss)]
    fn middle(&self, at: Micros, text: &str) -> f64 {
        let half = text.chars().count() as f64 * LETTER / 2.0;
        self.x(at).min(WIDTH - 4.0 - half)
    }

    fn step(&self) -> u64 {
        let wanted = self.end / 1_000 / TICKS;
        STEPS.into_iter().find(|s| *s >= wanted).unwrap_or(wanted.max(1)) * 1_000
    }
}

/// Draw it.
pub fn render(scenario: &Scenario, report: &Report) -> String {
    let names = scenario.servers.iter().chain(report.nodes.iter().map(|n| &n.name)).map(|n| n.chars().count()).max();
    #[allow(clippy::cast_precision_loss)]
    let left = (MARGIN + 8.0 + names.unwrap_or(0) as f64 * LETTER).clamp(LEFT.0, LEFT.1);
    let axis = Axis { end: report.ended.0.max(1), left };
    let rows = 1 + scenario.servers.len() + report.nodes.len();
    let trouble: Vec<_> = report.timeline.iter().filter(|l| matches!(l.note.tone, Tone::Warn | Tone::Bad)).collect();
    let listed: Vec<(&str, Vec<String>)> = trouble
        .iter()
        .take(LISTED)
        .map(|l| {
            let class = if l.note.tone == Tone::Bad { "bad" } else { "warn" };
            (class, folded(&format!("{}  {}: {}", l.at, l.note.actor, l.note.text)))
        })
        .collect();
    let lines = listed.iter().map(|(_, l)| l.len()).sum::<usize>() + usize::from(trouble.len() > LISTED);
    let title = format!(
        "{} under {}, rules of {}",
        if scenario.name.is_empty() { "scenario" } else { &scenario.name },
        scenario.policy.name(),
        scenario.profile.name()
    );
    let titles: Vec<String> = fold(&title, TITLE, "").lines().map(String::from).collect();
    let legend = folded(LEGEND);
    #[allow(clippy::cast_precision_loss)]
    let top = 16.0 + LINE * (titles.len() + legend.len()) as f64 + HEAD;
    #[allow(clippy::cast_precision_loss)]
    let (bottom, below) = (top + rows as f64 * PITCH, lines as f64);
    let height = bottom + 40.0 + below * LINE + MARGIN;
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{}</title>\n{STYLE}\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n",
        xml(&title)
    );
    let mut line = 16.0;
    for (class, text) in titles.iter().map(|t| ("title", t)).chain(legend.iter().map(|t| ("faint", t))) {
        line += LINE;
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{MARGIN}\" y=\"{line:.1}\">{}</text>", xml(text));
    }
    let mut at = 0;
    while at <= axis.end {
        let x = axis.x(Micros(at));
        let _ = writeln!(
            out,
            "<line class=\"line\" x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"faint mid\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            top - 6.0,
            axis.middle(Micros(at), &Micros(at).to_string()),
            top - 10.0,
            Micros(at)
        );
        at += axis.step();
    }
    let mut y = top;
    label(&mut out, &axis, y, "keys, T1 to T2");
    for r in &report.rotations {
        bar(&mut out, &axis, y, (r.t1, r.t2.unwrap_or(report.ended)), "key", &format!("v{}", r.version));
    }
    y += PITCH;
    for (n, node) in report.nodes.iter().enumerate() {
        label(&mut out, &axis, y, &node.name);
        for s in &node.stretches {
            let class = match s.role {
                Role::Leader => "leads",
                Role::Follower => "serves",
                Role::Resyncing => "away",
                Role::Down => "down",
                Role::Aborted => "aborted",
            };
            let text = match (s.role, s.checkpoint) {
                (Role::Leader, _) => String::new(),
                (Role::Follower, Some(c)) => c.to_string(),
                (other, _) => role(other).to_string(),
            };
            bar(&mut out, &axis, y, (s.from, s.to), class, &text);
        }
        if n == 0 {
            for c in &report.checkpoints {
                let (x, class) = (axis.x(c.complete), if c.stale { "stale" } else { "tick" });
                let _ = writeln!(
                    out,
                    "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\"><title>checkpoint {} \
                     complete at {}</title></line><text class=\"mid\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                    y + ROW,
                    c.number,
                    c.complete,
                    y + ROW + 12.0,
                    c.number
                );
            }
        }
        y += PITCH;
    }
    for server in &scenario.servers {
        label(&mut out, &axis, y, server);
        bar(&mut out, &axis, y, (Micros(0), report.ended), "serves", "");
        for outage in report.outages.iter().filter(|o| &o.server == server) {
            bar(&mut out, &axis, y, (outage.from, outage.to), "down", "killed");
        }
        y += PITCH;
    }
    let mut line = bottom + 24.0;
    for (class, lines) in listed {
        for text in lines {
            let _ = writeln!(out, "<text class=\"{class}\" x=\"{MARGIN}\" y=\"{line:.1}\">{}</text>", xml(&text));
            line += LINE;
        }
    }
    if trouble.len() > LISTED {
        let more = trouble.len() - LISTED;
        let _ = writeln!(out, "<text class=\"faint\" x=\"{MARGIN}\" y=\"{line:.1}\">and {more} more</text>");
    }
    out.push_str("</svg>\n");
    out
}

fn label(out: &mut String, axis: &Axis, y: f64, name: &str) {
    let x = axis.left - 8.0;
    // The middle of what is too long even for the widest column gives way.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let room = ((LEFT.1 - MARGIN) / LETTER) as usize;
    let letters: Vec<char> = name.chars().collect();
    let shown: String = match letters.len() {
        n if n > room => {
            letters[..room / 2 - 1].iter().chain(&['.', '.']).chain(&letters[n - room / 2 + 1..]).collect()
        }
        _ => name.to_string(),
    };
    let _ = writeln!(
        out,
        "<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\"><title>{}</title>{}</text>",
        y + 16.0,
        xml(name),
        xml(&shown)
    );
}

fn bar(out: &mut String, axis: &Axis, y: f64, span: (Micros, Micros), class: &str, text: &str) {
    let (from, to) = (axis.x(span.0), axis.x(span.1));
    let width = (to - from).max(1.0);
    let words = xml(&format!("{text} {} to {}", span.0, span.1));
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{ROW}\">\
         <title>{}</title></rect>",
        words.trim()
    );
    #[allow(clippy::cast_precision_loss)]
    let needed = text.chars().count() as f64 * 7.5 + 4.0;
    if !text.is_empty() && needed < width {
        let _ = writeln!(
            out,
            "<text class=\"mid\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            from + width / 2.0,
            y + 16.0,
            xml(text)
        );
    }
}
