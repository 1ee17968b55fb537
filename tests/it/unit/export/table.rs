use wtcheck::export::table::*;

#[test]
fn every_row_has_a_value_for_each_column() {
    let page = KeyPage {
        generation: "2026-07".into(),
        page_id: 1,
        lsn: u64::MAX,
        version: None,
        bytes: 7,
        payload_bytes: Some(0),
        timestamp: None,
        checksum: Some("beef".into()),
        valid: true,
    };
    struct Seen(Vec<(Kind, bool)>);
    impl Seen {
        fn put(&mut self, column: usize, kind: Kind, there: bool) {
            assert_eq!(column, self.0.len());
            self.0.push((kind, there));
        }
    }
    impl Put for Seen {
        fn number(&mut self, column: usize, value: Option<u64>) {
            self.put(column, Kind::Number, value.is_some());
        }
        fn flag(&mut self, column: usize, value: Option<bool>) {
            self.put(column, Kind::Flag, value.is_some());
        }
        fn text(&mut self, column: usize, value: Option<&Text>) {
            self.put(column, Kind::Text, value.is_some());
        }
    }
    let mut seen = Seen(Vec::new());
    page.values(&mut seen);
    assert_eq!(seen.0.len(), KeyPage::COLUMNS.len());
    for ((kind, there), column) in seen.0.iter().zip(KeyPage::COLUMNS) {
        assert!(*kind == column.kind && (*there || column.optional), "{}", column.name);
        assert!(column.about.ends_with('.'), "{}", column.name);
    }
    let names: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["versions", "edges", "roots", "keystore", "completions"]);
}
