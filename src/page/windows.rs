//! The time-window rules: what a window must hold in itself, and what it
//! must hold against the aggregate in the parent's address cell.
//!
//! Transaction ids are left out throughout: after a reopen a parent may say 0 above leaves that
//! still carry ids. Nothing is compared with the parent in `WiredTiger.wt`.

use super::cell::{TS_MAX, TXN_MAX, Times, Truncate};
use super::what::Clash;
use crate::format::checkpoint_list::CheckpointEntry;

/// `Err` says which rule does not hold.
pub type Verdict = Result<(), Clash>;

/// The contradiction if the rule does not hold.
#[inline]
fn hold(rule: bool, clash: Clash) -> Verdict {
    if rule { Ok(()) } else { Err(clash) }
}

/// The aggregate above a root, which is on no page but in the checkpoint's entry.
pub fn above_root(c: &CheckpointEntry) -> Times {
    Times {
        start_ts: c.oldest_start_ts,
        durable_start_ts: c.newest_start_durable_ts,
        stop_ts: c.newest_stop_ts,
        durable_stop_ts: c.newest_stop_durable_ts,
        stop_txn: c.newest_stop_txn,
        prepared: c.prepare,
        ..Times::EMPTY
    }
}

/// A stop by transaction alone. From an earlier run the engine reads the stop timestamp as 0, from
/// the present one as "max"; which it is a page does not say, so it is not compared.
fn stop_unknown(t: &Times) -> bool {
    t.stop_ts == TS_MAX && t.stop_txn != TXN_MAX
}

/// The window of a value, in itself.
///
/// Durable times of prepared values are left out: newer builds keep an id in their place.
#[inline]
pub fn value(t: &Times) -> Verdict {
    if *t == Times::EMPTY {
        return Ok(());
    }
    hold(t.start_ts <= t.stop_ts, Clash::StartAfterStop)?;
    if t.prepared {
        return Ok(());
    }
    hold(t.start_ts <= t.durable_start_ts, Clash::StartAfterDurable)?;
    hold(t.stop_ts == TS_MAX || t.stop_ts <= t.durable_stop_ts, Clash::StopAfterDurable)?;
    hold(t.durable_start_ts <= t.stop_ts || t.durable_start_ts == t.durable_stop_ts, Clash::DurableStartAfterStop)?;
    hold(t.durable_stop_ts == 0 || t.durable_start_ts <= t.durable_stop_ts, Clash::DurableStartAfterDurableStop)
}

/// The aggregate of an address cell, in itself.
#[inline]
pub fn aggregate(t: &Times) -> Verdict {
    if *t == Times::EMPTY {
        return Ok(());
    }
    hold(t.start_ts <= t.stop_ts, Clash::OldestAfterStop)?;
    hold(t.start_ts <= t.durable_start_ts, Clash::OldestAfterDurable)?;
    if t.stop_ts != TS_MAX {
        hold(t.stop_ts <= t.durable_stop_ts, Clash::NewestStopAfterDurable)?;
        hold(t.durable_start_ts <= t.durable_stop_ts, Clash::NewestDurablesCross)?;
    }
    hold(t.durable_stop_ts == 0 || t.start_ts <= t.durable_stop_ts, Clash::OldestAfterDurableStop)
}

/// The page-delete information of a deleted child, against the child's aggregate.
pub fn truncation(t: &Times, deleted: &Truncate) -> Verdict {
    hold(deleted.commit_ts <= deleted.durable_ts, Clash::TruncationDurableFirst)?;
    hold(
        (t.stop_ts == TS_MAX || t.stop_ts <= deleted.commit_ts) && t.durable_stop_ts <= deleted.durable_ts,
        Clash::StopAfterTruncation,
    )
}

/// The window of a value against the aggregate of the address cell above its page.
#[inline]
pub fn value_fits(t: &Times, parent: &Times) -> Verdict {
    hold(parent.durable_start_ts == 0 || t.durable_start_ts <= parent.durable_start_ts, Clash::ValueDurableStart)?;
    hold(t.start_ts >= parent.start_ts, Clash::ValueStart)?;
    hold(parent.durable_stop_ts == 0 || t.durable_stop_ts <= parent.durable_stop_ts, Clash::ValueDurableStop)?;
    hold(t.stop_ts <= parent.stop_ts || stop_unknown(t), Clash::ValueStop)?;
    hold(parent.prepared || !t.prepared, Clash::ValuePrepared)
}

/// The aggregate of an address cell against that of the cell above its page. `deleted` is the
/// page-delete information of the cell: the parent's aggregate includes it, the cell's does not.
///
/// Below a completely empty aggregate only the `stable` timestamp bounds the times, if it is known.
pub fn aggregate_fits(t: &Times, deleted: Option<&Truncate>, parent: &Times, stable: Option<u64>) -> Verdict {
    let mut t = *t;
    if let Some(d) = deleted {
        t.stop_ts = if t.stop_ts == TS_MAX { d.commit_ts } else { t.stop_ts.max(d.commit_ts) };
        t.durable_stop_ts = t.durable_stop_ts.max(d.durable_ts);
    }
    if no_times(parent) {
        return stable.map_or(Ok(()), |s| not_after(&t, s));
    }
    hold(t.durable_start_ts <= parent.durable_start_ts, Clash::AggregateDurableStart)?;
    hold(t.start_ts >= parent.start_ts, Clash::AggregateStart)?;
    hold(t.durable_stop_ts <= parent.durable_stop_ts, Clash::AggregateDurableStop)?;
    hold(t.stop_ts <= parent.stop_ts || stop_unknown(&t), Clash::AggregateStop)?;
    hold(parent.prepared || !t.prepared, Clash::AggregatePrepared)
}

