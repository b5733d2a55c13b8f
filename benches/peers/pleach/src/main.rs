//! With mimalloc as the allocator, as all libraries are measured.

use mimalloc::MiMalloc;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    pleach_peer::main()
}
