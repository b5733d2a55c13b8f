//! The machine and the build that a run is about.

use crate::output::Item;
use crate::text;

/// Where it ran.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    pub(super) version: &'static str,
    pub(super) optimised: bool,
    pub(super) system: String,
    pub(super) processor: Option<String>,
    pub(super) threads: usize,
}

impl Machine {
    pub(super) fn this() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            system: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
            processor: processor(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    pub(super) fn json(&self) -> Item {
        Item::object()
            .with("system", self.system.as_str())
            .with("processor", self.processor.as_deref())
            .with("threads", self.threads)
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let processor = self.processor.as_deref().unwrap_or("unknown processor");
        format!("{processor}, {}, {}", text::count(self.threads, "thread"), self.system)
    }
}

/// The processor's name, where the system tells it to everybody.
fn processor() -> Option<String> {
    let file = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = file.lines().find(|line| line.starts_with("model name"))?;
    let name = line.split_once(':')?.1.split_whitespace().collect::<Vec<_>>().join(" ");
    (!name.is_empty() && !name.chars().any(char::is_control)).then_some(name)
}
