//! With mimalloc as the allocator, as all libraries are measured.

use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    mls_rs_peer::main()
}
