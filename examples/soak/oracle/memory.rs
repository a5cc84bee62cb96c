//! How much memory is resident, from round to round.

use std::fs;

use super::of_proc;
use crate::record::Record;

/// How much more memory may be resident in the last third of the rounds than in the first. With one
/// arena of glibc's it was 2.8 MiB at most where nothing was lost, and mostly less than one; where
/// 100 bytes were lost with every directory, 5.6 after 20 seconds in memory.
const MAX_GROWTH_KIB: u64 = 5 << 10;

/// In the first rounds, the most that is in use at a time is still to come.
const WARM_UP: usize = 5;

/// Fewer rounds after that say nothing about growth.
const MIN_ROUNDS: usize = 12;

/// In KiB, after each round.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<u64>);

impl Memory {
    pub(super) fn note(&mut self) {
        self.0.extend(resident_kib());
    }

    /// Compares the last third of the rounds with the first, after the warm-up.
    pub(super) fn check(&self, record: &Record) -> String {
        let warm = self.0.get(WARM_UP..).unwrap_or_default();
        let rounds = warm.len();
        if rounds < MIN_ROUNDS {
            return format!("resident memory: {:?} KiB, not judged", self.0);
        }
        let median = |rounds: &[u64]| {
            let mut rounds = rounds.to_vec();
            rounds.sort_unstable();
            rounds[rounds.len() / 2]
        };
        let first = median(&warm[..rounds / 3]);
        let last = median(&warm[rounds - rounds / 3..]);
        if last > first + MAX_GROWTH_KIB {
            record.violation(format!("resident memory grows: {:?} KiB", self.0));
        }
        format!("resident memory: {first} KiB in the first third of the rounds, {last} in the last")
    }
}

pub(super) fn resident_kib() -> Option<u64> {
    let status = of_proc("/proc/self/status", |path| fs::read_to_string(path))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
