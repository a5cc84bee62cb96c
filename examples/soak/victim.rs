//! Processes that are killed at work, whose roots other processes remove.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, TempRoot};
use fastrand::Rng;

use crate::record::Outcome;
use crate::world::{APPS, World};

pub(crate) const ROWS: &[&str] = &[KILLED];

const KILLED: &str = "a process killed in its root";

/// The first argument of such a process.
pub(crate) const ROLE: &str = "--victim";

/// Starts processes and kills them until the round is over.
pub(crate) fn killer(world: &World, mut rng: Rng) {
    while !world.is_over() {
        let app = APPS[rng.usize(..APPS.len())];
        let step = world.record.begin("killer", KILLED, app);
        match kill_one(&world.places.roots, app, &mut rng) {
            Ok(()) => step.end(Outcome::Done),
            Err(what) => step.violation(what),
        }
        std::thread::sleep(Duration::from_millis(rng.u64(..50)));
    }
}

fn kill_one(roots: &Path, app: &str, rng: &mut Rng) -> Result<(), String> {
    let mut start = || -> io::Result<Child> {
        Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .arg(roots)
            .arg(app)
            .arg(rng.u64(..).to_string())
            // It ends when this is closed, in case its killer is gone.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = start().map_err(|error| format!("it cannot be started: {error}"))?;
    let mut steps = child.stdout.take().expect("a pipe");
    // At some step, and somewhere after it.
    let mut seen = vec![0; rng.usize(..60)];
    let alive = steps.read_exact(&mut seen).is_ok();
    std::thread::sleep(Duration::from_micros(rng.u64(..2_000)));
    let killed = child.kill();
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    if alive && killed.is_ok() && was_killed(output.status) {
        Ok(())
    } else {
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(format!(
            "it has lost something: {}\n{stderr}",
            output.status
        ))
    }
}

#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    const SIGKILL: i32 = 9;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGKILL)
}

#[cfg(not(unix))]
fn was_killed(status: ExitStatus) -> bool {
    // What std has it end with, on Windows. A panic ends with 101.
    status.code() == Some(1)
}

/// What such a process does until it is killed: it fills roots, and looks after what it has.
pub(crate) fn run(roots: &Path, app: &str, seed: u64) -> io::Result<()> {
    std::thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let mut rng = Rng::with_seed(seed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        loop {
            one_root(roots, app, &mut rng).await?;
        }
    })
}

async fn one_root(roots: &Path, app: &str, rng: &mut Rng) -> io::Result<()> {
    step()?;
    let root = match rng.bool() {
        true => TempRoot::open_in(app, roots).await?,
        false => {
            let builder = TempRoot::builder(app).parent(roots);
            builder.retain(rng.usize(..3)).open().await?
        }
    };
    step()?;
    let mut dirs: Vec<(Arc<AsyncTempDir>, String)> = Vec::new();
    for n in 0..rng.u32(1..8) {
        let dir = Arc::new(root.temp_dir().await?);
        step()?;
        let files = rng.u32(1..300);
        let fill = dir.populate((0..files).map(|n| (format!("{}/{n}", n % 9), "x")));
        if rng.bool() {
            let _ = tokio::time::timeout(Duration::from_micros(rng.u64(..3_000)), fill).await;
        } else {
            fill.await?;
        }
        let text = n.to_string();
        dir.write("a/own", text.clone()).await?;
        step()?;
        dirs.push((dir, text));
        for (dir, text) in &dirs {
            assert_eq!(dir.read_to_string("a/own").await?, *text);
        }
        if rng.u8(..3) == 0 {
            let (dir, _) = dirs.swap_remove(0);
            if rng.bool()
                && let Some(dir) = Arc::into_inner(dir)
            {
                dir.keep();
            }
        }
    }
    if rng.bool() {
        let reclaimed = root.reclaimed().await;
        assert!(reclaimed.failures().is_empty(), "{reclaimed:?}");
        step()?;
    }
    if rng.bool() {
        drop(dirs);
        step()?;
    }
    root.close().await?;
    Ok(())
}

/// Says how far it is: at some such moment it is killed.
fn step() -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(b".")?;
    stdout.flush()
}
