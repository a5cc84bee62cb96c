//! What was done and how it ended: counted for the table, logged for the report, and what broke a
//! promise.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Done,
    /// By the error that was asked for.
    Refused,
    /// Its future was dropped.
    Cancelled,
    /// By an error, for its runtime was shutting down.
    ShutDown,
    /// By a panic that was provoked.
    Panicked,
}

const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Done, "done"),
    (Outcome::Refused, "refused"),
    (Outcome::Cancelled, "cancelled"),
    (Outcome::ShutDown, "shut down"),
    (Outcome::Panicked, "panicked"),
];

/// How many lines of a round are kept: more than a round has, unless something goes round in
/// circles.
const MAX_LINES: usize = 400_000;
/// How many of its last lines a report shows, and how many of those about the paths in question.
const SHOWN: usize = 100;

#[derive(Debug)]
pub(crate) struct Record {
    counts: Mutex<BTreeMap<&'static str, [u64; OUTCOMES.len()]>>,
    round: Mutex<Round>,
    violations: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Round {
    begin: Instant,
    log: Vec<String>,
    next: u64,
    running: BTreeMap<u64, String>,
}

/// An operation under way. Dropped without [`end`](Self::end), it was cancelled, or a panic has
/// ended it.
#[must_use = "dropped, it counts as cancelled"]
pub(crate) struct Step {
    record: Arc<Record>,
    name: &'static str,
    number: u64,
    ended: bool,
}

impl Record {
    /// A record in which nothing was done. `names` are the rows of the table.
    pub(crate) fn new(names: &[&'static str]) -> Arc<Self> {
        let counts = names.iter().map(|name| (*name, [0; OUTCOMES.len()]));
        Arc::new(Self {
            counts: Mutex::new(counts.collect()),
            round: Mutex::new(Round {
                begin: Instant::now(),
                log: Vec::new(),
                next: 0,
                running: BTreeMap::new(),
            }),
            violations: Mutex::default(),
        })
    }

    /// The log is that of one round.
    pub(crate) fn begin_round(&self) {
        let mut round = lock(&self.round);
        round.begin = Instant::now();
        round.log.clear();
    }

    /// Begins the operation `name` of `who`.
    pub(crate) fn begin(
        self: &Arc<Self>,
        who: &str,
        name: &'static str,
        what: impl std::fmt::Display,
    ) -> Step {
        let mut round = lock(&self.round);
        let number = round.next;
        round.next += 1;
        let line = format!("{who} #{number} {name} {what}");
        round.say(&line);
        round.running.insert(number, line);
        Step {
            record: Arc::clone(self),
            name,
            number,
            ended: false,
        }
    }

    pub(crate) fn say(&self, line: &str) {
        lock(&self.round).say(line);
    }

    /// A promise was broken.
    pub(crate) fn violation(&self, what: impl Into<String>) {
        let what = what.into();
        self.say(&format!("VIOLATION: {what}"));
        lock(&self.violations).push(what);
    }

    pub(crate) fn is_clean(&self) -> bool {
        lock(&self.violations).is_empty()
    }

    /// What is wrong, what is under way, and the end of the round's log, which goes to the file
    /// `log` as a whole.
    pub(crate) fn report(&self, log: &Path) -> String {
        let violations = lock(&self.violations).clone();
        let round = lock(&self.round);
        let mut report = String::new();
        let title = |report: &mut String, title: &str| writeln!(report, "--- {title}").unwrap();
        for violation in &violations {
            writeln!(report, "VIOLATION: {violation}").unwrap();
        }
        if !round.running.is_empty() {
            title(&mut report, "under way");
            for line in round.running.values() {
                writeln!(report, "{line}").unwrap();
            }
        }
        // The names of directories that the violations mention.
        let names: Vec<&str> = violations
            .iter()
            .flat_map(|violation| violation.split(|c: char| !c.is_alphanumeric() && c != '-'))
            .filter(|word| word.len() > "tmp".len())
            .filter(|word| {
                ["tmp", "soak-a-", "soak-b-", "published-"]
                    .iter()
                    .any(|kind| word.starts_with(kind))
            })
            .collect();
        let about: Vec<&String> = round
            .log
            .iter()
            .filter(|line| names.iter().any(|name| line.contains(name)))
            .collect();
        if !about.is_empty() {
            title(&mut report, "of the same paths");
            for line in about.iter().rev().take(SHOWN).rev() {
                writeln!(report, "{line}").unwrap();
            }
        }
        title(&mut report, "the end of the log");
        for line in round.log.iter().rev().take(SHOWN).rev() {
            writeln!(report, "{line}").unwrap();
        }
        match std::fs::write(log, round.log.join("\n")) {
            Ok(()) => writeln!(report, "--- the whole log: {}", log.display()).unwrap(),
            Err(error) => writeln!(report, "--- no whole log: {error}").unwrap(),
        }
        report
    }

    /// How many operations have ended.
    pub(crate) fn total(&self) -> u64 {
        lock(&self.counts).values().flatten().sum()
    }

    /// How often each operation ran, and how it ended.
    pub(crate) fn table(&self) -> String {
        let mut table = format!("{:<44}", "");
        for (_, title) in OUTCOMES {
            write!(table, "{title:>11}").unwrap();
        }
        for (name, counts) in &*lock(&self.counts) {
            write!(table, "\n{name:<44}").unwrap();
            for count in counts {
                write!(table, "{count:>11}").unwrap();
            }
        }
        table
    }

    /// The operations that never came to an end of their own: of one that was only cancelled, or
    /// refused by a runtime that was shutting down, it is not known that it does anything.
    pub(crate) fn idle(&self) -> Vec<&'static str> {
        const OWN: [Outcome; 3] = [Outcome::Done, Outcome::Refused, Outcome::Panicked];
        lock(&self.counts)
            .iter()
            .filter(|(_, counts)| OWN.iter().all(|outcome| counts[*outcome as usize] == 0))
            .map(|(name, _)| *name)
            .collect()
    }
}

impl Round {
    fn say(&mut self, line: &str) {
        if self.log.len() < MAX_LINES {
            let line = format!("{:9.6} {line}", self.begin.elapsed().as_secs_f64());
            self.log.push(line);
        }
    }
}

impl Step {
    pub(crate) fn end(mut self, outcome: Outcome) {
        self.finish(outcome);
    }

    /// It ended as it must not.
    pub(crate) fn violation(self, what: impl std::fmt::Display) {
        let line = lock(&self.record.round).running.get(&self.number).cloned();
        let line = line.unwrap_or_default();
        self.record.violation(format!("{line}: {what}"));
        self.end(Outcome::Refused);
    }

    fn finish(&mut self, outcome: Outcome) {
        self.ended = true;
        let mut counts = lock(&self.record.counts);
        match counts.get_mut(self.name) {
            Some(counts) => counts[outcome as usize] += 1,
            None => unreachable!("{:?} is no row of the table", self.name),
        }
        drop(counts);
        let mut round = lock(&self.record.round);
        round.running.remove(&self.number);
        round.say(&format!("#{} {outcome:?}", self.number));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(if std::thread::panicking() {
                Outcome::Panicked
            } else {
                Outcome::Cancelled
            });
        }
    }
}

/// Panics are provoked all over, and none of them leaves anything half-done in here.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
