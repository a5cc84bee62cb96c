//! Run it with: cargo run --example workspace -- [PROJECT -- COMMAND [ARG]...]
//!
//! Copies a project into a temporary directory, has a child process change the copy, and puts that in
//! the place of the project if the child succeeds. Otherwise nothing has changed.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use async_tempdir::{AsyncTempDir, Builder};
use tokio::process::Command;

const HELP: &str = "\
Copies a project, has a command change the copy, and publishes it if the command succeeds.

Usage: cargo run --example workspace -- [PROJECT -- COMMAND [ARG]...]

  PROJECT  The directory to change. The copy takes its place in one step (on Linux and macOS).
  COMMAND  The program to run in the copy, with its arguments. If it fails, or Ctrl-C ends it, the
           copy is removed, and the project remains as it is.

Without arguments, the example changes a small project in a temporary directory (with `sh`).
";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let is_option = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    let work = async {
        match &args[..] {
            [] => demonstrate().await,
            [project, _, command @ ..] => change(project.as_ref(), command).await,
            [_] => unreachable!("this was checked"),
        }
    };
    match &args[..] {
        [arg, ..] if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        [] => {}
        [project, dashes, _, ..] if !is_option(project) && dashes == "--" => {}
        [arg, ..] if is_option(arg) => {
            eprintln!("error: unexpected argument {}; see --help", arg.display());
            return ExitCode::from(2);
        }
        _ => {
            eprintln!("error: `--` and a command must follow the project; see --help");
            return ExitCode::from(2);
        }
    }
    let done = tokio::select! {
        biased; // listens before there is anything to leave behind
        _ = tokio::signal::ctrl_c() => {
            // `work` is dropped here: that kills the child, and removes the copy.
            return ExitCode::from(130);
        }
        done = work => done,
    };
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn change(project: &Path, command: &[OsString]) -> io::Result<()> {
    // Not through a symlink: the directory itself is replaced.
    let project = tokio::fs::canonicalize(project).await.map_err(|error| {
        let message = format!("cannot find {}: {error}", project.display());
        io::Error::new(error.kind(), message)
    })?;
    let Some(parent) = project.parent() else {
        return Err(io::Error::other("the root directory is no project"));
    };
    // Beside the project, so that one rename publishes it.
    let workspace = Builder::new()
        .prefix(".workspace-")
        .parent(parent)
        .create()
        .await?;
    let copied = workspace.copy_from(&project).await?;
    println!(
        "copied {} files to {}",
        copied.files,
        workspace.path().display()
    );

    let (program, args) = command.split_first().expect("it was checked");
    let status = Command::new(program)
        .args(args)
        .current_dir(&workspace)
        .kill_on_drop(true)
        .status()
        .await
        .map_err(|error| {
            let message = format!("cannot run {}: {error}", program.display());
            io::Error::new(error.kind(), message)
        })?;
    if !status.success() {
        workspace.close().await?;
        let (project, program) = (project.display(), program.display());
        let message = format!("{program} failed ({status}); {project} is unchanged");
        return Err(io::Error::other(message));
    }

    // The copy has been private up to now.
    let permissions = tokio::fs::metadata(&project).await?.permissions();
    let old = workspace.replace(&project).permissions(permissions).await?;
    println!("published {}", project.display());
    if let Some(old) = old {
        old.close().await?;
    }
    Ok(())
}

/// Has one command succeed, and one fail midway.
async fn demonstrate() -> io::Result<()> {
    let outer = AsyncTempDir::with_prefix("workspace-").await?;
    let files = [
        ("project/src/main.rs", "fn main() {}\n"),
        ("project/README.md", "# Project\n"),
    ];
    outer.populate(files).await?;
    let project = outer.path().join("project");
    let version = async || outer.read_to_string("project/VERSION").await;
    let sh = |script: &str| ["sh", "-c", script].map(OsString::from);

    change(&project, &sh("echo 1 > VERSION; ls")).await?;
    println!("its version is {}", version().await?.trim());

    let failed = change(&project, &sh("echo 2 > VERSION; rm -r src; exit 3")).await;
    println!("{}", failed.expect_err("it exits with 3"));
    println!("its version is {}", version().await?.trim());

    println!("in the project:");
    for path in outer.list().await? {
        println!("  {}", path.display());
    }
    outer.close().await?;
    Ok(())
}
