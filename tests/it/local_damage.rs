//! Local homes with one thing wrong: every stored variant, all the others made
//! here at several places, and hostile input. What is damaged is named, at its file and block;
//! nothing else is.
//!
//! `DAMAGE=1 cargo test .. -- --nocapture` prints
//! what each variant was told, `SHIFT=n` gives the hostile tests other seeds.

use crate::common::localdamage;
use crate::common::localdamage::{
    Base, Case, List, METADATA_FILE, Random, TURTLE, Tree, cells, get_u32, put_cookie, references, reseal, set_u32,
    span, splice,
};
use crate::common::real;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wtcheck::audit::Silent;
use wtcheck::audit::finding::{Code, Finding, Severity};
use wtcheck::audit::home::{self, Options};
use wtcheck::audit::result::{Audit, Verdict};
use wtcheck::format::local::{Extent, LocalAddress, encode_descriptor};
use wtcheck::format::page_header::PageType;
use wtcheck::home::directory::HISTORY_STORE;
use wtcheck::page::Depth;
use wtcheck::page::cell::{Cell, CellKind, TS_MAX, Times, write_value};

/// A real home to damage.
fn base(name: &str) -> Base {
    Base::open(&real(name).join("db"))
}

fn audit(dir: &Path, depth: Depth) -> Audit {
    audit_some(dir, depth, None)
}

/// Audit a home, or only some files of it; the home itself is judged either way.
fn audit_some(dir: &Path, depth: Depth, only: Option<&BTreeSet<&str>>) -> Audit {
    let (home, file) = wtcheck::subject::open_home(dir, false, true).unwrap();
    assert_eq!(file, None);
    let wanted = |name: &str| only.is_some_and(|only| only.contains(name));
    let tables = only.is_some().then_some(&wanted as &(dyn Fn(&str) -> bool + Sync));
    let options = Options { checkpoint: None, depth, no_mmap: false, tables };
    home::run(&home, "home", &options, &Silent).unwrap().0
}

fn words(f: &Finding) -> String {
    let said = wtcheck::words::of(f);
    let p = &f.place;
    let at = p.offset.map_or("-".into(), |o| format!("{o}+{}", p.length.unwrap_or(0)));
    format!(
        "{} {} {} {at} | {} | {} | {} | {:?}",
        f.severity.name(),
        f.code.name(),
        p.file.as_deref().unwrap_or("-"),
        said.expected,
        said.found,
        said.cause,
        said.evidence
    )
}

/// What a variant must be told.
struct Expect {
    label: String,
    /// Code, file, a byte that the finding's block must hold.
    wants: Vec<(Code, String, Option<u64>)>,
    /// Further codes that follow from the damage.
    also: Vec<Code>,
    /// Errors and warnings at most, `recovery-mismatch` not counted.
    most: usize,
    depth: Depth,
    /// Mostly audit the changed files alone: nothing ties the others to them.
    alone: bool,
}

impl Expect {
    fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), wants: Vec::new(), also: Vec::new(), most: 1, depth: Depth::Normal, alone: false }
    }

    fn find(mut self, code: Code, file: &str, at: impl Into<Option<u64>>) -> Self {
        self.wants.push((code, file.to_string(), at.into()));
        self.most = self.most.max(self.wants.len());
        self
    }

    fn also(mut self, codes: &[Code], most: usize) -> Self {
        self.also.extend(codes);
        self.most = most;
        self
    }

    fn deep(mut self, deep: bool) -> Self {
        self.depth = if deep { Depth::Deep } else { Depth::Normal };
        self
    }

    fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    fn check(&self, case: &Case<'_>) -> Audit {
        let dir = case.make();
        let changed: BTreeSet<&str> = case.files.keys().chain(&case.affected).map(String::as_str).collect();
        let whole = !self.alone || self.label.bytes().map(usize::from).sum::<usize>() % 6 == 0;
        let audit = audit_some(dir.path(), self.depth, (!whole).then_some(&changed));
        self.judge(&audit, &changed);
        audit
    }

    fn judge(&self, audit: &Audit, changed: &BTreeSet<&str>) {
        let all: Vec<String> = audit.findings.iter().map(words).collect();
        let told = format!("{}: {:?}\n  {}", self.label, audit.verdict, all.join("\n  "));
        if std::env::var_os("DAMAGE").is_some() {
            println!("{told}");
        }
        sound(audit, changed, &told);
        if self.wants.is_empty() {
            assert_eq!((audit.verdict, audit.exit_code), (Verdict::Clean, 0), "{told}");
            return;
        }
        assert_eq!((audit.verdict, audit.exit_code), (Verdict::Findings, 1), "{told}");
        for (code, file, at) in &self.wants {
            let found = audit.findings.iter().any(|f| {
                let start = f.place.offset.unwrap_or(0);
                let end = f.place.length.map_or(u64::MAX, |l| start + l);
                f.code == *code
                    && f.severity > Severity::Note
                    && f.place.file.as_deref() == Some(file)
                    && at.is_none_or(|at| f.place.offset.is_some() && (start..end).contains(&at))
            });
            assert!(found, "{code:?} {file} {at:?} not found in {told}");
        }
        let bad = |f: &&Finding| f.severity > Severity::Note && f.code != Code::RecoveryMismatch;
        let bad: Vec<&Finding> = audit.findings.iter().filter(bad).collect();
        assert!(bad.len() <= self.most, "{} findings: {told}", bad.len());
        for f in bad {
            let known = self.also.contains(&f.code) || self.wants.iter().any(|(c, ..)| *c == f.code);
            assert!(known, "unexpected {}: {told}", words(f));
        }
    }
}

/// What must hold of every audit, whatever is wrong.
fn sound(audit: &Audit, changed: &BTreeSet<&str>, told: &str) {
    let mut seen = BTreeSet::new();
    for f in &audit.findings {
        let file = f.place.file.as_deref().unwrap_or_default();
        assert!(seen.insert(words(f)), "twice: {}: {told}", words(f));
        if f.severity > Severity::Note {
            assert!(changed.contains(file), "in a file that nobody changed: {}\n{told}", words(f));
            let said = wtcheck::words::of(f);
            let remedy = wtcheck::words::remedy(f);
            assert!(!said.expected.is_empty() && !said.found.is_empty() && !remedy.is_empty(), "{}", words(f));
        }
        // No number that stands for "no bound", no sign of arithmetic gone wrong.
        let text = words(f);
        for ugly in [u64::MAX.to_string(), i64::MAX.to_string(), "overflow\"".into()] {
            assert!(!text.contains(&ugly), "{text}");
        }
    }
    let worse = audit.findings.iter().filter(|f| f.severity > Severity::Note).count() as u64;
    assert_eq!(audit.totals.errors + audit.totals.warnings, worse, "{told}");
    assert_eq!(audit.exit_code, audit.verdict.exit_code());
    let local = audit.local.as_ref().unwrap();
    for file in &local.files {
        if let (Some(space), Some(size)) = (&file.space, file.file_size) {
            let sum =
                space.description + space.tree + space.extent_list + space.available + space.discarded + space.lost;
            let known = size.min(file.physical_size).next_multiple_of(u64::from(file.allocation_size));
            assert_eq!(sum, known, "{}: {told}", file.file);
        }
        let clean =
            !audit.findings.iter().any(|f| f.severity > Severity::Note && f.place.file.as_deref() == Some(&file.file));
        for c in file.checkpoints.iter().filter(|_| clean) {
            assert!(c.complete && c.difference == 0, "{} {}: {told}", file.file, c.name);
        }
        if clean {
            assert!(file.space.is_none_or(|s| s.lost == 0 && s.overlapping == 0 && !s.uncertain), "{told}");
        }
    }
}

