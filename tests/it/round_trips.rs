//! What is written is read back as it was: a property for every pair of encoder and decoder.
//!
//! Covered where the pair is, and not repeated here: integers and nibble pairs (`format::int`), version 0
//! cookies (`format::cookie`), cells (`format::cell`, against the fast reader in `format::fast_cell`), whole
//! images of both eras with every compressor (`format::image`, `format::compress`), completion records
//! (`format::completion`), key pages (`format::key_page`), keys of the history store (`format::history`),
//! checkpoint cookies of local files (`format::local`), turtles of homes (`format::home_turtle`),
//! configuration text (`format::config`), durations (`scenario::duration`), scenarios of pick-up
//! (`tests/it/pickup_scenarios.rs`), rows of local leaf pages (`tests/it/page_rules.rs`), dumps in logs
//! (`tests/it/from_log.rs`).

use crate::common::fixture;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::collections::BTreeMap;
use wtcheck::format::block::{BlockHeader, LocalBlockHeader};
use wtcheck::format::checkpoint_list;
use wtcheck::format::compress::Compressor;
use wtcheck::format::config::{self, Config};
use wtcheck::format::cookie::{Cookie, Layout};
use wtcheck::format::generation::Generation;
use wtcheck::format::image::{self, Era, Image, NewImage};
use wtcheck::format::local::{self, DATA_OFFSET, Extent, ExtentList, LocalAddress, Recovery};
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::pagelog_turtle;
use wtcheck::format::reader::Reader;
use wtcheck::format::wtlog::{self, FileHeader, Next, RecordHeader};
use wtcheck::home::edit::FileChange;
use wtcheck::id::{Lsn, PageId, TableId};
use wtcheck::page::cell::{self, CellKind, TS_MAX, Times};
use wtcheck::page::delta::{self, Body, LeafValue};
use wtcheck::pickup::code::Code;
use wtcheck::pickup::policy::Policy;
use wtcheck::pickup::profile::Profile;
use wtcheck::repair::journal::{self, Header, Mark, Steps};
use wtcheck::repair::plan::{Action, Advice, FileIdentity, Identity, LeftOut, Plan, PutBack, Seen, What};
use wtcheck::store::edit::{Change, Field, NewRow, Value};
use wtcheck::store::palite::Palite;
use wtcheck::store::palite::create::{self, NewStore};
use wtcheck::store::palm::{self, CheckpointKey, PageKey};
use wtcheck::store::{PageLog, StoreKind, supply};

/// Numbers of every length that integers are packed in.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..100, 8000..9000_u64, any::<u64>(), (u64::MAX - 20)..=u64::MAX]
}

/// Text with what YAML, JSON and configuration text take to mean something.
fn words() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9_./:-]{0,20}", "[ -~]{0,40}", "\\PC{0,20}", "(- |#|: |\"|'|\n|\t|~|null|0x1){1,6}"]
}

fn small_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..60)
}

fn page_header() -> impl Strategy<Value = PageHeader> {
    (any::<[u64; 2]>(), any::<[u32; 2]>(), any::<[u8; 4]>()).prop_map(
        |([recno, write_gen], [mem_size, entries], [type_byte, flags, unused, version])| PageHeader {
            recno,
            write_gen,
            mem_size,
            entries,
            type_byte,
            flags,
            unused,
            version,
        },
    )
}

