//! Run it with: cargo run --release --example soak -- 60
//!
//! For so many seconds, tasks on several runtimes create directories, fill them and end them in every
//! way there is: closed, dropped, cancelled, by panics, by the end of their runtime, without one, by
//! the death of a process. Once a second all of it comes to rest. Then nothing may be left but what
//! was kept: no directory, no descriptor, no thread; and nothing else may have been touched.
//!
//! The same seed repeats the same operations, as far as the system's scheduling does not matter.
//!
//! A soak proves nothing of an operation that never ran to an end of its own: one of ten seconds or
//! more goes on until each has, for three minutes at most, and then fails.

mod chance;
mod fill;
mod held;
mod host;
mod manifest;
mod oracle;
mod record;
mod session;
mod victim;
mod watchdog;
mod world;

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use async_tempdir::cleanup;
use fastrand::Rng;

use oracle::Oracle;
use record::Record;
use watchdog::{PATIENCE, Watchdog};
use world::{Places, Provoked, World};

const HELP: &str = "\
Creates, fills and ends temporary directories at random, and checks that nothing is left.

Usage: cargo run --release --example soak -- [SECONDS [SEED]]

  SECONDS  How long it runs (default: 10).
  SEED     A number that repeats a run: each run prints its own.

Exit code: 0 if every promise was kept, 1 if one was broken or an error occurred, 2 if an argument
is not understood, 3 if something did not come to an end. After 1 and 3 its files stay.
";

/// How long it takes by default, in seconds.
const DEFAULT: u32 = 10;
/// From how many seconds on every operation must have come to an end.
const ENOUGH: u32 = 10;
/// How much longer it takes at most, if one of them has not.
const EXTRA: Duration = Duration::from_secs(180);
/// How often it shows its progress, at most.
const PROGRESS: Duration = Duration::from_secs(3);
/// How long a round goes on before it comes to rest.
const ROUND: Duration = Duration::from_millis(800);
/// How many runtimes live at the same time.
const HOSTS: usize = 3;

/// How many times a round ends once more, all at once.
const SUDDEN_ENDS: usize = 10;

/// The first argument of the process that does the work.
const ROLE: &str = "--work";

/// What a thread does in a round.
type Part = Box<dyn FnOnce(&Arc<World>, Rng) + Send>;

const BROKEN: u8 = 1;
const MISUSED: u8 = 2;
const STUCK: u8 = 3;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let done = match *args {
        [victim::ROLE, roots, app, seed] => {
            victim::run(roots.as_ref(), app, number(seed)).map(|()| ExitCode::SUCCESS)
        }
        [ROLE, sandbox, seconds, seed] => work(sandbox.as_ref(), number(seconds), number(seed)),
        ["-h" | "--help", ..] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        [] => supervise(DEFAULT, Rng::new().u64(..)),
        [seconds] => supervise(number(seconds), Rng::new().u64(..)),
        [seconds, seed] => supervise(number(seconds), number(seed)),
        [.., arg] => misused(&format!("unexpected argument {arg}")),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(BROKEN)
    })
}

fn number<T: FromStr>(word: &str) -> T {
    word.parse()
        .unwrap_or_else(|_| misused(&format!("{word} is not a number")))
}

fn misused(what: &str) -> ! {
    eprintln!("error: {what}; see --help");
    std::process::exit(MISUSED.into())
}

/// Has another process work in a sandbox and checks how it ends: the directory for temporary files of
/// a process can only be set from without.
fn supervise(seconds: u32, seed: u64) -> io::Result<ExitCode> {
    let sandbox = tempfile::Builder::new().prefix("soak-").tempdir()?;
    let tmp = Places::new(sandbox.path()).tmp;
    std::fs::create_dir(&tmp)?;
    println!(
        "seed {seed}, {seconds} seconds, in {}",
        sandbox.path().display()
    );
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ROLE).arg(sandbox.path());
    command.arg(seconds.to_string()).arg(seed.to_string());
    for name in ["TMPDIR", "TMP", "TEMP"] {
        command.env(name, &tmp);
    }
    // For glibc: an arena for each of so many threads would hide leaks.
    command.env("MALLOC_ARENA_MAX", "1");
    // It would keep everything, or have every creation fail.
    command.env_remove("ASYNC_TEMPDIR_CLEANUP");
    let status = command.status()?;
    let code = match status.code() {
        Some(code) => u8::try_from(code).unwrap_or(BROKEN),
        None => {
            eprintln!("error: the working process was killed: {status}");
            BROKEN
        }
    };
    if code == 0 {
        sandbox.close()?;
        println!("every promise was kept");
    } else {
        println!(
            "seed {seed}; its files are kept in {}",
            sandbox.keep().display()
        );
    }
    Ok(ExitCode::from(code))
}