/// The stored variants of a set: name, directory, edits.
fn stored(set: &str) -> Vec<(String, PathBuf, serde_json::Value)> {
    let mut out: Vec<_> = std::fs::read_dir(real(set))
        .unwrap()
        .map(|entry| {
            let dir = entry.unwrap().path();
            let edits = serde_json::from_slice(&std::fs::read(dir.join("edits.json")).unwrap()).unwrap();
            (dir.file_name().unwrap().to_str().unwrap().to_string(), dir, edits)
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// The home of a stored variant.
fn variant<'b>(base: &'b Base, dir: &Path, edits: &serde_json::Value) -> Case<'b> {
    let mut case = base.case();
    case.affected.extend(edits["uri"].as_str().and_then(|u| u.strip_prefix("file:")).map(str::to_string));
    for edit in edits["edits"].as_array().unwrap() {
        let file = edit["file"].as_str().unwrap();
        match edit["removed"].as_bool() {
            Some(true) => case.remove(file),
            _ => case.put(file, std::fs::read(dir.join("changed").join(file)).unwrap()),
        }
    }
    case
}

/// Whether a finding's block holds a byte that was changed; those of a file as a whole always do.
fn covers(f: &Finding, edits: &serde_json::Value) -> bool {
    let (Some(start), Some(length)) = (f.place.offset, f.place.length) else { return true };
    let edits = edits["edits"].as_array().unwrap();
    let edit = edits.iter().find(|e| e["file"].as_str() == f.place.file.as_deref()).unwrap();
    let ranges: Vec<(u64, u64)> = edit["changed_ranges"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|r| Some((r["offset"].as_u64()?, r["len"].as_u64()?)))
        .collect();
    // Long lists of ranges were cut, and of a pure change of length there is none.
    let whole = edit["changed_ranges"].as_array().is_some_and(|r| r.len() > ranges.len());
    ranges.is_empty() || whole || ranges.iter().any(|(at, len)| *at < start + length && start < at + len)
}

fn stored_set(set: &str, home: &str, wants: impl Fn(&str) -> Option<Expect>) -> usize {
    let base = base(home);
    let variants = stored(set);
    for (name, dir, edits) in &variants {
        let number = &name[..3];
        let expect = wants(number).unwrap_or_else(|| panic!("no expectation for {name}"));
        let case = variant(&base, dir, edits);
        // Of the large home the rest is looked into once.
        let depths: &[Depth] = match (home, number) {
            ("classic-small", n) if n != "v15" => &[Depth::Normal],
            _ => &[Depth::Normal, Depth::Deep],
        };
        for depth in depths.iter().copied() {
            let expect = Expect { depth, wants: expect.wants.clone(), also: expect.also.clone(), ..Expect::new(name) }
                .most(expect.most);
            let audit = expect.check(&case);
            // What only the accounting sees lies where the damage shows, not where it was done.
            let elsewhere = ["w46", "w48", "w51", "w57", "v17"].contains(&number);
            for f in audit.findings.iter().filter(|f| f.severity == Severity::Error && !elsewhere) {
                assert!(covers(f, edits), "{name}: {}", words(f));
            }
        }
    }
    variants.len()
}

impl Expect {
    fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }
}

#[test]
fn stored_variants_of_small() {
    let plain = "rs_plain.wt";
    let wants = |number: &str| {
        let e = Expect::new("");
        Some(match number {
            "v01" | "v03" => e.find(Code::BlockChecksum, plain, 1_400_832),
            "v05" => e.find(Code::BlockChecksum, plain, 1_257_472).find(Code::BlockChecksum, plain, 1_400_832),
            "v07" => e.find(Code::BlockChecksum, plain, 1_925_120),
            "v09" => e.find(Code::BlockChecksum, plain, 1_875_968),
            "v11" => e.find(Code::DescriptorInvalid, plain, 0),
            "v13" => e.find(Code::FileSizeMismatch, plain, 1_159_168),
            "v15" => e,
            "v17" => e.find(Code::FileSizeMismatch, plain, None).find(Code::RecoveryMismatch, plain, None),
            "v19" => e.find(Code::BlockChecksum, "rs_alloc512.wt", 527_872),
            "v21" => e.find(Code::BlockChecksum, "rs_nocksum.wt", 323_584),
            "v23" => e.find(Code::PageUndecodable, "rs_unc_cksum.wt", 45_056),
            "v25" => e.find(Code::BlockChecksum, HISTORY_STORE, 1_232_896),
            "v27" => e.find(Code::BlockChecksum, METADATA_FILE, 45_056),
            "v29" => e.find(Code::DescriptorInvalid, METADATA_FILE, 0),
            "v31" => e.find(Code::TurtleInvalid, TURTLE, 700),
            "v33" => e.find(Code::FileMissing, TURTLE, None),
            "v35" => e.find(Code::FileMissing, "WiredTiger", None),
            _ => return None,
        })
    };
    let n = stored_set("classic-damaged", "classic-small", wants);
    assert!(n >= 18, "{n}");
}

#[test]
fn stored_variants_of_one() {
    let one = "one.wt";
    let wants = |number: &str| {
        let e = Expect::new("");
        Some(match number {
            "w40" => e.find(Code::KeyOutOfOrder, one, 1_179_648),
            "w42" => e.find(Code::PageUndecodable, one, 933_888),
            "w44" => e.find(Code::BlockHeader, one, 950_272),
            "w46" => e.find(Code::PageReferencedTwice, one, 962_560).find(Code::ExtentLost, one, 958_464).find(
                Code::CheckpointSizeMismatch,
                one,
                None,
            ),
            "w48" => e.find(Code::KeyOutOfOrder, one, 987_136).find(Code::KeyOutOfOrder, one, 991_232),
            "w51" => e.find(Code::ExtentLost, one, 1_208_320),
            "w53" => e.find(Code::ExtentBeyondEof, one, 200_704),
            "w55" => e.find(Code::BlockHeader, one, 200_704),
            "w57" => e.find(Code::FileSizeMismatch, one, 1_851_392),
            _ => return None,
        })
    };
    let n = stored_set("classic-one-damaged", "classic-one", wants);
    assert!(n >= 9, "{n}");
}

/// Some blocks of a list, seeded.
fn some<T: Clone>(list: &[T], n: usize, random: &mut Random) -> Vec<T> {
    (0..n).map(|_| random.pick(list).clone()).collect()
}

fn addresses(nodes: &[&localdamage::Node]) -> Vec<LocalAddress> {
    nodes.iter().map(|n| n.address).collect()
}

#[test]
fn broken_blocks_are_named() {
    let base = base("classic-small");
    let mut random = Random::new(1);
    let plain = "rs_plain.wt";
    let tree = base.tree(plain);
    let checksum = |label: &str, file: &str, at: u64| Expect::new(label).alone().find(Code::BlockChecksum, file, at);
    // v01, v02, v03, v04 at other leaves, of all checkpoints and of the newest.
    for leaf in some(&addresses(&tree.of(PageType::RowLeaf)), 3, &mut random) {
        for field in [32, 28, 40 + random.below(4000) as u64] {
            let mut case = base.case();
            case.flip(plain, leaf.offset + field, random.below(8) as u8);
            checksum(&format!("v01-v03 {}+{field}", leaf.offset), plain, leaf.offset).check(&case);
        }
        let mut case = base.case();
        case.bytes(plain)[span(&leaf)].fill(0);
        let audit = checksum(&format!("v04 {}", leaf.offset), plain, leaf.offset).check(&case);
        assert!(wtcheck::words::of(&audit.findings[0]).evidence.iter().any(|e| e.contains("zero")));
    }
    // v06, v07, v08, v09: roots and lists of each checkpoint.
    for (at, cookie) in tree.checkpoints.iter().enumerate() {
        let mut blocks = vec![cookie.root, cookie.alloc, cookie.avail, cookie.discard];
        blocks.retain(Option::is_some);
        for block in some(&blocks, 2, &mut random).into_iter().flatten() {
            let mut case = base.case();
            case.flip(plain, block.offset + 41 + random.below(60) as u64, random.below(8) as u8);
            checksum(&format!("v06-v09 {at} {}", block.offset), plain, block.offset).check(&case);
        }
        // Zeros cannot be mended: nothing below is known, and nothing is called lost for it.
        for block in blocks.into_iter().flatten() {
            let mut case = base.case();
            case.bytes(plain)[span(&block)].fill(0);
            let audit = checksum(&format!("zeroed {at} {}", block.offset), plain, block.offset).check(&case);
            let file = audit.local.as_ref().unwrap().files.iter().find(|f| f.file == plain).unwrap();
            let root = cookie.root == Some(block);
            assert_eq!(file.checkpoints[at].complete, !root, "checkpoint {at}, block {}", block.offset);
            assert!(file.space.is_none_or(|s| s.uncertain || s.lost == 0));
        }
    }
    // A leaf that only a named checkpoint needs.
    let old: Vec<_> =
        tree.of(PageType::RowLeaf).into_iter().filter(|n| !n.checkpoints.contains(&tree.last())).collect();
    for leaf in some(&addresses(&old), 2, &mut random) {
        let mut case = base.case();
        case.flip(plain, leaf.offset + 77, 3);
        let audit = checksum("named only", plain, leaf.offset).check(&case);
        let evidence = wtcheck::words::of(&audit.findings[0]).evidence.join(" ");
        assert!(evidence.contains("needed by") && !evidence.contains("WiredTigerCheckpoint"), "{evidence}");
    }
    // v19, with zeros too: an internal page takes its leaves with it.
    let small = base.tree("rs_alloc512.wt");
    let inner: Vec<_> = small.newest(PageType::RowInternal).into_iter().filter(|n| n.level > 0).collect();
    for page in some(&addresses(&inner), 2, &mut random) {
        let mut case = base.case();
        case.flip("rs_alloc512.wt", page.offset + 50, 1);
        checksum("v19", "rs_alloc512.wt", page.offset).check(&case);
        case.bytes("rs_alloc512.wt")[span(&page)].fill(0xa5);
        let audit = checksum("v19 lost", "rs_alloc512.wt", page.offset).check(&case);
        let file = audit.local.as_ref().unwrap().files.iter().find(|f| f.file == "rs_alloc512.wt").unwrap();
        assert!(!file.checkpoints.last().unwrap().complete);
    }
    // v22: any bit of a compressed leaf; v24: overflow items, keys and values.
    for (file, kind) in [
        ("rs_zstd.wt", PageType::RowLeaf),
        ("rs_snappy.wt", PageType::RowLeaf),
        ("rs_lz4.wt", PageType::RowLeaf),
        ("rs_zlib.wt", PageType::RowLeaf),
        ("rs_ovfl.wt", PageType::Overflow),
        ("cs_var.wt", PageType::ColumnVariable),
        ("cs_fix8.wt", PageType::ColumnFixed),
        (HISTORY_STORE, PageType::RowLeaf),
    ] {
        for block in some(&addresses(&base.tree(file).of(kind)), 2, &mut random) {
            let mut case = base.case();
            let length = get_u32(&case.peek(file)[span(&block)], 16).min(block.size) - 64;
            case.flip(file, block.offset + 64 + random.below(length as usize) as u64, random.below(8) as u8);
            checksum(&format!("v22, v24 {file}"), file, block.offset).check(&case);
            let noise: Vec<u8> = (0..300).map(|_| random.next() as u8).collect();
            case.bytes(file)[span(&block)][100..400].copy_from_slice(&noise);
            checksum(&format!("v22, v24 many {file}"), file, block.offset).check(&case);
        }
    }
}

