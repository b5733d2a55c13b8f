//! The suite of `pleach-testkit`.

#[test]
fn suite() {
    pleach_testkit::crypto_suite::run("rustcrypto", &pleach_rustcrypto::provider());
}
