//! What was measured, as it is kept.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::machine::Machine;
use crate::measure::{Effort, Row};

const FILE: &str = "results.json";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) effort: Effort,
    /// How long it took, in seconds.
    pub(crate) seconds: u64,
    /// The filesystems' names: that in memory, and that on the disk.
    pub(crate) places: [String; 2],
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

impl Results {
    pub(crate) fn load(folder: &Path) -> Outcome<Self> {
        let file = File::open(folder.join(FILE))?;
        Ok(serde_json::from_reader(BufReader::new(file))?)
    }

    pub(crate) fn save(&self, folder: &Path) -> Outcome<()> {
        let file = File::create(folder.join(FILE))?;
        serde_json::to_writer(BufWriter::new(file), self)?;
        Ok(())
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.parts.iter().flat_map(|part| &part.rows)
    }
}