#[test]
fn damage_without_checksum_is_not_invented() {
    let base = base("classic-small");
    let mut random = Random::new(2);
    let file = "rs_nocksum.wt";
    let tree = base.tree(file);
    let leaves = tree.of(PageType::RowLeaf);
    // v20: nothing shows, unless the page's own rules happen to be broken.
    for leaf in some(&addresses(&leaves), 4, &mut random) {
        let mut case = base.case();
        let block = &case.peek(file)[span(&leaf)];
        let values: Vec<_> =
            cells(block).into_iter().filter(|(_, k, d)| *k == CellKind::Value && d.len() > 8).collect();
        let (at, _, data) = random.pick(&values);
        let byte = Cell::read(block, *at, 0).unwrap().end - 1 - random.below(data.len() / 2);
        case.flip(file, leaf.offset + byte as u64, random.below(8) as u8);
        Expect::new("v20").alone().check(&case);
        Expect::new("v20 deep").alone().deep(true).check(&case);
        // v21: the first 64 bytes are covered.
        let mut case = base.case();
        case.flip(file, leaf.offset + 16 + random.below(12) as u64, random.below(8) as u8);
        Expect::new("v21").alone().find(Code::BlockChecksum, file, leaf.offset).check(&case);
    }
    // What breaks the page is found by looking into it.
    let leaf = leaves[0].address;
    let mut case = base.case();
    let (at, ..) = cells(&case.peek(file)[span(&leaf)])[9];
    case.bytes(file)[span(&leaf)][at] = 0xd0;
    Expect::new("v20 cell").deep(true).find(Code::PageUndecodable, file, leaf.offset).check(&case);
}

#[test]
fn descriptors_and_lengths() {
    let base = base("classic-small");
    let file = "rs_plain.wt";
    let tree = base.tree(file);
    let descriptor = |label: &str| Expect::new(label).alone().find(Code::DescriptorInvalid, file, 0);
    for (label, change) in [
        ("v10 magic", (0_usize, vec![0x42_u8])),
        ("v11 checksum", (9, vec![0])),
        ("garbage behind", (100, vec![1])),
        ("zeros", (0, vec![0; 4096])),
        ("minor", (6, vec![1])),
    ] {
        let mut case = base.case();
        case.bytes(file)[change.0..change.0 + change.1.len()].copy_from_slice(&change.1);
        descriptor(label).check(&case);
    }
    // v12: a newer version, well made.
    let mut case = base.case();
    let head = &mut case.bytes(file)[..4096];
    head[4] = 9;
    head[8..12].fill(0);
    let sum = wtcheck::format::crc::crc32c(head);
    head[8..12].copy_from_slice(&sum.to_le_bytes());
    let audit = descriptor("v12").check(&case);
    assert!(wtcheck::words::of(&audit.findings[0]).found.contains("9/0"), "{}", words(&audit.findings[0]));
    // The descriptor of another allocation size.
    let mut case = base.case();
    case.bytes(file)[..512].copy_from_slice(&encode_descriptor(512).unwrap());
    descriptor("other allocation size").check(&case);

    // v13, v14, and cuts everywhere.
    let size = tree.cookie().file_size;
    let mut random = Random::new(3);
    for keep in [size - 4096, size - 1, size - 4097, size / 2, 8192, 4096, random.next() % size] {
        let mut case = base.case();
        case.bytes(file).truncate(keep as usize);
        let label = format!("v13, v14 {keep} of {size}");
        Expect::new(label).alone().find(Code::FileSizeMismatch, file, keep).check(&case);
    }
    // v16; a file shorter than its descriptor.
    for keep in [0, 3, 700] {
        let mut case = base.case();
        case.bytes(file).truncate(keep);
        Expect::new(format!("v16 {keep}"))
            .find(Code::FileSizeMismatch, file, None)
            .also(&[Code::DescriptorInvalid], 2)
            .check(&case);
    }
    // v15 with blocks of the engine, with zeros, with one byte.
    let leaf = tree.of(PageType::RowLeaf)[0].address;
    for (label, more) in [
        ("v15 blocks", base.case().peek(file)[span(&leaf)].to_vec()),
        ("v15 zeros", vec![0; 8192]),
        ("v15 byte", vec![1]),
    ] {
        let mut case = base.case();
        case.bytes(file).extend(more);
        let audit = Expect::new(label).check(&case);
        assert_eq!(audit.findings.len(), 1);
        assert_eq!(audit.findings[0].code, Code::FileSizeMismatch);
        assert_eq!(audit.findings[0].severity, Severity::Note);
        assert!(wtcheck::words::of(&audit.findings[0]).cause.contains("written after") == (label == "v15 blocks"));
    }
}

