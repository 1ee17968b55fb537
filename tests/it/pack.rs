//! `pack` and `unpack`: an unpacked image audits to the same findings as its source, and holds no key
//! and no value of it.

use crate::common;
use crate::common::{fixture, real, samples, snapshot};
use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use wtcheck::audit::Silent;
use wtcheck::format::block::LocalBlockHeader;
use wtcheck::format::image::Image;
use wtcheck::format::key_page;
use wtcheck::format::local_image;
use wtcheck::format::pack as pack_format;
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::format::reader::Reader;
use wtcheck::pack::{self, DEFAULT_LIMIT, Options};
use wtcheck::page::cell::{CellKind, Cells, KeyBuilder};
use wtcheck::page::delta::split_payload;
use wtcheck::page::history::{HistoryKey, HistoryValue};
use wtcheck::store::OpenOptions;

fn options() -> Options {
    Options { jobs: 2, open: OpenOptions::default(), limit: DEFAULT_LIMIT }
}

/// What the source holds of its user: keys of 8 bytes and more, values of 6 and more, key material.
#[derive(Default)]
struct User {
    strings: BTreeSet<Vec<u8>>,
    /// Texts that are shipped: what stands in them too cannot be told apart.
    names: Vec<u8>,
}

impl User {
    fn add(&mut self, bytes: &[u8], least: usize) {
        let even = bytes.windows(2).all(|w| w[0] == w[1]);
        if bytes.len() >= least && !even {
            self.strings.insert(bytes.to_vec());
        }
    }

    /// The cells of a plain page or delta of the current form, or of a local page.
    fn cells(&mut self, plain: &[u8], start: usize, flags: u8, delta: bool, history: bool) {
        let mut keys = KeyBuilder::default();
        for cell in Cells::new(plain, start, flags).map_while(Result::ok) {
            match cell.kind {
                CellKind::Key => {
                    if let Ok(key) = keys.full(&cell) {
                        let key = key.to_vec();
                        // Of a record of the history store the user's key and value.
                        let record = HistoryKey::decode(&key).ok().filter(|_| history);
                        let key = record.map_or(key.as_slice(), |r| r.key);
                        // Record ids of an oplog are time stamps, which windows have as well.
                        if pack_format::check("q", key).is_err() {
                            self.add(key, 8);
                        }
                    }
                }
                CellKind::Value if delta => {
                    if let Ok((_, _, value)) = split_payload(cell.data) {
                        self.add(value, 6);
                    }
                }
                CellKind::Value => {
                    let record = HistoryValue::decode(cell.data).ok().filter(|_| history);
                    self.add(record.map_or(cell.data, |r| r.value), 6);
                }
                _ => {}
            }
        }
    }

    /// Everything in the rows of a page log, reachable or not.
    fn of_log(dir: &Path) -> Self {
        let mut user = Self::default();
        let store = wtcheck::store::open(dir, &options().open).unwrap();
        let (index, _) = store.index(None, &|_| ()).unwrap();
        let mut reader = store.reader().unwrap();
        let mut metadata = HashMap::new();
        for row in index.rows().iter().filter(|r| r.len > 0) {
            let mut bytes = Vec::new();
            reader.read(&row, &mut bytes).unwrap();
            if row.table == 26 && row.page == 1 {
                let header = key_page::parse(&bytes).map_or(14, |k| usize::from(k.header_size));
                user.add(&bytes[header..], 8);
                continue;
            }
            let Ok(image) = Image::parse(&bytes, None) else { continue };
            let Ok(plain) = image.plain(None) else { continue };
            // The shared metadata is the engine's: every row there is a name and a configuration.
            let is_names = metadata.entry(row.table).or_insert_with(|| has(&plain, b"allocation_size="));
            if *is_names {
                user.names.extend_from_slice(&plain);
                continue;
            }
            if row.page < 100 || image.page.page_type() == Ok(PageType::Overflow) {
                continue;
            }
            user.cells(&plain, image.data_offset(), image.page.flags, image.is_delta(), false);
        }
        user
    }
}

