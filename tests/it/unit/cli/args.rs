use wtcheck::cli::args::Glob;

#[test]
fn globs_are_of_names_not_of_paths() {
    let cases = [
        ("accounts00", "accounts00", true),
        ("accounts", "accounts00", false),
        ("acc*", "accounts00", true),
        ("*.wt", "file:db/collection-0.wt", true),
        ("file:*.wt", "file:db/collection-0.wt", true),
        ("file:db/*", "file:db/collection-0.wt", true),
        ("collection-?--7", "collection-2--7", true),
        ("collection-?--7", "collection-22--7", false),
        ("ledger0[12]", "ledger01", true),
        ("ledger0[!1]", "ledger01", false),
        ("{accounts00,ledger01}", "ledger01", true),
        ("{accounts,ledger}0*", "ledger01", true),
        ("{accounts00,ledger01}", "sessions", false),
        ("*", "", true),
        ("\\*", "*", true),
        ("\\*", "a", false),
        // No patterns, and no panic.
        ("[", "[", false),
        ("{a", "a", false),
        ("a\\", "a", false),
    ];
    for (pattern, name, matches) in cases {
        assert_eq!(Glob::from(pattern).is_match(name), matches, "{pattern} {name}");
    }
}