#[test]
fn files_missing_exchanged_and_foreign() {
    let base = base("classic-small");
    // v18
    for file in ["rs_plain.wt", "rs_index_city.wti", HISTORY_STORE, "rs_empty.wt", "raw.file"] {
        let mut case = base.case();
        case.remove(file);
        Expect::new(format!("v18 {file}")).find(Code::FileMissing, file, None).check(&case);
    }
    // v17 and two files exchanged: each says whose content it holds.
    for (a, b) in [("rs_plain.wt", "rs_int.wt"), ("rs_cg_main.wt", "rs_cg_rest.wt"), ("cs_fix1.wt", "cs_fix8.wt")] {
        let mut case = base.case();
        let (left, right) = (case.peek(a), case.peek(b));
        case.put(a, right);
        case.put(b, left);
        let audit = Expect::new(format!("exchanged {a} {b}"))
            .find(Code::RecoveryMismatch, a, None)
            .find(Code::RecoveryMismatch, b, None)
            .also(&[Code::FileSizeMismatch, Code::BlockChecksum, Code::DescriptorInvalid], 4)
            .check(&case);
        for (file, other) in [(a, b), (b, a)] {
            let named =
                audit.findings.iter().any(|f| f.place.file.as_deref() == Some(file) && words(f).contains(other));
            assert!(named, "{file} holds {other}: {:?}", audit.findings.iter().map(words).collect::<Vec<_>>());
        }
    }
    // A file cut back to an earlier checkpoint.
    let tree = base.tree("rs_plain.wt");
    for cookie in &tree.checkpoints[..2] {
        let mut case = base.case();
        case.bytes("rs_plain.wt").truncate(cookie.file_size as usize);
        let audit = Expect::new("older copy").find(Code::FileSizeMismatch, "rs_plain.wt", None).check(&case);
        assert!(words(&audit.findings[0]).contains("older"), "{}", words(&audit.findings[0]));
    }
    // Strangers.
    let other = real("classic-one/db/one.wt");
    let mut case = base.case();
    case.put("stranger.wt", std::fs::read(&other).unwrap());
    case.put("notes.txt", b"not a block file".to_vec());
    // Nothing says that they belong here: notes.
    let unlisted = |case: &Case<'_>, name: &str| {
        let home = case.make();
        let audit = audit(home.path(), Depth::Normal);
        let found: Vec<_> = audit.findings.iter().map(|f| (f.severity, f.code, f.place.file.as_deref())).collect();
        assert_eq!((audit.exit_code, found), (0, vec![(Severity::Note, Code::FileUnlisted, Some(name))]));
    };
    unlisted(&case, "stranger.wt");
    let mut case = base.case();
    case.put("sub/stranger", std::fs::read(&other).unwrap());
    unlisted(&case, "sub/stranger");
    // A block of another file of the same size.
    let foreign = base.tree("rs_int.wt").newest(PageType::RowLeaf)[0].address;
    let leaf = tree.of(PageType::RowLeaf).into_iter().find(|n| n.address.size == foreign.size).unwrap().address;
    let mut case = base.case();
    let block = case.peek("rs_int.wt")[span(&foreign)].to_vec();
    case.bytes("rs_plain.wt")[span(&leaf)].copy_from_slice(&block);
    let audit = Expect::new("misdirected").find(Code::BlockChecksum, "rs_plain.wt", leaf.offset).check(&case);
    assert!(wtcheck::words::of(&audit.findings[0]).evidence.iter().any(|e| e.contains("itself is intact")));
}

#[test]
fn metadata_and_turtle() {
    let base = base("classic-small");
    let mut random = Random::new(4);
    let tree = base.tree(METADATA_FILE);
    // v26, v27: single bits are mended, nothing else is said.
    for kind in [PageType::RowLeaf, PageType::RowInternal] {
        for page in some(&addresses(&tree.newest(kind)), 2, &mut random) {
            let mut case = base.case();
            let mem = get_u32(&case.peek(METADATA_FILE)[span(&page)], 16);
            case.flip(METADATA_FILE, page.offset + 40 + random.below(mem as usize - 40) as u64, random.below(8) as u8);
            Expect::new("v26, v27").find(Code::BlockChecksum, METADATA_FILE, page.offset).check(&case);
            // Many bytes: rows are lost, the files stand for themselves.
            case.bytes(METADATA_FILE)[span(&page)][200..260].fill(b'#');
            let audit = Expect::new("v26 many").find(Code::BlockChecksum, METADATA_FILE, page.offset).check(&case);
            let local = audit.local.as_ref().unwrap();
            assert!(!local.catalog.complete && !local.not_checked.is_empty());
            assert_eq!(local.files.len(), base.home.files.len());
        }
    }
    // v28, and without both.
    let mut case = base.case();
    case.remove(METADATA_FILE);
    Expect::new("v28").find(Code::FileMissing, METADATA_FILE, None).check(&case);
    case.remove(TURTLE);
    Expect::new("v28, v33")
        .find(Code::FileMissing, METADATA_FILE, None)
        .find(Code::FileMissing, TURTLE, None)
        .check(&case);
    // The same damage as of any file: v06 to v08, v13, v14, v16, bits and zeros.
    let cookie = tree.cookie().clone();
    for block in [cookie.root, cookie.alloc, cookie.avail, cookie.discard].into_iter().flatten() {
        let mut case = base.case();
        case.flip(METADATA_FILE, block.offset + 55, 2);
        Expect::new("v06-v08 metadata").find(Code::BlockChecksum, METADATA_FILE, block.offset).check(&case);
        case.bytes(METADATA_FILE)[span(&block)].fill(0);
        Expect::new("zeroed metadata").find(Code::BlockChecksum, METADATA_FILE, block.offset).check(&case);
    }
    // The last 4 KiB of the file are free in its newest checkpoint, and would not be missed.
    for keep in [cookie.file_size / 2, 8192, 0] {
        let mut case = base.case();
        case.bytes(METADATA_FILE).truncate(keep as usize);
        Expect::new(format!("v13, v14, v16 metadata {keep}"))
            .find(Code::FileSizeMismatch, METADATA_FILE, keep)
            .also(&[Code::DescriptorInvalid], 2)
            .check(&case);
    }
    let mut case = base.case();
    let other = case.peek("rs_int.wt");
    case.put(METADATA_FILE, other);
    Expect::new("v17 metadata")
        .find(Code::RecoveryMismatch, METADATA_FILE, None)
        .also(&[Code::FileSizeMismatch, Code::BlockChecksum], 3)
        .check(&case);
    // v30: every third digit of the newest cookie.
    let text = String::from_utf8(base.case().peek(TURTLE)).unwrap();
    let old = hex::encode(&base.home.file(METADATA_FILE).unwrap().checkpoints.last().unwrap().addr);
    let at = text.rfind(&old).unwrap();
    for digit in (0..old.len()).step_by(3) {
        let mut case = base.case();
        let byte = &mut case.bytes(TURTLE)[at + digit];
        *byte = if *byte == b'0' { b'7' } else { b'0' };
        let audit = Expect::new(format!("v30 digit {digit}")).find(Code::TurtleInvalid, TURTLE, None).check(&case);
        let local = audit.local.as_ref().unwrap();
        assert_eq!(local.catalog.proposed_turtle.as_deref(), Some(&*text), "digit {digit}");
        assert!(local.catalog.complete);
    }
    // v31, v32, v34, and text that is no text.
    let invalid = |label: &str, at| Expect::new(label).find(Code::TurtleInvalid, TURTLE, at);
    for keep in [0, 1, 30, 100, 200, 700, text.len() - 300] {
        let mut case = base.case();
        case.bytes(TURTLE).truncate(keep);
        invalid(&format!("v31, v32 {keep}"), None).check(&case);
    }
    for key in ["WiredTiger version string\n", "WiredTiger version\n", "file:WiredTiger.wt\n"] {
        let mut case = base.case();
        let at = text.find(key).unwrap();
        case.bytes(TURTLE)[at..at + 6].fill(b'#');
        let audit = invalid("v34", Some(at as u64)).check(&case);
        assert!(audit.local.unwrap().catalog.proposed_turtle.is_some());
    }
    let mut case = base.case();
    case.bytes(TURTLE)[400..420].fill(0xff);
    invalid("v34 noise", None).check(&case);
    // v35
    let mut case = base.case();
    case.remove("WiredTiger");
    Expect::new("v35").find(Code::FileMissing, "WiredTiger", None).check(&case);
}

#[test]
fn rows_of_the_metadata() {
    let base = base("classic-small");
    let invalid = |label: &str, code| Expect::new(label).find(code, METADATA_FILE, None);
    // Two files with one id.
    let mut case = base.case();
    let (leaf, at, text) = case.row("rs_plain.wt");
    let other = case.row("rs_int.wt").2;
    let id = |t: &str| format!(",id={},", t.split(",id=").nth(1).unwrap().split(',').next().unwrap());
    case.set_row(leaf, at, &text.replace(&id(&text), &id(&other)));
    invalid("duplicate id", Code::DuplicateTreeId).also(&[], 1).check(&case);
    // A value that is no configuration.
    let mut case = base.case();
    case.set_row(leaf, at, &text.replacen("checkpoint=(", "checkpoint=[", 1));
    invalid("broken row", Code::MetadataInvalid).also(&[], 1).check(&case);
    // A cookie that cannot be decoded: the file's own row is wrong.
    let mut case = base.case();
    let addr = hex::encode(&base.home.file("rs_plain.wt").unwrap().checkpoints.last().unwrap().addr);
    case.set_row(leaf, at, &text.replace(&addr, &format!("01ff{}", &addr[4..])));
    case.affected.insert("rs_plain.wt".into());
    Expect::new("broken cookie").find(Code::CookieInvalid, "rs_plain.wt", None).check(&case);
}

