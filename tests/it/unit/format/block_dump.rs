use wtcheck::format::block_dump::*;
use wtcheck::format::block_error::*;

#[test]
fn addresses_and_chunks() {
    let want = Address { object: 0, offset: 1_925_120, size: 4096, checksum: 0x1e56_04fc };
    assert_eq!(address(b"88:{0:1925120,4096,0x1e5604fc}:"), Some(want));
    assert_eq!(address(b"{1925120,4096,508953852}:"), Some(want));
    assert_eq!(address(b"{3:1925120,4096,0}:"), Some(Address { object: 3, checksum: 0, ..want }));
    let bad: [&[u8]; 6] =
        [b"}:", b"{0:1,2}:", b"{0:1,2,3,4}:", b"{0:1,2,0x}:", b"{0:1,2,0x100000000}:", b"{-1:1,2,3}:"];
    assert!(bad.iter().all(|b| address(b).is_none()));
    assert_eq!(chunk_numbers(b"x(chunk20of28):"), Some((&b"x"[..], 20, 28)));
    assert_eq!(
        [unit(28_672, 28), unit(512, 1), unit(4096, 8), unit(4096, 3)],
        [Some(1024), Some(1024), Some(512), None]
    );
    assert_eq!(chunk_len(&Address { size: 1536, ..want }, 2, 1024, 2), 512);
}

#[test]
fn read_errors() {
    let line = b"[1:2][3:0x7fa6], wt, file:a b.wt, x: [C][ERROR]: f, 268: a b.wt: potential hardware corruption, \
        read checksum error for 4096B block at offset 8192: calculated block checksum of 0x1f3967f doesn't match \
        expected checksum of 0x1e5604fc\n";
    let mut scanner = Scanner::new();
    scanner.push(line);
    scanner.push(line);
    let log = scanner.finish();
    let file = Some("a b.wt".to_string());
    let (comparison, found) = (Comparison::Computed, Some(0x1f3_967f));
    let error = ReadError { file, offset: 8192, lsn: None, size: 4096, comparison, found, line: 1, thread: 0x7fa6 };
    assert_eq!((log.lines, log.errors), (2, vec![error]));
}
