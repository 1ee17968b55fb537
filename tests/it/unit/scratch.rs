use std::io;
use std::path::{Path, PathBuf};
use wtcheck::scratch::*;

// Nothing here calls `end`: it is the end of the process, and tests/it/contract.rs has processes to end.

fn listed(path: &Path) -> bool {
    state().entries.iter().any(|e| e.path.as_deref() == Some(path))
}

#[test]
fn what_is_held_is_listed_as_long_as_it_is_there() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("copy");
    let held = Unfinished::hold(&path, "gone").unwrap();
    assert!(listed(&path));
    std::fs::create_dir_all(path.join("deep")).unwrap();
    std::fs::write(path.join("deep/file"), "x").unwrap();
    drop(held);
    assert!(!listed(&path) && !path.exists());
    let mut held = Unfinished::hold(&path, "").unwrap();
    std::fs::write(&path, "x").unwrap();
    held.keep();
    drop(held);
    assert!(!listed(&path) && path.exists());
    assert_eq!(Unfinished::hold(&path, "").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert!(path.exists(), "what lay there before stays");
    let failed = hold(|| Err::<PathBuf, _>(io::Error::other("full")), |p| p.as_path(), "");
    assert_eq!(failed.unwrap_err().to_string(), "full");
}

#[test]
fn a_step_takes_over_what_was_unfinished() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("journal");
    let held = Unfinished::hold(&path, "").unwrap();
    std::fs::write(&path, "x").unwrap();
    let step = Step::begin("writing", Some(held));
    assert!(!listed(&path) && path.exists());
    assert_eq!(state().waiting, "writing");
    assert_eq!(state().steps, 1);
    let words = step.end("written");
    assert_eq!(state().steps, 0);
    assert!(state().entries.iter().any(|e| e.words == "written"));
    drop(words);
    assert!(!state().entries.iter().any(|e| e.words == "written"));
}

#[test]
fn nothing_there_is_nothing_to_remove() {
    let temp = tempfile::tempdir().unwrap();
    assert!(!remove(&temp.path().join("nothing")).unwrap());
    std::os::unix::fs::symlink(temp.path(), temp.path().join("link")).unwrap();
    assert!(remove(&temp.path().join("link")).unwrap());
    assert!(temp.path().is_dir(), "what a link leads to stays");
}

#[test]
fn what_a_killed_process_left_goes_at_the_next_one() {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};
    let temp = tempfile::tempdir().unwrap();
    let old = |name: &str| {
        let at = temp.path().join(name);
        fs::create_dir(&at).unwrap();
        fs::write(at.join("data"), "x").unwrap();
        File::open(&at).unwrap().set_modified(SystemTime::now() - Duration::from_secs(600)).unwrap();
        at
    };
    let left = old(".wtcheck-pack-Ab1Cd2Ef3Gh4");
    let young = temp.path().join(".wtcheck-pack-Ab1Cd2Ef3Gh5");
    fs::create_dir(&young).unwrap();
    let mine = [".wtcheck-pack-notes", ".wtcheck-unpack-Ab1Cd2Ef3Gh4", "wtcheck-pack-Ab1Cd2Ef3Gh4"].map(old);
    let in_use = beside(&temp.path().join("image"), "pack").unwrap();
    assert!(!left.exists() && young.exists() && mine.iter().all(|m| m.exists()));
    File::open(in_use.path()).unwrap().set_modified(SystemTime::now() - Duration::from_secs(600)).unwrap();
    let next = beside(&temp.path().join("image"), "pack").unwrap();
    assert!(in_use.path().exists() && next.path().exists());
    let path = in_use.path().to_path_buf();
    drop(in_use);
    assert!(!path.exists());
}
