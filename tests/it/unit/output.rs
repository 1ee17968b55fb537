use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use wtcheck::below::Below;
use wtcheck::output::*;

fn names(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_links_and_what_is_neither() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    write(&at("new"), false, Eyes::Owner, b"one").unwrap();
    assert_eq!(mode(&at("new")), 0o600);
    assert!(matches!(write(&at("new"), false, Eyes::Owner, b"two"), Err(OutputError::Exists(_))));
    assert_eq!(fs::read(at("new")).unwrap(), b"one");
    fs::set_permissions(at("new"), fs::Permissions::from_mode(0o640)).unwrap();
    write(&at("new"), true, Eyes::Owner, b"two").unwrap();
    assert_eq!((fs::read(at("new")).unwrap(), mode(&at("new"))), (b"two".to_vec(), 0o640));
    // The same again may stay, other content may not go.
    write_same(&at("new"), false, Eyes::All, b"two").unwrap();
    assert!(write_same(&at("new"), false, Eyes::All, b"three").is_err());
    // No link is followed, also not by force.
    symlink("new", at("link")).unwrap();
    symlink("nothing", at("dangling")).unwrap();
    fs::create_dir(at("directory")).unwrap();
    for name in ["link", "dangling", "directory"] {
        for force in [false, true] {
            let e = write(&at(name), force, Eyes::Owner, b"three").unwrap_err();
            assert!(e.is_refusal(), "{name} {force}: {e}");
        }
    }
    assert_eq!((fs::read(at("new")).unwrap(), at("nothing").exists()), (b"two".to_vec(), false));
    write(Path::new("/dev/null"), false, Eyes::Owner, b"four").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(!write(&at("nothing/here"), false, Eyes::Owner, b"five").unwrap_err().is_refusal());
    assert!(write(temp.path(), true, Eyes::Owner, b"six").is_err());
    assert_eq!(names(temp.path()), 4);
}

#[test]
fn nothing_lands_in_a_store() {
    for names in [
        &["WiredTiger.turtle", "WiredTiger.wt"][..],
        &["WiredTiger", "WiredTiger.lock"],
        &["kv_home/checkpoints.db", "kv_home/globals.db"],
        &["kv_home/data.mdb", "kv_home/lock.mdb"],
        &["pages_03.db"],
        &["WiredTiger.turtle"],
        &["WiredTigerLog.0000000001"],
    ] {
        let name = names[0];
        let temp = tempfile::tempdir().unwrap();
        let (home, evidence) = (temp.path().join("home"), temp.path().join("home").join(name));
        fs::create_dir_all(evidence.parent().unwrap()).unwrap();
        fs::create_dir_all(home.join("journal")).unwrap();
        names.iter().for_each(|name| fs::write(home.join(name), "evidence").unwrap());
        let places = ["plan.yaml", "journal/plan.yaml", name];
        // A lone name says nothing of the directories below.
        for place in places.iter().filter(|p| !p.starts_with("journal") || names.len() > 1) {
            for force in [false, true] {
                let e = write(&home.join(place), force, Eyes::Owner, b"plan").unwrap_err();
                assert!(matches!(e, OutputError::InStore { .. }), "{place}: {e}");
            }
        }
        assert!(matches!(check_place(&home.join("new"), Place::Empty), Err(OutputError::InStore { .. })), "{name}");
        assert_eq!(fs::read(&evidence).unwrap(), b"evidence");
        // Beside it, and in a directory that a link in it leads to, is elsewhere.
        write(&temp.path().join("plan.yaml"), false, Eyes::Owner, b"plan").unwrap();
        // A link to the directory is the directory.
        symlink(&home, temp.path().join("other")).unwrap();
        assert!(write(&temp.path().join("other/plan.yaml"), false, Eyes::Owner, b"plan").unwrap_err().is_refusal());
    }
    // A file of a store that lies elsewhere is evidence all the same.
    let temp = tempfile::tempdir().unwrap();
    let copy = temp.path().join("WiredTigerHS.wt");
    fs::write(&copy, "evidence").unwrap();
    assert!(matches!(write(&copy, true, Eyes::Owner, b"x"), Err(OutputError::Evidence(_))));
}

#[test]
fn below_a_directory_no_way_leads_out() {
    let temp = tempfile::tempdir().unwrap();
    let (home, outside) = (temp.path().join("home"), temp.path().join("outside"));
    fs::create_dir(&home).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("victim"), "victim").unwrap();
    fs::write(home.join("file"), "file").unwrap();
    fs::hard_link(outside.join("victim"), home.join("second")).unwrap();
    symlink(outside.join("victim"), home.join("link")).unwrap();
    symlink(&outside, home.join("directory")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, home.join("fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let below = Below::open(&home).unwrap();
    assert!(below.write(Path::new("file")).unwrap().is_some());
    assert!(below.read(Path::new("missing")).unwrap().is_none());
    let out = ["link", "second", "fifo", "directory/victim", "../outside/victim", "directory", "a/../file"];
    for name in out {
        assert!(below.read(Path::new(name)).is_err(), "{name}");
        assert!(below.write(Path::new(name)).is_err(), "{name}");
    }
    assert!(below.read(&outside.join("victim")).is_err());
    assert!(below.create(Path::new("link"), 0o600).is_err());
    assert!(below.create(Path::new("directory/new"), 0o600).is_err());
    assert!(below.directory(Path::new("directory")).is_err());
    // A link goes, not what it leads to.
    below.remove(Path::new("link")).unwrap();
    assert_eq!(fs::read(outside.join("victim")).unwrap(), b"victim");
    assert!(below.stands());
    fs::rename(&home, temp.path().join("moved")).unwrap();
    fs::create_dir(&home).unwrap();
    assert!(!below.stands());
}
