//! Random numbers of simulations: the same for a seed on every machine (xorshift64*).

/// The generator.
#[derive(Debug, Clone)]
pub struct Rng(u64);

/// Few letters, so that compression has something to do.
const LETTERS: &[u8; 16] = b"abcdefghijklmnop";

impl Rng {
    /// Beginning with a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d | 1);
        for _ in 0..8 {
            rng.next();
        }
        rng
    }

    /// The next one.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        usize::try_from((self.next() >> 16).checked_rem(n).unwrap_or(0)).unwrap_or(0)
    }

    /// A value of so many bytes.
    pub fn value(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len.saturating_add(16));
        while out.len() < len {
            let mut bits = self.next();
            for _ in 0..16 {
                out.extend(LETTERS.get((bits & 15) as usize));
                bits >>= 4;
            }
        }
        out.truncate(len);
        out
    }

    /// `n` different numbers below `of`, ascending; all of them if there are not more.
    pub fn pick(&mut self, n: usize, of: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..of).collect();
        let n = n.min(of);
        for at in 0..n {
            let other = at + self.below(of - at);
            all.swap(at, other);
        }
        all.truncate(n);
        all.sort_unstable();
        all
    }
}