/// A kind of damage that keeps all checksums: makes it at a seeded place, says what to expect.
type Kind = fn(&mut Case<'_>, &mut Random) -> Expect;

const ONE: &str = "one.wt";

fn leaves(tree: &Tree) -> Vec<LocalAddress> {
    addresses(&tree.newest(PageType::RowLeaf))
}

fn leaf_of(case: &Case<'_>, file: &str, random: &mut Random) -> LocalAddress {
    *random.pick(&leaves(&case.base.tree(file)))
}

/// Inner pages below the root of one.wt.
fn inner(case: &Case<'_>, file: &str, random: &mut Random) -> LocalAddress {
    let tree = case.base.tree(file);
    let pages: Vec<_> = tree.newest(PageType::RowInternal).into_iter().filter(|n| n.level > 0).collect();
    random.pick(&addresses(&pages)).to_owned()
}

fn w40_key(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.edit(ONE, leaf.offset, |block| {
        let keys: Vec<_> = cells(block).into_iter().filter(|c| c.1 == CellKind::Key && c.2.len() > 6).collect();
        let (at, ..) = keys[1 + random.below(keys.len() - 2)];
        block[at + 4] = 0x7f;
    });
    Expect::new("w40").find(Code::KeyOutOfOrder, ONE, leaf.offset)
}

fn w41_entries(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.edit(ONE, leaf.offset, |block| {
        let entries = get_u32(block, 20);
        set_u32(block, 20, entries + 2);
    });
    Expect::new("w41").find(Code::PageUndecodable, ONE, leaf.offset)
}

fn w42_cell(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.edit(ONE, leaf.offset, |block| {
        let all = cells(block);
        block[random.pick(&all).0] = 0xd0;
    });
    Expect::new("w42").find(Code::PageUndecodable, ONE, leaf.offset).also(&[Code::KeyOutOfOrder], 3)
}

fn w43_mem_size(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.edit(ONE, leaf.offset, |block| {
        let size = get_u32(block, 16);
        set_u32(block, 16, size + 5000);
    });
    Expect::new("w43").find(Code::BlockHeader, ONE, leaf.offset)
}

fn w44_type(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    let kind = *random.pick(&[0, 1, 3, 4, 5, 6, 9, 200]);
    case.edit(ONE, leaf.offset, |block| block[24] = kind);
    Expect::new(format!("w44 {kind}")).find(Code::BlockHeader, ONE, leaf.offset)
}

fn w45_start(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let tree = case.base.tree(ONE);
    let bytes = case.peek(ONE);
    let fit = |n: &&localdamage::Node| {
        let block = &bytes[span(&n.address)];
        n.times.durable_start_ts > 0 && get_u32(block, 16) + 16 < n.address.size
    };
    let fit: Vec<_> = tree.newest(PageType::RowLeaf).into_iter().filter(fit).collect();
    let leaf = random.pick(&addresses(&fit)).to_owned();
    case.edit(ONE, leaf.offset, |block| {
        let values: Vec<_> = cells(block).into_iter().filter(|c| c.1 == CellKind::Value).collect();
        let cell = Cell::read(block, random.pick(&values).0, 0).unwrap();
        let times = Times { start_ts: 63, durable_start_ts: 63, stop_ts: TS_MAX, durable_stop_ts: 0, ..cell.times };
        let mut new = Vec::new();
        write_value(&mut new, &times, cell.data);
        let range = cell.offset..cell.end;
        splice(block, range, &new);
    });
    Expect::new("w45").find(Code::PageUndecodable, ONE, leaf.offset)
}

/// Two neighbouring children of an inner page: page, cells.
fn neighbours(case: &Case<'_>, file: &str, random: &mut Random) -> (LocalAddress, [(usize, LocalAddress); 2]) {
    let page = inner(case, file, random);
    let alloc = case.base.home.file(file).unwrap().alloc;
    let children = references(&case.peek(file)[span(&page)], alloc);
    let at = random.below(children.len() - 1);
    (page, [children[at], children[at + 1]])
}

fn w46_twice(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let (page, [(first, lost), (_, twice)]) = neighbours(case, ONE, random);
    case.edit(ONE, page.offset, |block| put_cookie(block, first, &twice.encode(4096).unwrap()));
    Expect::new("w46").find(Code::PageReferencedTwice, ONE, twice.offset).find(Code::ExtentLost, ONE, lost.offset).find(
        Code::CheckpointSizeMismatch,
        ONE,
        None,
    )
}

fn w47_beyond(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let (page, [(cell, child), _]) = neighbours(case, ONE, random);
    let far = LocalAddress { offset: child.offset + (4 << 20), ..child };
    case.edit(ONE, page.offset, |block| put_cookie(block, cell, &far.encode(4096).unwrap()));
    Expect::new("w47").find(Code::ExtentBeyondEof, ONE, page.offset)
}

fn w48_exchanged(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let (page, [(first, a), (second, b)]) = neighbours(case, ONE, random);
    case.edit(ONE, page.offset, |block| {
        // The later cell first: the earlier one moves it if lengths differ.
        put_cookie(block, second, &a.encode(4096).unwrap());
        put_cookie(block, first, &b.encode(4096).unwrap());
    });
    Expect::new("w48").find(Code::KeyOutOfOrder, ONE, a.offset).find(Code::KeyOutOfOrder, ONE, b.offset).also(&[], 3)
}

fn sorted_in(list: &mut Vec<Extent>, extra: Extent) {
    // Into the first run, so that the list descends no more often than before.
    let run = list.windows(2).position(|p| p[1].offset < p[0].offset).map_or(list.len(), |at| at + 1);
    let at = list[..run].iter().position(|e| e.offset > extra.offset).unwrap_or(run);
    list.insert(at, extra);
}

fn w50_overlap(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.list(ONE, 0, List::Avail, |list| {
        sorted_in(list, Extent { offset: leaf.offset, size: leaf.size.into() });
    });
    Expect::new("w50").find(Code::ExtentOverlap, ONE, leaf.offset)
}

fn w51_dropped(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let avail = case.base.tree(ONE).cookie().avail.unwrap();
    let mut dropped = 0;
    case.list(ONE, 0, List::Avail, |list| {
        let at = random.below(list.len());
        dropped = list.remove(at).offset;
        // The list's own block is on the list, and nothing is lost of it.
        dropped += if dropped == avail.offset { u64::from(avail.size) } else { 0 };
    });
    Expect::new("w51").find(Code::ExtentLost, ONE, dropped)
}

fn w52_unsorted(case: &mut Case<'_>, _: &mut Random) -> Expect {
    let avail = case.base.tree(ONE).cookie().avail.unwrap();
    case.list(ONE, 0, List::Avail, |list| {
        list.sort();
        list.reverse();
    });
    Expect::new("w52").find(Code::BlockHeader, ONE, avail.offset)
}

fn w53_avail_beyond(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let cookie = case.base.tree(ONE).cookie().clone();
    let avail = cookie.avail.unwrap();
    let offset = cookie.file_size - 4096 + 4096 * random.below(30) as u64;
    case.list(ONE, 0, List::Avail, |list| list.push(Extent { offset, size: 8192 }));
    Expect::new("w53").find(Code::ExtentBeyondEof, ONE, avail.offset)
}

fn w54_alloc(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let cookie = case.base.tree(ONE).cookie().clone();
    let mut offset = 0;
    case.list(ONE, 0, List::Alloc, |list| offset = list.remove(random.below(list.len())).offset);
    let _ = cookie;
    Expect::new("w54").find(Code::ExtentLost, ONE, offset).also(&[], 2)
}

fn w55_unaligned(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let avail = case.base.tree(ONE).cookie().avail.unwrap();
    case.list(ONE, 0, List::Avail, |list| {
        let at = random.below(list.len());
        list[at].offset += 100;
    });
    Expect::new("w55").find(Code::BlockHeader, ONE, avail.offset)
}

fn w56_size(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let both = random.below(2) == 0;
    case.cookies(ONE, |_, cookie, size| {
        cookie.checkpoint_size += 4 << 20;
        *size += if both { 4 << 20 } else { 0 };
    });
    Expect::new("w56").find(Code::CheckpointSizeMismatch, ONE, None)
}

fn w57_longer(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let end = case.base.tree(ONE).cookie().file_size;
    let more = 4096 * (1 + random.below(300)) as u64;
    case.cookies(ONE, |_, cookie, _| cookie.file_size += more);
    Expect::new("w57").find(Code::FileSizeMismatch, ONE, end)
}

fn w58_shorter(case: &mut Case<'_>, _: &mut Random) -> Expect {
    let avail = case.base.tree(ONE).cookie().avail.unwrap();
    case.cookies(ONE, |_, cookie, _| cookie.file_size -= 400 << 10);
    Expect::new("w58").find(Code::ExtentBeyondEof, ONE, avail.offset).also(&[], 4)
}

fn duplicate_avail(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let avail = case.base.tree(ONE).cookie().avail.unwrap();
    let mut offset = 0;
    case.list(ONE, 0, List::Avail, |list| {
        let at = random.below(list.len());
        list.insert(at, list[at]);
        offset = list[at].offset;
        offset += if offset == avail.offset { u64::from(avail.size) } else { 0 };
    });
    Expect::new("free twice").find(Code::ExtentOverlap, ONE, offset).also(&[Code::BlockHeader], 2)
}

fn separator(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let page = inner(case, ONE, random);
    let mut children = [0; 2];
    case.edit(ONE, page.offset, |block| {
        let all = cells(block);
        let at = 2 * (1 + random.below(all.len() / 2 - 2));
        let key = all[at].0;
        let decode = |n: usize| LocalAddress::decode(&all[n].2, 4096).unwrap().unwrap().offset;
        children = [decode(at - 1), decode(at + 1)];
        // Still between its neighbours, but above the first key of its own page, or below the last
        // key of the page before.
        let end = Cell::read(block, key, 0).unwrap().end - 1;
        if random.below(2) == 0 {
            block[end] += 1;
        } else {
            block[end] -= 1;
        }
    });
    let mut expect = Expect::new("separator");
    expect.wants = vec![(Code::KeyOutOfOrder, ONE.to_string(), None)];
    expect.most = 2;
    expect
}

fn generation(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let leaf = leaf_of(case, ONE, random);
    case.edit(ONE, leaf.offset, |block| block[8..16].copy_from_slice(&100_000_u64.to_le_bytes()));
    Expect::new("write_gen").find(Code::BlockHeader, ONE, leaf.offset)
}

fn inner_generation(case: &mut Case<'_>, random: &mut Random) -> Expect {
    let page = inner(case, ONE, random);
    case.edit(ONE, page.offset, |block| block[8..16].copy_from_slice(&100_u64.to_le_bytes()));
    Expect::new("inner write_gen").find(Code::BlockHeader, ONE, page.offset)
}

fn cookie_size(case: &mut Case<'_>, random: &mut Random) -> Expect {
    // Twice and sixteen times as long: over the blocks behind it.
    let (page, [(cell, child), _]) = neighbours(case, ONE, random);
    let size = child.size * *random.pick(&[2, 16]);
    case.edit(ONE, page.offset, |block| {
        put_cookie(block, cell, &LocalAddress { size, ..child }.encode(4096).unwrap());
    });
    Expect::new("cookie size").find(Code::BlockChecksum, ONE, child.offset)
}

fn root_offset(case: &mut Case<'_>, random: &mut Random) -> Expect {
    // The root's address leads to a leaf that is sound in itself.
    let leaf = leaf_of(case, ONE, random);
    case.cookies(ONE, |_, cookie, _| cookie.root = Some(leaf));
    Expect::new("root is a leaf")
        .find(Code::BlockHeader, ONE, leaf.offset)
        .also(&[Code::CheckpointSizeMismatch, Code::ExtentLost], 3)
}

const KINDS: &[Kind] = &[
    w40_key,
    w41_entries,
    w42_cell,
    w43_mem_size,
    w44_type,
    w45_start,
    w46_twice,
    w47_beyond,
    w48_exchanged,
    w50_overlap,
    w51_dropped,
    w52_unsorted,
    w53_avail_beyond,
    w54_alloc,
    w55_unaligned,
    w56_size,
    w57_longer,
    w58_shorter,
    duplicate_avail,
    separator,
    generation,
    inner_generation,
    cookie_size,
    root_offset,
];

#[test]
fn valid_checksums_hide_nothing() {
    let base = base("classic-one");
    for (n, kind) in KINDS.iter().enumerate() {
        for seed in 0..3 {
            for consistent in [false, true] {
                let mut case = base.case();
                case.consistent = consistent;
                let mut random = Random::new(seed * 1000 + n as u64);
                let mut expect = kind(&mut case, &mut random).deep(consistent);
                expect.label = format!("{} seed {seed} consistent {consistent}", expect.label);
                let audit = expect.check(&case);
                let told = |file: &str| {
                    let hit = |f: &&Finding| f.code == Code::RecoveryMismatch && f.place.file.as_deref() == Some(file);
                    audit.findings.iter().filter(hit).count()
                };
                // The metadata's own copy was not rewritten; the file's was, if asked for.
                assert_eq!(told(METADATA_FILE), 1, "{}", expect.label);
                assert!(told(ONE) <= usize::from(!consistent), "{}", expect.label);
            }
        }
    }
}

/// The same for what only the large home has.
#[test]
fn valid_checksums_of_other_trees() {
    let base = base("classic-small");
    let mut random = Random::new(9);
    let undecodable = |file: &str, at| Expect::new(file).find(Code::PageUndecodable, file, at);
    let order = |label: &str, file: &str, at| Expect::new(label).find(Code::KeyOutOfOrder, file, at);
    for consistent in [false, true] {
        let case = || {
            let mut case = base.case();
            case.consistent = consistent;
            case
        };
        // Column stores: the first record of a leaf.
        for (file, kind) in [("cs_var.wt", PageType::ColumnVariable), ("cs_fix8.wt", PageType::ColumnFixed)] {
            let tree = base.tree(file);
            let mut leaves = addresses(&tree.newest(kind));
            let bytes = base.case().peek(file);
            leaves.sort_by_key(|l| bytes[span(l)][..8].iter().rev().copied().collect::<Vec<_>>());
            leaves.pop();
            for leaf in leaves.iter().skip(1).take(2) {
                for step in [-1_i64, 1] {
                    let mut case = case();
                    case.edit(file, leaf.offset, |block| {
                        let recno = i64::from_le_bytes(block[..8].try_into().unwrap());
                        block[..8].copy_from_slice(&(recno + step).to_le_bytes());
                    });
                    order(&format!("{file} {step}"), file, leaf.offset)
                        .also(&[], 2)
                        .alone()
                        .deep(consistent)
                        .check(&case);
                }
            }
        }
        // The history store: a version that ends before it begins.
        let leaf = random.pick(&leaves(&base.tree(HISTORY_STORE))).to_owned();
        let mut history = case();
        history.edit(HISTORY_STORE, leaf.offset, |block| {
            let values: Vec<_> = cells(block).into_iter().filter(|c| c.1 == CellKind::Value).collect();
            let (at, _, data) = random.pick(&values);
            let start = Cell::read(block, *at, 0).unwrap().end - data.len();
            block[start] = 0x81;
        });
        undecodable(HISTORY_STORE, leaf.offset).alone().deep(consistent).check(&history);
        // A prefix that is longer than the key before.
        let leaf = random.pick(&leaves(&base.tree("rs_prefix.wt"))).to_owned();
        let mut prefix = case();
        prefix.edit("rs_prefix.wt", leaf.offset, |block| {
            let keys: Vec<_> = cells(block).into_iter().filter(|c| block[c.0] & 3 == 2).collect();
            let at = random.pick(&keys).0;
            block[at + 1] = 0xff;
        });
        undecodable("rs_prefix.wt", leaf.offset).alone().deep(consistent).check(&prefix);
        // A copy of a value that is not there.
        let leaf = random.pick(&leaves(&base.tree("rs_dict.wt"))).to_owned();
        let mut copied = case();
        copied.edit("rs_dict.wt", leaf.offset, |block| {
            let copies: Vec<_> = cells(block).into_iter().filter(|c| c.1 == CellKind::ValueCopy).collect();
            let at = random.pick(&copies).0;
            let end = Cell::read(block, at, 0).unwrap().end - 1;
            block[end] ^= 1;
        });
        undecodable("rs_dict.wt", leaf.offset).alone().deep(consistent).check(&copied);
        // An overflow item that is something else.
        let item = base.tree("rs_ovfl.wt").newest(PageType::Overflow)[7].address;
        let mut overflow = case();
        overflow.edit("rs_ovfl.wt", item.offset, |block| block[24] = 7);
        Expect::new("overflow")
            .find(Code::BlockHeader, "rs_ovfl.wt", item.offset)
            .alone()
            .deep(consistent)
            .check(&overflow);
        let mut overflow = case();
        overflow.edit("rs_ovfl.wt", item.offset, |block| block[20] ^= 4);
        Expect::new("overflow")
            .find(Code::BlockHeader, "rs_ovfl.wt", item.offset)
            .also(&[Code::PageUndecodable], 1)
            .alone()
            .deep(consistent);

        // A plain file has no encrypted page, one without compressor no compressed one.
        for (file, kind) in [("rs_plain.wt", PageType::RowLeaf), ("rs_alloc512.wt", PageType::RowInternal)] {
            let tree = base.tree(file);
            let pages: Vec<_> = tree.newest(kind).into_iter().filter(|n| n.level > 0).collect();
            for flag in [1, 8] {
                let page = random.pick(&addresses(&pages)).to_owned();
                let mut flagged = case();
                flagged.edit(file, page.offset, |block| block[25] |= flag);
                Expect::new(format!("flag {flag}"))
                    .find(Code::BlockHeader, file, page.offset)
                    .alone()
                    .deep(consistent)
                    .check(&flagged);
            }
        }

        // Cycles: a page below itself, and two below each other.
        let file = "rs_alloc512.wt";
        let tree = base.tree(file);
        let bytes = base.case().peek(file);
        let plain = |n: &&localdamage::Node| {
            let block = &bytes[span(&n.address)];
            n.level > 0 && get_u32(block, 16) + 20 < n.address.size && cells(block)[3].1 == CellKind::AddrLeafNoOverflow
        };
        let inner: Vec<_> = tree.newest(PageType::RowInternal).into_iter().filter(plain).collect();
        let (a, b) = (inner[0].address, inner[1].address);
        for (label, target) in [("itself", a), ("the other", b), ("the root", tree.cookie().root.unwrap())] {
            let mut cycle = case();
            // B leads to A, A leads back to its target; no checksum can fit both ways.
            for (page, to) in [(b, a), (a, target)] {
                cycle.edit(file, page.offset, |block| {
                    let (cell, _) = references(block, 512)[1];
                    put_cookie(block, cell, &to.encode(512).unwrap());
                    let from = block[cell];
                    block[cell] = 0x10 | from & 0x0f;
                });
            }
            let audit = Expect::new(format!("cycle to {label}"))
                .find(Code::PageReferencedTwice, file, None)
                .also(&[Code::ExtentLost, Code::CheckpointSizeMismatch, Code::BlockChecksum, Code::KeyOutOfOrder], 8)
                .alone()
                .deep(consistent)
                .check(&cycle);
            let file = audit.local.as_ref().unwrap().files.iter().find(|f| f.file == file).unwrap();
            assert!(file.checkpoints.last().unwrap().pages.depth < 6);
        }

        let file = "rs_plain.wt";
        let tree = base.tree(file);
        // The newest checkpoint's root is an older one's.
        let mut older = case();
        let root = tree.checkpoints[0].root;
        let last = tree.last();
        older.cookies(file, |at, cookie, _| {
            if at == last {
                cookie.root = root;
            }
        });
        let audit = Expect::new("older root")
            .find(Code::ExtentLost, file, root.unwrap().offset)
            .also(&[Code::CheckpointSizeMismatch], 6)
            .alone()
            .deep(consistent)
            .check(&older);
        let hint = format!("names the root of {}", tree.entry.checkpoints[0].name);
        assert!(audit.findings.iter().any(|f| wtcheck::words::of(f).cause.contains(&hint)));
        // A discard list names free space.
        let mut discard = case();
        let discards = tree.cookie().discard.unwrap();
        let free = {
            wtcheck::format::local::ExtentList::decode(
                &discard.peek(file)[span(&tree.cookie().avail.unwrap())],
                4096,
                u64::MAX,
            )
            .unwrap()
            .extents
        };
        discard.list(file, last, List::Discard, |list| {
            list.push(Extent { offset: free[0].offset, size: 4096 });
            list.sort();
        });
        Expect::new("discard").find(Code::BlockHeader, file, discards.offset).alone().deep(consistent).check(&discard);
        // A free range over blocks of an older checkpoint only.
        let old: Vec<_> = tree.of(PageType::RowLeaf).into_iter().filter(|n| !n.checkpoints.contains(&last)).collect();
        let block = random.pick(&addresses(&old)).to_owned();
        let mut overlap = case();
        overlap.list(file, last, List::Avail, |list| {
            sorted_in(list, Extent { offset: block.offset, size: block.size.into() });
        });
        Expect::new("w50 older").find(Code::ExtentOverlap, file, block.offset).alone().deep(consistent).check(&overlap);
        // w40 to w48 below several checkpoints at once.
        let leaf = random.pick(&leaves(&tree)).to_owned();
        let mut shared = case();
        shared.edit(file, leaf.offset, |block| block[20] ^= 2);
        undecodable(file, leaf.offset).alone().deep(consistent).check(&shared);
    }
}

#[test]
fn every_flipped_bit_of_a_live_block_is_found() {
    let mut random = Random::new(11);
    for (home, file, n) in [("classic-small", "rs_plain.wt", 40), ("classic-one", ONE, 160)] {
        let base = base(home);
        let tree = base.tree(file);
        let mut blocks: Vec<LocalAddress> = tree.nodes.values().map(|n| n.address).collect();
        for mut cookie in tree.checkpoints.clone() {
            blocks.extend([List::Alloc, List::Avail, List::Discard].iter().filter_map(|l| *l.of(&mut cookie)));
        }
        for _ in 0..n {
            let block = *random.pick(&blocks);
            let mut case = base.case();
            // Headers as often as all the rest.
            let byte = if random.below(2) == 0 { random.below(40) } else { random.below(block.size as usize) };
            case.flip(file, block.offset + byte as u64, random.below(8) as u8);
            let label = format!("bit at {}+{byte}", block.offset);
            let audit = Expect::new(label).alone().find(Code::BlockChecksum, file, block.offset).check(&case);
            let text = words(&audit.findings[0]);
            assert!(text.contains("flipped bit") || text.contains("checksum field"), "{text}");
        }
    }
}

/// `SHIFT=n` tries other seeds.
fn shifted(seed: u64) -> u64 {
    seed + std::env::var("SHIFT").ok().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0) * 1000
}