proptest! {
    #[test]
    fn older_cookies(
        layout in prop_oneof![Just(Layout::L1), Just(Layout::L2), Just(Layout::L3)],
        page_id in 1_u64.., lsn in number(), checkpoint in number(), reconciliation in number(), size: u32, sum: u32,
    ) {
        let ids = layout != Layout::L1;
        let cookie = Cookie {
            layout,
            lsn: if layout == Layout::L3 { Lsn(lsn) } else { Lsn(0) },
            checkpoint_id: ids.then_some(checkpoint),
            reconciliation_id: ids.then_some(reconciliation),
            ..Cookie::new(PageId(page_id), Lsn(0), Lsn(0), size, sum)
        };
        prop_assert_eq!(Cookie::decode(&cookie.encode()).unwrap(), cookie);
    }

    #[test]
    fn page_headers(header in page_header()) {
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        prop_assert_eq!(PageHeader::read(&mut Reader::new(&bytes)).unwrap(), header);
        let header = PageHeader { recno: 0, ..header };
        let mut bytes = Vec::new();
        header.write_old_delta(&mut bytes);
        prop_assert_eq!(bytes.len(), 20);
        prop_assert_eq!(PageHeader::read_old_delta(&mut Reader::new(&bytes)).unwrap(), header);
    }

    #[test]
    fn block_headers(bytes: [u8; 16], old: bool) {
        // Every byte is kept, whatever it says.
        let header = BlockHeader::read(&mut Reader::new(&bytes), old).unwrap();
        let mut written = Vec::new();
        header.write(&mut written);
        let read = BlockHeader::read(&mut Reader::new(&written), old).unwrap();
        prop_assert_eq!(read, header);
        if !old {
            prop_assert_eq!(&written[..], &bytes[..]);
        }
        let local = LocalBlockHeader::read(&mut Reader::new(&bytes)).unwrap();
        prop_assert_eq!(local.disk_size, u32::from_le_bytes(bytes[..4].try_into().unwrap()));
    }

    #[test]
    fn addresses_of_local_files(shift in 9_u32..28, a in (1..1_u64 << 30, 1..16_u32, any::<u32>(), of(any::<u64>()))) {
        let alloc = 1 << shift;
        let (at, units, checksum, object) = a;
        let units = units.min(local::MAX_BLOCK / alloc).max(1);
        let a = LocalAddress { offset: at * u64::from(alloc), size: units * alloc, checksum, object };
        prop_assert_eq!(LocalAddress::decode(&a.encode(alloc).unwrap(), alloc).unwrap(), Some(a));
    }

    #[test]
    fn extent_lists(
        extents in vec((1..1_u64 << 30, 0..1_u64 << 20), 0..60),
        recovery in of((number(), number(), "[ -~]{0,80}", "[ -~]{0,80}", small_bytes())),
        end_value in 1_u64..,
        pad in 0_usize..100,
    ) {
        let extents: Vec<Extent> =
            extents.iter().map(|(at, n)| Extent { offset: at * 4096, size: n * 4096 }).collect();
        let recovery = recovery.map(|(generation, file_size, metadata, checkpoint_list, cookie)| Recovery {
            generation, file_size, metadata, checkpoint_list, cookie,
        });
        let end_value = if recovery.is_some() { end_value } else { 0 };
        let list = ExtentList { extents, end: 0, end_value, recovery, recovery_error: None };
        let mut block = vec![0; DATA_OFFSET];
        block.extend_from_slice(&list.encode());
        block.resize(block.len() + pad, 0);
        let read = ExtentList::decode(&block, 4096, u64::MAX).unwrap();
        prop_assert_eq!(ExtentList { end: 0, ..read }, list);
    }

    #[test]
    fn records_of_the_log(body in vec(any::<u8>(), 0..600), flags: u16, mem_len: u32, mark: bool, offset in 1_u64..1 << 20) {
        let bytes = wtlog::seal(&body, flags, mem_len, mark);
        let offset = offset * 128;
        let Next::Record(record) = wtlog::next(&bytes, offset, offset + bytes.len() as u64) else {
            return Err(TestCaseError::fail("no record"));
        };
        prop_assert_eq!((record.offset, record.header.flags, record.header.mem_len), (offset, flags, mem_len));
        prop_assert_eq!(&record.stored()[..body.len()], &body[..]);
        let mut head = Vec::new();
        record.header.write(&mut head);
        prop_assert_eq!(&head[..], &bytes[..head.len()]);
        prop_assert_eq!(RecordHeader::read(&mut Reader::new(&head)).unwrap(), record.header);
    }

    #[test]
    fn headers_of_log_files(version in 0_u16..=wtlog::VERSION, size: u64) {
        let header = FileHeader { version, size };
        prop_assert_eq!(FileHeader::decode(&header.encode()).unwrap(), header);
    }

    #[test]
    fn values_in_configuration_text(
        fields in btree_map("[a-z]{1,6}", "[a-z0-9]{1,9}|\\([a-z=,0-9]{0,9}\\)|\"[ -~&&[^\"\\\\]]{0,9}\"", 1..8),
        pick: prop::sample::Index,
        new in "[a-z0-9]{1,9}",
    ) {
        let text = fields.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",");
        let key = fields.keys().nth(pick.index(fields.len())).unwrap();
        let changed = config::with_values(&text, &[(key, &new), ("not there", "1")]).unwrap();
        let parsed = Config::parse(&changed).unwrap();
        prop_assert_eq!(parsed.entries().len(), fields.len());
        for (k, v) in &fields {
            // The text of a quoted value lies between its quotes.
            let wanted = if k == key { &new } else { v.trim_matches('"') };
            prop_assert_eq!(parsed.get(k).unwrap().text, wanted);
        }
    }

    #[test]
    fn checkpoint_lists(
        addr in vec(any::<u8>(), 1..40), order in 1_i64.., numbers in any::<[u64; 8]>(), more in any::<[u32; 2]>(),
    ) {
        let hex = hex::encode(&addr);
        let [size, write_gen, run, page, start_durable, start, txn, stop_durable] = numbers;
        let one = format!(
            "(addr=\"{hex}\",order={order},time=1783503208,size={size},newest_start_durable_ts={start_durable:x},\
             oldest_start_ts={start:x},newest_txn={txn},newest_stop_durable_ts={stop_durable:x},newest_stop_ts=-1,\
             newest_stop_txn=-11,prepare=0,write_gen={write_gen},run_write_gen={run},next_page_id={page})"
        );
        let metadata = format!("id=7,checkpoint=(first=(addr=\"00\",order=1,time=1,size=0,write_gen=1),last={one}),b=1");
        let [new_size, new_time] = more.map(|n| n.to_string());
        let fields = [("size", new_size.as_str()), ("time", new_time.as_str())];
        let read = |text: &str| checkpoint_list::from_file_config(&Config::parse(text).unwrap());
        // Numbers printed with a sign have an upper half that must be read as such, or be refused.
        let Ok(before) = read(&metadata) else { return Ok(()) };
        prop_assert_eq!(&before[1].addr, &addr);
        prop_assert_eq!((before[1].order, before[1].newest_stop_ts), (order, TS_MAX));
        let changed = read(&checkpoint_list::with_newest(&metadata, &fields).unwrap()).unwrap();
        let mut wanted = before.clone();
        (wanted[1].size, wanted[1].time) = (u64::from(more[0]), u64::from(more[1]));
        prop_assert_eq!(&changed, &wanted);
        let added = read(&checkpoint_list::with_next(&metadata, "next", &fields, false).unwrap()).unwrap();
        prop_assert_eq!(added.len(), 3);
        prop_assert_eq!(&added[..2], &before[..]);
        prop_assert_eq!((added[2].name.as_str(), added[2].size), ("next", u64::from(more[0])));
        let replaced = read(&checkpoint_list::with_next(&metadata, "next", &fields, true).unwrap()).unwrap();
        prop_assert_eq!(replaced.len(), 2);
        prop_assert_eq!(&replaced[1], &added[2]);
    }

    #[test]
    fn keys_of_palm(fields in any::<[u64; 9]>(), is_delta: bool, flags: u32) {
        let [table, page, lsn, checkpoint_id, backlink_lsn, base_lsn, backlink_checkpoint_id, base_checkpoint_id, us] =
            fields;
        let key = PageKey {
            table: TableId(table), page: PageId(page), lsn: Lsn(lsn), checkpoint_id, is_delta, backlink_lsn: Lsn(backlink_lsn), base_lsn: Lsn(base_lsn), backlink_checkpoint_id,
            base_checkpoint_id, flags, materialized_us: us,
        };
        let bytes = palm::encode_page_key(&key);
        prop_assert_eq!(bytes.len(), palm::PAGE_KEY_LEN);
        prop_assert_eq!(palm::decode_page_key(&bytes).unwrap(), key);
        let key = CheckpointKey { lsn: Lsn(lsn), checkpoint_id, timestamp: us };
        let bytes = palm::encode_checkpoint_key(&key);
        prop_assert_eq!(bytes.len(), palm::CHECKPOINT_KEY_LEN);
        prop_assert_eq!(palm::decode_checkpoint_key(&bytes).unwrap(), key);
    }

    #[test]
    fn names_of_codes(number: i32) {
        let code = Code(number);
        if code.name() != number.to_string() {
            prop_assert_eq!(Code::from_name(&code.name()), Some(code));
        }
    }
}