impl User {
    /// Everything in the sound blocks of a home's files but the metadata, reachable or not.
    fn of_home(dir: &Path) -> Self {
        let mut user = Self::default();
        for (path, (_, bytes)) in snapshot(dir) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !bytes.starts_with(&[0x41, 0xd8, 1, 0]) {
                if name == "WiredTiger.turtle" {
                    user.names.extend_from_slice(&bytes);
                }
                continue;
            }
            let mut at = 0;
            while at + 512 <= bytes.len() {
                let (len, plain) = local_block(&bytes[at..]).unwrap_or((512, Vec::new()));
                at += len;
                if plain.is_empty() || plain[24] == PageType::BlockManager as u8 {
                    continue;
                }
                // Its counts are kept: how many rows there are an image tells anyway.
                if name == "sizeStorer.wt" {
                    continue;
                }
                if name == "WiredTiger.wt" {
                    user.names.extend_from_slice(&plain);
                } else if plain[24] == PageType::Overflow as u8 {
                    user.add(&plain[40..], 6);
                } else if plain[24] != PageType::ColumnFixed as u8 {
                    user.cells(&plain, 40, plain[25], false, name == "WiredTigerHS.wt");
                }
            }
        }
        user
    }
}

/// A sound block of a local file: its length, and its plain form where it can be had.
fn local_block(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut r = Reader::new(bytes);
    let (page, block) = (PageHeader::read(&mut r).ok()?, LocalBlockHeader::read(&mut r).ok()?);
    let len = usize::try_from(block.disk_size).ok().filter(|n| *n >= 512 && n % 512 == 0)?;
    let stored = bytes.get(..len)?;
    let sound = block.compute_checksum(stored) == block.checksum;
    sound.then(|| (len, local_image::plain(stored, &page, None).map_or(Vec::new(), |p| p.into_owned())))
}

fn has(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|w| w == needle)
}

/// Looks for strings in bytes, all at once.
struct Search<'u> {
    by_head: HashMap<[u8; HEAD], Vec<&'u [u8]>>,
    /// Whether a string begins with these three bytes, a bit each: few places get beyond it.
    begins: Vec<u64>,
}

/// Bytes of a string it is looked up by; the shortest have no more.
const HEAD: usize = 6;

impl<'u> Search<'u> {
    /// For the strings of a user that are not in the names.
    fn new(user: &'u User) -> Self {
        let all = Self::of(user.strings.iter().map(Vec::as_slice));
        let mut named = BTreeSet::new();
        let _: Option<()> = all.find(&user.names, |s, _| {
            named.insert(s);
            None
        });
        Self::of(user.strings.iter().map(Vec::as_slice).filter(|s| !named.contains(s)))
    }

    fn of(strings: impl Iterator<Item = &'u [u8]>) -> Self {
        let mut out = Self { by_head: HashMap::new(), begins: vec![0; 1 << 18] };
        for s in strings {
            out.by_head.entry(s[..HEAD].try_into().unwrap()).or_default().push(s);
            let (word, bit) = Self::place(s);
            out.begins[word] |= bit;
        }
        out
    }

    fn place(at: &[u8]) -> (usize, u64) {
        let n = usize::from(at[0]) << 16 | usize::from(at[1]) << 8 | usize::from(at[2]);
        (n / 64, 1 << (n % 64))
    }

