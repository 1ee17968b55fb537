use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use wtcheck::format::checkpoint_list::{self, CheckpointEntry};
use wtcheck::format::local::LocalCheckpoint;
use wtcheck::home::directory::{Home, METADATA, Options, Source as From};
use wtcheck::home::entry::FileEntry;
use wtcheck::home::recover;
use wtcheck::home::rewrite::*;
use wtcheck::store::blockfile::BlockFile;

/// Homes with row stores of every kind; those that lie packed go to a temporary directory.
fn homes(temp: &Path) -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let real = ["classic-small", "classic-crash", "classic-one"].map(|set| {
        let packed = std::fs::File::open(fixtures.join(format!("real/{set}.tar.zst"))).unwrap();
        tar::Archive::new(zstd::Decoder::new(packed).unwrap()).unpack(temp).unwrap();
        temp.join(set).join("db")
    });
    ["mongo", "lost-extent"].map(|n| fixtures.join("local").join(n)).into_iter().chain(real).collect()
}

/// Any row of any row store may change, not only those of the metadata: overflow items, prefix
/// compression, dictionaries, every compressor and checksum setting, and files of many checkpoints.
#[test]
fn rows_of_every_kind_of_file() {
    let (mut files, mut items, mut seen) = (0, 0, BTreeSet::new());
    let temp = tempfile::tempdir().unwrap();
    for dir in homes(temp.path()) {
        let home = Home::open(&dir, Options { no_mmap: true }).unwrap();
        let metadata = home.file(METADATA).unwrap();
        let opened = BlockFile::open(&dir.join(METADATA), true).unwrap();
        let end = LocalCheckpoint::decode(&metadata.checkpoints.last().unwrap().addr, metadata.alloc).unwrap();
        let texts = rows(&shape(&opened, metadata, end.file_size), &end.root.unwrap()).unwrap();
        let written = |e: &&FileEntry| e.checkpoints.last().is_some_and(|c| !c.addr.is_empty());
        let row_stores = home.files.iter().filter(|e| e.kind() == "row" && !e.is_history_store());
        for entry in row_stores.filter(written) {
            let text = match texts.iter().find(|r| r.key == format!("file:{}\0", entry.name).as_bytes()) {
                Some(row) => String::from_utf8(row.value[..row.value.len() - 1].to_vec()).unwrap(),
                None => continue,
            };
            // Other formats restrict what a value may be.
            let nul = match entry.value_format.as_str() {
                "S" => true,
                "u" if !entry.documents => false,
                _ => continue,
            };
            files += 1;
            let own = tempfile::tempdir().unwrap();
            let path = own.path().join("file");
            std::fs::copy(dir.join(&entry.name), &path).unwrap();
            let (mut entry, mut text) = (entry.clone(), text);
            for round in 0..4_usize {
                let source = Source { path: &path, entry: &entry, text: &text };
                let file = source.open().unwrap();
                let old = source.rows(&file).unwrap();
                let live: Vec<&Row> = old.iter().filter(|r| !r.times.is_stopped() && !r.value.is_empty()).collect();
                if live.is_empty() {
                    break;
                }
                let mut values = BTreeMap::new();
                for n in 0..7 {
                    let row = live[(n * 7919 + round * 104_729) % live.len()];
                    let length = [1, 40, 70, 300, 3000, 30_000, row.value.len()][(n + round) % 7];
                    let mut value = vec![b'a' + u8::try_from(n).unwrap(); length];
                    if nul {
                        *value.last_mut().unwrap() = 0;
                    }
                    values.insert(row.key.clone(), value);
                }
                items += live.iter().filter(|r| r.item.is_some() && values.contains_key(&r.key)).count();
                let made = rewrite(&source, &old, &values, 0)
                    .unwrap_or_else(|e| panic!("{} of {}: {e}", entry.name, dir.display()));
                seen.extend(made.blocks.iter().map(|b| b.kind.byte()));
                let mut bytes = std::fs::read(&path).unwrap();
                assert_eq!(bytes.len() as u64, made.at);
                bytes.extend_from_slice(&made.tail);
                std::fs::write(&path, bytes).unwrap();
                text = made.text;
                let before = entry.checkpoints.clone();
                entry = FileEntry::parse(&entry.name, &text, From::Metadata).unwrap();
                // The next one takes the place of the last; named ones stay.
                let kept = |c: &&CheckpointEntry| !checkpoint_list::is_unnamed(&c.name);
                assert!(before.iter().filter(kept).eq(entry.checkpoints.iter().filter(kept)));
                let last = entry.checkpoints.last().unwrap();
                assert!(checkpoint_list::is_unnamed(&last.name) && last.time == before.last().unwrap().time);
                let file = BlockFile::open(&path, true).unwrap();
                let found = recover::scan(&file, Some(entry.alloc), &|_| ()).unwrap();
                assert_eq!(found.checkpoints().unwrap(), entry.checkpoints);
                let source = Source { path: &path, entry: &entry, text: &text };
                for row in source.rows(&file).unwrap() {
                    if let Some(value) = values.get(&row.key).filter(|_| !row.times.is_stopped()) {
                        assert_eq!(row.value, *value);
                    }
                }
            }
        }
    }
    assert!(files >= 15 && items >= 5, "{files} files, {items} overflow items");
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [1, 5, 6, 7]);
}
