//! The ways to remove a tree, and what the parts share.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::measure::{Candidate, Kind, OURS};

pub(crate) fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A directory that is somebody else's to remove.
pub(crate) fn bare_dir() -> PathBuf {
    tempfile::tempdir().unwrap().keep()
}

/// How long it takes on `runtime`, which is not ours to be in.
pub(crate) fn timed<T>(runtime: &Runtime, work: impl Future<Output = T>) -> (f64, T) {
    let start = Instant::now();
    let done = runtime.block_on(work);
    (millis(start.elapsed()), done)
}

/// Forgets the peak of resident memory, and says how much is resident now, in KiB.
pub(crate) fn peak_from_now() -> u64 {
    // Where the system cannot, the peak is that of the process.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak()
}

pub(crate) fn peak() -> u64 {
    status("VmHWM:")
}

/// How many threads the process has.
pub(crate) fn threads() -> u64 {
    status("Threads:")
}

fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Everybody who removes a tree, in ms. Each has one that `make` has made.
pub(crate) fn removers<'a>(runtime: &'a Runtime, make: &'a dyn Fn(&Path)) -> Vec<Candidate<'a>> {
    type Remove<'a> = Box<dyn FnMut(PathBuf) -> Result<f64, String> + 'a>;
    let candidate = |name, kind, mut remove: Remove<'a>| {
        let prepare = || {
            let dir = bare_dir();
            make(&dir);
            dir
        };
        Candidate::prepared(name, kind, prepare, move |dir| {
            let time = remove(dir.clone())?;
            assert!(!dir.exists(), "{name} has left something");
            Ok(vec![time])
        })
    };
    vec![
        candidate(
            OURS,
            Kind::Ours,
            Box::new(|dir| {
                let (time, done) =
                    timed(runtime, async { async_tempdir::remove_dir_all(dir).await });
                done.map(|_| time).map_err(|error| error.to_string())
            }),
        ),
        candidate(
            "tokio::fs",
            Kind::Peer,
            Box::new(|dir| {
                let (time, done) = timed(runtime, tokio::fs::remove_dir_all(dir.clone()));
                done.map(|()| time).map_err(|error| clean_up(&dir, &error))
            }),
        ),
        candidate(
            "fuc_engine",
            Kind::Peer,
            Box::new(|dir| {
                let (time, done) = blocking(runtime, dir, |dir| {
                    fuc_engine::remove_dir_all(dir).map_err(|error| clean_up(dir, &error))
                });
                done.map(|()| time)
            }),
        ),
        candidate(
            "remove_dir_all",
            Kind::Peer,
            Box::new(|dir| {
                let (time, done) = blocking(runtime, dir, |dir| {
                    let remover = remove_dir_all::RemoverBuilder::new().parallel().build();
                    let done = remover.remove_dir_all(dir);
                    done.map_err(|error| clean_up(dir, &error))
                });
                done.map(|()| time)
            }),
        ),
        candidate(
            "rm -rf",
            Kind::Peer,
            Box::new(|dir| {
                let removed = program_times(Command::new("rm").arg("-rf").arg(&dir));
                removed.map_err(|why| clean_up(&dir, &why))
            }),
        ),
        candidate("Python's rmtree", Kind::Peer, Box::new(python)),
    ]
}

/// As [`removers`], but each of the peers that is a library works in a process of its own: some do
/// not survive their failure.
pub(crate) fn removers_apart<'a>(
    runtime: &'a Runtime,
    make: &'a dyn Fn(&Path),
) -> Vec<Candidate<'a>> {
    let apart = |name: &'static str| {
        let prepare = || {
            let dir = bare_dir();
            make(&dir);
            dir
        };
        Candidate::prepared(name, Kind::Peer, prepare, move |dir| {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--remove", name])
                .arg(&dir)
                .output()
                .unwrap();
            let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
            match text(&output.stdout).parse() {
                Ok(time) if output.status.success() => Ok(vec![time]),
                _ if output.status.code().is_some() => {
                    let why = text(&output.stderr);
                    Err(clean_up(&dir, &why.lines().last().unwrap_or("it fails")))
                }
                _ if text(&output.stderr).contains("overflowed its stack") => {
                    Err(clean_up(&dir, &"stack overflow, the process is killed"))
                }
                _ => Err(clean_up(&dir, &output.status)),
            }
        })
    };
    removers(runtime, make)
        .into_iter()
        .map(|candidate| match candidate.name() {
            name @ ("tokio::fs" | "fuc_engine" | "remove_dir_all") => apart(name),
            _ => candidate,
        })
        .collect()
}