/// One random change; answers the file.
fn mutate(case: &mut Case<'_>, names: &[String], random: &mut Random) -> String {
    let name = random.pick(names).clone();
    let log = name.starts_with("WiredTigerLog");
    let bytes = case.bytes(&name);
    if bytes.is_empty() {
        bytes.extend(b"something");
        return name;
    }
    let len = bytes.len();
    let unit = if log { 128 } else { 4096 };
    let at = if random.below(3) == 0 { random.below(len.min(600)) } else { random.below(len) };
    match random.below(12) {
        0 => bytes[at] = random.next() as u8,
        1 | 2 => bytes[at] ^= 1 << random.below(8),
        3 => {
            for _ in 0..1 + random.below(200) {
                let at = random.below(len);
                bytes[at] = random.next() as u8;
            }
        }
        4 => {
            let start = at / unit * unit;
            let end = (start + unit).min(len);
            bytes[start..end].fill(0);
        }
        5 => {
            // A block in the place of another.
            let (from, to) = (random.below(len) / unit * unit, at / unit * unit);
            let n = unit.min(len - from).min(len - to);
            let copy = bytes[from..from + n].to_vec();
            bytes[to..to + n].copy_from_slice(&copy);
        }
        6 => bytes.truncate(at),
        7 => bytes.truncate(at / unit * unit),
        8 => {
            let noise: Vec<u8> = (0..random.below(9000)).map(|_| random.next() as u8).collect();
            bytes.extend(noise);
        }
        9 => {
            let end = (at + random.below(3000)).min(len);
            let noise: Vec<u8> = (at..end).map(|_| random.next() as u8).collect();
            bytes[at..end].copy_from_slice(&noise);
        }
        10 => {
            // Noise in headers, under a checksum that holds.
            let start = at / unit * unit;
            if !log && start + unit <= len {
                for _ in 0..1 + random.below(6) {
                    bytes[start + random.below(80)] = random.next() as u8;
                }
                reseal(&mut bytes[start..start + unit]);
            }
        }
        _ => {
            let end = (at + 1 + random.below(60)).min(len);
            bytes.drain(at..end);
        }
    }
    name
}

