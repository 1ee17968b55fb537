//! The audit of one local file: checkpoints, trees, space, sizes, and the file's own copy of its
//! newest checkpoint.

use super::causes::{Causes, Reached};
use super::descriptor::{self, Wrong};
use super::detail::{BlockThere, By, Cause, Difference, Fact, Foreign, HomeDetail, Named, Note, Number, Sizes};
use super::result::{BlockInfo, FileInfo, ListInfo, LocalCheckpointInfo, LocalPages, RecoveryInfo, SpaceInfo};
use crate::audit::finding::{Code, Detail, Finding, Place, Remedy, Severity};
use crate::audit::minus;
use crate::coverage::Unchecked;
use crate::format::local::{Extent, LocalAddress};
use crate::home::block::probe;
use crate::home::chain;
use crate::home::checkpoint::{self, Checkpoint};
use crate::home::directory::{FileEntry, METADATA};
use crate::home::fault::Opaque;
use crate::home::fault::{self, Fault, FaultKind};
use crate::home::recover::{self, Recovered};
use crate::home::seen::Seen;
use crate::home::shape::Shape;
use crate::home::space::{self, Account, MOST_UNITS, Part, Units, Use};
use crate::home::tree::{self, Walked};
use crate::page::{Depth, RowCounts};
use crate::store::blockfile::BlockFile;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Places behind the end of the newest checkpoint that are looked at for a block.
const PROBES: u64 = 64;
/// Findings of one code in one file; more of them say nothing new.
const FINDINGS_PER_CODE: usize = 1000;

/// What auditing a file needs besides the file.
pub(super) struct Context<'c> {
    /// How much to read.
    pub depth: Depth,
    /// Which file has an id, for telling whose content a file holds.
    pub owner: &'c (dyn Fn(u64) -> Option<String> + Sync),
    /// All file ids, if they are known.
    pub ids: Option<&'c HashSet<u64>>,
    /// Bytes and blocks read.
    pub progress: &'c (dyn Fn(u64, u64) + Sync),
}

/// A file's part of an audit.
pub(super) struct Audited {
    pub info: FileInfo,
    pub findings: Vec<Finding>,
    /// Where every byte belongs, for maps.
    pub account: Option<Account>,
    /// Something could not be looked into for want of a key or a compressor.
    pub opaque: Option<Opaque>,
    /// Not all of it could be looked at, or judged, and why.
    pub left: Option<Unchecked>,
    /// Cells of the leaves of the newest checkpoint, by their headers.
    pub entries: u64,
}

/// Audit a file; one in which anything is wrong is decoded to the last cell, to find out what else is.
pub(super) fn audit(entry: &FileEntry, file: &BlockFile, context: &Context<'_>) -> Audited {
    let first = Auditor::new(entry, file, context, context.depth).run();
    let suspicious = first.findings.iter().any(|f| f.severity > Severity::Note);
    if !suspicious || context.depth == Depth::Deep {
        return first;
    }
    Auditor::new(entry, file, context, Depth::Deep).run()
}

struct Auditor<'c> {
    entry: &'c FileEntry,
    file: &'c BlockFile,
    context: &'c Context<'c>,
    depth: Depth,
    info: FileInfo,
    findings: Vec<Finding>,
    faults: Vec<Reached>,
    /// Where faults of a kind and offset are in `faults`.
    places: HashMap<(FaultKind, u64), Vec<usize>>,
    opaque: Option<Opaque>,
    left: Option<Unchecked>,
    /// Cells of the leaves of the newest checkpoint, by their headers.
    entries: u64,
    /// Records of the history store in it, by the file id that no file has.
    unowned: BTreeMap<u32, u64>,
}

impl<'c> Auditor<'c> {
    fn new(entry: &'c FileEntry, file: &'c BlockFile, context: &'c Context<'c>, depth: Depth) -> Self {
        let info = FileInfo { physical_size: file.len(), ..super::describe(entry) };
        Self {
            entry,
            file,
            context,
            depth,
            info,
            findings: Vec::new(),
            faults: Vec::new(),
            places: HashMap::new(),
            opaque: None,
            left: None,
            entries: 0,
            unowned: BTreeMap::new(),
        }
    }