    /// What is made of a string and where it was found, the first time it is something. A plain loop: it runs
    /// over hundreds of megabytes.
    fn find<T>(&self, hay: &[u8], mut made: impl FnMut(&'u [u8], usize) -> Option<T>) -> Option<T> {
        let mut at = 0;
        while at + HEAD <= hay.len() {
            let (word, bit) = Self::place(&hay[at..]);
            if self.begins[word] & bit != 0 {
                for s in self.by_head.get(&hay[at..at + HEAD]).into_iter().flatten() {
                    let out = hay[at..].starts_with(s).then(|| made(s, at)).flatten();
                    if out.is_some() {
                        return out;
                    }
                }
            }
            at += 1;
        }
        None
    }

    fn first(&self, hay: &[u8]) -> Option<String> {
        self.find(hay, |s, at| Some(format!("{:?} at {at}", String::from_utf8_lossy(s))))
    }
}

fn decompressed(image: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    zstd::Decoder::new(std::fs::File::open(image).unwrap()).unwrap().read_to_end(&mut out).unwrap();
    out
}

/// Pack, unpack, compare, search; answers the image's size and the number of strings.
fn check(dir: &Path, user: &User, twice: bool) -> (u64, usize) {
    let temp = tempfile::tempdir().unwrap();
    let before = snapshot(dir);
    let (one, two, back) = (temp.path().join("one"), temp.path().join("two"), temp.path().join("back"));
    let packed = pack::pack(dir, &one, &options(), &Silent).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    assert_eq!(packed.differences, [], "{}: {:#?}", dir.display(), packed.manifest.notes);
    if twice {
        pack::pack(dir, &two, &options(), &Silent).unwrap();
    } else {
        std::fs::copy(&one, &two).unwrap();
    }
    assert!(std::fs::read(&one).unwrap() == std::fs::read(&two).unwrap(), "{}: two images differ", dir.display());
    assert!(snapshot(dir) == before, "{}: the source changed", dir.display());
    let unpacked = pack::unpack(&one, &back, true, &options(), &Silent).unwrap();
    assert_eq!(unpacked.differences, Some(Vec::new()), "{}", dir.display());
    let search = Search::new(user);
    assert_eq!(search.first(&decompressed(&one)), None, "{}: in the image", dir.display());
    for (path, (_, bytes)) in snapshot(&back) {
        assert_eq!(search.first(&bytes), None, "{}", path.display());
    }
    (packed.image_bytes, user.strings.len())
}

fn check_logs(dir: &Path) {
    let mut strings = 0;
    for (name, home, _) in samples(dir) {
        let user = User::of_log(&home);
        let (bytes, n) = check(&home, &user, true);
        println!("{name}: an image of {bytes} bytes, {n} strings looked for");
        strings += n;
    }
    assert!(strings > 1000);
}

#[test]
fn palite_fixtures() {
    check_logs(&fixture("palite"));
}

#[test]
fn palite_corpora() {
    check_logs(&real("palite"));
}

/// The page log of a leader under `kv_home/`.
fn palm_home(temp: &Path, data: &[u8]) -> PathBuf {
    let kv_home = temp.join("kv_home");
    std::fs::create_dir_all(&kv_home).unwrap();
    std::fs::write(kv_home.join("data.mdb"), data).unwrap();
    temp.to_path_buf()
}

#[test]
fn palm_fixture() {
    let temp = tempfile::tempdir().unwrap();
    let home = palm_home(temp.path(), &common::palm_data());
    let user = User::of_log(&home);
    let (bytes, strings) = check(&home, &user, true);
    println!("palm: an image of {bytes} bytes, {strings} strings looked for");
    assert!(strings > 1000);
}

#[test]
fn palm_corpora() {
    for node in ["leader", "follower"] {
        let home = real("disagg-small/db").join(node);
        println!("{node}: {:?}", check(&home, &User::of_log(&home), false));
    }
    let mut damaged = 0;
    let mut names: Vec<_> = std::fs::read_dir(real("disagg-damaged")).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for variant in names {
        if let Ok(data) = std::fs::read(variant.join("data.mdb")) {
            let temp = tempfile::tempdir().unwrap();
            let home = palm_home(temp.path(), &data);
            println!("{}: {:?}", variant.display(), check(&home, &User::of_log(&home), false));
            damaged += 1;
        }
    }
    assert!(damaged > 10);
}

/// The bytes of a string the facts of a corpus name are nowhere in the unpacked files.
fn check_home(dir: &Path, least: usize, twice: bool) {
    let user = User::of_home(dir);
    let done = check(dir, &user, twice);
    println!("{}: {done:?}", dir.display());
    assert!(done.1 >= least, "{}: {done:?}", dir.display());
}

#[test]
fn local_fixtures() {
    check_home(&fixture("local/lost-extent"), 1000, true);
    check_home(&fixture("local/mongo"), 1000, true);
}

#[test]
fn local_corpora() {
    for (name, least) in [
        ("classic-one", 1000),
        ("classic-mongo-like", 1000),
        ("classic-encrypted", 0),
        ("classic-crash", 1000),
        ("classic-small", 1000),
    ] {
        check_home(&real(name).join("db"), least, false);
    }
}

/// Every variant: the changed files over the base, or the base without a file.
fn variants(set: &str, base: &str) {
    let mut names: Vec<_> = std::fs::read_dir(real(set)).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for variant in &names {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        common::copy_dir(&real(base).join("db"), &home);
        let edits: serde_json::Value =
            serde_json::from_slice(&std::fs::read(variant.join("edits.json")).unwrap()).unwrap();
        if variant.join("changed").is_dir() {
            for entry in std::fs::read_dir(variant.join("changed")).unwrap() {
                let entry = entry.unwrap();
                std::fs::write(home.join(entry.file_name()), std::fs::read(entry.path()).unwrap()).unwrap();
            }
        }
        for edit in edits["edits"].as_array().unwrap() {
            if edit["removed"] == true {
                std::fs::remove_file(home.join(edit["file"].as_str().unwrap())).unwrap();
            }
        }
        println!("{}", variant.display());
        check_home(&home, 1000, false);
    }
    assert!(names.len() > 5);
}

#[test]
fn local_variants_of_one() {
    variants("classic-one-damaged", "classic-one");
}

#[test]
fn local_variants_of_small() {
    variants("classic-damaged", "classic-small");
}

/// Homes below a directory, at any depth.
fn homes(dir: &Path, out: &mut Vec<PathBuf>) {
    if dir.join("WiredTiger").is_file() {
        return out.push(dir.to_path_buf());
    }
    let mut below: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    below.sort();
    below.iter().filter(|p| p.is_dir()).for_each(|p| homes(p, out));
}

#[test]
fn homes_of_every_release_and_cases_of_the_field() {
    let mut all = Vec::new();
    homes(&real("engines"), &mut all);
    homes(&real("cases"), &mut all);
    for home in &all {
        let temp = tempfile::tempdir().unwrap();
        let image = temp.path().join("image");
        let packed =
            pack::pack(home, &image, &options(), &Silent).unwrap_or_else(|e| panic!("{}: {e}", home.display()));
        assert_eq!(packed.differences, [], "{}: {:#?}", home.display(), packed.manifest.notes);
    }
    assert!(all.len() > 40, "{}", all.len());
}

/// The guard is not blind: a source's own files hold its strings, and so does an image that one is put into.
#[test]
fn what_leaks_into_a_file_is_found() {
    let temp = tempfile::tempdir().unwrap();
    let source = real("classic-crash/db");
    let (image, back) = (temp.path().join("image"), temp.path().join("back"));
    // The source itself is full of what is looked for.
    let own = pack::found_in(&source, &source, &options(), &Silent).unwrap();
    let (name, at) = own.first().unwrap();
    let at = usize::try_from(*at).unwrap();
    let string = std::fs::read(source.join(name)).unwrap()[at..at + 64].to_vec();
    pack::pack(&source, &image, &options(), &Silent).unwrap();
    pack::unpack(&image, &back, false, &options(), &Silent).unwrap();
    assert_eq!(pack::found_in(&source, &back, &options(), &Silent).unwrap(), []);
    // One string of it in a block file of the image.
    let path = back.join(name);
    let mut leaking = std::fs::read(&path).unwrap();
    let at = leaking.len() - 100;
    leaking[at..at + string.len()].copy_from_slice(&string);
    std::fs::write(&path, leaking).unwrap();
    let found = pack::found_in(&source, &back, &options(), &Silent).unwrap();
    assert!(found.contains(&(name.clone(), at as u64)), "{name}: {found:?}");
}

/// An archive of members: name, type, content.
fn archive(members: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, kind, bytes) in members {
        let mut header = tar::Header::new_gnu();
        // Set by hand: the crate itself refuses to write such names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        if *kind == tar::EntryType::Symlink {
            header.as_old_mut().linkname[..10].copy_from_slice(b"/etc/hosts");
        }
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    zstd::encode_all(&tar.into_inner().unwrap()[..], 1).unwrap()
}