/// One round after the other, with a look at everything in between.
fn work(sandbox: &Path, seconds: u32, seed: u64) -> io::Result<ExitCode> {
    let rows: Vec<&str> = [
        &fill::ROWS.concat()[..],
        held::ROWS,
        host::ROWS,
        &session::ROWS.concat(),
        victim::ROWS,
    ]
    .concat();
    let record = Record::new(&rows);
    let world = World::new(Places::new(sandbox), Arc::clone(&record));
    let log = sandbox.join("log");
    let watchdog = Watchdog::new({
        let (record, log, world) = (Arc::clone(&record), log.clone(), Arc::clone(&world));
        move |what| {
            let live = world.live.load(Ordering::SeqCst);
            record.violation(format!(
                "stuck: {what}; {live} tasks live, {} pending",
                cleanup::pending()
            ));
            eprintln!("{}", record.report(&log));
            std::process::exit(STUCK.into());
        }
    });
    count_panics(&world);
    cleanup::set_failure_hook({
        let record = Arc::clone(&record);
        move |error| record.violation(format!("the failure hook was called: {error}"))
    });
    let mut oracle = Oracle::new(&world.places)?;
    if let Some(blind) = oracle.blind() {
        println!("{blind}");
    }

    let begin = Instant::now();
    let end = begin + Duration::from_secs(seconds.into());
    let mut shown = begin;
    let mut rounds = 0;
    let is_over = || match Instant::now() {
        now if now < end => false,
        // So that a slow disk is no failure.
        now if now < end + EXTRA && seconds >= ENOUGH => record.idle().is_empty(),
        _ => true,
    };
    while !is_over() && record.is_clean() {
        rounds += 1;
        round(
            &world,
            &watchdog,
            rounds,
            Rng::with_seed(seed.wrapping_add(rounds)),
        );
        watchdog.watch("what is looked at after a round", PATIENCE);
        oracle.check(&world);
        if shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            let (passed, operations) = (begin.elapsed().as_secs(), record.total());
            eprintln!("{passed} of {seconds} seconds, {operations} operations");
        }
    }
    println!(
        "{}\n{rounds} rounds, {} panics provoked",
        record.table(),
        world.provoked.load(Ordering::SeqCst)
    );
    println!("{}", oracle.check_memory(&record));
    let idle = record.idle();
    if seconds >= ENOUGH && record.is_clean() && !idle.is_empty() {
        record.violation(format!("never ran to an end: {idle:?}"));
    }
    if record.is_clean() {
        oracle.end()?;
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{}", record.report(&log));
    Ok(ExitCode::from(BROKEN))
}

/// Has all threads work for a while, and waits until all have ended.
fn round(world: &Arc<World>, watchdog: &Watchdog, number: u64, mut rng: Rng) {
    watchdog.watch("the end of a round's threads", ROUND + PATIENCE);
    let (sender, receiver) = mpsc::channel();
    world.begin_round(sender);
    world.record.say(&format!("round {number}"));
    let over = Instant::now() + ROUND;
    let threads = {
        let mut spawn = |part: Part| {
            let (world, rng) = (Arc::clone(world), rng.fork());
            thread::spawn(move || part(&world, rng))
        };
        let abroad = spawn(Box::new(move |world, rng| {
            host::abroad(world, &receiver, rng)
        }));
        let mut threads = vec![spawn(Box::new(|world, rng| victim::killer(world, rng)))];
        threads.extend((0..HOSTS).map(|n| {
            spawn(Box::new(move |world, rng| {
                host::host(world, &format!("host{n}"), rng)
            }))
        }));
        threads.push(abroad);
        threads
    };
    thread::sleep(over.saturating_duration_since(Instant::now()));
    world.end_round();
    let mut threads = threads.into_iter();
    let abroad = threads.next_back();
    for ended in threads.map(thread::JoinHandle::join) {
        if ended.is_err() {
            world.record.violation("a thread has panicked");
        }
    }
    // A runtime that is shut down in the background drops its tasks there.
    watchdog.watch("the tasks of runtimes that were shut down", PATIENCE);
    while world.live.load(Ordering::SeqCst) > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    watchdog.watch("the handles that no task has taken", PATIENCE);
    // All senders have ended.
    world.close_border();
    if abroad.is_some_and(|abroad| abroad.join().is_err()) {
        world.record.violation("a thread has panicked");
    }
    // Their runtimes are gone, and there is none here.
    while let Some(held) = world.take(&mut rng) {
        held.drop_alone();
    }
    watchdog.watch("`cleanup::idle`", PATIENCE);
    futures::executor::block_on(cleanup::idle());
    oracle::check_left(world);
    watchdog.watch(
        "`cleanup::idle` at once after the end of all tasks",
        PATIENCE,
    );
    for n in 0..SUDDEN_ENDS {
        host::sudden_end(world, &format!("sudden{n}"), rng.fork());
    }
}

/// Counts the panics on purpose, and has every other reported.
fn count_panics(world: &Arc<World>) {
    let world = Arc::clone(world);
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().is::<Provoked>() {
            world.panicked.fetch_add(1, Ordering::SeqCst);
        } else {
            let trace = std::backtrace::Backtrace::force_capture();
            world.record.violation(format!("{panic}\n{trace}"));
        }
    }));
}
