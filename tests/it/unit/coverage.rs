use std::io;
use wtcheck::coverage::*;

#[test]
fn nothing_audited_is_never_clean() {
    let mut ledger = Coverage::default();
    assert!(!ledger.allows_clean());
    ledger.not_ours("WiredTiger.lock", NotOurs::Lock);
    assert!(!ledger.allows_clean());
    ledger.enter("a.wt");
    ledger.audited("a.wt");
    assert!(ledger.allows_clean());
    // Entered and never heard of again.
    ledger.enter("b.wt");
    assert!(!ledger.allows_clean());
    ledger.audited("b.wt");
    // Verified by its checksums.
    ledger.not_checked("b.wt", Unchecked::Encrypted);
    assert!(ledger.allows_clean());
    // Also where there is nothing else.
    let mut sealed = Coverage::default();
    sealed.not_checked("b.wt", Unchecked::Encrypted);
    assert!(sealed.allows_clean());
    ledger.not_checked("b.wt", Unchecked::io(&io::Error::from_raw_os_error(13)));
    ledger.audited("b.wt");
    assert!(!ledger.allows_clean());
    let json = serde_json::to_value(&ledger).unwrap();
    assert_eq!(json["audited"], 1);
    assert_eq!((&json["not_checked"][0]["path"], &json["not_checked"][0]["errno"]), (&"b.wt".into(), &13.into()));
}