    fn run(mut self) -> Audited {
        self.descriptor();
        let alloc = self.entry.alloc;
        let checkpoints = checkpoint::read(self.file, alloc, &self.entry.checkpoints);
        for c in &checkpoints {
            for fault in &c.faults {
                self.fault(fault.clone(), &c.entry.name);
            }
        }
        let mut verified = Seen::new(alloc);
        if checkpoints.len() == 1 {
            verified = verified.once();
        }
        let mut parts = Vec::new();
        for c in &checkpoints {
            let part = self.checkpoint(c, &verified);
            parts.push(part);
        }
        let account = self.space(&checkpoints, &parts);
        if self.entry.huffman && self.opaque.is_none() {
            self.opaque = Some(Opaque::Huffman);
        }
        self.settle();
        self.recovery(&checkpoints);
        if !self.unowned.is_empty() {
            let ids = std::mem::take(&mut self.unowned);
            self.find(Code::HistoryUnowned, self.place(None, None), HomeDetail::of(Fact::HistoryUnowned { ids }));
        }
        let left = self.file.failure().cloned().or(self.left);
        let (info, findings, opaque, entries) = (self.info, self.findings, self.opaque, self.entries);
        Audited { info, findings, account, opaque, left, entries }
    }

    fn place(&self, offset: Option<u64>, length: Option<u64>) -> Place {
        Place {
            uri: Some(self.entry.uri.clone()),
            file: Some(self.entry.name.clone()),
            offset,
            length,
            ..Place::default()
        }
    }

    fn find(&mut self, code: Code, place: Place, detail: HomeDetail) {
        self.findings.push(Finding::of(code, place, Detail::Home(Box::new(detail))));
    }

    fn fault(&mut self, fault: Fault, checkpoint: &str) {
        let places = self.places.entry((fault.kind, fault.offset)).or_default();
        let known = places.iter().copied().find(|at| self.faults[*at].fault.is_same(&fault));
        let at = known.unwrap_or_else(|| {
            let fault = fault.clone();
            places.push(self.faults.len());
            self.faults.push(Reached { fault, checkpoints: Vec::new(), parents: Vec::new() });
            self.faults.len() - 1
        });
        let reached = &mut self.faults[at];
        if reached.checkpoints.last().is_none_or(|c| c != checkpoint) {
            reached.checkpoints.push(checkpoint.to_string());
        }
        if let Some(parent) = fault.parent.filter(|p| !reached.parents.contains(p)) {
            reached.parents.push(parent);
        }
    }

    /// The description block.
    fn descriptor(&mut self) {
        let alloc = self.entry.alloc;
        let Some(Wrong { cause, found, written_so }) = descriptor::check(self.file, alloc) else { return };
        let place = self.place(Some(0), Some(u64::from(alloc)));
        let detail = HomeDetail { cause, ..HomeDetail::of(Fact::Descriptor { alloc, found }) };
        self.find(Code::DescriptorInvalid, place, detail);
        if let Some(finding) = self.findings.last_mut().filter(|_| written_so) {
            finding.remedy = Remedy::OtherEngine;
        }
    }

