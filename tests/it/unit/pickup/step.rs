use wtcheck::pickup::step::*;

#[test]
fn each_step_has_its_own_row() {
    assert!(Step::all().enumerate().all(|(row, step)| step as usize == row));
    assert_eq!(Step::Order.next(), Some(Step::FetchTurtle));
    assert_eq!(Step::Finalize.next(), None);
}
