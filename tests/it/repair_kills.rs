//! Applies and undos that are killed at some moment: the store is old or new (or new but for the
//! images that are taken back last), and the way back works from there.
//! `WTCHECK_ROUNDS` says how many.

use crate::common::hands::{KINDS, Kind, Scene, journals};
use crate::common::other_user::program;
use crate::common::told::{known, told};
use crate::common::{path, rounds};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Start a command and kill it after so long, unless it has ended.
fn killed(args: &[&str], after: Duration) -> bool {
    let mut child = Command::new(program())
        .args(args)
        .arg("--no-progress")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap().code().is_none()
}

/// Take back what there is to take back; says whether anything was.
fn back(scene: &Scene) -> bool {
    let mut any = false;
    for journal in journals(&scene.home).iter().rev() {
        let (code, err) = scene.run(&["repair", "undo", path(journal)]);
        let nothing = err.contains("nothing to undo");
        assert!(code == 0 || nothing, "{code} {err}");
        any |= code == 0;
    }
    any
}

/// How long something takes at least.
fn shortest(times: u32, mut run: impl FnMut()) -> Duration {
    let once = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..times).map(once).min().unwrap()
}

fn moments(kind: Kind, usual: u64) {
    // How long it takes here, and what it comes to.
    let scene = Scene::new(kind);
    let old = told(&scene.home);
    let apply = || assert!([4, 5].contains(&scene.in_place().0));
    let mut undo = Duration::MAX;
    let applying = shortest(3, || {
        let start = Instant::now();
        apply();
        let applied = start.elapsed();
        assert!(back(&scene));
        undo = undo.min(start.elapsed() - applied);
    });
    let applying = applying.saturating_sub(undo);
    apply();
    let new = told(&scene.home);
    assert!(back(&scene));
    assert_eq!(told(&scene.home), old);
    assert_ne!(old, new);
    let (mut applies, mut undos, mut at) = (0, 0, 0);
    let wanted = rounds(usual);
    while applies + undos < wanted && at < 10 * wanted {
        at += 1;
        let scene = Scene::new(kind);
        // Spread over the whole run, in an order that is not that of time.
        let share = ((at * 7919 + 13) % 997) as f64 / 997.0;
        let whole = if at % 2 == 0 { applying } else { undo };
        let moment = whole.mul_f64(share);
        if at % 2 == 0 {
            applies += u64::from(killed(&["repair", "apply", path(&scene.plan), "--in-place", "--yes"], moment));
        } else {
            assert!([4, 5].contains(&scene.in_place().0));
            let journal = journals(&scene.home).pop().unwrap();
            undos += u64::from(killed(&["repair", "undo", path(&journal)], moment));
        }
        eprintln!("{kind:?} {at} after {moment:?}: {}", known(&told(&scene.home), &old, &new));
        back(&scene);
        assert_eq!(told(&scene.home), old, "{kind:?} {at} after {moment:?}");
        // And from there the plan can be applied.
        let (code, err) = scene.in_place();
        assert!(code == 4 || code == 5, "{kind:?} {at}: {code} {err}");
    }
    eprintln!("{kind:?}: {applies} applies and {undos} undos killed");
    assert!(applies > 0 && undos > 0 && applies + undos >= wanted, "{applies} {undos}");
}

#[test]
fn killed_at_some_moment() {
    for kind in KINDS {
        moments(kind, 8);
    }
}