#[test]
fn descriptor_blocks_of_every_allocation_size() {
    for shift in 9..=27 {
        let alloc = 1_u32 << shift;
        let Some(block) = local::encode_descriptor(alloc) else { panic!("none for {alloc}") };
        local::descriptor(&block).unwrap();
        assert_eq!(local::allocation_size(&block).unwrap(), alloc, "read back from {} bytes", block.len());
    }
    assert_eq!(local::encode_descriptor(1000), None);
}

#[test]
fn names() {
    for generation in Generation::ALL {
        assert_eq!(Generation::from_name(generation.name()), Some(generation));
    }
    for compressor in [Compressor::Snappy, Compressor::Zlib, Compressor::Zstd, Compressor::Lz4] {
        assert_eq!(Compressor::from_name(compressor.name()), Some(compressor));
    }
    for policy in Policy::ALL {
        assert_eq!(Policy::from_name(policy.name()), Some(policy));
    }
    for profile in Profile::ALL {
        assert_eq!(Profile::from_name(profile.name()), Some(profile));
    }
    for kind in (0..=u8::MAX).filter_map(PageType::from_byte) {
        assert_eq!(PageType::from_byte(kind.byte()), Some(kind));
    }
}

/// Turtle pages of the fixtures, every form they have: other values in the newest checkpoint, the rest as
/// it was.
#[test]
fn turtle_pages_with_another_checkpoint() {
    let mut forms = Vec::new();
    for name in ["2025-11-bitflip-missing-delta", "2026-02-double-root", "2026-07-leak-full"] {
        let store = Palite::open(&fixture("palite").join(name).join("kv_home")).unwrap();
        let (index, _) = store.index(None, &|_| {}).unwrap();
        let mut reader = store.reader().unwrap();
        for row in index.rows() {
            let mut bytes = Vec::new();
            reader.read(&row, &mut bytes).unwrap();
            let Ok(before) = pagelog_turtle::parse(&bytes) else { continue };
            let text = String::from_utf8(bytes).unwrap();
            let fields = [("order", "77"), ("time", "99")];
            let after = pagelog_turtle::parse(
                pagelog_turtle::with_newest(&text, "WiredTigerCheckpoint.77", &fields).unwrap().as_bytes(),
            )
            .unwrap();
            let mut wanted = before.clone();
            let newest = wanted.checkpoints.last_mut().unwrap();
            (newest.name, newest.order, newest.time) = ("WiredTigerCheckpoint.77".into(), 77, 99);
            assert_eq!(after, wanted, "{name}: {text}");
            forms.push(before.form);
        }
    }
    forms.dedup();
    println!("{forms:?}");
    assert!(forms.len() >= 2, "{forms:?}");
}