    fn checkpoint(&mut self, c: &Checkpoint, verified: &Seen) -> Part {
        let alloc = self.entry.alloc;
        let mut info = LocalCheckpointInfo {
            name: c.entry.name.clone(),
            order: c.entry.order,
            time: c.entry.time,
            write_gen: c.entry.write_gen,
            cookie: hex::encode(&c.entry.addr),
            published_size: c.entry.size,
            complete: !c.undecodable,
            ..LocalCheckpointInfo::default()
        };
        let mut part = Part {
            live: c.live.clone(),
            tree: Units::new(alloc, self.file.len()),
            internal: Units::new(alloc, self.file.len()),
            overflow: Units::new(alloc, self.file.len()),
            root: None,
            lists: c.list_blocks().collect(),
            complete: !c.undecodable,
        };
        let Some(cookie) = &c.cookie else {
            self.info.checkpoints.push(info);
            return part;
        };
        let block =
            |a: Option<LocalAddress>| a.map(|a| BlockInfo { offset: a.offset, size: a.size, checksum: a.checksum });
        (info.root, info.alloc, info.avail, info.discard) =
            (block(cookie.root), block(cookie.alloc), block(cookie.avail), block(cookie.discard));
        (info.file_size, info.checkpoint_size) = (cookie.file_size, cookie.checkpoint_size);
        info.available = c.avail.extents().map(|list| ListInfo {
            extents: list.len() as u64,
            bytes: list.iter().fold(0, |sum, e| sum.saturating_add(e.size)),
        });
        part.root = cookie.root;
        if let Some(root) = &cookie.root {
            let mut walked = self.walk(c, root, cookie.file_size, verified);
            info.complete = walked.complete && walked.unread == 0;
            info.recomputed_size = walked.bytes.saturating_add(u64::from(root.size));
            let by_type = walked.by_type.words();
            info.pages = LocalPages {
                reachable: by_type.values().sum(),
                by_type,
                deleted_children: walked.deleted_children,
                depth: walked.depth,
            };
            info.rows = walked.rows;
            for fault in std::mem::take(&mut walked.faults) {
                self.fault(fault, &c.entry.name);
            }
            part.complete = walked.complete;
            self.entries = walked.entries;
            self.unowned = std::mem::take(&mut walked.unowned);
            self.sizes(&info, root, &walked, c.live.as_ref());
            self.allocation(c, &walked);
            (part.tree, part.internal, part.overflow) = (walked.units, walked.internal, walked.overflow);
        } else {
            (self.entries, self.unowned) = (0, BTreeMap::new());
            info.rows = (self.depth == Depth::Deep && !c.undecodable).then(RowCounts::default);
            self.sizes_of_nothing(&info);
        }
        info.difference = signed(info.published_size).saturating_sub(signed(info.recomputed_size));
        self.info.checkpoints.push(info);
        part
    }

    fn walk(&mut self, c: &Checkpoint, root: &LocalAddress, end: u64, verified: &Seen) -> Walked {
        let shape = Shape {
            file: self.file,
            entry: self.entry,
            end,
            depth: self.depth,
            ids: self.context.ids,
            progress: self.context.progress,
        };
        let walked = tree::walk(&shape, &c.entry, root, verified);
        let Some(why) = walked.opaque else { return walked };
        self.opaque = Some(why);
        // Without the key the tree has no shape, but its blocks lie end to end in what is live.
        match &c.live {
            Some(live) => chain::chain(&shape, root, live, walked, verified),
            None => walked,
        }
    }

    /// `size=`, the cookie's size, and the blocks.
    fn sizes(&mut self, info: &LocalCheckpointInfo, root: &LocalAddress, walked: &Walked, live: Option<&Units>) {
        let (published, in_cookie) = (info.published_size, info.checkpoint_size);
        let root_size = u64::from(root.size);
        let sound = published == in_cookie.saturating_add(root_size) && published <= info.file_size;
        if sound && (!walked.complete || published == info.recomputed_size) {
            return;
        }
        let lists = live.is_some_and(|l| l.bytes() == in_cookie) && sound;
        let cause = (walked.complete && lists).then_some(Cause::SizesOfLists);
        let sizes = Sizes {
            checkpoint: info.name.clone(),
            published,
            in_cookie,
            root: Some(root_size),
            recomputed: info.recomputed_size,
            blocks: info.pages.reachable,
            complete: walked.complete,
            file_size: info.file_size,
            difference: None,
            cookie_difference: None,
        }
        .compared();
        let detail = HomeDetail { cause, ..HomeDetail::of(Fact::Sizes(sizes)) };
        self.find(Code::CheckpointSizeMismatch, self.place(None, None), detail);
    }

    /// A checkpoint without a root has no bytes to count.
    fn sizes_of_nothing(&mut self, info: &LocalCheckpointInfo) {
        if info.published_size != 0 || info.checkpoint_size != 0 {
            let sizes = Sizes {
                checkpoint: info.name.clone(),
                published: info.published_size,
                in_cookie: info.checkpoint_size,
                root: None,
                recomputed: 0,
                blocks: 0,
                complete: true,
                file_size: info.file_size,
                difference: None,
                cookie_difference: None,
            }
            .compared();
            let place = self.place(None, None);
            self.find(Code::CheckpointSizeMismatch, place, HomeDetail::of(Fact::Sizes(sizes)));
        }
    }

