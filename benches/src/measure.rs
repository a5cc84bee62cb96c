//! Candidates measured in turns.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Effort {
    Full,
    Quick,
}

impl Effort {
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "full" => Ok(Self::Full),
            "quick" => Ok(Self::Quick),
            _ => Err(format!("{word} is neither full nor quick")),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Quick => "quick",
        }
    }

    /// The one or the other.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// What a candidate is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Ours,
    /// Ours, otherwise.
    Variant,
    /// To be ahead of.
    Peer,
    /// What cannot be had for less.
    Floor,
}

/// One measurement, of each metric: less is better. An error ends the candidate.
type Run<'a> = Box<dyn FnMut(PathBuf) -> Result<Vec<f64>, String> + 'a>;

/// One way to do a thing.
pub(crate) struct Candidate<'a> {
    name: &'static str,
    kind: Kind,
    /// Makes what `run` is given. In each round, all are made before any is used.
    prepare: Box<dyn FnMut() -> PathBuf + 'a>,
    run: Run<'a>,
}

impl<'a> Candidate<'a> {
    fn new(
        name: &'static str,
        kind: Kind,
        mut run: impl FnMut() -> Result<f64, String> + 'a,
    ) -> Self {
        Self {
            name,
            kind,
            prepare: Box::new(PathBuf::new),
            run: Box::new(move |_| Ok(vec![run()?])),
        }
    }

    pub(crate) fn ours(run: impl FnMut() -> Result<f64, String> + 'a) -> Self {
        Self::new(OURS, Kind::Ours, run)
    }

    pub(crate) fn peer(name: &'static str, run: impl FnMut() -> Result<f64, String> + 'a) -> Self {
        Self::new(name, Kind::Peer, run)
    }

    pub(crate) fn floor(name: &'static str, run: impl FnMut() -> Result<f64, String> + 'a) -> Self {
        Self::new(name, Kind::Floor, run)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// One that has something prepared, and measures several things at once.
    pub(crate) fn prepared(
        name: &'static str,
        kind: Kind,
        prepare: impl FnMut() -> PathBuf + 'a,
        run: impl FnMut(PathBuf) -> Result<Vec<f64>, String> + 'a,
    ) -> Self {
        Self {
            name,
            kind,
            prepare: Box::new(prepare),
            run: Box::new(run),
        }
    }
}

pub(crate) const OURS: &str = "async-tempdir";

/// What came of a candidate.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// In the order of the rounds.
    pub(crate) samples: Vec<f64>,
    pub(crate) error: Option<String>,
}

/// A thing that was done in several ways.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What charts and notes know it by.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) unit: String,
    /// Where the directories lay; filled in by who knows.
    #[serde(default)]
    pub(crate) place: String,
    pub(crate) entries: Vec<Entry>,
}

/// How many rounds.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    /// Also if time is up.
    least: usize,
    most: usize,
    time: Duration,
    /// Before those that count.
    warm_up: usize,
}

impl Rounds {
    pub(crate) fn new(least: usize, most: usize, seconds: f64) -> Self {
        Self {
            least,
            most,
            time: Duration::from_secs_f64(seconds),
            warm_up: 1,
        }
    }

    /// For what takes so long that nothing has to be warm.
    pub(crate) fn cold(self) -> Self {
        Self { warm_up: 0, ..self }
    }
}

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
}

impl Metric {
    pub(crate) fn new(id: impl Into<String>, title: impl Into<String>, unit: &'static str) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            unit,
        }
    }
}

/// As [`compare_all`], of one metric.
pub(crate) fn compare(metric: Metric, rounds: Rounds, candidates: Vec<Candidate<'_>>) -> Row {
    let mut rows = compare_all(&[metric], rounds, candidates);
    rows.pop().expect("there is one metric")
}

/// Has the candidates take turns, each round in an order of its own. A row for each metric.
pub(crate) fn compare_all(
    metrics: &[Metric],
    rounds: Rounds,
    mut candidates: Vec<Candidate<'_>>,
) -> Vec<Row> {
    let count = candidates.len();
    let mut samples = vec![Vec::<Vec<f64>>::new(); count];
    let mut errors = vec![None; count];
    let mut begin = Instant::now();
    for round in 0..rounds.warm_up + rounds.most {
        if round == rounds.warm_up {
            begin = Instant::now();
        }
        if round >= rounds.warm_up + rounds.least && begin.elapsed() > rounds.time {
            break;
        }
        let mut turns: Vec<usize> = (0..count)
            .filter(|&which| errors[which].is_none())
            .collect();
        // Shuffled, and not rotated: who always came after the same one would always find the
        // caches as that leaves them.
        turns.sort_by_key(|&which| {
            BuildHasherDefault::<DefaultHasher>::default().hash_one((round, which))
        });
        let prepared: Vec<PathBuf> = turns
            .iter()
            .map(|&which| (candidates[which].prepare)())
            .collect();
        for (which, prepared) in turns.into_iter().zip(prepared) {
            match (candidates[which].run)(prepared) {
                Ok(sample) if round >= rounds.warm_up => samples[which].push(sample),
                Ok(_) => {}
                Err(error) => errors[which] = Some(error),
            }
        }
    }
    let row = |(at, metric): (usize, &Metric)| {
        let entries = candidates
            .iter()
            .enumerate()
            .map(|(which, candidate)| Entry {
                name: candidate.name.to_owned(),
                kind: candidate.kind,
                samples: samples[which].iter().map(|sample| sample[at]).collect(),
                error: errors[which].clone(),
            });
        Row {
            id: metric.id.clone(),
            title: metric.title.clone(),
            unit: metric.unit.to_owned(),
            place: String::new(),
            entries: entries.collect(),
        }
    };
    metrics.iter().enumerate().map(row).collect()
}

impl Entry {
    pub(crate) fn median(&self) -> Option<f64> {
        quantile(&self.samples, 0.5)
    }
}

impl Row {
    pub(crate) fn ours(&self) -> &Entry {
        &self.entries[0]
    }

    /// The round's ratios of another's time to ours.
    pub(crate) fn ratios(&self, entry: &Entry) -> Vec<f64> {
        let rounds = entry.samples.iter().zip(&self.ours().samples);
        rounds.map(|(theirs, ours)| theirs / ours).collect()
    }

    /// How many times our time another takes.
    pub(crate) fn ratio(&self, entry: &Entry) -> Option<f64> {
        quantile(&self.ratios(entry), 0.5)
    }
}

/// The value below which that part of them lies.
pub(crate) fn quantile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let at = part * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * at.fract())
}
