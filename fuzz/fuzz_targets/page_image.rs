//! Stored pages: headers of both kinds of block, every page type, cells, time windows, compressed
//! streams, extent lists within their blocks, sealed first.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use wtcheck::decode;
use wtcheck::decode::bytes::Show;
use wtcheck::decode::view::{Addresses, View};
use wtcheck::format::compress::{self, Compressor};
use wtcheck::format::image::{Era, Image};
use wtcheck::format::local_image;
use wtcheck::format::page_header::PageHeader;
use wtcheck::format::reader::Reader;
use wtcheck::home::block::Headers;
use wtcheck::page::cell::Cells;
use wtcheck::page::internal;
use wtcheck::page::leaf::{self, Options};
use wtcheck::page::rules::{self, Bounds, Page};
use wtcheck::report::decode as view;
use wtcheck::report::text::Paint;
use wtcheck_fuzz::seal::{self, Mend};

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    // How to take the bytes behind it.
    let how = <(bool, bool, u8, u8, u8, u8)>::arbitrary(&mut u);
    let Ok((sealing, old, showing, compressor, shift, flags)) = how else { return };
    let bytes = u.take_rest();
    let alloc = 512_u32 << (shift % 19);
    let all = [None, Some(Compressor::Snappy), Some(Compressor::Zlib), Some(Compressor::Zstd), Some(Compressor::Lz4)];
    let compressor = all[usize::from(compressor) % all.len()];
    let era = old.then_some(Era::June2025);
    let show = [Show::None, Show::Hex, Show::Redacted, Show::Bson][usize::from(showing) % 4];
    let view = View { era, compressor, show, all: shift & 0x80 != 0, alloc };

    let mut sealed = bytes.to_vec();
    if sealing {
        seal::image(&mut sealed, era, Mend::Reseal, None);
    }
    if let Ok(image) = Image::parse(&sealed, era) {
        let _ = (image.check_headers(), image.check_kind(old));
        if let Ok(plain) = image.plain(compressor) {
            assert!(plain.len() <= 512 << 20 && image.data_offset() <= plain.len().max(64));
            cells(&plain, image.data_offset(), image.page.flags);
        }
    }
    show_page(&sealed, &view);

    let mut block = bytes.to_vec();
    if sealing {
        seal::local(&mut block, Mend::Reseal, None);
    }
    if let Ok(headers) = Headers::read(&block) {
        let _ = rules::header(&block, &headers.page, &headers.block);
        local(&block, &headers.page, flags, compressor, alloc);
    }
    show_page(&block, &view);
    cells(bytes, 0, flags);
    let _ = decode::cells(bytes, flags, Addresses::Classic(alloc), &view);
    if let Some(c) = compressor {
        let _ = compress::decompress(c, bytes, 1 << 16);
    }
});

fn show_page(bytes: &[u8], view: &View) {
    let document = decode::page(bytes, view);
    let _ = view::text(&document, Some(100), Paint { on: false });
    serde_json::to_string(&document).expect("JSON");
}

/// Cells end, each behind the one before it, and never behind the page.
fn cells(page: &[u8], start: usize, flags: u8) {
    let mut end = start;
    for cell in Cells::new(page, start, flags) {
        let Ok(cell) = cell else { break };
        assert!(cell.end > end && cell.end <= page.len() && cell.offset >= end);
        end = cell.end;
        let _ = cell.cookie();
    }
}

fn local(block: &[u8], header: &PageHeader, flags: u8, compressor: Option<Compressor>, alloc: u32) {
    let Ok(plain) = local_image::plain(block, header, compressor) else { return };
    let Ok(page) = Page::new(&plain) else { return };
    let bounds = Bounds { alloc, file_size: if flags & 1 == 0 { u64::MAX } else { 1 << 20 } };
    let _ = rules::overflow_item(&page);
    let mut children = 0_usize;
    internal::children(&page, bounds, flags & 2 == 0, &mut |_| children += 1);
    assert!(children <= plain.len());
    let options = Options { fixed_width: (flags & 4 != 0).then_some(flags >> 4), ..Options::deep(bounds) };
    let mut rows = 0_u64;
    let item = [block.get(..16).unwrap_or(block).to_vec()];
    let deep = leaf::leaf(&page, &options, &mut |a| item.get(a.offset as usize % 2).cloned(), &mut |_| rows += 1);
    let quick = leaf::quick(&page, bounds);
    if deep.breaches.is_empty() {
        assert!(quick.breaches.is_empty(), "{:?}", quick.breaches);
    }
    let _ = PageHeader::read(&mut Reader::new(block)).map(|h| h.check());
}
