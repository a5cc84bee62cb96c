//! Run it with: cargo run --example graceful_shutdown
//!
//! Press Ctrl-C while it works, send it a SIGTERM, or let it finish: its temporary directories are
//! gone before the process is. With `-- exit` it ends by `std::process::exit`, which runs no
//! destructor, and they are gone all the same.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, cleanup};
use tokio::signal::ctrl_c;
use tokio::task::JoinSet;

const HELP: &str = "\
Works in eight temporary directories for five seconds and removes them, also when stopped.

Usage: cargo run --example graceful_shutdown -- [return|exit]

  return  End by returning from main (the default).
  exit    End by std::process::exit. A second Ctrl-C then ends at once and leaves directories.

Exit code: 0 when the work is done, 130 after Ctrl-C, 143 after SIGTERM.
";

/// What a shell reports of a process that Ctrl-C has ended, or SIGTERM.
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    match &args[..] {
        [arg, ..] if arg == "-h" || arg == "--help" => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        [] => run(false).await,
        [word] if word == "return" || word == "exit" => run(word == "exit").await,
        [.., arg] => {
            eprintln!("error: unexpected argument {}; see --help", arg.display());
            ExitCode::from(2)
        }
    }
}

pub(crate) async fn run(by_exit: bool) -> ExitCode {
    let mut tasks = JoinSet::new();
    let code = tokio::select! {
        // First, so that it listens for signals before there is anything to leave behind.
        biased;
        code = asked_to_stop() => code,
        ended = work(&mut tasks) => match ended {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("error: {error}");
                1
            }
        },
    };
    if by_exit {
        exit(tasks, code).await
    }
    // Returning is enough: the runtime drops the tasks and with them their handles, and does not end
    // before the directories are removed.
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
        // Waits until every task is dropped, and with it its handle: `idle` waits for the removal
        // of directories whose handles are dropped.
        tasks.shutdown().await;
        cleanup::idle().await;
    };
    tokio::select! {
        () = clean => {}
        // A second signal ends the wait.
        _ = asked_to_stop() => eprintln!("left behind: {} directories", cleanup::pending()),
    }
    std::process::exit(code.into())
}

async fn work(tasks: &mut JoinSet<io::Result<()>>) -> io::Result<()> {
    println!(
        "press Ctrl-C within five seconds: it then stops its tasks and removes all directories"
    );
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
