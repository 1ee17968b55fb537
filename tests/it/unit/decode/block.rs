use wtcheck::decode::block::*;
use wtcheck::decode::bytes::Show;
use wtcheck::decode::view::View;

#[test]
fn june_2025_deltas() {
    let mut header = vec![0; 8];
    let cells: &[u8] = b"\x02\x90\x81\x82kvv\x40\x81m";
    header.extend((36 + cells.len() as u32).to_le_bytes());
    // The header counts entries: one a key, in ascending order.
    header.extend([2, 0, 0, 0, 0, 7, 0, 0]);
    header.extend([0xdd, 1, 1, 36]);
    header.extend([0; 8]);
    header.extend([5, 1, 0, 0]);
    header.extend(cells);
    let sum = wtcheck::format::crc::crc32c_zeroed(&header, 24);
    header[24..28].copy_from_slice(&sum.to_le_bytes());
    let shown = block(&header, &View { show: Show::Bson, ..View::default() });
    assert_eq!(shown.problems, []);
    assert_eq!((shown.form, shown.era, shown.cells_total), (Some("delta"), Some("2025-06"), 3));
    let actions: Vec<_> = shown.cells.iter().map(|c| c.change.map(|c| c.action)).collect();
    assert_eq!(actions, [Some("update"), None, Some("delete")]);
    assert_eq!(shown.cells[1].times.unwrap().to_string(), "start 16");
    assert_eq!(shown.cells[2].data.as_deref(), Some("\"m\""));
}