/// What a delta does to a key: a value, or nothing: it is gone.
type Changes<T> = BTreeMap<Vec<u8>, Option<T>>;

fn changes<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Vec<Changes<T>>> {
    // Few keys, so that deltas meet.
    let key = vec(0_u8..6, 1..3);
    vec(btree_map(key, of(value), 1..12), 1..5)
}

/// Blocks as they are stored, base first, and read again.
fn stored(kind: PageType, blocks: &[(Vec<u8>, u32)], compressor: Option<Compressor>) -> Vec<Vec<u8>> {
    let mut previous_checksum = 0;
    let mut out = Vec::new();
    for (at, (cells, entries)) in blocks.iter().enumerate() {
        let page = PageHeader {
            recno: 0,
            write_gen: 5,
            mem_size: 0,
            entries: *entries,
            type_byte: kind.byte(),
            flags: 0,
            unused: 0,
            version: 1,
        };
        let new = NewImage { delta: at > 0, previous_checksum, compressor, ..NewImage::new(page) };
        let (bytes, sum) = image::build(&new, cells);
        previous_checksum = sum;
        out.push(bytes);
    }
    out
}

/// The bodies of stored blocks, given to `f`.
fn with_bodies<T>(stored: &[Vec<u8>], f: impl FnOnce(&Body<'_>, &[Body<'_>]) -> T) -> T {
    let images: Vec<Image<'_>> = stored.iter().map(|b| Image::parse(b, Some(Era::Current)).unwrap()).collect();
    let plain: Vec<_> = images.iter().map(|i| i.plain(None).unwrap()).collect();
    let bodies: Vec<Body<'_>> = images
        .iter()
        .zip(&plain)
        .map(|(i, plain)| Body { plain, start: i.data_offset(), header: i.page, era: i.era })
        .collect();
    f(&bodies[0], &bodies[1..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn leaf_pages_of_a_base_and_deltas(
        all in changes((vec(any::<u8>(), 0..20), 1_u64..1000)), compress: bool, before: bool,
    ) {
        let mut model: BTreeMap<Vec<u8>, (u64, Vec<u8>)> = BTreeMap::new();
        let mut blocks = Vec::new();
        for (at, block) in all.iter().enumerate() {
            let (mut cells, mut entries) = (Vec::new(), 0);
            for (key, change) in block {
                let times = |start_ts| Times { start_ts, durable_start_ts: start_ts, ..Times::EMPTY };
                match change {
                    Some((value, ts)) if at == 0 => {
                        cell::write_key(&mut cells, 0, key);
                        cell::write_value(&mut cells, &times(*ts), value);
                    }
                    // The flags of a payload: in front since February 2026, behind before that.
                    Some((value, ts)) => {
                        let mut payload = Vec::new();
                        if before {
                            wtcheck::format::int::write_vuint(&mut payload, value.len() as u64);
                        } else {
                            payload.push(0);
                        }
                        payload.extend_from_slice(value);
                        payload.extend(before.then_some(0));
                        cell::write_key(&mut cells, 0, key);
                        cell::write_value(&mut cells, &times(*ts), &payload);
                    }
                    None if at == 0 => continue,
                    None => {
                        cell::write_key(&mut cells, 0, key);
                        cell::write_value(&mut cells, &Times::EMPTY, if before { &[0x80, 1] } else { &[1] });
                    }
                }
                entries += 2;
                match change {
                    Some((value, ts)) => model.insert(key.clone(), (*ts, value.clone())),
                    None => model.remove(key),
                };
            }
            blocks.push((cells, entries));
        }
        let bytes = stored(PageType::RowLeaf, &blocks, compress.then_some(Compressor::Snappy));
        with_bodies(&bytes, |base, deltas| {
            let rows = delta::rows(base, deltas);
            prop_assert_eq!(&rows.broken, &vec![]);
            let got: BTreeMap<Vec<u8>, (u64, Vec<u8>)> = rows
                .list
                .iter()
                .map(|r| {
                    let LeafValue::Plain(value) = r.value else { panic!("{:?}", r.value) };
                    (r.key.clone(), (r.times.start_ts, value.to_vec()))
                })
                .collect();
            prop_assert_eq!(got, model);
            Ok(())
        })?;
    }

    #[test]
    fn internal_pages_of_a_base_and_deltas(all in changes(1_u64..1 << 40), compress: bool) {
        let mut model = BTreeMap::new();
        let mut blocks = Vec::new();
        for (at, block) in all.iter().enumerate() {
            let (mut cells, mut entries) = (Vec::new(), 0);
            if at == 0 {
                // The first key is cut to nothing.
                cell::write_key(&mut cells, 0, &[]);
                let first = Cookie::new(PageId(100), Lsn(7), Lsn(0), 10, 1).encode();
                cell::write_addr(&mut cells, CellKind::AddrLeaf, &Times::EMPTY, None, &first);
                model.insert(Vec::new(), first);
                entries += 2;
            }
            for (key, change) in block {
                let cookie = change.map(|page| Cookie::new(PageId(page), Lsn(9), Lsn(0), 10, 1).encode());
                let (kind, bytes) = match &cookie {
                    Some(cookie) => (CellKind::AddrLeaf, cookie.clone()),
                    None if at == 0 => continue,
                    None => (CellKind::AddrGone, Vec::new()),
                };
                cell::write_key(&mut cells, 0, key);
                cell::write_addr(&mut cells, kind, &Times::EMPTY, None, &bytes);
                entries += 2;
                match cookie {
                    Some(cookie) => model.insert(key.clone(), cookie),
                    None => model.remove(key),
                };
            }
            blocks.push((cells, entries));
        }
        let bytes = stored(PageType::RowInternal, &blocks, compress.then_some(Compressor::Zstd));
        with_bodies(&bytes, |base, deltas| {
            let children = delta::children(base, deltas);
            prop_assert_eq!(&children.broken, &vec![]);
            let got: Vec<_> = children.list.iter().map(|c| (c.key.to_vec(), c.cookie.to_vec())).collect();
            let wanted: Vec<_> = model.into_iter().collect();
            prop_assert_eq!(got, wanted);
            Ok(())
        })?;
    }

    #[test]
    fn repair_plans(plan in plan()) {
        let text = wtcheck::report::repair::yaml(&plan);
        let read: Plan = serde_yaml::from_str(&text).map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(read, plan, "{}", text);
        let json: Plan = serde_json::from_str(&serde_json::to_string(&plan_again(&text)).unwrap()).unwrap();
        prop_assert_eq!(json, plan_again(&text));
    }

    #[test]
    fn undo_journals(header in header(), steps in steps(), marks in vec(prop_oneof![Just(Mark::Applied), Just(Mark::Undone)], 0..3)) {
        let dir = tempfile::tempdir().unwrap();
        let path = journal::path_in(dir.path(), &header.fingerprint.replace('/', "_"), 1);
        journal::write(&path, &header, &steps).unwrap();
        marks.iter().for_each(|m| journal::mark(&path, *m).unwrap());
        let read = journal::read(&path).unwrap().unwrap();
        prop_assert_eq!((read.header, read.steps, read.marks), (header, steps, marks));
    }
}

fn plan_again(text: &str) -> Plan {
    serde_yaml::from_str(text).unwrap()
}

fn what() -> impl Strategy<Value = What> {
    let n = any::<u64>;
    let lsns = || vec(any::<u64>().prop_map(Lsn), 0..4);
    prop_oneof![
        (words(), n(), n(), n()).prop_map(|(tree, table_id, from, to)| What::SetSize {
            tree,
            table_id: TableId(table_id),
            from,
            to
        }),
        (n(), n()).prop_map(|(from, to)| What::SetDatabaseSize { from, to }),
        (of(words()), n(), n(), lsns(), n()).prop_map(|(tree, table_id, page_id, lsns, bytes)| What::Discard {
            tree,
            table_id: TableId(table_id),
            page_id: PageId(page_id),
            lsns,
            bytes
        }),
        (of(words()), n(), n(), lsns(), n()).prop_map(|(tree, table_id, page_id, lsns, bytes)| What::Withdraw {
            tree,
            table_id: TableId(table_id),
            page_id: PageId(page_id),
            lsns,
            bytes
        }),
        (n(), n(), n()).prop_map(|(above_lsn, rows, bytes)| What::AbandonUnfinished {
            above_lsn: Lsn(above_lsn),
            rows,
            bytes
        }),
        (lsns(), n()).prop_map(|(lsns, falls_back_to_lsn)| What::DropCompletion {
            lsns,
            falls_back_to_lsn: Lsn(falls_back_to_lsn)
        }),
        (words(), words(), any::<[u64; 4]>()).prop_map(|(file, checkpoint, [from, to, cookie_from, cookie_to])| {
            What::SetFileSize { file, checkpoint, from, to, cookie_from, cookie_to }
        }),
        (words(), words()).prop_map(|(instead_of, text)| What::RebuildTurtle { instead_of, text }),
        (words(), words()).prop_map(|(from, to)| What::RenameTurtle { from, to }),
        (words(), words(), n()).prop_map(|(from, kept_as, rows)| What::RestoreMetadata { from, kept_as, rows }),
        (words(), n(), n(), words(), words()).prop_map(|(instead_of, tables, rows, file, other)| {
            let left_out = vec![LeftOut { file: file.clone(), why: other.clone() }];
            What::RebuildMetadata { instead_of, tables, rows, left_out, put_back: vec![PutBack { file, from: other }] }
        }),
        (words(), any::<[u64; 2]>(), any::<[u32; 2]>(), any::<u8>()).prop_map(
            |(file, [offset, byte], [size, checksum], bit)| What::FlipBit { file, offset, size, checksum, byte, bit }
        ),
    ]
}

fn kind() -> impl Strategy<Value = StoreKind> {
    prop_oneof![Just(StoreKind::Palite), Just(StoreKind::Palm), Just(StoreKind::Local)]
}

fn plan() -> impl Strategy<Value = Plan> {
    let file = (words(), any::<u64>(), words(), of(words())).prop_map(|(name, size, modified, sha256)| FileIdentity {
        name,
        size,
        modified,
        sha256,
    });
    let identity = (words(), kind(), words(), any::<[Option<u64>; 3]>(), words(), vec(file, 0..3)).prop_map(
        |(directory, kind, generation, [lsn_counter, newest_completion_lsn, stands_on_lsn], fingerprint, files)| {
            Identity {
                directory,
                kind,
                generation,
                lsn_counter: lsn_counter.map(Lsn),
                newest_completion_lsn: newest_completion_lsn.map(Lsn),
                stands_on_lsn: stands_on_lsn.map(Lsn),
                fingerprint,
                files,
            }
        },
    );
    let seen = any::<[u64; 6]>().prop_map(|[checkpoints, trees, live_pages, live_versions, live_bytes, orphans]| {
        Seen { checkpoints, trees, live_pages, live_versions, live_bytes, orphans }
    });
    let action = (what(), words(), words(), vec(words(), 0..3), vec(words(), 0..3))
        .prop_map(|(what, code, why, evidence, writes)| Action { what, code, why, evidence, writes });
    let advice = (words(), words(), words()).prop_map(|(code, place, advice)| Advice { code, place, advice });
    let findings = btree_map(words(), any::<u64>(), 0..3);
    (
        (any::<u32>(), words(), any::<u64>()),
        identity,
        seen,
        findings,
        of(any::<u64>()),
        vec(action, 0..4),
        vec(advice, 0..2),
    )
        .prop_map(|((plan_version, made_by, made_at), store, seen, findings, max_orphans, actions, advice)| Plan {
            plan_version,
            made_by,
            made_at,
            store,
            seen,
            findings,
            max_orphans,
            actions,
            advice,
        })
}

fn header() -> impl Strategy<Value = Header> {
    let pair = || of((any::<u64>(), any::<u64>()).prop_map(|(a, b)| (Lsn(a), Lsn(b))));
    (words(), any::<u64>(), words(), kind(), words(), pair(), pair(), vec(words(), 0..3)).prop_map(
        |(made_by, made_at, directory, kind, fingerprint, lsn_counter, newest_completion, actions)| Header {
            journal_version: journal::JOURNAL_VERSION,
            made_by,
            made_at,
            directory,
            kind,
            fingerprint,
            lsn_counter,
            newest_completion,
            actions,
        },
    )
}

fn steps() -> impl Strategy<Value = Steps> {
    let value = || {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<u64>().prop_map(Value::Real),
            words().prop_map(Value::Text),
            small_bytes().prop_map(Value::Blob),
        ]
    };
    let field = || (words(), value()).prop_map(|(name, value)| Field { name, value });
    let fields = || of(vec(field(), 0..4));
    let change = (words(), words(), fields(), fields()).prop_map(|(file, set, before, after)| Change {
        file,
        set,
        before,
        after,
    });
    let write = (words(), any::<[u64; 2]>(), small_bytes(), small_bytes()).prop_map(
        |(file, [offset, len_before], before, after)| FileChange::Write { file, offset, len_before, before, after },
    );
    let replace = (words(), of(small_bytes()), of(small_bytes()))
        .prop_map(|(file, before, after)| FileChange::Replace { file, before, after });
    let rename = (words(), words(), any::<u64>(), any::<u32>()).prop_map(|(file, to, len, ends)| FileChange::Rename {
        file,
        to,
        len,
        ends,
    });
    prop_oneof![
        vec(change, 0..5).prop_map(Steps::Records),
        vec(prop_oneof![write, replace, rename], 1..5).prop_map(Steps::Files),
    ]
}

proptest! {
    // Each one is a directory of nineteen databases.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn stores_of_palite(
        rows in btree_map(
            (prop_oneof![0_u64..40, number()], number(), number()),
            // All flags but those that only a page log out of dumps has.
            (number(), number(), any::<u32>().prop_map(|flags| flags & !supply::MARKS), small_bytes()),
            0..30,
        ),
        completions in btree_map(number(), (number(), "[ -~]{0,60}"), 0..4),
        last_lsn in number(),
    ) {
        // Two deltas on the same block are one too many for the page log.
        let mut deltas = std::collections::HashSet::new();
        let rows: Vec<NewRow> = rows
            .into_iter()
            .filter(|((table, page, _), (backlink, _, flags, _))| {
                flags & 0x1_0002 != 2 || deltas.insert((*table, *page, *backlink))
            })
            .map(|((table, page, lsn), (backlink_lsn, base_lsn, flags, data))| NewRow {
                table: TableId(table), page: PageId(page), lsn: Lsn(lsn), backlink_lsn: Lsn(backlink_lsn), base_lsn: Lsn(base_lsn), flags, checkpoint_id: 0, data,
            })
            .collect();
        let store = NewStore {
            rows: rows.clone(),
            completions: completions.iter().map(|(lsn, (ts, text))| (Lsn(*lsn), *ts, text.clone())).collect(),
            last_lsn: Lsn(last_lsn),
        };
        let dir = tempfile::tempdir().unwrap();
        create::create(dir.path(), &store).unwrap();
        let read = Palite::open(dir.path()).unwrap();
        let (index, problems) = read.index(None, &|_| {}).unwrap();
        prop_assert_eq!(problems, Vec::new());
        let mut reader = read.reader().unwrap();
        let mut got = Vec::new();
        for row in index.rows() {
            let mut data = Vec::new();
            reader.read(&row, &mut data).unwrap();
            got.push(NewRow {
                table: row.table, page: row.page, lsn: row.lsn, backlink_lsn: row.backlink_lsn,
                base_lsn: row.base_lsn, flags: row.flags, checkpoint_id: 0, data,
            });
        }
        prop_assert_eq!(got, rows);
        let records = read.completions().unwrap().0;
        let got: Vec<_> = records.into_iter().map(|c| (c.lsn, c.timestamp, String::from_utf8(c.text).unwrap())).collect();
        prop_assert_eq!(got, store.completions);
        prop_assert_eq!(read.layout().unwrap().lsn_counter, Some(Lsn(last_lsn)));
    }
}
