//! Everything measured side by side with the peers, in one run, written as a table and charts:
//!
//! ```sh
//! cargo run --release -p async-tempdir-benches            # half an hour at most
//! cargo run --release -p async-tempdir-benches -- quick   # four minutes
//! ```
//!
//! - `--only PART` measures one part (they are named when an unknown one is asked for);
//! - `--memory DIR` and `--disk DIR` say where directories lie: `/dev/shm` and the usual place for
//!   temporary files otherwise;
//! - `--results DIR` is where the results go: `target/comparison` otherwise;
//! - `--readme` also renews the block of BENCHMARKS.md that shows them;
//! - `render` makes table, charts and that block anew from the results that are there.
//!
//! The first then runs criterion's benchmarks (`benches/criterion.rs`), too.
//!
//! Candidates take turns within each round, and each round has an order of its own: what disturbs
//! the machine disturbs all of them. A ratio is the median of the rounds' ratios.

mod chart;
mod machine;
mod measure;
mod parts;
mod peers;
mod places;
mod readme;
mod report;
mod results;
mod trees;

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use measure::Effort;
use parts::Task;
use places::Places;
use results::Results;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Outcome<()> {
    // What this process asks another of its kind for.
    if let [flag, part, effort, place] = &arguments[..]
        && flag == "--part"
    {
        let task = Task {
            effort: Effort::parse(effort)?,
            on_disk: place == "disk",
        };
        let rows = parts::run(part, task)?;
        serde_json::to_writer(std::io::stdout(), &rows)?;
        return Ok(());
    }
    if let [flag, name, dir] = &arguments[..]
        && flag == "--remove"
    {
        return Ok(peers::remove_here(name, dir.as_ref())?);
    }
    let mut effort = Effort::Full;
    let mut render = false;
    let mut only = None;
    let mut readme = false;
    let mut places = Places::default();
    let mut folder = PathBuf::from("target/comparison");
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match &*argument {
            "quick" => effort = Effort::Quick,
            "render" => render = true,
            "--readme" => readme = true,
            "--only" => only = Some(value()?),
            "--memory" => places.memory = value()?.into(),
            "--disk" => places.disk = value()?.into(),
            "--results" => folder = value()?.into(),
            _ => return Err(format!("{argument} is not known").into()),
        }
    }
    std::fs::create_dir_all(&folder)?;
    let results = if render {
        Results::load(&folder)?
    } else {
        let results = parts::measure(effort, &places, only.as_deref())?;
        results.save(&folder)?;
        results
    };
    report::write(&results, &folder)?;
    chart::write(&results, &folder)?;
    if readme {
        readme::renew(&results, &folder)?;
    }
    println!("written to {}", folder.display());
    if !render && effort == Effort::Full && only.is_none() {
        criterion(&places)?;
    }
    Ok(())
}

/// Criterion's own part, with its plots.
fn criterion(places: &Places) -> Outcome<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["bench", "--quiet", "--package", env!("CARGO_PKG_NAME")])
        .env("TMPDIR", &places.memory)
        .status()?;
    if !status.success() {
        return Err(format!("cargo bench: {status}").into());
    }
    println!("written to target/criterion/report");
    Ok(())
}
