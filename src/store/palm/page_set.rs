//! Which pages of an LMDB environment a walk has met.

/// A set of page numbers, one bit each; never larger than the file allows.
#[derive(Debug)]
pub struct PageSet {
    words: Vec<u64>,
}

impl PageSet {
    pub fn new(pages: u64) -> Self {
        Self { words: vec![0; usize::try_from(pages.div_ceil(64)).unwrap_or_default()] }
    }

    /// Words with the bits of a page range in each.
    fn parts(first: u64, count: u64) -> impl Iterator<Item = (usize, u64)> {
        let last = first.saturating_add(count.saturating_sub(1));
        (first / 64..=last / 64).map(move |word| {
            let low = if word == first / 64 { u64::MAX << (first % 64) } else { u64::MAX };
            let high = if word == last / 64 { u64::MAX >> (63 - last % 64) } else { u64::MAX };
            (usize::try_from(word).unwrap_or(usize::MAX), low & high)
        })
    }

    /// Add the pages of another set; false, and nothing of use left in this one, if one of them is in already.
    #[cfg(feature = "palm-repair")]
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        self.words.resize(self.words.len().max(other.words.len()), 0);
        let pairs = self.words.iter_mut().zip(&other.words);
        pairs.fold(true, |disjoint, (word, more)| {
            let disjoint = disjoint && *word & more == 0;
            *word |= more;
            disjoint
        })
    }

    /// Add pages; false, and nothing added, if one of them is in already or outside the file.
    pub fn claim(&mut self, first: u64, count: u64) -> bool {
        let free = Self::parts(first, count).all(|(at, bits)| self.words.get(at).is_some_and(|word| word & bits == 0));
        if free {
            for (at, bits) in Self::parts(first, count) {
                if let Some(word) = self.words.get_mut(at) {
                    *word |= bits;
                }
            }
        }
        free
    }
}
