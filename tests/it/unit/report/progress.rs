use std::time::Duration;
use wtcheck::audit::Progress;
use wtcheck::report::progress::*;

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn phase(rows: u64, bytes: u64, total: Option<u64>, total_bytes: Option<u64>) -> Phase {
    let mut phase = Phase::new("reading", total, at(10.0));
    (phase.done, phase.bytes, phase.total_bytes) = (rows, bytes, total_bytes);
    phase.what = if bytes == 0 { "row" } else { "block" }.to_string();
    phase
}

#[test]
fn what_is_known_is_said() {
    const MIB: u64 = 1 << 20;
    for (phase, want) in [
        (phase(0, 0, None, None), "reading"),
        (phase(5000, 0, None, None), "reading: 5,000 rows, 500 rows/s"),
        (phase(5000, 0, Some(20_000), None), "reading: 25 %, 30 s left, 5,000 of 20,000 rows, 500 rows/s"),
        (phase(5000, 100 * MIB, None, None), "reading: 5,000 blocks, 100.0 MiB, 10.0 MiB/s"),
        (
            phase(5000, 100 * MIB, None, Some(400 * MIB)),
            "reading: 25 %, 30 s left, 5,000 blocks, 100.0 MiB of 400.0 MiB, 10.0 MiB/s",
        ),
        (phase(0, 100 * MIB, None, Some(40_100 * MIB)), "reading: 0 %, 66 min left, 100.0 MiB of 39.2 GiB, 10.0 MiB/s"),
        // There was more than was said: then nobody knows.
        (phase(30_000, 0, Some(20_000), None), "reading: 30,000 rows, 3,000 rows/s"),
        (phase(1, 500 * MIB, None, Some(400 * MIB)), "reading: 1 block, 500.0 MiB, 50.0 MiB/s"),
    ] {
        assert_eq!(phase.now(at(20.0)), want);
    }
    // The first moments say nothing of a rate.
    assert_eq!(phase(5, 0, Some(50), None).now(at(10.5)), "reading: 10 %, 5 of 50 rows");
    let wild = phase(u64::MAX, u64::MAX, Some(u64::MAX), Some(u64::MAX)).now(at(1e9));
    assert!(wild.contains("100 %"), "{wild}");
}

#[test]
fn the_end_of_a_phase_is_one_line_unless_it_was_short() {
    let p = phase(5000, 0, Some(20_000), None);
    assert_eq!(p.over(at(11.9)), None);
    assert_eq!(p.over(at(15.0)).unwrap(), "reading: 5,000 rows in 5 s, 1,000 rows/s");
    assert_eq!(phase(7, 3 << 20, None, None).over(at(13.0)).unwrap(), "reading: 7 blocks, 3.0 MiB in 3 s, 1.0 MiB/s");
    assert_eq!(phase(0, 0, None, None).over(at(14.0)).unwrap(), "reading: 4 s");
    assert_eq!(Phase::default().over(at(99.0)), None, "there was none");
}

#[test]
fn a_long_phase_speaks_ever_more_rarely() {
    let mut p = Phase::new("reading", None, at(0.0));
    let spoken: Vec<u32> = (0..1000).filter(|s| p.is_due(Duration::from_secs(u64::from(*s)))).collect();
    assert_eq!(spoken[..6], [5, 15, 35, 75, 155, 275]);
    assert!(spoken.windows(2).all(|w| w[1] - w[0] <= 120), "{spoken:?}");
}

#[test]
fn threads_may_tell_at_once() {
    let bars = Bars::choose(false);
    bars.phase("reading", Some(80_000));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..10_000).for_each(|n| bars.at(n, n)));
        }
    });
    bars.finish();
    bars.finish();
}
