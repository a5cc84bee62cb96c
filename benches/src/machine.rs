//! What was measured on, with what, and when.

use std::fs;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) rust: String,
    pub(crate) date: String,
    /// Of the candidates, name and version.
    pub(crate) versions: Vec<(String, String)>,
}

const CANDIDATES: [&str; 10] = [
    "async-tempdir",
    "tokio",
    "async-tempfile",
    "tempfile",
    "tmpdir",
    "cap-tempfile",
    "fuc_engine",
    "remove_dir_all",
    "fs_extra",
    "walkdir",
];

impl Machine {
    pub(crate) fn this() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let after = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            let value = line.and_then(|line| line.split_once(':'));
            value.map_or_else(
                || "unknown".to_owned(),
                |(_, value)| value.trim().to_owned(),
            )
        };
        let memory = after(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.split(' ').next().and_then(|kib| kib.parse().ok());
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: (kib.unwrap_or(0_u64) + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rust: rust(),
            date: time::OffsetDateTime::now_utc().date().to_string(),
            versions: CANDIDATES
                .map(|name| (name.to_owned(), locked(name)))
                .into(),
        }
    }
}

fn rust() -> String {
    let output = std::process::Command::new("rustc")
        .arg("--version")
        .output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&output);
    text.split(' ').nth(1).unwrap_or("unknown").to_owned()
}

/// The version that this was built with.
fn locked(name: &str) -> String {
    let lock = include_str!("../../Cargo.lock");
    let mut lines = lock.lines();
    let name = format!("name = \"{name}\"");
    lines.find(|line| *line == name);
    let version = lines.next().and_then(|line| line.split('"').nth(1));
    version.unwrap_or("unknown").to_owned()
}
