use proptest::prelude::*;
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image::{Era, Image};
use wtcheck::page::delta::*;
use wtcheck::page::rules::Rule;

const LEAF: &str = "00000000000000000500000000000000530000000600000007040001db01012cf56b071c0000000001000000156170706c650f72656416027269636f748c089080866f72616e67651962616e616e610f79656c";
const LEAF_DELTA: &str = "00000000000000000600000000000000470000000400000007000000dd01012c3e0079dff56b071c01000000156170706c658c08a0808600677265656e1d61707269636f740701";
const ROOT: &str = "000000000000000005000000000000004e0000000400000006200001db01012c4bee285200000000010000000500308c00c026809494c013f56b071c0d636174308c00c027809595c1c00df0feca";
const ROOT_DELTA: &str = "00000000000000000700000000000000470000000400000006000000dd01012c357daac84bee2852010000000d636174d0800d646f67380a90908c00c028809a9ac0ec04030201";

fn body(bytes: &[u8]) -> Body<'_> {
    let image = Image::parse(bytes, None).unwrap();
    Body { plain: bytes, start: image.data_offset(), header: image.page, era: image.era }
}

#[test]
fn internal_merge_of_06_7() {
    let (base, delta) = (hex::decode(ROOT).unwrap(), hex::decode(ROOT_DELTA).unwrap());
    let alone = children(&body(&base), &[]);
    assert_eq!(alone.broken, []);
    let pages = |c: &Children<'_>| -> Vec<_> {
        c.list.iter().map(|c| Cookie::decode(c.cookie).unwrap()).map(|c| (c.page_id.get(), c.lsn.get())).collect()
    };
    assert_eq!(pages(&alone), [(102, 20), (103, 21)]);
    let merged = children(&body(&base), &[body(&delta)]);
    assert_eq!(merged.broken, []);
    assert_eq!(pages(&merged), [(102, 20), (104, 26)]);
    assert_eq!((merged.list[1].key, merged.list[1].times.durable_start_ts), (&b"dog"[..], 32));
}

#[test]
fn leaf_merge_of_04_8() {
    let (base, delta) = (hex::decode(LEAF).unwrap(), hex::decode(LEAF_DELTA).unwrap());
    let merged = rows(&body(&base), &[body(&delta)]);
    assert_eq!((&merged.broken, merged.form), (&vec![], Some(PayloadForm::Bu)));
    let shown: Vec<_> = merged.list.iter().map(|r| (r.key.clone(), r.value, r.times.start_ts)).collect();
    assert_eq!(
        shown,
        [(b"apple".to_vec(), LeafValue::Plain(b"green"), 32), (b"banana".to_vec(), LeafValue::Plain(b"yel"), 0)]
    );
}

#[test]
fn payload_forms_of_14_7() {
    for (hex, form, flags, value) in [
        ("00677265656e", PayloadForm::Bu, 0, &b"green"[..]),
        ("85677265656e00", PayloadForm::Ub, 0, b"green"),
        ("01", PayloadForm::Bu, 1, b""),
        ("8001", PayloadForm::Ub, 1, b""),
    ] {
        assert_eq!(split_payload(&hex::decode(hex).unwrap()).unwrap(), (form, flags, value), "{hex}");
    }
    for hex in ["", "85677265656e", "8500", "81000001"] {
        assert!(split_payload(&hex::decode(hex).unwrap()).is_err(), "{hex}");
    }
}

#[test]
fn what_follows_damage_is_kept_beside_the_error() {
    let mut base = hex::decode(ROOT).unwrap();
    let end = base.len() - 13;
    base[end] = 0x0f;
    let found = children(&body(&base), &[]);
    assert!(found.lost().is_some());
    assert_eq!(found.list.len(), 1);
    let mut short = hex::decode(LEAF).unwrap();
    short[20] = 7;
    assert!(rows(&body(&short), &[]).lost().is_some());
}

#[test]
fn keys_out_of_order_are_told() {
    let mut base = hex::decode(LEAF).unwrap();
    base[45] = b'z';
    let found = rows(&body(&base), &[]);
    let told: Vec<_> = found.broken[0].breaches.list.iter().map(|b| (b.rule, b.at)).collect();
    assert_eq!((told, found.lost()), (vec![(Rule::Order, 72)], None));
}

proptest! {
    #[test]
    fn any_bytes_merge(a in proptest::collection::vec(any::<u8>(), 44..200), b in proptest::collection::vec(any::<u8>(), 36..200), old: bool) {
        let parse = |bytes| Image::parse(bytes, None).map(|i| i.page);
        if let (Ok(pa), Ok(pb)) = (parse(&a), parse(&b)) {
            let era = if old { Era::June2025 } else { Era::Current };
            let base = Body { plain: &a, start: 44, header: pa, era: Era::Current };
            let delta = Body { plain: &b, start: 36, header: pb, era };
            let _ = (children(&base, &[delta]), rows(&base, &[delta]));
        }
    }
}
