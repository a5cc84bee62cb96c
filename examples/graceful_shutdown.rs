//! Run it with: cargo run --example graceful_shutdown
//!
//! Press Ctrl-C while it works, or send it a SIGTERM, or let it come to its end: its temporary
//! directories are gone before the process is. With `-- exit` it ends by `std::process::exit`, which runs no destructor, and
//! they are gone all the same.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, cleanup};
use tokio::signal::ctrl_c;
use tokio::task::JoinSet;

/// What a shell reports of a process that Ctrl-C has ended, or SIGTERM.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

#[tokio::main]
async fn main() -> ExitCode {
    let by_exit = std::env::args().nth(1).is_some_and(|word| word == "exit");
    run(by_exit).await
}

pub(crate) async fn run(by_exit: bool) -> ExitCode {
    let mut tasks = JoinSet::new();
    let code = tokio::select! {
        // First, so that signals are listened for before there is anything to leave behind.
        biased;
        code = asked_to_stop() => code,
        ended = work(&mut tasks) => match ended {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("{error}");
                1
            }
        },
    };
    if by_exit {
        exit(tasks, code).await
    }
    // To return is enough: the tasks end with the runtime, their handles are dropped with them, and
    // the directories are removed before the end of that.
    ExitCode::from(code)
}

/// Waits for Ctrl-C or, on Unix, SIGTERM, which service managers and containers send. Returns the
/// code to end with.
async fn asked_to_stop() -> u8 {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = std::future::pending::<Option<()>>();
    tokio::select! {
        _ = ctrl_c() => INTERRUPTED,
        _ = terminated => TERMINATED,
    }
}

/// Ends the process from within, without a leftover.
async fn exit(mut tasks: JoinSet<io::Result<()>>, code: u8) -> ! {
    let clean = async {
        // An aborted task has its handles until it has been dropped, which this waits for. Only
        // then are they among what `idle` knows of.
        tasks.shutdown().await;
        cleanup::idle().await;
    };
    tokio::select! {
        () = clean => {}
        // Who cannot wait says so again.
        _ = asked_to_stop() => eprintln!("left behind: {} directories", cleanup::pending()),
    }
    std::process::exit(code.into())
}

async fn work(tasks: &mut JoinSet<io::Result<()>>) -> io::Result<()> {
    for n in 0..8 {
        tasks.spawn(task(n));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    println!("done");
    Ok(())
}

async fn task(n: u32) -> io::Result<()> {
    let dir = AsyncTempDir::with_prefix("graceful-shutdown-").await?;
    let files = (0..1_000).map(|n| (format!("{}/{n}", n % 10), "x"));
    dir.populate(files).await?;
    println!("task {n} works in {}", dir.path().display());
    tokio::time::sleep(Duration::from_secs(5)).await;
    dir.close().await?;
    Ok(())
}
