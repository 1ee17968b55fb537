//! Does an image hold bytes of the user? What the source holds is remembered while it is read, and
//! looked for in everything that is to be shipped.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Shorter strings are not looked for: everything short is somewhere.
pub const SHORTEST: usize = 8;
/// So many bytes of a string are looked for.
pub const LONGEST: usize = 64;
/// So many strings of each kind are remembered, spread over the source.
pub const MOST: usize = 50_000;

/// Strings of a source.
#[derive(Debug, Default)]
pub struct Samples {
    pub keys: Sample,
    values: Sample,
    secrets: Vec<Vec<u8>>,
    shipped: Shipped,
}

/// Names and texts of the engine that are shipped, so that a user's string in one of them is none: every run of
/// [`SHORTEST`] bytes of them as a bit of its hash. The more texts, the more strings pass for one of theirs.
#[derive(Debug, Default)]
struct Shipped {
    bits: Vec<u64>,
}

/// Bits of [`Shipped`], 16 MiB: at a million tables of thirty runs each, one string of eight bytes in five is
/// not looked for, and one of twelve in 3000.
const SHIPPED_BITS: u64 = 1 << 27;

impl Shipped {
    fn place(run: &[u8]) -> (usize, u64) {
        let number = run.iter().fold(0_u64, |n, b| n << 8 | u64::from(*b));
        let bit = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & (SHIPPED_BITS - 1);
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }

    fn add(&mut self, text: &[u8]) {
        self.bits.resize(usize::try_from(SHIPPED_BITS / 64).unwrap_or(0), 0);
        for run in text.windows(SHORTEST) {
            let (word, bit) = Self::place(run);
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn has(&self, string: &[u8]) -> bool {
        string.windows(SHORTEST).all(|run| {
            let (word, bit) = Self::place(run);
            self.bits.get(word).is_some_and(|word| word & bit != 0)
        })
    }
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
        if says_little(plain) {
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

/// One byte again and again says nothing of anyone, nor do a few bytes among zeros, as headers have them.
fn says_little(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter().filter(|b| **b != 0);
    let first = rest.next();
    let (mut count, mut even) = (usize::from(first.is_some()), true);
    for byte in rest {
        count += 1;
        even &= Some(byte) == first;
    }
    count < SHORTEST || even
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
        if bytes.len() >= SHORTEST && !says_little(bytes) {
            self.secrets.push(bytes.to_vec());
        }
    }

    /// A name or a text of the engine that is shipped as it is.
    pub fn shipped(&mut self, text: &[u8]) {
        self.shipped.add(text);
    }

    /// What to look for.
    pub fn needles(&self) -> Needles {
        let all = self.keys.strings.iter().chain(&self.values.strings).chain(&self.secrets);
        let mut by_head: HashMap<[u8; SHORTEST], Vec<Vec<u8>>> = HashMap::new();
        let mut count = 0;
        for string in all.filter(|s| !self.shipped.has(s)) {
            if let Some(head) = string.first_chunk() {
                by_head.entry(*head).or_default().push(string.clone());
                count += 1;
            }
        }
        Needles { by_head, count }
    }
}

/// Strings to look for.
#[derive(Debug, Default)]
pub struct Needles {
    by_head: HashMap<[u8; SHORTEST], Vec<Vec<u8>>>,
    pub count: u64,
}

impl Needles {
    /// Every place of `bytes` where one of them stands.
    pub fn find<'n>(&'n self, bytes: &[u8], met: &mut dyn FnMut(usize, &'n [u8])) {
        for (at, head) in bytes.windows(SHORTEST).enumerate() {
            if *head == [0; SHORTEST] {
                continue;
            }
            for string in <[u8; SHORTEST]>::try_from(head).ok().and_then(|h| self.by_head.get(&h)).into_iter().flatten()
            {
                if bytes.get(at..).is_some_and(|b| b.starts_with(string)) {
                    met(at, string);
                }
            }
        }
    }
}

/// A string that was found: the file, and what it is.
pub type Hit = (String, Vec<u8>);

/// So many different strings that are found are told apart.
pub const MOST_HITS: usize = 10_000;

/// Tells what is in an image by chance from what has leaked into it.
///
/// What is written in place of keys and values depends on lengths, order and the alphabet. A string of the source
/// that looks like filler is not found in the same file again where that is of another alphabet; bytes that were
/// carried over are. An image in which nothing is found needs no judge.
#[derive(Debug, Default)]
pub struct Guard {
    /// What was found in every image so far, and where; nothing before the first one.
    found: Option<BTreeMap<Hit, u64>>,
    /// There was more than can be told apart, from here on.
    overflow: Option<(Hit, u64)>,
}

/// What is found in one image.
#[derive(Debug, Default)]
pub struct Found {
    hits: BTreeMap<Hit, u64>,
    /// There was more than can be told apart.
    overflow: Option<(Hit, u64)>,
}

impl Found {
    pub fn add(&mut self, file: &str, string: &[u8], offset: u64) {
        let hit = (file.to_string(), string.to_vec());
        if self.hits.len() < MOST_HITS || self.hits.contains_key(&hit) {
            self.hits.entry(hit).or_insert(offset);
        } else {
            self.overflow.get_or_insert((hit, offset));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// Where they are.
    #[cfg_attr(not(feature = "devtools"), allow(dead_code))]
    pub fn places(self) -> Vec<(String, u64)> {
        self.hits.into_iter().chain(self.overflow).map(|((file, _), offset)| (file, offset)).collect()
    }
}

impl Guard {
    /// What one more image holds.
    pub fn image(&mut self, found: Found) {
        let Found { hits, overflow } = found;
        self.overflow = self.overflow.take().or(overflow);
        match &mut self.found {
            None => self.found = Some(hits),
            Some(before) => before.retain(|hit, _| hits.contains_key(hit)),
        }
    }

    /// Where the first leak is, if what is in all images is one.
    pub fn leak(&self) -> Option<(&str, u64)> {
        let ((file, _), offset) =
            self.found.as_ref()?.first_key_value().or(self.overflow.as_ref().map(|(h, o)| (h, o)))?;
        Some((file, *offset))
    }
}