    /// The tree against the allocation lists.
    fn allocation(&mut self, c: &Checkpoint, walked: &Walked) {
        let Some(live) = &c.live else { return };
        let name = &c.entry.name;
        let unlisted: Vec<_> = walked.units.without(live).spans().take(FINDINGS_PER_CODE).collect();
        for span in unlisted {
            let size = u32::try_from(span.len()).unwrap_or(u32::MAX);
            let fact = fault::Fact::TreeUnlisted { start: span.start, end: span.end };
            self.fault(Fault::new(FaultKind::Unallocated, span.start, size, fact), name);
        }
        if walked.complete {
            let unused: Vec<_> = live.without(&walked.units).spans().take(FINDINGS_PER_CODE).collect();
            for span in unused {
                let size = u32::try_from(span.len()).unwrap_or(u32::MAX);
                let fact = fault::Fact::Unreached { start: span.start, end: span.end };
                self.fault(Fault::new(FaultKind::Unallocated, span.start, size, fact), name);
            }
        }
    }

    /// Every byte of the file, and the size of the file.
    fn space(&mut self, checkpoints: &[Checkpoint], parts: &[Part]) -> Option<Account> {
        let alloc = self.entry.alloc;
        let physical = self.file.len();
        let last = checkpoints.last();
        // A file that never had a checkpoint with data is its description block alone.
        let file_size = last.and_then(|c| c.cookie.as_ref()).map_or(u64::from(alloc), |c| c.file_size);
        // Where the metadata says that there is no checkpoint, the engine discards or replays what lies behind
        // the description block. Where nothing says so, nothing is known.
        let stated = self.entry.source.states_checkpoints() && physical > file_size;
        if last.is_none() && physical != file_size && !stated {
            self.left = Some(Unchecked::NotReached);
            return None;
        }
        if last.is_some_and(|c| c.undecodable) {
            self.left = Some(Unchecked::NotReached);
            return None;
        }
        self.info.file_size = Some(file_size);
        self.file_size(file_size, physical, last.and_then(|c| c.avail.extents()));
        if physical.div_ceil(u64::from(alloc)) > MOST_UNITS {
            self.left = Some(Unchecked::TooMuch);
            return None;
        }
        let known = physical.min(file_size);
        let avail = last.map_or(Some(&[] as &[_]), |c| c.avail.extents());
        let account = space::account(alloc, known, parts, avail);
        for (span, what) in account.overlaps.iter().take(FINDINGS_PER_CODE) {
            let place = self.place(Some(span.start), Some(span.len()));
            self.find(Code::ExtentOverlap, place, HomeDetail::of(Fact::Overlap { of: *what }));
        }
        let lost: Vec<_> = account.of(Use::Lost).into_iter().flat_map(Units::spans).collect();
        if account.certain {
            for span in lost.iter().take(FINDINGS_PER_CODE) {
                // A range that an alloc list names has its finding already.
                if self.places.contains_key(&(FaultKind::Unallocated, span.start)) {
                    continue;
                }
                let fact = Fact::Lost { start: span.start, end: span.end, block: self.content(span.start) };
                self.find(Code::ExtentLost, self.place(Some(span.start), Some(span.len())), HomeDetail::of(fact));
            }
        }
        let overlapping = account.overlaps.iter().fold(0_u64, |sum, (span, _)| sum.saturating_add(span.len()));
        self.info.space = Some(SpaceInfo {
            description: account.bytes(Use::Description),
            tree: account.bytes(Use::Tree),
            extent_list: account.bytes(Use::ExtentList),
            available: account.bytes(Use::Available),
            discarded: account.bytes(Use::Discarded),
            lost: account.bytes(Use::Lost),
            overlapping,
            beyond_checkpoint: physical.saturating_sub(file_size),
            uncertain: !account.certain,
        });
        Some(account)
    }

    /// The valid block that lies at an offset.
    fn content(&self, offset: u64) -> Option<BlockThere> {
        let mut buffer = Vec::new();
        let (address, headers, _) = probe(self.file, offset, self.entry.alloc, &mut buffer)?;
        let (kind, write_gen) = (headers.page.page_type().ok(), headers.page.write_gen);
        Some(BlockThere { size: address.size, kind, write_gen })
    }

