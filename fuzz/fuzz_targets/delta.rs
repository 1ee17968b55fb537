//! A page of a base image and its deltas, merged: both eras, both payload forms,
//! internal and leaf pages.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image;
use wtcheck::format::image::{Era, Image, NewImage};
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::page::cell;
use wtcheck::page::delta::{self, Body};
use wtcheck::page::plain_child::{self, Entry};

/// One block of the chain: of the old era, compressed, flags, and how many bytes of the rest are its cells.
type Block = (bool, bool, u8, u16);

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    let Ok((leaf, blocks, count)) = <(bool, [Block; 4], u8)>::arbitrary(&mut u) else { return };
    let mut rest = u.take_rest();
    let kind = if leaf { PageType::RowLeaf } else { PageType::RowInternal };
    let mut stored = Vec::new();
    for (at, (old, compressed, flags, len)) in blocks.into_iter().take(usize::from(count % 4) + 1).enumerate() {
        let (cells, behind) = rest.split_at(rest.len().min(usize::from(len % 2048)));
        rest = behind;
        let page = PageHeader {
            recno: 0,
            write_gen: 1,
            mem_size: 0,
            entries: u32::from(len),
            type_byte: kind.byte(),
            flags,
            unused: 0,
            version: 1,
        };
        let new = NewImage {
            delta: at > 0,
            era: if old { Era::June2025 } else { Era::Current },
            compressor: compressed.then_some(wtcheck::format::compress::Compressor::Snappy),
            ..NewImage::new(page)
        };
        stored.push((image::build(&new, cells).0, new.era));
    }
    let mut plain = Vec::new();
    for (bytes, era) in &stored {
        let image = Image::parse(bytes, Some(*era)).expect("a built image");
        assert_eq!(image.compute_checksum(), image.block.checksum);
        // The flags may say that it is encrypted.
        let Ok(content) = image.plain(None) else { return };
        plain.push((image, content));
    }
    let bodies: Vec<Body<'_>> = plain
        .iter()
        .map(|(image, plain)| Body { plain, start: image.data_offset(), header: image.page, era: image.era })
        .collect();
    let bytes: usize = plain.iter().map(|p| p.1.len()).sum();
    let children = delta::children(&bodies[0], &bodies[1..]);
    assert!(children.list.len() <= bytes);
    for child in &children.list {
        assert!(child.kind != cell::CellKind::AddrGone);
    }
    if children.broken.is_empty() && count % 4 > 0 {
        assert!(children.list.iter().skip(1).is_sorted_by(|a, b| a.overflow_key || b.overflow_key || a.key <= b.key));
    }
    agree(bodies[0]);
    let rows = delta::rows(&bodies[0], &bodies[1..]);
    assert!(rows.list.len() <= bytes);
    let _ = delta::has_overflow(&bodies[0]);
    let _ = delta::split_payload(data);
});

/// The fast reader of children finds what the careful one does, or leaves the page to it.
fn agree(mut base: Body<'_>) {
    // The header's count is right, or every page would be refused.
    base.header.entries = u32::try_from(2 * delta::children(&base, &[]).list.len()).unwrap_or(0);
    let careful = delta::children(&base, &[]);
    let Some(fast) = plain_child::entries(&base) else {
        assert!(careful.lost().is_some() || base.era == Era::June2025);
        return;
    };
    assert!(careful.lost().is_none() && fast.list.len() == careful.list.len());
    for (entry, child) in fast.list.iter().zip(&careful.list) {
        match entry {
            Entry::Plain(plain) => {
                assert_eq!((child.kind, child.overflow_key), (cell::CellKind::AddrLeafNoOverflow, false));
                assert_eq!(Cookie::decode(child.cookie), Ok(plain.cookie()));
            }
            Entry::Other(at) => assert_eq!(&fast.others[*at], child),
        }
    }
}
