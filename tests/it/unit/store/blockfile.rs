use wtcheck::coverage::Unchecked;
use wtcheck::store::blockfile::*;

#[test]
fn ranges_are_bounded_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.wt");
    std::fs::write(&path, (0..=255).collect::<Vec<u8>>()).unwrap();
    for no_mmap in [false, true] {
        let file = BlockFile::open(&path, no_mmap).unwrap();
        let mut buffer = Vec::new();
        assert_eq!(file.read(250, 6, &mut buffer).unwrap(), [250, 251, 252, 253, 254, 255]);
        assert_eq!(file.read_up_to(254, 100, &mut buffer).unwrap(), [254, 255]);
        assert_eq!(file.read_up_to(1000, 100, &mut buffer).unwrap(), [0_u8; 0]);
        for (offset, size) in [(250, 7), (256, 1), (u64::MAX, 1), (0, usize::MAX)] {
            assert!(file.read(offset, size, &mut buffer).unwrap_err().to_string().contains("are outside the file"));
        }
    }
    for no_mmap in [false, true] {
        let file = BlockFile::open(&path, no_mmap).unwrap().extended(vec![7, 8, 9]);
        let mut buffer = Vec::new();
        assert_eq!(file.read(254, 5, &mut buffer).unwrap(), [254, 255, 7, 8, 9]);
        assert_eq!(file.read(250, 6, &mut buffer).unwrap(), [250, 251, 252, 253, 254, 255]);
        assert_eq!(file.read(257, 2, &mut buffer).unwrap(), [8, 9]);
        assert_eq!(file.read_up_to(258, 100, &mut buffer).unwrap(), [9]);
        assert!(file.read(255, 5, &mut buffer).is_err());
    }
    // Cut behind our back.
    let file = BlockFile::open(&path, true).unwrap();
    std::fs::write(&path, [0; 100]).unwrap();
    assert!(file.read(0, 100, &mut Vec::new()).is_ok() && file.failure().is_none());
    assert!(file.read(90, 20, &mut Vec::new()).is_err());
    let file = file.extended(vec![1]);
    assert!(matches!(file.failure(), Some(Unchecked::Io { errno: None, error }) if error.contains("offset 90")));
    std::fs::write(&path, "").unwrap();
    assert!(BlockFile::open(&path, false).unwrap().is_empty());
    assert!(BlockFile::open(dir.path(), false).unwrap_err().to_string().contains("not a regular file"));
}
