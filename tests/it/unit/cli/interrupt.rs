use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use wtcheck::cli::interrupt::*;

#[test]
fn what_is_ignored_is_read_from_the_status() {
    let status = "Name:\twtcheck\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
    assert!(ignored_in(status, SIGHUP));
    assert!(!ignored_in(status, SIGINT) && !ignored_in(status, SIGTERM));
    assert!(ignored_in(status, 13));
    assert!(!ignored_in("", SIGHUP) && !ignored_in("SigIgn:\tx", SIGHUP));
}