fn hostile(home: &str, seeds: std::ops::Range<u64>) {
    let base = base(home);
    let clean = audit(&base.dir, Depth::Normal);
    let notes: BTreeSet<String> = clean.findings.iter().map(words).collect();
    assert!(clean.findings.iter().all(|f| f.severity == Severity::Note), "{notes:?}");
    let names: Vec<String> = base.names().into_iter().filter(|n| n != "WiredTiger.lock").collect();
    for seed in seeds.map(shifted) {
        let mut random = Random::new(seed ^ 0x5eed);
        let mut case = base.case();
        // The small files that lead to all others are changed as often as all others.
        let few: Vec<String> = names.iter().filter(|n| n.contains("WiredTiger")).cloned().collect();
        for _ in 0..1 + random.below(3) {
            let from = if random.below(2) == 0 { &few } else { &names };
            mutate(&mut case, from, &mut random);
        }
        let dir = case.make();
        let changed: BTreeSet<&str> = case.files.keys().map(String::as_str).collect();
        for depth in [Depth::Normal, Depth::Deep] {
            let start = Instant::now();
            let audit = audit(dir.path(), depth);
            let told = format!(
                "{home} seed {seed} {changed:?}: {:?}\n  {}",
                audit.verdict,
                audit.findings.iter().map(words).collect::<Vec<_>>().join("\n  ")
            );
            assert!(start.elapsed() < Duration::from_secs(20), "{:?}: {told}", start.elapsed());
            assert!(audit.findings.len() < 200, "{}: {told}", audit.findings.len());
            let log = |f: &Finding| f.place.file.as_deref().is_some_and(|n| n.contains("WiredTigerLog"));
            for f in audit.findings.iter().filter(|f| f.severity > Severity::Note) {
                let file = f.place.file.as_deref().unwrap_or_default();
                // With a log that ends early a new file's row is not there.
                let logged = f.code == Code::FileUnlisted || log(f);
                let known = changed.contains(file)
                    || (file == METADATA_FILE && changed.contains(TURTLE))
                    || (logged && changed.iter().any(|n| n.contains("WiredTigerLog")));
                assert!(known, "{}\n{told}", words(f));
            }
        }
    }
}

