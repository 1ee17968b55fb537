//! Other keys for those of a tree: order, equality, common prefixes and lengths stay, content does not.
//!
//! The distinct keys of a tree, sorted, are the paths of a trie. Every edge gets a new label by its
//! rank among the edges of its node, so two new keys part where the old ones did, and the same way
//! round. A node that has all 256 edges keeps its labels: there is no other order-preserving choice.
//!
//! Bytes that a key format gives a meaning stay well-formed: the NUL of a string stays one
//! and no other byte becomes one, the first byte of a packed integer keeps its class, and
//! lengths stay what they are. Of the history store's keys only the user's key changes.

use std::collections::HashSet;

/// What filler is made of. An image in another alphabet has the same structure, and no string that is in both by
/// chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alphabet {
    /// The first label of a node of the keys, where its edges leave room above.
    pub key: u8,
    /// The first byte of a value.
    pub value: u8,
    /// Names and texts in documents: two that are ASCII.
    pub name: u8,
    pub text: u8,
    /// Of three parts of a small class of bytes the one to begin in.
    third: u64,
}

/// The first one reads best.
pub const ALPHABETS: [Alphabet; 3] = [
    Alphabet { key: b'a', value: b'v', name: b'n', text: b'x', third: 0 },
    Alphabet { key: 0xb5, value: 0xd6, name: b'#', text: b'%', third: 1 },
    Alphabet { key: 0x11, value: 0x1a, name: 0x0e, text: 0x1d, third: 2 },
];

impl Default for Alphabet {
    fn default() -> Self {
        let [first, ..] = ALPHABETS;
        first
    }
}

impl Alphabet {
    /// Most edges of a node whose labels begin at `key`.
    pub fn room(self) -> u32 {
        256 - u32::from(self.key)
    }
}

/// Most keys that may share what [`Keys::spots`] finds.
const SHARED: usize = 512;

/// What the bytes of a key are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Form {
    /// Nothing is known of them.
    #[default]
    Bytes,
    /// Columns of a `key_format`.
    Columns(Vec<(Option<usize>, char)>),
    /// Names of the engine: they stay.
    Names,
}

/// What a byte may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Domain {
    Any,
    /// Anything but NUL, which stays itself.
    Text,
    Same,
    /// The first byte of a packed unsigned integer.
    Unsigned,
    /// The first byte of a packed signed integer.
    Signed,
    /// The first of eight bytes of a number of 63 bits.
    Low,
}

impl Domain {
    /// First and last byte of the class a byte is in; labels never leave it.
    fn class(self, byte: u8) -> (u8, u8) {
        match (self, byte) {
            (Self::Any, _) => (0, 255),
            (Self::Text, 1..) => (1, 255),
            (Self::Unsigned | Self::Signed, 0x80..=0xbf) => (0x80, 0xbf),
            (Self::Unsigned | Self::Signed, 0xc0..=0xdf) => (0xc0, 0xdf),
            (Self::Signed, 0x40..=0x7f) => (0x40, 0x7f),
            (Self::Signed, 0x20..=0x3f) => (0x20, 0x3f),
            (Self::Low, 0x01..=0x7f) => (0x01, 0x7f),
            _ => (byte, byte),
        }
    }

    /// The label of the first edge of its class. `crowded`: the node has more edges than the alphabet
    /// has room for.
    fn first(self, byte: u8, crowded: bool, alphabet: Alphabet) -> u8 {
        let (low, high) = self.class(byte);
        if high == 255 && low <= 1 && !crowded { alphabet.key } else { low }
    }
}

impl Form {
    /// The form of a `key_format`; codes that are not known end it.
    pub fn of(format: &str) -> Self {
        let mut columns = Vec::new();
        let mut count = String::new();
        for code in format.trim_start_matches(['@', '<', '>', '.']).chars() {
            if code.is_ascii_digit() {
                count.push(code);
                continue;
            }
            columns.push((count.parse().ok(), code));
            count.clear();
        }
        match columns.as_slice() {
            [] | [(None, 'u')] => Self::Bytes,
            _ => Self::Columns(columns),
        }
    }

    /// Nothing but packed numbers.
    pub fn is_numbers(&self) -> bool {
        matches!(self, Self::Columns(c) if c.iter().all(|(_, code)| "IHLQrihlq".contains(*code)))
    }

    /// The keys of the history store.
    pub fn history() -> Self {
        // '=' stands for a number that stays.
        Self::Columns(vec![(None, '='), (None, 'U'), (None, '='), (None, '=')])
    }

    /// The values of the history store.
    pub fn history_value() -> Self {
        Self::Columns(vec![(None, '='), (None, '='), (None, '='), (None, 'u')])
    }

