//! An axis cut into cells: what each shows of the many pages or bytes that it stands for, and how much of them that is.

use super::map_kinds::{KINDS, KindId, Run};

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub kind: KindId,
    /// How much of the cell that is, in thousandths; of an important kind, all that is important.
    pub share: u16,
}

/// How much of a cell something is, in what an eye tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shade {
    /// Less than a tenth.
    Trace,
    /// Less than half.
    Part,
    Most,
}

impl Cell {
    /// All of a cell.
    pub const WHOLE: u16 = 1000;

    /// How it is drawn. What is not important is drawn as if it were all of it.
    #[must_use]
    pub fn shade(self) -> Shade {
        match self.share {
            _ if !self.kind.kind().important => Shade::Most,
            0..100 => Shade::Trace,
            100..500 => Shade::Part,
            _ => Shade::Most,
        }
    }
}

/// An axis cut into cells, each of which shows one kind: an important one if it holds any, else the
/// one with most of it. Runs are taken in one by one, in order; only the cells are kept.
#[derive(Debug)]
pub struct Fold {
    start: u64,
    span: u64,
    cells: Vec<Cell>,
    at: usize,
    weights: Vec<u64>,
}

impl Fold {
    /// `count` cells of length `span`, from `start` on.
    #[must_use]
    pub fn new(start: u64, span: u64, count: usize) -> Self {
        let weights = vec![0; KINDS.len()];
        Self {
            start,
            span: span.max(1),
            cells: vec![Cell { kind: KindId::Absent, share: Cell::WHOLE }; count],
            at: 0,
            weights,
        }
    }

    /// Take in a run.
    pub fn add(&mut self, run: Run) {
        let end = run.start.saturating_add(run.len);
        let (mut from, end) = (run.start.saturating_sub(self.start), end.saturating_sub(self.start));
        while from < end {
            let cell = usize::try_from(from / self.span).unwrap_or(usize::MAX);
            if cell >= self.cells.len() {
                break;
            }
            if cell != self.at {
                self.settle();
                self.at = cell;
            }
            // Whole cells in the middle of a run have nothing to weigh.
            let whole = usize::try_from((end - from) / self.span).unwrap_or(usize::MAX).min(self.cells.len() - cell);
            if from % self.span == 0 && whole > 1 {
                self.cells[cell..cell + whole - 1].fill(Cell { kind: run.kind, share: Cell::WHOLE });
                self.at = cell + whole - 1;
                from = from.saturating_add(self.span.saturating_mul(whole as u64 - 1));
            }
            let next = (from / self.span).saturating_add(1).saturating_mul(self.span).min(end);
            let weight = &mut self.weights[run.kind as usize];
            *weight = weight.saturating_add(next - from);
            from = next;
        }
    }

    /// Decide what the current cell shows.
    fn settle(&mut self) {
        let held = |k: &KindId| self.weights[*k as usize] > 0;
        let of = KindId::ALL.iter().copied().filter(|k| held(k));
        let most = of.clone().max_by_key(|k| (self.weights[*k as usize], std::cmp::Reverse(*k)));
        let shown = of.clone().find(|k| k.kind().important).or(most);
        if let (Some(kind), Some(cell)) = (shown, self.cells.get_mut(self.at)) {
            let same = |k: &KindId| if kind.kind().important { k.kind().important } else { *k == kind };
            let held = of.filter(same).fold(0_u64, |sum, k| sum.saturating_add(self.weights[k as usize]));
            let share = u128::from(held) * u128::from(Cell::WHOLE) / u128::from(self.span);
            *cell = Cell { kind, share: u16::try_from(share).unwrap_or(Cell::WHOLE).min(Cell::WHOLE) };
        }
        self.weights.fill(0);
    }

    /// The cells.
    #[must_use]
    pub fn finish(mut self) -> Vec<Cell> {
        self.settle();
        self.cells
    }
}

/// The next of 1, 2, 5, 10, 20 and so on.
pub fn round(least: u64) -> Option<u64> {
    let mut ten = 1_u64;
    loop {
        let fits = [1, 2, 5].into_iter().filter_map(|n| ten.checked_mul(n)).find(|n| *n >= least);
        if fits.is_some() {
            return fits;
        }
        ten = ten.checked_mul(10)?;
    }
}
