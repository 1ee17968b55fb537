use wtcheck::store::palm::lmdb::*;

const SIZE: usize = 4096;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn header(bytes: &mut [u8], page: usize, flags: u16, lower: u16, upper: u16) {
    let at = page * SIZE;
    put(bytes, at, &(page as u64).to_le_bytes());
    put(bytes, at + 10, &flags.to_le_bytes());
    put(bytes, at + 12, &lower.to_le_bytes());
    put(bytes, at + 14, &upper.to_le_bytes());
}

fn meta(bytes: &mut [u8], page: usize, txn: u64, root: u64, last: u64) {
    header(bytes, page, PAGE_META, 0, 0);
    let at = page * SIZE;
    put(bytes, at + 16, &MAGIC.to_le_bytes());
    put(bytes, at + 20, &1_u32.to_le_bytes());
    put(bytes, at + 40, &4096_u32.to_le_bytes());
    put(bytes, at + 94, &1_u16.to_le_bytes());
    put(bytes, at + 128, &root.to_le_bytes());
    put(bytes, at + 136, &last.to_le_bytes());
    put(bytes, at + 144, &txn.to_le_bytes());
}

/// Main database in page 2 with one plain record `k` = `value`.
fn environment() -> Vec<u8> {
    let mut bytes = vec![0; 3 * SIZE];
    meta(&mut bytes, 0, 6, 2, 2);
    meta(&mut bytes, 1, 5, u64::MAX, 1);
    header(&mut bytes, 2, PAGE_LEAF, 18, 4082);
    put(&mut bytes, 2 * SIZE + 16, &4082_u16.to_le_bytes());
    put(&mut bytes, 2 * SIZE + 4082, &[5, 0, 0, 0, 0, 0, 1, 0, b'k', b'v', b'a', b'l', b'u', b'e']);
    bytes
}

type Pair = (Vec<u8>, Vec<u8>);

fn walk(bytes: &[u8]) -> Vec<std::result::Result<Pair, String>> {
    let env = Env::open(bytes).unwrap();
    env.records(&env.state().main)
        .map(|r| r.map(|r| (r.key.to_vec(), env.value(&r).unwrap().to_vec())).map_err(|f| f.to_string()))
        .collect()
}

#[test]
fn one_record() {
    let bytes = environment();
    assert_eq!(walk(&bytes), vec![Ok((b"k".to_vec(), b"value".to_vec()))]);
    let env = Env::open(&bytes).unwrap();
    assert_eq!((env.state().txn, env.state().meta_page, env.state().page_size), (6, 0, SIZE));
    assert_eq!(env.database(b"k"), (None, vec![]), "a plain record is no database");
}

#[test]
fn meta_pages() {
    let mut bytes = environment();
    put(&mut bytes, 16, &[0]);
    let (states, faults) = Env::states(&bytes).unwrap();
    assert_eq!(states.iter().map(|s| s.txn).collect::<Vec<_>>(), vec![5]);
    assert_eq!(faults.len(), 1);
    put(&mut bytes, SIZE + 16, &[0]);
    assert!(Env::states(&bytes).unwrap_err().message.contains("not LMDB magic"));
    assert!(Env::states(b"").is_err());

    // A wrong page size in the first meta page must not hide the second one.
    let mut bytes = environment();
    put(&mut bytes, 40, &8192_u32.to_le_bytes());
    let (states, faults) = Env::states(&bytes).unwrap();
    assert_eq!(states.len(), 1);
    assert!(faults[0].reason.contains("page size"), "{faults:?}");

    // The newest state's main database is gone: the state before it is taken.
    let mut bytes = environment();
    put(&mut bytes, 2 * SIZE, &[9]);
    assert_eq!(Env::open(&bytes).unwrap().state().txn, 5);

    let mut bytes = environment();
    put(&mut bytes, 20, &2_u32.to_le_bytes());
    put(&mut bytes, SIZE + 20, &2_u32.to_le_bytes());
    assert_eq!(Env::states(&bytes).unwrap_err().class, wtcheck::format::Class::Unsupported);
}

#[test]
fn damaged_nodes() {
    let mut bytes = environment();
    put(&mut bytes, 2 * SIZE + 4082, &[6]);
    assert!(walk(&bytes)[0].as_ref().unwrap_err().starts_with("page 2: nodes overlap"));
    let mut bytes = environment();
    put(&mut bytes, 2 * SIZE + 4088, &200_u16.to_le_bytes());
    assert!(walk(&bytes)[0].as_ref().unwrap_err().contains("key runs past the page"));
    let mut bytes = environment();
    put(&mut bytes, 2 * SIZE + 4086, &[8]);
    assert!(walk(&bytes)[0].as_ref().unwrap_err().contains("unknown flags 0x8"));
    let mut bytes = environment();
    put(&mut bytes, 2 * SIZE + 4086, &[4]);
    assert!(walk(&bytes)[0].as_ref().unwrap_err().contains("several values"));

    // A thousand offsets to the same node are one record, not a thousand.
    let mut bytes = environment();
    header(&mut bytes, 2, PAGE_LEAF, 2016, 4082);
    for slot in 0..1000 {
        put(&mut bytes, 2 * SIZE + 16 + 2 * slot, &4082_u16.to_le_bytes());
    }
    let found = walk(&bytes);
    assert_eq!(found.len(), 2);
    assert!(found[1].as_ref().unwrap_err().contains("the last 999 of 1000"));
}
