//! With the allocator of the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    mls_rs_peer::main()
}
