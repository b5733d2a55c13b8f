//! Every backend passes the suite of crypto backends.

use pleach_testkit::crypto_suite;

#[test]
fn rustcrypto() {
    crypto_suite::run("rustcrypto", &pleach_rustcrypto::provider());
}
