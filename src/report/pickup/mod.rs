//! What simulated pick-ups look like to people and programs.

pub mod explain;
pub mod explore;
pub mod picture;
pub mod replay;
pub mod run;

use crate::pickup::judge::Broken;
use crate::pickup::standby::Role;

/// A role in words.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Leader => "leads",
        Role::Follower => "serves",
        Role::Resyncing => "re-syncs",
        Role::Down => "is down",
        Role::Aborted => "ABORTED",
    }
}

/// What broke, with the step where there is one.
pub fn breach(actor: &str, broken: &Broken) -> String {
    let place = broken.step.map(|s| format!(" ({}: {})", s.place(), s.words())).unwrap_or_default();
    format!("{actor} {}{place}", broken.words)
}
