//! The files of a local home with other content.
//!
//! Every block of a file that is sound in itself is found by its own checksum, whether a tree reaches
//! it or not; damaged ones are found by the cookies that name them. The new file begins as zeros. A
//! block is rewritten after the blocks it names, so that the checksums in its cookies are known; the
//! metadata comes after all other files, the turtle last.

mod vary;

use super::bson::Fields;
use super::page::{self, Content, Plain, Replaced, Values};
use super::relabel::{Alphabet, Form, Keys, Spot};
use super::search::Samples;
use super::sums::{self, Sums};
use super::{PackError, squeeze, text};
use crate::audit::Progress;
use crate::format::block::{FLAG_DATA_CHECKSUM, LocalBlockHeader, SKIP_LEN};
use crate::format::compress;
use crate::format::config::Config;
use crate::format::crc;
use crate::format::local::{self, DATA_OFFSET, ExtentList, LocalAddress, LocalCheckpoint};
use crate::format::local_image;
use crate::format::page_header::{PageHeader, PageType};
use crate::format::reader::Reader;
use crate::home::block::{Headers, probe};
use crate::home::directory::FileEntry;
use crate::home::files::{METADATA, MONGO_CATALOG, SIZE_STORER};
use crate::page::history::{HistoryKey, HistoryValue};
use crate::store::blockfile::BlockFile;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the checksum of a block lies, and its flags.
const CHECKSUM_AT: usize = 32;
const FLAGS_AT: usize = 36;
/// Where a page's generation lies.
const GENERATION_AT: usize = 8;
/// Blocks nested deeper than this do not name each other in a tree.
const MAX_DEPTH: usize = 100;
/// Tries to find content whose checksum packs into as many bytes as the old one.
const ATTEMPTS: u64 = 4096;
/// The same for the one checksum in 65,536 that packs into three bytes or fewer.
const RARE_ATTEMPTS: u64 = 1 << 19;
/// Numbers of ways to vary a block from which on its generation, and its keys, are varied.
const GENERATIONS_FROM: u64 = 1 << 20;
const KEYS_FROM: u64 = 1 << 21;
/// Times a file is begun anew, since a block can only be varied together with others.
const RESTARTS: u32 = 64;
/// Children of a block that are looked at for one that can be varied.
const CHILDREN: usize = 32;
/// Tries to find a checksum that compresses well.
const TIGHT_ATTEMPTS: u64 = 1 << 14;
/// First byte of such a checksum, behind its length, and bits of the next one.
const TIGHT: u32 = 0x40;
/// Blocks above this are not searched for a flipped bit.
const FLIP_SEARCH: usize = 64 << 20;

/// The new checksums of a file, for those who name its blocks.
pub(super) struct Cookies {
    alloc: u32,
    /// Sums of a block by offset and size.
    sums: RefCell<HashMap<(u64, u32), Sums>>,
    /// Checksums for references that lead to no block, or to another one.
    stray: RefCell<HashMap<(u64, u32, u32), u32>>,
}

impl Cookies {
    fn new(alloc: u32) -> Self {
        Self { alloc, sums: RefCell::default(), stray: RefCell::default() }
    }

    /// The new checksum for a reference, which packs into as many bytes.
    fn renewed(&self, a: &LocalAddress) -> u32 {
        let known = self.sums.borrow().get(&(a.offset, a.size)).copied();
        if let Some(new) = known.and_then(|s| sums::exact(&[s], a.checksum)) {
            return new;
        }
        // The same wrong number goes on being the same, and others others.
        let mut stray = self.stray.borrow_mut();
        let next = u32::try_from(stray.len()).unwrap_or(0);
        *stray.entry((a.offset, a.size, a.checksum)).or_insert_with(|| {
            let taken = |c: &u32| known.is_some_and(|s| s.new == *c || s.new_computed == *c);
            // Numbers that compress well: a log record with them must fit its old length.
            let all = (0..1000_u32).map(|n| 0x4141_4141 ^ next.wrapping_add(n << 12));
            let fits = |c: &u32| sums::packed_len(*c) == sums::packed_len(a.checksum) && !taken(c);
            let small = (1..).map(|n| n * 7 + next % 7);
            all.chain(small).find(fits).unwrap_or(0)
        })
    }

