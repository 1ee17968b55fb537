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
