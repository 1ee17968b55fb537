//! What fuzzing (`fuzz/`) and its preparation found, each as small as it gets, so that it stays mended.

use crate::common;
use std::time::{Duration, Instant};
use wtcheck::format::Class;
use wtcheck::format::compress::Compressor;
use wtcheck::format::config::{self, Config};
use wtcheck::format::cookie::Cookie;
use wtcheck::format::image::{self, Era, Image, NewImage};
use wtcheck::format::page_header::{PageHeader, PageType};
use wtcheck::page::cell::{self, CellKind, Times};
use wtcheck::page::delta::{self, Body};
use wtcheck::pickup::scenario::Scenario;
use wtcheck::scenario::Document;
use wtcheck::simulate;

/// A stored page of these cells, compressed: half a gigabyte of them would take half a megabyte.
fn bomb(kind: PageType, cells: &[u8], entries: u32) -> Vec<u8> {
    let page = PageHeader {
        recno: 0,
        write_gen: 1,
        mem_size: 0,
        entries,
        type_byte: kind.byte(),
        flags: 0,
        unused: 0,
        version: 1,
    };
    let new = NewImage { compressor: Some(Compressor::Zlib), ..NewImage::new(page) };
    let (bytes, _) = image::build(&new, cells);
    assert!(bytes.len() * 200 < cells.len(), "{} bytes", bytes.len());
    bytes
}

fn with_body<T>(stored: &[u8], f: impl FnOnce(&Body<'_>) -> T) -> T {
    let image = Image::parse(stored, Some(Era::Current)).unwrap();
    let plain = image.plain(None).unwrap();
    f(&Body { plain: &plain, start: image.data_offset(), header: image.page, era: image.era })
}

/// Keys of a few bytes that share 255 with the one before: 130 times what the plain page takes.
#[test]
fn a_leaf_of_nothing_but_shared_prefixes_does_not_take_all_memory() {
    const KEYS: u32 = 1 << 20;
    let mut cells = Vec::new();
    cell::write_key(&mut cells, 0, &[b'k'; 255]);
    for _ in 1..KEYS {
        cell::write_key(&mut cells, 255, b"");
    }
    with_body(&bomb(PageType::RowLeaf, &cells, KEYS), |body| {
        for rows in [delta::rows(body, &[]), delta::rows(body, &[*body])] {
            assert!(rows.broken[0].breaches.list.iter().any(|b| b.what.to_string().contains("content of more than")));
            assert!(rows.list.len() < KEYS as usize, "{}", rows.list.len());
        }
    });
}

#[test]
fn an_internal_page_of_empty_cells_does_not_take_all_memory() {
    const CHILDREN: u32 = 3 << 20;
    let mut cells = Vec::new();
    for _ in 0..CHILDREN {
        cell::write_key(&mut cells, 0, b"");
        cell::write_addr(&mut cells, CellKind::AddrLeaf, &Times::EMPTY, None, b"");
    }
    with_body(&bomb(PageType::RowInternal, &cells, 2 * CHILDREN), |body| {
        let children = delta::children(body, &[]);
        assert!(children.broken[0].breaches.list.iter().any(|b| b.what.to_string().contains("content of more than")));
        assert!(children.list.len() < CHILDREN as usize, "{}", children.list.len());
    });
}

/// Every two bytes of such a text make an entry of seventy.
#[test]
fn a_configuration_text_of_many_megabytes_is_refused() {
    let text = "a,".repeat(config::MAX_TEXT / 2 + 1);
    assert_eq!(Config::parse(&text).unwrap_err().class, Class::Invalid);
    assert_eq!(Config::parse(&text[..64]).unwrap().entries().len(), 32);
}

/// The YAML library needs time by the square of the depth: hours for the largest document.
#[test]
fn a_scenario_of_a_million_open_brackets_is_refused_at_once() {
    let started = Instant::now();
    for (text, line) in
        [("[".repeat(1 << 20), 1), ("a: ".to_string() + &"{a: ".repeat(1 << 18), 1), ("[\n".repeat(1 << 18), 513)]
    {
        let document = Document::new("deep", &text);
        let mistake = Scenario::parse(&document).unwrap_err();
        assert_eq!((mistake.line, mistake.reason.as_str()), (line, "brackets are nested deeper than 512"));
        assert!(simulate::read(&document).is_err());
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    // Brackets in prose are none.
    let prose = "about: from [1, 2)\n".repeat(2000);
    let mistake = Scenario::parse(&Document::new("prose", &prose)).unwrap_err();
    assert!(!mistake.reason.contains("nested"), "{mistake}");
}

/// The engine never writes a number as `e0`; it is shorter than the proper form of 8256 and means the same.
#[test]
fn a_number_shorter_than_its_proper_form_still_reads_back() {
    let cookie = Cookie::decode(&hex::decode("c100c05d80c329c0c0e0").unwrap()).unwrap();
    let written = cookie.encode();
    assert_eq!(Cookie::decode(&written), Ok(cookie));
    assert_eq!(cookie.checksum, 8256);
}

#[test]
fn a_plan_nested_so_deep_that_parsing_takes_hours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.yaml");
    std::fs::write(&plan, "[".repeat(400_000)).unwrap();
    let (code, _, complaint) = common::wtcheck(&["repair", "apply", common::path(&plan), "--output", "/nowhere/new"]);
    assert!(code == 2 || code == 3, "{code}");
    assert!(complaint.contains("nested too deeply at line 1 column 513"), "{complaint}");
}
