//! The demo.
use crate::args::DemoArgs;
use crate::exit::Failure;
use std::process::ExitCode;
pub(crate) fn play(_args: &DemoArgs, _json: bool) -> Result<std::io::Result<ExitCode>, Failure> {
    Ok(Ok(ExitCode::SUCCESS))
}
