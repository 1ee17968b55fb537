use wtcheck::pickup::code::Code;
use wtcheck::pickup::policy::*;
use wtcheck::pickup::step::Step;

#[test]
fn reactions() {
    let retry = Retry::default();
    let decide = |policy: Policy, step, code, attempts| policy.decide(&Failure { step, code, attempts }, &retry);
    let key = |policy| decide(policy, Step::LoadKey, Code::EINVAL, 1);
    assert_eq!(Policy::ALL.map(key), [Reaction::Abort, Reaction::Skip, Reaction::StepDown]);
    let gone = |policy, attempts| decide(policy, Step::FetchTurtle, Code::EIO, attempts);
    assert_eq!(gone(Policy::Abort, 1), Reaction::Abort);
    assert_eq!(gone(Policy::Skip, 7), Reaction::Retry);
    assert_eq!(gone(Policy::Skip, 8), Reaction::Skip);
    assert_eq!(gone(Policy::StepDown, 8), Reaction::StepDown);
    assert_eq!(decide(Policy::Abort, Step::Merge, Code::EBUSY, 1), Reaction::Retry);
    // A page that came and is wrong does not get better.
    assert_eq!(decide(Policy::Skip, Step::Checksum, Code::EIO, 1), Reaction::Skip);
}

#[test]
fn back_off() {
    let retry = Retry::default();
    let waits: Vec<u64> = (1..=9).map(|n| retry.wait(n).0 / 1000).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    assert_eq!(retry.wait(u32::MAX).0, 10_000_000);
}
