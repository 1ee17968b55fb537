use wtcheck::page::cell::{TS_MAX, Times, Truncate};
use wtcheck::page::windows::*;

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
