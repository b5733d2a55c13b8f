//! Placeholder until the facade compiles.
use crate::{Fault, VectorFile};
/// a
pub static WELCOME: VectorFile = VectorFile { name: "passive-client-welcome.json", official_cases: 56, has_suites: true, check: |_, _| Err(Fault::new("case", "not yet")) };
/// b
pub static HANDLING_COMMIT: VectorFile = VectorFile { name: "passive-client-handling-commit.json", official_cases: 91, has_suites: true, check: |_, _| Err(Fault::new("case", "not yet")) };
/// c
pub static RANDOM: VectorFile = VectorFile { name: "passive-client-random.json", official_cases: 1, has_suites: true, check: |_, _| Err(Fault::new("case", "not yet")) };