    /// An address cookie with the new checksum.
    fn address(&self, old: &[u8]) -> Option<Vec<u8>> {
        let address = LocalAddress::decode(old, self.alloc).ok()??;
        let mut r = Reader::new(old);
        r.vuint().ok()?;
        r.vuint().ok()?;
        let from = r.pos();
        r.vuint().ok()?;
        let field = sums::packed(self.renewed(&address), r.pos() - from)?;
        Some([&old[..from], &field, &old[r.pos()..]].concat())
    }

    /// A checkpoint cookie with new checksums.
    pub(super) fn checkpoint(&self, old: &[u8]) -> Option<Vec<u8>> {
        let cookie = LocalCheckpoint::decode(old, self.alloc).ok()?;
        let mut r = Reader::new(old);
        let mut out = vec![r.u8().ok()?];
        for address in [cookie.root, cookie.alloc, cookie.avail, cookie.discard] {
            let from = r.pos();
            r.vuint().ok()?;
            r.vuint().ok()?;
            let at = r.pos();
            r.vuint().ok()?;
            out.extend_from_slice(&old[from..at]);
            match address {
                Some(a) => out.extend_from_slice(&sums::packed(self.renewed(&a), r.pos() - at)?),
                None => out.extend_from_slice(&old[at..r.pos()]),
            }
        }
        out.extend_from_slice(r.rest());
        Some(out)
    }
}

/// One block of the file.
#[derive(Clone, Copy)]
struct Block {
    size: u32,
    /// A bit to flip, in the block as it lies, to make its checksum hold.
    flipped: Option<(usize, u8)>,
    /// The field in the header is wrong, and the bytes are right.
    field_only: bool,
}

/// A block to be rewritten.
struct Source {
    offset: u64,
    /// Its bytes, put right.
    stored: Vec<u8>,
    headers: Headers,
    /// What they add up to.
    computed: u32,
    /// Bytes that its checksum packs into in a reference.
    length: usize,
}

/// A block with other content.
#[derive(Clone)]
struct Composed {
    bytes: Vec<u8>,
    sum: u32,
    counts: Replaced,
    /// Where bytes begin that nobody reads.
    padding: usize,
    /// The checksum packs into as many bytes as the old one.
    fits: bool,
    /// How it was varied.
    salt: u64,
}

/// A file being rewritten.
struct Work<'a> {
    file: &'a BlockFile,
    entry: &'a FileEntry,
    blocks: BTreeMap<u64, Block>,
    keys: Keys,
    values: Values,
    key_items: HashSet<u64>,
    cookies: &'a Cookies,
    /// Cookies of other files, for the metadata.
    others: &'a HashMap<u64, Cookies>,
    busy: HashSet<u64>,
    alphabet: Alphabet,
    form: Form,
    /// How to vary a block, for the sake of one that names it and cannot be varied enough.
    salts: HashMap<u64, u64>,
    /// Blocks whose checksums should compress well, by how much of them is given.
    tight: HashMap<u64, u32>,
    /// Keys were changed that blocks already written may have.
    keys_moved: bool,
    /// Blocks whose checksum does not pack, and that name others.
    stuck: Vec<u64>,
    /// Blocks that do not fit when they are compressed.
    too_long: Vec<u64>,
    out: File,
    replaced: Replaced,
    misfits: Vec<String>,
}

/// What rewriting a file came to.
pub(super) struct Rewritten {
    pub(super) cookies: Cookies,
    pub(super) replaced: Replaced,
    pub(super) misfits: Vec<String>,
    pub(super) key_bytes: u64,
}

