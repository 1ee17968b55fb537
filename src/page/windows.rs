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