    /// Other bytes for a value of this form. `number`: values that must differ have different numbers,
    /// as far as their bytes leave room.
    pub fn filled(&self, value: &[u8], number: u64, alphabet: Alphabet) -> Vec<u8> {
        let mut domains = Vec::new();
        self.domains(value, &mut domains);
        let mut left = number;
        let mut fill = |(byte, domain): (&u8, &Domain)| {
            let (low, high) = domain.class(*byte);
            let size = u64::from(high - low) + 1;
            let start = if size > 128 { u64::from(alphabet.value - low) } else { alphabet.third * size / 3 };
            let label = (start + left % size) % size;
            left /= size;
            low + u8::try_from(label).unwrap_or(0)
        };
        value.iter().zip(&domains).map(&mut fill).collect()
    }

    /// The domain of every byte of a key. What a byte means depends on the bytes before it only, so
    /// keys with a common prefix agree on it.
    fn domains(&self, key: &[u8], out: &mut Vec<Domain>) {
        out.clear();
        match self {
            Self::Bytes => out.resize(key.len(), Domain::Any),
            Self::Names => out.resize(key.len(), Domain::Same),
            Self::Columns(columns) => {
                for (at, (count, code)) in columns.iter().enumerate() {
                    if out.len() >= key.len() || !column(key, *count, *code, at + 1 == columns.len(), out) {
                        break;
                    }
                }
                out.resize(key.len(), Domain::Any);
            }
        }
    }
}

/// The bytes of one column; false if the rest of the key cannot be told apart.
fn column(key: &[u8], count: Option<usize>, code: char, last: bool, out: &mut Vec<Domain>) -> bool {
    let left = key.len() - out.len();
    let run = |out: &mut Vec<Domain>, n: usize, domain| out.resize(out.len() + n.min(left), domain);
    let repeat = count.unwrap_or(1);
    match (code, count) {
        ('B' | 'b', _) => run(out, repeat, Domain::Any),
        ('t', _) => run(out, 1, Domain::Any),
        ('R', _) => run(out, repeat.saturating_mul(8), Domain::Any),
        ('x', _) => run(out, repeat, Domain::Same),
        ('I' | 'H' | 'L' | 'Q' | 'r' | 'i' | 'h' | 'l' | 'q' | '=', _) => {
            let domain = match code {
                '=' => Domain::Same,
                'i' | 'h' | 'l' | 'q' => Domain::Signed,
                _ => Domain::Unsigned,
            };
            for _ in 0..repeat {
                let Some(first) = key.get(out.len()) else { break };
                let rest = integer_tail(*first);
                let payload = if domain == Domain::Same { Domain::Same } else { Domain::Any };
                out.push(domain);
                let end = (out.len() + rest).min(key.len());
                if domain == Domain::Signed && *first == 0xe8 && out.len() < end {
                    out.push(Domain::Low);
                }
                out.resize(end, payload);
            }
        }
        ('S', None) => {
            let rest = &key[out.len()..];
            let end = rest.iter().position(|b| *b == 0).map_or(rest.len(), |n| n + 1);
            run(out, end, Domain::Text);
        }
        ('S', Some(n)) => run(out, n, Domain::Text),
        ('s', n) => run(out, n.unwrap_or(1), Domain::Any),
        ('u', Some(n)) => run(out, n, Domain::Any),
        ('u', None) if last => run(out, left, Domain::Any),
        ('u' | 'U', _) => {
            let Some(first) = key.get(out.len()) else { return false };
            let from = out.len();
            let rest = integer_tail(*first);
            out.resize((from + 1 + rest).min(key.len()), Domain::Same);
            let mut r = crate::format::reader::Reader::new(&key[from..]);
            let Ok(n) = r.vuint() else { return false };
            let n = usize::try_from(n).unwrap_or(usize::MAX).min(key.len() - out.len());
            out.resize(out.len() + n, Domain::Any);
        }
        _ => return false,
    }
    true
}

/// Bytes of a packed integer behind its first.
fn integer_tail(first: u8) -> usize {
    match first {
        0xc0..=0xdf | 0x20..=0x3f => 1,
        0xe0..=0xef => usize::from(first & 0xf).min(8),
        0x10..=0x1f => 8_usize.saturating_sub(usize::from(first & 0xf)),
        _ => 0,
    }
}

/// The keys of a tree and their replacements.
#[derive(Debug, Default)]
pub struct Keys {
    old: Vec<Box<[u8]>>,
    pub new: Vec<Box<[u8]>>,
}