/// The process that [`removers_apart`] starts: removes `dir` and says how long it took, in ms.
pub(crate) fn remove_here(name: &str, dir: &Path) -> Result<(), String> {
    let runtime = multi_thread();
    let dir = dir.to_owned();
    let (time, done) = match name {
        "tokio::fs" => {
            let (time, done) = timed(&runtime, tokio::fs::remove_dir_all(dir));
            (time, done.map_err(|error| error.to_string()))
        }
        "fuc_engine" => blocking(&runtime, dir, |dir| {
            fuc_engine::remove_dir_all(dir).map_err(|error| error.to_string())
        }),
        "remove_dir_all" => blocking(&runtime, dir, |dir| {
            let remover = remove_dir_all::RemoverBuilder::new().parallel().build();
            remover
                .remove_dir_all(dir)
                .map_err(|error| error.to_string())
        }),
        _ => return Err(format!("{name} is not known")),
    };
    done?;
    println!("{time}");
    Ok(())
}

fn blocking(
    runtime: &Runtime,
    dir: PathBuf,
    remove: fn(&Path) -> Result<(), String>,
) -> (f64, Result<(), String>) {
    timed_blocking(runtime, move || remove(&dir))
}

/// How long it takes on the blocking pool, as seen from outside.
pub(crate) fn timed_blocking<T: Send + 'static>(
    runtime: &Runtime,
    work: impl FnOnce() -> T + Send + 'static,
) -> (f64, T) {
    // Spawned only when the clock runs.
    let (time, done) = timed(runtime, async { runtime.spawn_blocking(work).await });
    (time, done.unwrap())
}

/// Of a candidate that has failed: says why, and removes what it has left.
fn clean_up(dir: &Path, why: &dyn ToString) -> String {
    let status = Command::new("rm").arg("-rf").arg(dir).status();
    assert!(status.is_ok_and(|status| status.success()));
    let why = why.to_string();
    // Paths are this machine's.
    why.replace(&*dir.to_string_lossy(), "…")
}

/// As Python times it: without its start.
fn python(dir: PathBuf) -> Result<f64, String> {
    let removed = python_times("shutil.rmtree(sys.argv[1])", &[&dir]);
    removed.map_err(|why| clean_up(&dir, &why))
}

/// How long Python takes for `code`, with these arguments, in ms.
pub(crate) fn python_times(code: &str, arguments: &[&Path]) -> Result<f64, String> {
    let script = format!(
        "import os, shutil, sys, time\nstart = time.perf_counter()\n{code}\n\
         print((time.perf_counter() - start) * 1000)"
    );
    let output = Command::new("python3")
        .args(["-c", &script])
        .args(arguments)
        .stderr(Stdio::piped())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            text.trim()
                .parse()
                .map_err(|_| "it says nothing".to_owned())
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let last = text.trim().lines().last().unwrap_or("it fails").to_owned();
            Err(last.chars().take(60).collect())
        }
        Err(_) => Err("not installed".to_owned()),
    }
}

/// How long a program takes, in ms.
pub(crate) fn program_times(command: &mut Command) -> Result<f64, String> {
    let start = Instant::now();
    let output = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output();
    let time = millis(start.elapsed());
    match output {
        Ok(output) if output.status.success() => Ok(time),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            Err(text.lines().next().unwrap_or("it fails").to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
