//! The running total of a tree under a rule of accounting (spec 11.1, 11.4).

use super::scenario::Rule;

/// The total that a checkpoint publishes as `size=`.
#[derive(Debug, Clone)]
pub(super) struct Account {
    rule: Rule,
    total: u64,
    /// What a reconciliation adds and takes off once it cannot fail any more; deferred only.
    pending: (u64, u64),
}

impl Account {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, total: 0, pending: (0, 0) }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// A block that is no root was put.
    pub(super) fn wrote(&mut self, bytes: u64) {
        match self.rule {
            Rule::AtPut => self.apply(bytes, 0),
            Rule::Deferred => self.pending.0 = self.pending.0.saturating_add(bytes),
        }
    }

    /// Blocks were discarded, or a chain was replaced.
    pub(super) fn freed(&mut self, bytes: u64) {
        match self.rule {
            Rule::AtPut => self.apply(0, bytes),
            Rule::Deferred => self.pending.1 = self.pending.1.saturating_add(bytes),
        }
    }

    /// The reconciliation is past the point of no return.
    pub(super) fn wrap_up(&mut self) {
        let (add, sub) = std::mem::take(&mut self.pending);
        self.apply(add, sub);
    }

    /// The reconciliation failed before it.
    pub(super) fn give_up(&mut self) {
        self.pending = (0, 0);
    }

    /// What a page whose id was given up still has to be taken off for. At the put, the discard took
    /// off what it knew of, and nothing remembers the rest; deferred, nothing was taken off yet.
    pub(super) fn still_owed(&self, owed: u64) -> u64 {
        match self.rule {
            Rule::AtPut => 0,
            Rule::Deferred => owed,
        }
    }

    /// A checkpoint's root takes the place of the one before. The transition is remembered with the
    /// checkpoint under either rule, and undone by the opposite one if it fails (11.1).
    pub(super) fn root(&mut self, previous: u64, new: u64) {
        self.apply(new, previous);
    }

    /// The engine clamps at 0 (11.1); the model's own steps never get there.
    fn apply(&mut self, add: u64, sub: u64) {
        self.total = self.total.saturating_add(add).saturating_sub(sub);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_a_deferred_total_alone() {
        for (rule, after_failure, after_success) in [(Rule::AtPut, 130, 150), (Rule::Deferred, 100, 120)] {
            let mut account = Account::new(rule);
            account.wrote(100);
            account.wrap_up();
            account.wrote(30);
            account.give_up();
            assert_eq!(account.total(), after_failure);
            account.wrote(120);
            account.freed(100);
            account.wrap_up();
            assert_eq!(account.total(), after_success);
            account.root(0, 7);
            account.root(7, 0);
            assert_eq!(account.total(), after_success);
            assert_eq!(account.still_owed(9), if rule == Rule::AtPut { 0 } else { 9 });
        }
    }
}
