use wtcheck::model::account::*;

#[test]
fn a_failure_leaves_a_deferred_total_alone() {
    for (rule, after_failure, after_success) in [(Rule::AtPut, 130, 150), (Rule::Deferred, 100, 120)] {
        let mut account = Account::new(rule);
        account.wrote(100);
        account.wrap_up();
        account.wrote(30);
        account.give_up();
        assert_eq!(account.total(), after_failure);
        account.wrote(120);
        account.freed(100);
        account.wrap_up();
        assert_eq!(account.total(), after_success);
        account.root(0, 7);
        account.root(7, 0);
        assert_eq!(account.total(), after_success);
        assert_eq!(account.still_owed(9), if rule == Rule::AtPut { 0 } else { 9 });
    }
}