/// Rewrite a block file into the new file `to`.
pub(super) fn rewrite(
    entry: &FileEntry,
    file: &BlockFile,
    to: &Path,
    others: &HashMap<u64, Cookies>,
    alphabet: Alphabet,
    samples: &mut Samples,
    progress: &dyn Progress,
) -> Result<Rewritten, PackError> {
    let failed = |e: io::Error| PackError::io(to, &e);
    let out = File::options().write(true).create_new(true).open(to).map_err(failed)?;
    out.set_len(file.len()).map_err(failed)?;
    let mut buffer = Vec::new();
    let alloc = entry.alloc;
    let unit = usize::try_from(alloc).unwrap_or(4096);
    if let Ok(head) = file.read_up_to(0, unit, &mut buffer)
        && local::descriptor(head).is_ok()
    {
        let n = local::DESCRIPTOR_LEN.min(head.len());
        out.write_all_at(&head[..n], 0).map_err(failed)?;
        if head[n..].iter().any(|b| *b != 0) {
            out.write_all_at(&[1], n as u64).map_err(failed)?;
        }
    }
    let cookies = Cookies::new(alloc);
    let mut work = Work {
        file,
        entry,
        blocks: BTreeMap::new(),
        keys: Keys::default(),
        values: values_of(entry),
        key_items: HashSet::new(),
        cookies: &cookies,
        others,
        busy: HashSet::new(),
        alphabet,
        form: Form::default(),
        salts: HashMap::new(),
        tight: HashMap::new(),
        keys_moved: false,
        stuck: Vec::new(),
        too_long: Vec::new(),
        out,
        replaced: Replaced::default(),
        misfits: Vec::new(),
    };
    work.find(progress);
    work.collect(samples);
    let offsets: Vec<u64> = work.blocks.keys().copied().collect();
    for restart in 0..=RESTARTS {
        for (done, offset) in offsets.iter().enumerate() {
            work.block(*offset, 0).map_err(failed)?;
            progress.at(done as u64, 0);
        }
        if restart == RESTARTS || !work.change_something() {
            break;
        }
        cookies.sums.borrow_mut().clear();
        work.busy.clear();
        work.misfits.clear();
        work.replaced = Replaced::default();
    }
    let (replaced, misfits, key_bytes) = (work.replaced, std::mem::take(&mut work.misfits), work.keys.bytes());
    drop(work);
    Ok(Rewritten { cookies, replaced, misfits, key_bytes })
}