/// Noise under checksums that hold all the way up: pages, lists, rows of the metadata.
fn hostile_pages(home: &str, files: &[&str], seeds: std::ops::Range<u64>) {
    let base = base(home);
    for seed in seeds.map(shifted) {
        let mut random = Random::new(seed ^ 0xface);
        let file = *random.pick(files);
        let tree = base.tree(file);
        let mut case = base.case();
        case.consistent = random.below(2) == 0;
        let what = random.below(6);
        match what {
            0 => {
                let (leaf, at, text) = case.row(file);
                let mut text: Vec<char> = text.chars().collect();
                for _ in 0..1 + random.below(3) {
                    let from = random.below(text.len() - 9);
                    match random.below(3) {
                        0 => text[from] = *random.pick(&['0', '9', ',', '(', '=', '"', 'f', 'x']),
                        1 => drop(text.drain(from..from + 8)),
                        _ => text.swap(from, from + 7),
                    }
                }
                case.set_row(leaf, at, &text.into_iter().collect::<String>());
                case.affected.insert(file.to_string());
            }
            1 => {
                let which = *random.pick(&[List::Alloc, List::Avail]);
                let at = random.below(tree.checkpoints.len());
                let noise = [random.next() >> random.below(64), (random.next() >> random.below(64)) & !4095];
                if which.of(&mut tree.checkpoints[at].clone()).is_some() {
                    case.consistent = false;
                    case.list(file, at, which, |list| {
                        let n = random.below(list.len().max(1));
                        let e = Extent { offset: noise[random.below(2)].max(1), size: noise[1] };
                        match list.get_mut(n) {
                            Some(old) if random.below(2) == 0 => *old = e,
                            _ => list.push(e),
                        }
                    });
                }
            }
            _ => {
                let nodes: Vec<_> = tree.nodes.values().filter(|n| !n.compressed && n.refs.len() < 9).collect();
                // Inner pages as often as all others.
                let inner: Vec<_> = nodes.iter().copied().filter(|n| n.kind.is_internal()).collect();
                let from = if random.below(2) == 0 && !inner.is_empty() { &inner } else { &nodes };
                let node = random.pick(from);
                let (mut header, mut length) = (random.below(3) == 0, 0);
                case.edit(file, node.address.offset, |block| {
                    length = get_u32(block, 16) as usize;
                    for _ in 0..1 + random.below(4) {
                        let at = if header { random.below(28) } else { 40 + random.below((length - 40).min(400)) };
                        block[at] = match random.below(3) {
                            0 => block[at] ^ 1 << random.below(8),
                            1 => random.next() as u8,
                            _ => *random.pick(&[0, 1, 0x7f, 0x80, 0xff, 0xe8, 0xef, 0x90, 0xa0, 0x60]),
                        };
                        header = false;
                    }
                });
            }
        }
        if case.files.is_empty() {
            continue;
        }
        let dir = case.make();
        let changed: BTreeSet<&str> = case.files.keys().chain(&case.affected).map(String::as_str).collect();
        let only: BTreeSet<&str> = changed.iter().copied().filter(|n| *n != TURTLE).collect();
        // Names that no row has any more cannot be asked for.
        let depths: &[Depth] = if what == 0 { &[Depth::Normal] } else { &[Depth::Quick, Depth::Normal, Depth::Deep] };
        for depth in depths.iter().copied() {
            let audit = if what == 0 { audit(dir.path(), depth) } else { audit_some(dir.path(), depth, Some(&only)) };
            let told = format!(
                "{home} seed {seed} {file} {what} {depth:?}: {:?}\n  {}",
                audit.verdict,
                audit.findings.iter().map(words).collect::<Vec<_>>().join("\n  ")
            );
            if std::env::var_os("DAMAGE").is_some() {
                println!("{told}");
            }
            assert!(audit.findings.len() < 30, "{}: {told}", audit.findings.len());
            for f in audit.findings.iter().filter(|f| f.severity > Severity::Note) {
                assert!(changed.contains(f.place.file.as_deref().unwrap_or_default()), "{}\n{told}", words(f));
            }
            assert_ne!(audit.verdict, Verdict::Incomplete, "{told}");
        }
    }
}

#[test]
fn hostile_pages_one() {
    hostile_pages("classic-one", &[ONE, HISTORY_STORE], 0..100);
}

#[test]
fn hostile_pages_of_all_kinds() {
    let files = [
        "rs_plain.wt",
        "rs_prefix.wt",
        "rs_dict.wt",
        "rs_ovfl.wt",
        "rs_fasttrunc.wt",
        "rs_alloc512.wt",
        "rs_nocksum.wt",
        "cs_var.wt",
        "cs_fix1.wt",
        "cs_fix8.wt",
        HISTORY_STORE,
    ];
    hostile_pages("classic-small", &files, 0..60);
}

#[test]
fn hostile_homes_one() {
    hostile("classic-one", 0..200);
}

#[test]
fn hostile_homes_with_logs() {
    hostile("classic-crash", 200..220);
}

#[test]
fn hostile_homes_of_mongodb() {
    hostile("classic-mongo-like", 220..270);
}

#[test]
fn hostile_homes_encrypted() {
    hostile("classic-encrypted", 270..300);
}

#[test]
fn the_command_line_agrees() {
    let base = base("classic-one");
    let run = |case: &Case<'_>| {
        let dir = case.make();
        let mut command = assert_cmd::Command::cargo_bin("wtcheck").unwrap();
        let out = command.args(["audit", "--format", "json"]).arg(dir.path()).output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        (out.status.code().unwrap(), value)
    };
    let mut random = Random::new(20);
    for kind in [w45_start as Kind, w50_overlap, w56_size] {
        let mut case = base.case();
        let expect = kind(&mut case, &mut random);
        let (exit, value) = run(&case);
        assert_eq!((exit, value["verdict"].as_str(), value["exit_code"].as_u64()), (1, Some("findings"), Some(1)));
        let (code, file, _) = &expect.wants[0];
        let hit = |f: &serde_json::Value| f["code"] == code.name() && f["place"]["file"] == **file;
        assert!(value["findings"].as_array().unwrap().iter().any(hit), "{value}");
    }
    let mut case = base.case();
    case.bytes(ONE).extend([0xa5; 5000]);
    let (exit, value) = run(&case);
    assert_eq!((exit, value["verdict"].as_str()), (0, Some("clean")));
    assert_eq!(value["findings"][0]["severity"], "note");
    let (exit, _) = run(&base.case());
    assert_eq!(exit, 0);
}