impl Keys {
    /// Replace a tree's keys, given in any order and number.
    pub fn new(mut keys: Vec<Box<[u8]>>, form: &Form, alphabet: Alphabet) -> Self {
        keys.sort_unstable();
        keys.dedup();
        if *form == Form::Names {
            return Self { new: keys.clone(), old: keys };
        }
        let crowded = crowded(&keys, alphabet.room());
        let mut new: Vec<Box<[u8]>> = Vec::with_capacity(keys.len());
        let mut domains = Vec::new();
        let mut path: Vec<u8> = Vec::new();
        // The key that first went through the node at each depth of the path.
        let mut first: Vec<usize> = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            form.domains(key, &mut domains);
            let before: &[u8] = if at == 0 { &[] } else { &keys[at - 1] };
            let common = common(before, key);
            let sibling = path.get(common).copied();
            path.truncate(common);
            first.truncate(if common < before.len() { common + 1 } else { common });
            first.resize(key.len().max(first.len()), at);
            for (depth, byte) in key.iter().enumerate().skip(common) {
                let domain = domains[depth];
                let follows =
                    depth == common && before.get(depth).is_some_and(|b| domain.class(*b) == domain.class(*byte));
                path.push(match sibling.filter(|_| follows) {
                    // One class has one label at least for each of its bytes.
                    Some(label) => label.saturating_add(1),
                    None => domain.first(*byte, crowded.contains(&(first[depth], depth)), alphabet),
                });
            }
            new.push(path.as_slice().into());
        }
        Self { old: keys, new }
    }

    /// The replacement of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let at = self.old.binary_search_by(|k| (**k).cmp(key)).ok()?;
        self.new.get(at).map(|k| &**k)
    }

    /// Places where the new form of a key may be another one without any order changing, the last ones first:
    /// bytes that only this key has, and labels that all edges of a node can be moved by. Only the first `covered`
    /// bytes count. Together they give at least `wanted` choices, or what there is.
    pub fn spots(&self, key: &[u8], form: &Form, covered: usize, wanted: u64) -> Vec<Spot> {
        let mut out: Vec<Spot> = Vec::new();
        let Ok(at) = self.old.binary_search_by(|k| (**k).cmp(key)) else { return out };
        let mut domains = Vec::new();
        form.domains(key, &mut domains);
        let mut choices = 1_u64;
        for (depth, (byte, domain)) in key.iter().zip(&domains).enumerate().take(covered).rev() {
            let (low, high) = domain.class(*byte);
            if low == high || *form == Form::Names {
                continue;
            }
            let same =
                |k: &[u8]| k.get(..depth) == key.get(..depth) && k.get(depth).is_some_and(|b| (low..=high).contains(b));
            let from = at - self.old[..at].iter().rev().take(SHARED).take_while(|k| same(k)).count();
            let to = at + self.old[at..].iter().take(SHARED).take_while(|k| same(k)).count();
            if to - from >= SHARED {
                break;
            }
            let highest = self.new[from..to].iter().filter_map(|k| k.get(depth)).max().copied().unwrap_or(high);
            let room = u64::from(high.saturating_sub(highest));
            if room > 0 {
                choices = choices.saturating_mul(room + 1);
                out.push(Spot { keys: from..to, depth, room });
            }
            if choices >= wanted {
                break;
            }
        }
        out
    }

    /// Move the new labels at a spot up by so much, which the spot has room for, or down again.
    pub fn move_at(&mut self, spot: &Spot, by: u8, down: bool) {
        for key in self.new.get_mut(spot.keys.clone()).unwrap_or_default() {
            if let Some(label) = key.get_mut(spot.depth) {
                *label = if down { label.wrapping_sub(by) } else { label.wrapping_add(by) };
            }
        }
    }

    /// Bytes of memory, roughly.
    pub fn bytes(&self) -> u64 {
        self.old.iter().map(|k| 2 * (k.len() as u64 + 16)).sum()
    }
}

/// One byte of neighbouring keys whose new values can be moved together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    keys: std::ops::Range<usize>,
    depth: usize,
    /// By how much at most.
    pub room: u64,
}

impl Spot {
    /// Moving both would move a byte twice.
    pub fn shares(&self, other: &Self) -> bool {
        self.depth == other.depth && self.keys.start < other.keys.end && other.keys.start < self.keys.end
    }
}

pub fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Nodes with more than `room` edges: the key whose path first went through the node, and the depth.
fn crowded(keys: &[Box<[u8]>], room: u32) -> HashSet<(usize, usize)> {
    struct Node {
        depth: usize,
        edges: u32,
        first: usize,
    }
    let mut out = HashSet::new();
    let mut open: Vec<Node> = Vec::new();
    let mut made: Vec<usize> = Vec::new();
    let mut close = |node: Node| {
        if node.edges > room {
            out.insert((node.first, node.depth));
        }
    };
    for (at, key) in keys.iter().enumerate() {
        let before: &[u8] = if at == 0 { &[] } else { &keys[at - 1] };
        let common = common(before, key);
        while let Some(node) = open.pop_if(|n| n.depth > common) {
            close(node);
        }
        match open.last_mut().filter(|n| n.depth == common) {
            Some(node) => node.edges += 1,
            None if common < before.len() => open.push(Node { depth: common, edges: 2, first: made[common] }),
            None => open.push(Node { depth: common, edges: 1, first: at }),
        }
        made.truncate(common);
        made.resize(key.len(), at);
    }
    open.into_iter().for_each(close);
    out
}
