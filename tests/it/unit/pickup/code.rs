use wtcheck::format::Class;
use wtcheck::pickup::code::*;

#[test]
fn names_and_numbers() {
    assert_eq!(Code::EINVAL.to_string(), "EINVAL(22)");
    assert_eq!(Code(-31803).to_string(), "WT_NOTFOUND(-31803)");
    assert_eq!(Code(7).to_string(), "7");
    assert_eq!(Code::from_name("EBUSY"), Some(Code::EBUSY));
    assert_eq!(Code::from(Class::Unsupported), Code::ENOTSUP);
}
