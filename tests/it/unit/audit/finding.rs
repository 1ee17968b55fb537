use wtcheck::audit::finding::*;

#[test]
fn names_are_unique_words_and_every_code_is_documented() {
    let mut names: Vec<_> = Code::ALL.iter().map(|c| c.name()).collect();
    for code in Code::ALL {
        let info = code.info();
        assert_eq!(Code::from_name(info.name), Some(*code));
        assert!(info.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", info.name);
        assert!(
            info.meaning.len() > 40 && !info.remedy.is_empty() && !info.title.ends_with('.'),
            "{}: {}",
            info.name,
            info.meaning.len()
        );
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}