#[test]
fn hostile_images_are_refused_and_leave_nothing() {
    use tar::EntryType::{Regular, Symlink};
    let manifest = |files: &str| {
        format!(
            "{{\"format\":2,\"tool\":\"0\",\"kind\":\"palite\",\"generation\":\"\",\"notes\":[],\"replaced\":{{\"blocks\":0,\
             \"keys\":0,\"values\":0,\"headers_only\":0}},\"files\":[{files}],\"left_out\":[],\"audits\":[]}}"
        )
    };
    let file = |name: &str, bytes: u64| format!("{{\"name\":\"{name}\",\"bytes\":{bytes}}}");
    let with = |files: &str, rest: &[(&str, tar::EntryType, &[u8])]| {
        let text = manifest(files);
        let mut all = vec![("manifest.json", Regular, text.as_bytes())];
        all.extend_from_slice(rest);
        archive(&all)
    };
    let good = with(&file("a", 3), &[("store/a", Regular, b"abc")]);
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().join("hostile");
    let absolute = common::path(&outside);
    let cases = [
        ("garbage", b"no archive at all".to_vec()),
        ("empty", archive(&[])),
        ("no manifest", archive(&[("store/a", Regular, b"abc")])),
        ("a manifest that is none", archive(&[("manifest.json", Regular, b"{\"format\":2}")])),
        ("another format", archive(&[("manifest.json", Regular, b"{\"format\":1}")])),
        ("a link as manifest", archive(&[("manifest.json", Symlink, b"")])),
        ("above", with(&file("../a", 3), &[("store/../a", Regular, b"abc")])),
        ("absolute", with(&file(absolute, 3), &[(&format!("store/{absolute}"), Regular, b"abc")])),
        ("twice", with(&format!("{},{}", file("a", 3), file("a", 3)), &[("store/a", Regular, b"abc")])),
        ("the same file by another name", with(&file("a/./b", 3), &[("store/a/./b", Regular, b"abc")])),
        ("a link", with(&file("a", 0), &[("store/a", Symlink, b"")])),
        ("longer than stated", with(&file("a", 2), &[("store/a", Regular, b"abc")])),
        ("another name", with(&file("a", 3), &[("store/b", Regular, b"abc")])),
        ("one too many", with(&file("a", 3), &[("store/a", Regular, b"abc"), ("store/b", Regular, b"abc")])),
        ("missing", with(&file("a", 3), &[])),
        ("huge", with(&file("a", u64::MAX), &[("store/a", Regular, b"abc")])),
        ("cut", good[..good.len() - 8].to_vec()),
    ];
    let temp = tempfile::tempdir().unwrap();
    let image = temp.path().join("image");
    let dir = temp.path().join("dir");
    let unpack = |bytes: &[u8]| {
        std::fs::write(&image, bytes).unwrap();
        pack::unpack(&image, &dir, false, &options(), &Silent)
    };
    for (name, bytes) in cases {
        assert!(unpack(&bytes).is_err(), "{name}");
        let left: Vec<_> = std::fs::read_dir(temp.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["image"], "{name}");
    }
    assert!(!outside.exists());
    unpack(&good).unwrap();
    assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"abc");
    // What is there is left alone.
    assert!(unpack(&good).is_err());
    assert_eq!(std::fs::read(dir.join("a")).unwrap(), b"abc");
}

