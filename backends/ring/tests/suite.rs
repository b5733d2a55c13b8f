//! What every backend must do.

#[test]
fn keeps_the_promises_of_a_backend() {
    pleach_testkit::crypto_suite::run("ring", &pleach_ring::provider());
}
