//! Run it with: cargo run --example quickstart -- [FILE]...
//!
//! Creates a temporary directory, fills it, lists it, has a child process work in it, and closes it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use async_tempdir::AsyncTempDir;
use tokio::process::Command;

const HELP: &str = "\
Creates a temporary directory, copies files into it, has a child process count their lines, and
removes the directory.

Usage: cargo run --example quickstart -- [FILE]...

  FILE  A file to copy (default: the source files of this crate).
";

#[tokio::main]
async fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let is_option = |arg: &&PathBuf| arg.as_os_str().as_encoded_bytes().starts_with(b"-");
    let done = match files.iter().find(is_option) {
        None => run(files).await,
        Some(arg) if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            Ok(())
        }
        Some(arg) => {
            eprintln!("error: unknown option {}; see --help", arg.display());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(mut sources: Vec<PathBuf>) -> io::Result<()> {
    if sources.is_empty() {
        sources = own_sources().await?;
    }

    // Creates a directory that only this user can enter, under a name that cannot be guessed.
    let dir = AsyncTempDir::with_prefix("quickstart-").await?;
    println!("path:      {}", dir.path().display());
    println!("file name: {}", dir.file_name().display());

    // A file, a sub-directory, and files from elsewhere. Paths are relative to the directory, or begin with its own.
    dir.write("hello.txt", "Hello from a temporary directory!\n")
        .await?;
    dir.create_dir("sources").await?;
    for source in &sources {
        copy(source, &dir).await.map_err(|error| {
            let message = format!("cannot copy {}: {error}", source.display());
            io::Error::new(error.kind(), message)
        })?;
    }
    println!("copied:    {} files", sources.len());

    // A child process works in it like in any other directory.
    let report = count_lines(&dir).await?;
    dir.write("report.txt", report).await?;
    println!(
        "report:    {}",
        dir.read_to_string("report.txt").await?.trim()
    );

    println!("inside:");
    for path in dir.list().await? {
        println!("  {}", path.display());
    }

    // A path cannot lead out of the directory.
    let refused = dir.write("../elsewhere.txt", "").await.unwrap_err();
    println!("refused:   {refused}");

    // A second directory, which exists while one closure runs.
    let scoped = AsyncTempDir::scope(async |inner| {
        inner.write("draft", "gone in a moment").await?;
        println!("scoped:    {}", inner.path().display());
        Ok::<_, io::Error>(inner.path().to_path_buf())
    })
    .await?;

    // Dropping `dir` removes it in the background; closing it also reports errors.
    let path = dir.path().to_path_buf();
    let removed = dir.close().await?;
    println!(
        "removed:   {} files, {} directories",
        removed.files, removed.dirs
    );

    for path in [path, scoped] {
        let exists = tokio::fs::try_exists(&path).await?;
        println!(
            "{} {}",
            path.display(),
            if exists { "is still there" } else { "is gone" }
        );
        assert!(!exists, "a closed directory is gone");
    }
    Ok(())
}

/// Copies the file `source` into the directory `sources`.
async fn copy(source: &Path, dir: &AsyncTempDir) -> io::Result<()> {
    let name = source.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut from = tokio::fs::File::open(source).await?;
    let mut to = dir.create(Path::new("sources").join(name)).await?;
    tokio::io::copy(&mut from, &mut to).await?;
    to.sync_all().await
}

/// Has a child process count the lines of the copied files.
async fn count_lines(dir: &AsyncTempDir) -> io::Result<Vec<u8>> {
    let mut command = if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", r#"type sources\* 2>nul | find /c /v """#]);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", "cat sources/* | wc -l"]);
        command
    };
    let output = command.current_dir(dir).output().await?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(io::Error::other(format!(
            "the child failed: {}",
            output.status
        )))
    }
}

/// The `.rs` files of this crate's `src`.
async fn own_sources() -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut entries = tokio::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).await?;
    while let Some(entry) = entries.next_entry().await? {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
