//! Run it with: cargo run --example quickstart -- [FILE]...
//!
//! The life of a temporary directory: made, looked at, filled, worked in by a child process,
//! closed. The files it copies in are those named on the command line, or else this crate's own
//! sources.

use std::io;
use std::path::{Path, PathBuf};

use async_tempdir::AsyncTempDir;
use tokio::process::Command;

#[tokio::main]
async fn main() -> io::Result<()> {
    let sources = match std::env::args_os().skip(1).map(PathBuf::from).collect() {
        none if Vec::is_empty(&none) => own_sources().await?,
        named => named,
    };

    // A directory of our own, where nobody else can look, under a name that nobody can guess.
    let dir = AsyncTempDir::with_prefix("quickstart-").await?;
    println!("path:      {}", dir.path().display());
    println!("file name: {}", dir.file_name().display());

    // A file, a sub-directory, and files from elsewhere. Paths are relative to the directory.
    dir.write("hello.txt", "Hello from a temporary directory!\n")
        .await?;
    dir.create_dir("sources").await?;
    for source in &sources {
        let name = source.file_name().ok_or_else(|| {
            let message = format!("{} does not name a file", source.display());
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        let mut from = tokio::fs::File::open(source).await?;
        let mut to = dir.create(Path::new("sources").join(name)).await?;
        tokio::io::copy(&mut from, &mut to).await?;
        to.sync_all().await?;
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

    // What goes in cannot go anywhere else.
    let refused = dir.write("../elsewhere.txt", "").await.unwrap_err();
    println!("refused:   {refused}");

    // A second directory, for the length of one function.
    let scoped = AsyncTempDir::scope(async |inner| {
        inner.write("draft", "gone in a moment").await?;
        println!("scoped:    {}", inner.path().display());
        Ok::<_, io::Error>(inner.path().to_path_buf())
    })
    .await??;

    // Dropping `dir` would remove it in the background; closing it says how that went.
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

/// Has a child process count the lines of what was copied in.
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
