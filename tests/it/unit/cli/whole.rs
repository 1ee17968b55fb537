use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use wtcheck::cli::whole::*;

fn names(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn files_links_and_what_is_neither() {
    let temp = tempfile::tempdir().unwrap();
    let at = |name: &str| temp.path().join(name);
    write(&at("new"), b"one").unwrap();
    write(&at("new"), b"two").unwrap();
    assert_eq!((fs::read(at("new")).unwrap(), names(temp.path())), (b"two".to_vec(), 1));
    fs::set_permissions(at("new"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("new", at("link")).unwrap();
    write(&at("link"), b"three").unwrap();
    assert_eq!(fs::read(at("new")).unwrap(), b"three");
    assert_eq!(fs::metadata(at("new")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
    write(Path::new("/dev/null"), b"four").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert!(write(&at("nothing/here"), b"five").is_err());
    assert!(write(temp.path(), b"six").is_err());
    assert_eq!(names(temp.path()), 2);
}
