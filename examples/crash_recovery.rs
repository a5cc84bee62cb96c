//! Run it twice with: cargo run --example crash_recovery
//!
//! The first run is killed in the midst of its work, which no handler can prevent. The second one
//! takes back what that left, as a server does that is restarted.

use async_tempdir::TempRoot;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    // The one line at start-up. It does not wait for what it finds.
    let root = TempRoot::open("async-tempdir-crash-recovery").await?;
    println!("working in {}", root.path().display());

    let upload = root.temp_dir().await?;
    upload.write("part-1", vec![0; 1 << 20]).await?;

    // A server would log this from a task of its own.
    let reclaimed = root.reclaimed().await;
    if let Some(reason) = reclaimed.skipped_reason() {
        println!("dead processes are not looked for: {reason}");
        return Ok(());
    }
    for failure in reclaimed.failures() {
        println!("{failure}");
    }
    if reclaimed.roots() == 0 {
        println!(
            "nothing had been left; now killed with {} in use",
            upload.path().display()
        );
        die();
    }
    println!(
        "took back what killed processes had left: {} of them, {} files, {} directories",
        reclaimed.roots(),
        reclaimed.removed().files,
        reclaimed.removed().dirs
    );
    drop(upload);
    root.close().await?;
    println!("and left nothing");
    Ok(())
}

/// No destructor runs.
fn die() -> ! {
    #[cfg(unix)]
    {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::KILL);
    }
    std::process::abort()
}