    fn file_size(&mut self, stated: u64, physical: u64, avail: Option<&[Extent]>) {
        let fact = |needed| Fact::FileSize { stated, physical, difference: minus(physical, stated), needed };
        if physical < stated {
            let place = self.place(Some(physical), Some(stated.saturating_sub(physical)));
            // A checkpoint cuts a free tail off before the metadata names the checkpoint.
            let free = avail.is_some_and(|list| is_covered(list, physical, stated));
            let cause = free.then_some(Cause::TailFree);
            self.find(Code::FileSizeMismatch, place, HomeDetail { cause, ..HomeDetail::of(fact(false)) });
            if let Some(finding) = self.findings.last_mut().filter(|_| free) {
                finding.severity = Severity::Note;
            }
        } else if physical > stated {
            let unit = u64::from(self.entry.alloc);
            let block = (0..PROBES)
                .map(|n| stated.saturating_add(n * unit))
                .take_while(|at| *at < physical)
                .any(|at| self.content(at).is_some());
            let needed = self.faults.iter().any(|r| r.fault.kind == FaultKind::BeyondEnd);
            let cause = if self.file.failure().is_some() {
                None
            } else if self.entry.checkpoints.is_empty() {
                Some(Cause::WrittenBefore)
            } else if needed {
                Some(Cause::StatedTooSmall)
            } else if block {
                Some(Cause::WrittenAfter)
            } else {
                Some(Cause::NoBlockBehind)
            };
            let place = self.place(Some(stated), Some(physical.saturating_sub(stated)));
            self.find(Code::FileSizeMismatch, place, HomeDetail { cause, ..HomeDetail::of(fact(needed)) });
            if let Some(finding) = self.findings.last_mut() {
                finding.severity = Severity::Note;
            }
        }
    }

    /// The copy in the file itself.
    fn recovery(&mut self, checkpoints: &[Checkpoint]) {
        let Some(last) = checkpoints.last() else { return };
        let Some(cookie) = &last.cookie else { return };
        // What is compared must have been read.
        if self.file.failure().is_some() {
            return;
        }
        let beside = cookie.avail.and_then(|a| recover::beside(self.file, self.entry.alloc, &a));
        if let Some(found) = &beside {
            self.info.recovery =
                Some(RecoveryInfo { offset: found.avail.offset, generation: found.recovery.generation, agrees: None });
        }
        if self.entry.is_recovered() {
            return;
        }
        match beside {
            Some(found) => self.compare(last, &found),
            // The newest checkpoint is not all there: what is in the file instead?
            None if cookie.avail.is_some()
                && last.avail.extents().is_none()
                && (!self.readable() || self.file.len() < cookie.file_size) =>
            {
                self.foreign();
            }
            None => {}
        }
    }

    /// The newest checkpoint's root could be read.
    fn readable(&self) -> bool {
        self.info.checkpoints.last().is_some_and(|c| c.pages.reachable > 0)
    }

    fn compare(&mut self, last: &Checkpoint, found: &Recovered) {
        let Some(cookie) = &last.cookie else { return };
        let copy = &found.checkpoint;
        let mut differences = Vec::new();
        let by = if self.entry.name == METADATA { By::Turtle } else { By::Metadata };
        for (which, stated, own) in [
            (Named::Root, cookie.root, copy.root),
            (Named::Alloc, cookie.alloc, copy.alloc),
            (Named::Discard, cookie.discard, copy.discard),
        ] {
            if stated != own {
                differences.push(Difference::Block { which, stated, own });
            }
        }
        for (which, stated, own) in [
            (Number::FileSize, cookie.file_size, copy.file_size),
            (Number::CheckpointSize, cookie.checkpoint_size, copy.checkpoint_size),
        ] {
            if stated != own {
                differences.push(Difference::Number { which, stated, own });
            }
        }
        // Engines up to 10.0 counted once more before they wrote the copy, and a file may be older than the engine
        // that wrote the turtle.
        let (stated, own) = (last.entry.write_gen.saturating_add(1), found.recovery.generation);
        if own != stated && own != stated.saturating_add(1) {
            differences.push(Difference::Number { which: Number::Generation, stated, own });
        }
        if let Ok(list) = found.checkpoints() {
            let stated: Vec<_> = self.entry.checkpoints.iter().map(|c| (&c.name, c.order, &c.addr, c.size)).collect();
            let own: Vec<_> = list.iter().map(|c| (&c.name, c.order, &c.addr, c.size)).collect();
            if stated != own && differences.is_empty() {
                let names = |l: &[(&String, i64, &Vec<u8>, u64)]| l.iter().map(|(n, ..)| (*n).clone()).collect();
                differences.push(Difference::List { stated: names(&stated), own: names(&own) });
            }
        }
        if let Some(r) = self.info.recovery.as_mut() {
            r.agrees = Some(differences.is_empty());
        }
        if differences.is_empty() {
            return;
        }
        let place = self.place(Some(found.avail.offset), Some(u64::from(found.avail.size)));
        self.find(Code::RecoveryMismatch, place, HomeDetail::of(Fact::Copy { by, differences }));
    }