/// Whether no time lies after `stable`; "no stop" is not a time.
pub fn not_after(t: &Times, stable: u64) -> Verdict {
    let stopped = t.stop_ts != TS_MAX;
    let newest = t.start_ts.max(t.durable_start_ts).max(t.durable_stop_ts).max(if stopped { t.stop_ts } else { 0 });
    hold(newest <= stable, Clash::AfterStable)
}

/// Empty but for transaction ids.
fn no_times(t: &Times) -> bool {
    Times { start_txn: 0, stop_txn: TXN_MAX, ..*t } == Times::EMPTY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: u64, durable_start: u64, stop: u64, durable_stop: u64) -> Times {
        Times {
            start_ts: start,
            durable_start_ts: durable_start,
            stop_ts: stop,
            durable_stop_ts: durable_stop,
            ..Times::EMPTY
        }
    }

    #[test]
    fn values_in_themselves() {
        for good in [Times::EMPTY, window(10, 10, TS_MAX, 0), window(10, 12, 15, 20), window(5, 9, 7, 9)] {
            assert_eq!(value(&good), Ok(()), "{good:?}");
        }
        for bad in [
            window(11, 11, 10, 12),
            window(10, 9, TS_MAX, 0),
            window(10, 10, 20, 19),
            window(5, 9, 7, 8),
            window(5, 30, TS_MAX, 20),
        ] {
            assert!(value(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn aggregates_in_themselves() {
        // The last is the prepared tombstone of a real page: a durable stop without a stop.
        for good in [
            Times::EMPTY,
            window(0, 20, TS_MAX, 0),
            window(10, 20, 25, 25),
            Times { prepared: true, ..window(10, 10, TS_MAX, 25) },
        ] {
            assert_eq!(aggregate(&good), Ok(()), "{good:?}");
        }
        for bad in [
            window(30, 30, 20, 40),
            window(10, 9, TS_MAX, 0),
            window(10, 10, 20, 19),
            window(10, 40, 20, 30),
            window(10, 10, TS_MAX, 9),
        ] {
            assert!(aggregate(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn truncations() {
        let delete = |commit_ts, durable_ts| Truncate { txn: 2, commit_ts, durable_ts };
        let live = window(10, 10, TS_MAX, 0);
        assert_eq!(truncation(&live, &delete(40, 40)), Ok(()));
        assert!(truncation(&live, &delete(40, 39)).is_err());
        assert!(truncation(&window(10, 10, 41, 41), &delete(40, 41)).is_err());
        assert!(truncation(&window(10, 10, TS_MAX, 41), &delete(40, 40)).is_err());
        // A real page: the parent's aggregate includes the delete.
        assert_eq!(aggregate_fits(&live, Some(&delete(40, 40)), &window(10, 10, 40, 40), None), Ok(()));
        assert!(aggregate_fits(&live, None, &window(10, 10, 40, 40), None).is_err());
        assert!(aggregate_fits(&live, Some(&delete(40, 45)), &window(10, 10, 40, 40), None).is_err());
    }

    #[test]
    fn against_the_parent() {
        let parent = window(10, 20, 30, 35);
        let good = window(10, 20, 30, 35);
        assert_eq!(value_fits(&good, &parent), Ok(()));
        assert_eq!(aggregate_fits(&good, None, &parent, None), Ok(()));
        for bad in [
            window(9, 20, 30, 35),
            window(10, 21, 30, 35),
            window(10, 20, 31, 35),
            window(10, 20, 30, 36),
            Times { prepared: true, ..good },
        ] {
            assert!(value_fits(&bad, &parent).is_err(), "{bad:?}");
            assert!(aggregate_fits(&bad, None, &parent, None).is_err(), "{bad:?}");
        }
        // An injured page: start 63 below an aggregate of 20.
        assert!(value_fits(&window(63, 63, TS_MAX, 0), &window(20, 20, TS_MAX, 0)).is_err());
        // Zero fields of the parent bound no value, but they bound an aggregate.
        let zero = window(0, 0, TS_MAX, 1);
        assert_eq!(value_fits(&window(5, 5, TS_MAX, 0), &zero), Ok(()));
        assert!(aggregate_fits(&window(5, 5, TS_MAX, 0), None, &zero, None).is_err());
        // Below an empty aggregate the stable timestamp is the bound.
        assert_eq!(aggregate_fits(&good, None, &Times::EMPTY, None), Ok(()));
        assert_eq!(aggregate_fits(&good, None, &Times::EMPTY, Some(35)), Ok(()));
        assert!(aggregate_fits(&good, None, &Times::EMPTY, Some(34)).is_err());
        // Stopped by a transaction only: not comparable.
        let by_txn = Times { stop_txn: 7, ..window(10, 20, TS_MAX, 0) };
        assert_eq!(value_fits(&by_txn, &parent), Ok(()));
    }
}