#[test]
fn the_command_line() {
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    common::copy_dir(&fixture("palite/2026-07-leak-full"), &source);
    let (image, dir) = (temp.path().join("image"), temp.path().join("dir"));
    let run = |args: &[&str]| common::wtcheck(args);
    let (code, out, err) = run(&["pack", common::path(&source), common::path(&image), "--format", "json"]);
    assert_eq!(code, 0, "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["same"], &report["schema_version"]), (&true.into(), &1.into()));
    assert!(report["strings_looked_for"].as_u64().unwrap() > 100 && report["image_bytes"].as_u64().unwrap() < 200_000);
    assert_eq!(report["manifest"]["generation"], "2026-07");
    // Nothing is overwritten, and no image is written into its source.
    assert_eq!(run(&["pack", common::path(&source), common::path(&image)]).0, 3);
    assert_eq!(run(&["pack", common::path(&source), common::path(&source.join("image"))]).0, 2);
    assert_eq!(run(&["pack", common::path(&temp.path().join("nowhere")), common::path(&dir)]).0, 6);
    let (code, out, err) = run(&["unpack", common::path(&image), common::path(&dir)]);
    assert_eq!((code, out.contains("An audit of it gives the same findings as the source.")), (0, true), "{out}{err}");
    // The findings of the source are those of the directory.
    let audit = |dir: &Path| {
        let (code, out, _) = run(&["audit", common::path(dir), "--format", "json"]);
        let audit: serde_json::Value = serde_json::from_str(&out).unwrap();
        (code, audit["totals"].clone(), audit["database"].clone(), audit["orphans"].clone())
    };
    assert_eq!(audit(&source), audit(&dir));
    // A directory that was changed since is not the same any more.
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(run(&["unpack", common::path(&image), common::path(&dir), "--max-bytes", "1000"]).0, 3);
    assert!(!dir.exists());
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 2);
}