/// The metadata, or one that an engine put aside under a longer name.
pub(super) fn is_metadata(name: &str) -> bool {
    name.strip_prefix(METADATA).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn values_of(entry: &FileEntry) -> Values {
    if is_metadata(&entry.name) {
        Values::Metadata
    } else if entry.is_history_store() {
        Values::Form(Form::history_value(), String::new())
    } else if entry.documents {
        let base = entry.name.rsplit('/').next().unwrap_or(&entry.name);
        Values::Documents(match base {
            MONGO_CATALOG => Fields::Catalog(RefCell::default()),
            SIZE_STORER => Fields::Sizes,
            _ => Fields::User,
        })
    } else {
        Values::Form(Form::of(&entry.value_format), entry.value_format.clone())
    }
}

impl Work<'_> {
    /// The blocks of the file: those that are sound, then those that others name.
    fn find(&mut self, progress: &dyn Progress) {
        let alloc = self.entry.alloc;
        let mut buffer = Vec::new();
        let mut offset = u64::from(alloc);
        let mut named: Vec<LocalAddress> = Vec::new();
        while offset < self.file.len() {
            progress.at(offset / u64::from(alloc), 0);
            match probe(self.file, offset, alloc, &mut buffer) {
                Some((address, ..)) => {
                    self.blocks.insert(offset, Block { size: address.size, flipped: None, field_only: false });
                    offset = address.end();
                }
                None => offset = offset.saturating_add(u64::from(alloc)),
            }
        }
        for c in &self.entry.checkpoints {
            if let Ok(c) = LocalCheckpoint::decode(&c.addr, alloc) {
                named.extend([c.root, c.alloc, c.avail, c.discard].into_iter().flatten());
            }
        }
        let sound: Vec<u64> = self.blocks.keys().copied().collect();
        sound.iter().for_each(|offset| self.names(*offset, &mut named));
        while let Some(address) = named.pop() {
            if self.overlaps(&address) || address.end() > self.file.len() {
                continue;
            }
            if let Some(block) = self.damaged(&address) {
                self.blocks.insert(address.offset, block);
                self.names(address.offset, &mut named);
            }
        }
    }

    fn overlaps(&self, a: &LocalAddress) -> bool {
        let before = self.blocks.range(..a.end()).next_back();
        before.is_some_and(|(offset, block)| offset + u64::from(block.size) > a.offset)
    }

    /// A block that is not sound, where it is known what would make it so.
    fn damaged(&self, address: &LocalAddress) -> Option<Block> {
        let mut buffer = Vec::new();
        let size = usize::try_from(address.size).ok()?;
        let stored = self.file.read(address.offset, size, &mut buffer).ok()?;
        let header = Headers::read(stored).ok()?.block;
        let plain = Block { size: address.size, flipped: None, field_only: false };
        if header.checksum != address.checksum {
            let right = header.compute_checksum(stored) == address.checksum;
            return right.then_some(Block { field_only: true, ..plain });
        }
        let covers = if header.flags & FLAG_DATA_CHECKSUM != 0 { size } else { SKIP_LEN.min(size) };
        let flags = header.flags ^ FLAG_DATA_CHECKSUM;
        let mut mended = stored.to_vec();
        *mended.get_mut(FLAGS_AT)? = flags;
        let coverage = LocalBlockHeader { flags, ..header }.compute_checksum(&mended) == header.checksum;
        let searched = stored.get(..covers).filter(|c| c.len() <= FLIP_SEARCH)?;
        let flipped = crc::find_flipped_bit(searched, CHECKSUM_AT, header.checksum);
        let flipped = flipped.or(coverage.then_some((FLAGS_AT, 0)))?;
        Some(Block { flipped: Some(flipped), ..plain })
    }

    /// The bytes of a block, put right.
    fn read(&self, offset: u64) -> Option<Vec<u8>> {
        let block = self.blocks.get(&offset)?;
        let mut buffer = Vec::new();
        let size = usize::try_from(block.size).ok()?;
        let mut bytes = self.file.read(offset, size, &mut buffer).ok()?.to_vec();
        if let Some((at, bit)) = block.flipped {
            *bytes.get_mut(at)? ^= 1 << bit;
        }
        Some(bytes)
    }

    /// Which blocks a block names.
    fn names(&self, offset: u64, out: &mut Vec<LocalAddress>) {
        let Some(stored) = self.read(offset) else { return };
        let Ok(headers) = Headers::read(&stored) else { return };
        if headers.page.page_type() == Ok(PageType::BlockManager) {
            return;
        }
        let Ok(plain) = local_image::plain(&stored, &headers.page, self.entry.compression()) else { return };
        page::cookies(plain_of(&plain, headers.page), &mut |cookie| {
            out.extend(LocalAddress::decode(cookie, self.entry.alloc).ok().flatten());
        });
    }

    /// The keys of the tree.
    fn collect(&mut self, samples: &mut Samples) {
        let (metadata, history) = (is_metadata(&self.entry.name), self.entry.is_history_store());
        let counts = matches!(self.values, Values::Documents(Fields::Sizes));
        // A row of metadata as it will be shipped, but for its checksums.
        let texts = |v: &[u8], samples: &mut Samples| {
            samples.shipped(&page::metadata_value(v, &mut 0, &|_, _| None));
        };
        // Numbers are what headers and windows are made of.
        let numbers = matches!(&self.values, Values::Form(form, _) if form.is_numbers());
        let mut found: HashSet<Box<[u8]>> = HashSet::new();
        let mut items = HashSet::new();
        let offsets: Vec<u64> = self.blocks.keys().copied().collect();
        for offset in &offsets {
            let Some(stored) = self.read(*offset) else { continue };
            let Ok(headers) = Headers::read(&stored) else { continue };
            if headers.page.page_type() == Ok(PageType::BlockManager) {
                let recovery = ExtentList::decode(&stored, self.entry.alloc, u64::MAX).ok().and_then(|l| l.recovery);
                for text in recovery.iter().flat_map(|r| [&r.metadata, &r.checkpoint_list]) {
                    texts(text.as_bytes(), samples);
                }
                continue;
            }
            let Ok(plain) = local_image::plain(&stored, &headers.page, self.entry.compression()) else { continue };
            let plain = plain_of(&plain, headers.page);
            page::collect(
                plain,
                &mut |k| {
                    if !found.contains(k) {
                        found.insert(k.into());
                    }
                },
                &mut |cookie| {
                    items.extend(LocalAddress::decode(cookie, self.entry.alloc).ok().flatten().map(|a| a.offset))
                },
            );
            page::values(plain, &mut |v| match HistoryValue::decode(v).ok().filter(|_| history) {
                _ if metadata => texts(v, samples),
                None if counts => samples.shipped(&self.values.replaced(v, 0, &mut 0, self.alphabet, &|_, _| None)),
                Some(record) => samples.value(record.value),
                None if numbers => {}
                None => samples.value(v),
            });
        }
        for offset in &items {
            let Some(stored) = self.read(*offset) else { continue };
            let Ok(headers) = Headers::read(&stored) else { continue };
            // An old cookie may name a place where something else lies by now.
            if headers.page.page_type() != Ok(PageType::Overflow) {
                continue;
            }
            let Ok(plain) = local_image::plain(&stored, &headers.page, self.entry.compression()) else { continue };
            found.insert(plain.get(DATA_OFFSET..).unwrap_or_default().into());
        }
        self.key_items = items;
        let names = (metadata || counts) && found.iter().all(|k| text::is_name(k));
        let form = match () {
            () if names => Form::Names,
            () if self.entry.is_history_store() => Form::history(),
            () => Form::of(&self.entry.key_format),
        };
        if metadata && !names {
            self.values = Values::bytes();
        }
        // Record ids are numbers, and time stamps may be among them, which windows have as well.
        let numbers = form.is_numbers();
        for key in found.iter().filter(|_| !numbers) {
            // Of a record of the history store only the user's key goes.
            let record = HistoryKey::decode(key).ok().filter(|_| history);
            if names { samples.shipped(key) } else { samples.key(record.map_or(key, |r| r.key)) }
        }
        self.keys = Keys::new(found.into_iter().collect(), &form, self.alphabet);
        self.form = form;
    }

    /// Rewrite a block, and before it what it names.
    fn block(&mut self, offset: u64, depth: usize) -> io::Result<()> {
        let Some(block) = self.blocks.get(&offset).copied() else { return Ok(()) };
        if self.cookies.sums.borrow().contains_key(&(offset, block.size)) || !self.busy.insert(offset) {
            return Ok(());
        }
        if depth < MAX_DEPTH {
            let mut named = Vec::new();
            self.names(offset, &mut named);
            self.list_names(offset, &mut named);
            named.retain(|a| self.is_meant(a));
            for address in named {
                self.block(address.offset, depth + 1)?;
            }
        }
        let Some(source) = self.source(offset, block) else { return Ok(()) };
        let done = self.settled(&source, self.salts.get(&offset).copied().unwrap_or(0));
        if !done.fits {
            self.stuck.push(offset);
        }
        let headers_only = done.counts.headers_only > 0 && !source.headers.page.is_encrypted();
        if headers_only && source.headers.page.is_compressed() {
            self.too_long.push(offset);
        }
        if sums::packed(done.sum, source.length).is_none() || headers_only {
            self.misfits.push(format!("{}, block {offset}", self.entry.name));
        }
        self.replaced.add(done.counts);
        let (mut new, sum) = (done.bytes, done.sum);
        let mut new_stored = sum;
        if block.field_only {
            new_stored = sums::others(sum).next().unwrap_or(!sum);
            new[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&new_stored.to_le_bytes());
        }
        if let Some((at, bit)) = block.flipped
            && let Some(byte) = new.get_mut(at)
        {
            *byte ^= 1 << bit;
        }
        let (old, computed) = (source.headers.block.checksum, source.computed);
        let old_computed = if block.field_only { computed } else { old };
        let entry = Sums { old, old_computed, new: new_stored, new_computed: sum };
        self.cookies.sums.borrow_mut().insert((offset, block.size), entry);
        self.out.write_all_at(&new, offset)
    }

    /// What there is of a block to be rewritten.
    fn source(&self, offset: u64, block: Block) -> Option<Source> {
        let stored = self.read(offset)?;
        let headers = Headers::read(&stored).ok()?;
        let computed = headers.block.compute_checksum(&stored);
        // The reference has the number that the bytes add up to where only the field is wrong.
        let length = sums::packed_len(if block.field_only { computed } else { headers.block.checksum });
        Some(Source { offset, stored, headers, computed, length })
    }

    /// Take a block to have another checksum.
    fn note(&self, source: &Source, sum: u32) {
        let size = u32::try_from(source.stored.len()).unwrap_or(0);
        if let Some(sums) = self.cookies.sums.borrow_mut().get_mut(&(source.offset, size)) {
            (sums.new, sums.new_computed) = (sum, sum);
        }
    }

    /// Whether an address leads to the block that lies there, not to one that lay there before.
    fn is_meant(&self, address: &LocalAddress) -> bool {
        let Some(block) = self.blocks.get(&address.offset).filter(|b| b.size == address.size) else { return false };
        let Some(headers) = self.read(address.offset).and_then(|b| Headers::read(&b).ok()) else { return false };
        block.field_only || headers.block.checksum == address.checksum
    }

    /// The blocks that the recovery data of a list block names.
    fn list_names(&self, offset: u64, out: &mut Vec<LocalAddress>) {
        let Some(stored) = self.read(offset) else { return };
        let is_list = Headers::read(&stored).is_ok_and(|h| h.page.page_type() == Ok(PageType::BlockManager));
        let recovery =
            is_list.then(|| ExtentList::decode(&stored, self.entry.alloc, u64::MAX).ok()?.recovery).flatten();
        let Some(recovery) = recovery else { return };
        let texts = text::cookies(&recovery.metadata).into_iter().chain(text::cookies(&recovery.checkpoint_list));
        for cookie in texts.chain([recovery.cookie]) {
            if let Ok(c) = LocalCheckpoint::decode(&cookie, self.entry.alloc) {
                out.extend([c.root, c.alloc, c.avail, c.discard].into_iter().flatten());
            }
        }
    }

    /// The new bytes, without checksum, and where padding begins.
    fn body(&self, stored: &[u8], headers: &Headers, offset: u64, attempt: u64) -> (Vec<u8>, Replaced, usize) {
        let headers_only = || {
            let mut out = vec![0; stored.len()];
            // Behind the headers of an encrypted block stands the length of what is encrypted.
            let n = if headers.page.is_encrypted() { DATA_OFFSET + 4 } else { DATA_OFFSET }.min(stored.len());
            out[..n].copy_from_slice(&stored[..n]);
            // What is encrypted is nothing to anyone; it may as well vary.
            let padding = if headers.page.is_encrypted() { n } else { usize::MAX };
            (out, Replaced { blocks: 1, headers_only: 1, ..Replaced::default() }, padding)
        };
        if headers.page.page_type() == Ok(PageType::BlockManager) {
            let (new, used) = self.list(stored, headers);
            return (new, Replaced { blocks: 1, ..Replaced::default() }, used);
        }
        let compressor = self.entry.compression().or_else(|| compress::detect(stored));
        let Ok(plain) = local_image::plain(stored, &headers.page, self.entry.compression()) else {
            return headers_only();
        };
        let cookie = |old: &[u8], text: Option<&str>| match text {
            None => self.cookies.address(old).or_else(|| Some(broken(old))),
            Some(text) => {
                let id = Config::parse(text).ok()?.get("id")?.u64().ok()?;
                self.others.get(&id)?.checkpoint(old)
            }
        };
        let content = Content {
            keys: &self.keys,
            values: &self.values,
            cookie: &cookie,
            item_is_key: self.key_items.contains(&offset),
            width: self.entry.fixed_width,
            alphabet: self.alphabet,
            attempt,
            first_key_is_free: true,
        };
        let (mut new, counts) = page::replaced(plain_of(&plain, headers.page), &content);
        if headers.page.is_compressed() {
            return match compressor.and_then(|c| squeeze::fitted(c, &new, stored.len())) {
                Some((new, used)) => (new, counts, used),
                None => headers_only(),
            };
        }
        new.resize(stored.len(), 0);
        if let Some(at) = stored.get(plain.len()..).and_then(|tail| tail.iter().position(|b| *b != 0)) {
            new[plain.len() + at] = 1;
        }
        (new, counts, usize::MAX)
    }

    /// An extent list: all of it, and of the recovery data behind it what is the engine's.
    /// What lies behind is read by nobody; answers where that begins.
    fn list(&self, stored: &[u8], headers: &Headers) -> (Vec<u8>, usize) {
        let mut out = vec![0; stored.len()];
        let mem_size = usize::try_from(headers.page.mem_size).unwrap_or(usize::MAX);
        let end = mem_size.clamp(DATA_OFFSET, stored.len());
        out[..end].copy_from_slice(&stored[..end]);
        let Ok(list) = ExtentList::decode(stored, self.entry.alloc, u64::MAX) else { return (out, usize::MAX) };
        let Some(mut recovery) = list.recovery.clone() else { return (out, end) };
        let checkpoint = |old: &[u8]| self.cookies.checkpoint(old);
        let encrypted = matches!(recovery.file_metadata(), Ok(None));
        recovery.metadata = match encrypted {
            true => text::without_hex(&recovery.metadata, "block_metadata=["),
            false => text::rewritten(&recovery.metadata, &checkpoint),
        };
        recovery.checkpoint_list = text::rewritten(&recovery.checkpoint_list, &checkpoint);
        if let Some(new) = checkpoint(&recovery.cookie) {
            recovery.cookie = new;
        }
        let new = ExtentList { recovery: Some(recovery), ..list.clone() }.encode();
        if new.len() == list.encode().len() && DATA_OFFSET + new.len() <= out.len() {
            out[DATA_OFFSET..DATA_OFFSET + new.len()].copy_from_slice(&new);
        }
        (out, DATA_OFFSET + new.len())
    }
}

/// Bytes that are no address, as others were not.
fn broken(old: &[u8]) -> Vec<u8> {
    match Reader::new(old).vuint() {
        // Size 0: no block.
        Ok(_) if LocalAddress::decode(old, 4096).is_ok_and(|a| a.is_none()) => vec![0x80; old.len()],
        _ => vec![0; old.len()],
    }
}

/// Put a block's checksum in; answers it.
fn seal(block: &mut [u8]) -> u32 {
    let Ok(headers) = Headers::read(block) else { return 0 };
    let sum = headers.block.compute_checksum(block);
    if let Some(field) = block.get_mut(CHECKSUM_AT..CHECKSUM_AT + 4) {
        field.copy_from_slice(&sum.to_le_bytes());
    }
    sum
}

fn plain_of(bytes: &[u8], header: PageHeader) -> Plain<'_> {
    Plain { bytes, start: DATA_OFFSET.min(bytes.len()), header, delta: None }
}
