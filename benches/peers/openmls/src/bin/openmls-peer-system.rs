//! With the allocator of the system.

use std::process::ExitCode;

fn main() -> ExitCode {
    openmls_peer::main()
}
