//! How much memory is resident, from round to round.

use std::fs;

use crate::record::Record;

/// How much more memory may be resident in the last third of the rounds than in the first. What is
/// lost of a few hundred thousand directories is more than that; what an allocator does with the
/// arenas of so many threads is less.
const MAX_GROWTH_KIB: u64 = 24 << 10;

/// Fewer rounds say nothing about growth: the first ones are a warm-up.
const MIN_ROUNDS: usize = 12;

/// In KiB, after each round.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<u64>);

impl Memory {
    pub(super) fn note(&mut self) {
        self.0.extend(resident_kib());
    }

    /// Compares the last third of the rounds with the first.
    pub(super) fn check(&self, record: &Record) -> String {
        let rounds = self.0.len();
        if rounds < MIN_ROUNDS {
            return format!("resident memory: {:?} KiB, not judged", self.0);
        }
        let median = |rounds: &[u64]| {
            let mut rounds = rounds.to_vec();
            rounds.sort_unstable();
            rounds[rounds.len() / 2]
        };
        let first = median(&self.0[..rounds / 3]);
        let last = median(&self.0[rounds - rounds / 3..]);
        if last > first + MAX_GROWTH_KIB {
            record.violation(format!("resident memory grows: {:?} KiB", self.0));
        }
        format!("resident memory: {first} KiB in the first third of the rounds, {last} in the last")
    }
}

pub(super) fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