    /// Say what a file holds whose newest checkpoint is not in it.
    fn foreign(&mut self) {
        let Some(found) = recover::scan(self.file, None, &|_| ()) else { return };
        let id = found
            .recovery
            .file_metadata()
            .ok()
            .flatten()
            .and_then(|text| crate::format::config::Config::parse(text).ok()?.get("id")?.u64().ok());
        if let (Some(id), Some(wanted)) = (id, self.entry.id)
            && id != wanted
        {
            let content = Foreign { id, owner: (self.context.owner)(id), wanted };
            for detail in self.findings.iter_mut().filter_map(Finding::home_mut) {
                detail.cause = Some(Cause::Foreign(content.clone()));
            }
            self.as_one(Code::BlockChecksum);
            let place = self.place(Some(found.avail.offset), Some(u64::from(found.avail.size)));
            self.find(Code::RecoveryMismatch, place, HomeDetail::of(Fact::Foreign(content)));
            return;
        }
        self.as_one(Code::BlockChecksum);
        let stated = self.entry.checkpoints.last().map_or(0, |c| c.write_gen.saturating_add(1));
        let note = Note::NewestCopy { generation: found.recovery.generation, stated };
        add(self.findings.iter_mut().find(|f| f.severity == Severity::Error), note);
    }

    /// A checkpoint whose root is that of an older one, and that one; roots are unique.
    fn twin(&self) -> Option<(String, String)> {
        let mut older = self.info.checkpoints.as_slice();
        while let Some((later, rest)) = older.split_last() {
            let same =
                |c: &&LocalCheckpointInfo| later.root.is_some_and(|r| c.root.is_some_and(|o| o.offset == r.offset));
            if let Some(c) = rest.iter().find(same) {
                return Some((later.name.clone(), c.name.clone()));
            }
            older = rest;
        }
        None
    }

    /// Keep one finding of a code: the file as a whole is another, not each of its blocks.
    fn as_one(&mut self, code: Code) {
        let all = self.findings.iter().filter(|f| f.code == code).count();
        let mut first = true;
        self.findings.retain(|f| f.code != code || std::mem::take(&mut first));
        if all > 1 {
            add(self.findings.iter_mut().find(|f| f.code == code), Note::MoreNotHere(all - 1));
        }
    }

