//! Does an image hold bytes of the user? What the source holds is remembered while it is read, and
//! looked for in everything that is to be shipped.

use std::collections::{HashMap, HashSet};

/// Shorter strings are not looked for: everything short is somewhere.
pub(super) const SHORTEST: usize = 8;
/// So many bytes of a string are looked for.
const LONGEST: usize = 64;
/// So many strings of each kind are remembered, spread over the source.
pub const MOST: usize = 50_000;

/// Strings of a source.
#[derive(Debug, Default)]
pub struct Samples {
    pub keys: Sample,
    values: Sample,
    secrets: Vec<Vec<u8>>,
    /// Names that are shipped, so that a user's string in one of them is none.
    names: Vec<u8>,
}

#[derive(Debug, Default)]
pub struct Sample {
    pub strings: HashSet<Vec<u8>>,
    met: u64,
    /// One of so many is remembered.
    step: u64,
}

impl Sample {
    fn add(&mut self, bytes: &[u8]) {
        let plain = bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default();
        if plain.len() < SHORTEST || is_even(plain) {
            return;
        }
        self.met += 1;
        self.step = self.step.max(1);
        if !self.met.is_multiple_of(self.step) {
            return;
        }
        self.strings.insert(plain.to_vec());
        if self.strings.len() >= MOST {
            // Every other one goes; from now on half as many come.
            let mut keep: Vec<Vec<u8>> = self.strings.drain().collect();
            keep.sort_unstable();
            self.strings = keep.into_iter().step_by(2).collect();
            self.step *= 2;
        }
    }
}

/// One byte again and again says nothing of anyone.
fn is_even(bytes: &[u8]) -> bool {
    bytes.windows(2).all(|w| w[0] == w[1])
}

impl Samples {
    pub fn key(&mut self, bytes: &[u8]) {
        self.keys.add(bytes);
    }

    pub fn value(&mut self, bytes: &[u8]) {
        self.values.add(bytes);
    }

    /// Key material: always remembered.
    pub fn secret(&mut self, bytes: &[u8]) {
        if bytes.len() >= SHORTEST && !is_even(bytes) {
            self.secrets.push(bytes.to_vec());
        }
    }

    /// A name that is shipped.
    pub fn name(&mut self, bytes: &[u8]) {
        self.names.extend_from_slice(bytes);
        self.names.push(0);
    }

    /// What to look for.
    pub fn needles(&self) -> Needles {
        let all = self.keys.strings.iter().chain(&self.values.strings).chain(&self.secrets);
        let mut by_head: HashMap<[u8; SHORTEST], Vec<Vec<u8>>> = HashMap::new();
        let mut count = 0;
        for string in all {
            if find(&self.names, string) {
                continue;
            }
            if let Some(head) = string.first_chunk() {
                by_head.entry(*head).or_default().push(string.clone());
                count += 1;
            }
        }
        Needles { by_head, count }
    }
}

pub fn find(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|w| w == needle)
}

/// Strings to look for.
#[derive(Debug)]
pub struct Needles {
    by_head: HashMap<[u8; SHORTEST], Vec<Vec<u8>>>,
    pub count: u64,
}

impl Needles {
    /// Where the first of them stands in `bytes`.
    pub fn find(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(head) = bytes.get(at..).and_then(|b| b.first_chunk::<SHORTEST>()) {
            if *head == [0; SHORTEST] {
                at += 1;
                continue;
            }
            if let Some(strings) = self.by_head.get(head)
                && strings.iter().any(|s| bytes[at..].starts_with(s))
            {
                return Some(at);
            }
            at += 1;
        }
        None
    }
}
