//! Run it twice with: cargo run --example crash_recovery
//!
//! The first run kills itself at work, which no handler can prevent. The second run removes what the
//! first has left, as a restarted server does.

use std::io;
use std::process::ExitCode;

use async_tempdir::TempRoot;

const HELP: &str = "\
Shows how a restarted process removes what a killed one has left.

Usage: cargo run --example crash_recovery

Run it twice: the first run kills itself with a directory in use, the second run removes that.
It takes no arguments.
";

#[tokio::main]
async fn main() -> ExitCode {
    let done = match std::env::args_os().nth(1) {
        None => run().await,
        Some(arg) if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            Ok(())
        }
        Some(arg) => {
            eprintln!("error: unexpected argument {}; see --help", arg.display());
            return ExitCode::from(2);
        }
    };
    if let Err(error) = done {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> io::Result<()> {
    // The one line at start-up. It does not wait until leftovers are removed.
    let root = TempRoot::open("async-tempdir-crash-recovery").await?;
    println!("working in {}", root.path().display());

    let upload = root.temp_dir().await?;
    upload.write("part-1", vec![0; 1 << 20]).await?;

    // A server would log this from a task of its own.
    let reclaimed = root.reclaimed().await;
    if let Some(reason) = reclaimed.skipped_reason() {
        println!("leftovers are not looked for here: {reason}");
        return Ok(());
    }
    for failure in reclaimed.failures() {
        println!("{failure}");
    }
    if reclaimed.roots() == 0 {
        println!("found no leftovers of a killed process");
        println!("this process now kills itself and leaves its files behind");
        println!("run me again: the next run removes them");
        die();
    }
    println!(
        "removed the leftovers of killed processes: {} files, {} directories",
        reclaimed.removed().files,
        reclaimed.removed().dirs
    );
    drop(upload);
    root.close().await?;
    println!("removed its own root, too: nothing is left");
    Ok(())
}

/// Ends the process at once: no destructor runs.
fn die() -> ! {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::KILL);
    }
    std::process::abort()
}