    /// Turn faults into findings.
    fn settle(&mut self) {
        let all = self.info.checkpoints.len();
        let kind = |r: &&Reached| r.fault.kind == FaultKind::ReferencedTwice;
        let twice: Vec<u64> = self.faults.iter().filter(kind).map(|r| r.fault.offset).collect();
        let longer = self.info.file_size.is_some_and(|size| size < self.file.len());
        let known = Causes::of(&self.faults, longer);
        let twin = self.twin();
        let causes: Vec<Option<Cause>> = self
            .faults
            .iter()
            .map(|r| match &twin {
                Some((later, older)) if r.fault.kind == FaultKind::Unallocated && r.checkpoints.contains(later) => {
                    Some(Cause::SameRoot { later: later.clone(), older: older.clone() })
                }
                _ => known.cause(&r.fault, &self.faults),
            })
            .collect();
        let mut per_code: BTreeMap<Code, usize> = BTreeMap::new();
        let mut gone = (0_u64, 0_u64);
        for (Reached { fault, checkpoints: names, parents }, cause) in
            std::mem::take(&mut self.faults).into_iter().zip(causes)
        {
            let code = match fault.kind {
                FaultKind::Checksum => Code::BlockChecksum,
                FaultKind::Header => Code::BlockHeader,
                FaultKind::Undecodable => Code::PageUndecodable,
                FaultKind::KeyOrder => Code::KeyOutOfOrder,
                FaultKind::BeyondEnd => Code::ExtentBeyondEof,
                FaultKind::BeyondPhysical => {
                    // One cut file, not one finding a block.
                    gone = (gone.0 + 1, gone.1.saturating_add(u64::from(fault.size)));
                    continue;
                }
                FaultKind::Unallocated => Code::ExtentLost,
                FaultKind::ReferencedTwice => Code::PageReferencedTwice,
                FaultKind::Cookie => Code::CookieInvalid,
                // The ledger has it.
                FaultKind::Unreadable | FaultKind::Encrypted | FaultKind::UnknownCompressor => continue,
            };
            // A false reference brings a false separator and false times with it.
            if matches!(fault.kind, FaultKind::KeyOrder | FaultKind::Undecodable) && twice.contains(&fault.offset) {
                continue;
            }
            let count = per_code.entry(code).or_default();
            *count += 1;
            if *count > FINDINGS_PER_CODE {
                continue;
            }
            let place = self.place(Some(fault.offset), Some(u64::from(fault.size)).filter(|s| *s > 0));
            let mut notes = Vec::new();
            if !parents.is_empty() {
                notes.push(Note::Parents { twice: code == Code::PageReferencedTwice, offsets: parents });
            }
            if all > 1 {
                notes.push(if names.len() == all { Note::NeededByAll } else { Note::NeededBy(names) });
            }
            let detail = HomeDetail { fact: Fact::Fault(fault), cause, notes };
            let mut finding = Finding::of(code, place, Detail::Home(Box::new(detail)));
            if matches!(
                code,
                Code::PageUndecodable | Code::KeyOutOfOrder | Code::CookieInvalid | Code::PageReferencedTwice
            ) {
                // The catalogue speaks of page logs.
                finding.remedy = Remedy::RestoreFile;
            }
            self.findings.push(finding);
        }
        for (code, count) in per_code.into_iter().filter(|(_, n)| *n > FINDINGS_PER_CODE) {
            let more = count - FINDINGS_PER_CODE;
            add(self.findings.iter_mut().rfind(|f| f.code == code), Note::MoreOfCode(more));
        }
        if gone.0 > 0 {
            let short = |f: &&mut Finding| f.code == Code::FileSizeMismatch && f.severity == Severity::Error;
            add(self.findings.iter_mut().find(short), Note::BehindEnd { blocks: gone.0, bytes: gone.1 });
        }
        if let Some(why) = self.opaque {
            let code = match why {
                Opaque::Encrypted => Code::Encrypted,
                Opaque::UnknownCompressor => Code::UnsupportedCompressor,
                // Every page was read to its last cell: the ledger says what was not.
                Opaque::Huffman => return,
            };
            let blocks: u64 = self.info.checkpoints.last().map_or(0, |c| c.pages.reachable);
            self.find(code, self.place(None, None), HomeDetail::of(Fact::Opaque { why, blocks }));
        }
    }
}

/// Whether ascending extents cover a range without a gap.
fn is_covered(list: &[Extent], start: u64, end: u64) -> bool {
    let mut at = start;
    let mut sorted: Vec<&Extent> = list.iter().filter(|e| e.offset.saturating_add(e.size) > start).collect();
    sorted.sort_by_key(|e| e.offset);
    for extent in sorted {
        if extent.offset > at {
            return false;
        }
        at = at.max(extent.offset.saturating_add(extent.size));
    }
    at >= end
}

/// Say more of a finding.
fn add(finding: Option<&mut Finding>, note: Note) {
    if let Some(detail) = finding.and_then(Finding::home_mut) {
        detail.notes.push(note);
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
