//! A block whose checksum must pack into as many bytes as the one before: what can be varied in it, and below it.

use super::*;

impl Work<'_> {
    /// New content for a block with a checksum that packs into as many bytes as the old one; the first way from the
    /// `salt`th on. What is varied, in this order: what nobody reads, values, the page's generation, keys.
    pub(super) fn settled(&mut self, source: &Source, salt: u64) -> Composed {
        let tight = self.tight.get(&source.offset).copied().unwrap_or(0);
        let given = |sum: u32| {
            let payload = sum.wrapping_sub(sums::PACKED_BASE);
            tight == 0 || source.length < 5 || payload >> (32 - tight) == TIGHT << (tight - 8)
        };
        let wanted = |sum: u32| sums::packed_len(sum) == source.length && given(sum);
        let attempts = match source.length {
            _ if tight > 0 => TIGHT_ATTEMPTS,
            4.. => ATTEMPTS,
            _ => RARE_ATTEMPTS,
        };
        let mut best: Option<Composed> = None;
        if salt < GENERATIONS_FROM {
            let mut base = self.composed(source, salt);
            let (first, mut attempt) = (base.sum, salt);
            while !wanted(base.sum) && attempt < salt + attempts {
                if best.is_none() && sums::packed_len(base.sum) == source.length {
                    best = Some(base.clone());
                }
                attempt += 1;
                match base.bytes.get_mut(base.padding..).filter(|p| p.len() >= 8) {
                    Some(tail) => {
                        tail[..8].copy_from_slice(&attempt.to_le_bytes());
                        base.sum = seal(&mut base.bytes);
                    }
                    None => base = self.composed(source, attempt),
                }
                if base.sum == first {
                    break;
                }
            }
            if wanted(base.sum) {
                return Composed { fits: true, salt: attempt, ..base };
            }
            if let Some(best) = best {
                return Composed { fits: true, ..best };
            }
        }
        let internal = matches!(source.headers.page.page_type(), Ok(PageType::RowInternal | PageType::ColumnInternal));
        // The keys of an internal page are those of pages below it, which must not change under it.
        if !internal {
            let from = salt.saturating_sub(GENERATIONS_FROM).max(1);
            let found = (salt < KEYS_FROM).then(|| self.with_generation(source, self.composed(source, 0), from));
            if let Some(done) = found.flatten() {
                return done;
            }
            if let Some(done) = self.with_keys(source, salt.saturating_sub(KEYS_FROM).max(1)) {
                return done;
            }
        }
        self.composed(source, 0)
    }

    /// Content with other keys, where moving labels of the tree's keys gives a checksum that fits.
    fn with_keys(&mut self, source: &Source, from: u64) -> Option<Composed> {
        let mut keys: Vec<Box<[u8]>> = Vec::new();
        let plain = local_image::plain(&source.stored, &source.headers.page, self.entry.compression()).ok()?;
        let page = plain_of(&plain, source.headers.page);
        if self.key_items.contains(&source.offset) {
            keys.push(plain.get(DATA_OFFSET..)?.into());
        } else {
            page::collect(page, &mut |k| keys.push(k.into()), &mut |_| {});
        }
        // Without this flag the checksum is that of the first bytes only.
        let covered = match source.headers.block.flags & FLAG_DATA_CHECKSUM {
            0 => SKIP_LEN - DATA_OFFSET,
            // The keys in the middle of a page are on no other.
            _ => {
                let middle = keys.len() / 2;
                keys.rotate_left(middle);
                usize::MAX
            }
        };
        let mut spots: Vec<Spot> = Vec::new();
        let mut choices = 1_u64;
        for key in keys.iter().take(CHILDREN) {
            if choices >= ATTEMPTS {
                break;
            }
            for spot in self.keys.spots(key, &self.form, covered, ATTEMPTS / choices + 1) {
                // Another key of the page may share it.
                if choices < ATTEMPTS && !spots.iter().any(|s| s.shares(&spot)) {
                    choices = choices.saturating_mul(spot.room + 1);
                    spots.push(spot);
                }
            }
        }
        for number in from..choices.min(2 * ATTEMPTS) {
            self.move_keys(&spots, number, false);
            let mut done = Some(self.composed(source, 0)).filter(|d| sums::packed_len(d.sum) == source.length);
            if done.is_none() && choices < ATTEMPTS {
                done = self.with_generation(source, self.composed(source, 0), 1);
            }
            if let Some(done) = done {
                self.keys_moved = true;
                return Some(Composed { fits: true, salt: KEYS_FROM + number, ..done });
            }
            self.move_keys(&spots, number, true);
        }
        None
    }

    fn move_keys(&mut self, spots: &[Spot], mut number: u64, back: bool) {
        for spot in spots {
            let by = u8::try_from(number % (spot.room + 1)).unwrap_or(0);
            number /= spot.room + 1;
            self.keys.move_at(spot, by, back);
        }
    }

    /// Content with a lower generation: a page must be older than the page above it, and may be older still.
    fn with_generation(&self, source: &Source, mut done: Composed, from: u64) -> Option<Composed> {
        let old = source.headers.page.write_gen;
        for number in from..old.min(from + ATTEMPTS) {
            done.bytes.get_mut(GENERATION_AT..GENERATION_AT + 8)?.copy_from_slice(&(old - number).to_le_bytes());
            done.sum = seal(&mut done.bytes);
            if sums::packed_len(done.sum) == source.length {
                return Some(Composed { fits: true, salt: GENERATIONS_FROM + number, ..done });
            }
        }
        None
    }

    /// The new bytes of a block with their checksum.
    fn composed(&self, source: &Source, attempt: u64) -> Composed {
        let (mut bytes, counts, padding) = self.body(&source.stored, &source.headers, source.offset, attempt);
        if attempt > 0
            && let Some(tail) = bytes.get_mut(padding..).filter(|p| p.len() >= 8)
        {
            tail[..8].copy_from_slice(&attempt.to_le_bytes());
        }
        let sum = seal(&mut bytes);
        Composed { bytes, sum, counts, padding, fits: sums::packed_len(sum) == source.length, salt: attempt }
    }

    /// After all blocks: change what keeps some of them from fitting. False if there is nothing to change.
    pub(super) fn change_something(&mut self) -> bool {
        let mut changed = std::mem::take(&mut self.keys_moved);
        for offset in std::mem::take(&mut self.too_long) {
            let mut named = Vec::new();
            self.names(offset, &mut named);
            named.retain(|a| self.is_meant(a));
            for child in named {
                let tight = self.tight.entry(child.offset).or_insert(0);
                let more = match *tight {
                    0 => 8,
                    _ => 12,
                };
                changed |= more > *tight;
                *tight = more;
            }
        }
        for offset in std::mem::take(&mut self.stuck) {
            changed |= self.vary_below(offset).is_some();
        }
        changed
    }

    /// Find another form of a leaf below a block that gives the block a checksum that fits.
    fn vary_below(&mut self, offset: u64) -> Option<()> {
        let mut leaves = Vec::new();
        self.leaves_below(&mut vec![offset], &mut leaves);
        leaves.into_iter().find_map(|(leaf, path)| {
            let kept = self.cookies.sums.borrow().clone();
            let mut salt = self.salts.get(&leaf).copied().unwrap_or(0);
            let mut found = None;
            let mut before = None;
            for _ in 0..ATTEMPTS {
                let source = self.source(leaf, *self.blocks.get(&leaf)?)?;
                let done = self.settled(&source, salt + 1);
                if !done.fits || done.salt <= salt {
                    break;
                }
                salt = done.salt;
                if before.replace(done.sum) == Some(done.sum) {
                    // Nothing of this kind can be varied: the next one.
                    salt = match salt {
                        0..GENERATIONS_FROM => GENERATIONS_FROM,
                        GENERATIONS_FROM..KEYS_FROM => KEYS_FROM,
                        _ => break,
                    };
                    continue;
                }
                self.note(&source, done.sum);
                let fit = path.iter().rev().all(|above| {
                    let Some(source) = self.blocks.get(above).and_then(|b| self.source(*above, *b)) else {
                        return false;
                    };
                    let done = self.settled(&source, self.salts.get(above).copied().unwrap_or(0));
                    self.note(&source, done.sum);
                    done.fits
                });
                if fit {
                    found = Some(salt);
                    break;
                }
            }
            *self.cookies.sums.borrow_mut() = kept;
            // Other keys stay what they have become.
            let salt = found?;
            if salt < KEYS_FROM {
                self.salts.insert(leaf, salt);
            }
            Some(())
        })
    }

    /// Pages below the last of a path that name no others, with the paths to them.
    fn leaves_below(&self, path: &mut Vec<u64>, out: &mut Vec<(u64, Vec<u64>)>) {
        let mut named = Vec::new();
        path.last().iter().for_each(|last| self.names(**last, &mut named));
        named.retain(|a| self.is_meant(a));
        for child in named {
            if out.len() >= CHILDREN || path.len() > MAX_DEPTH {
                return;
            }
            let kind = self.blocks.get(&child.offset).and_then(|b| self.source(child.offset, *b));
            match kind.map(|s| s.headers.page.page_type()) {
                Some(Ok(PageType::RowInternal | PageType::ColumnInternal)) => {
                    path.push(child.offset);
                    self.leaves_below(path, out);
                    path.pop();
                }
                _ => out.push((child.offset, path.clone())),
            }
        }
    }
}
