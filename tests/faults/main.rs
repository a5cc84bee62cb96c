//! System calls that fail: whatever fails, and whenever, a removal ends, and what it says is true.
//!
//! The calls of a process of its own are made to fail by `strace`, by their number. It counts those
//! of each thread for itself, so most numbers mean the threads of the removal, and a few the start
//! of the process: a process that never begins tells nothing, and is passed over.

#![cfg(target_os = "linux")]

mod case;
mod copy;
mod process;
mod replace;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use async_tempdir::{AsyncTempDir, Removed, TempRoot, remove_dir_all};
use case::*;
use process::*;
use rustix::io::Errno;
use support::{current_thread, is_child};

/// Does what the process is told, if that was started for it; else nothing.
#[test]
fn the_process_whose_calls_fail() {
    if !is_child(HELPER) {
        return;
    }
    let job = std::env::var(JOB).unwrap();
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let runtime = current_thread();
    // On a line of its own, which the harness has begun.
    println!("\nbegun");
    runtime.block_on(async {
        match &*job {
            "copy" => copy::copy(&place).await,
            "replace" => replace::job(&place).await,
            "remove" => tell(remove_dir_all(place).max_threads(4).await),
            "create" | "close" | "remove inside" | "measure" => {
                match AsyncTempDir::new_in(&place).await {
                    Ok(dir) => {
                        match &*job {
                            "close" => build(dir.path()),
                            "remove inside" => {
                                fs::write(dir.path().join("file"), "").unwrap();
                                dir.remove("file").await.unwrap();
                            }
                            "measure" => {
                                build(dir.path());
                                match dir.usage().await {
                                    Ok(usage) => assert_eq!((usage.files, usage.dirs), BUILT),
                                    Err(error) => println!("not measured {error}"),
                                }
                            }
                            _ => {}
                        }
                        tell(dir.close().max_threads(4).await);
                    }
                    Err(error) => println!("not created {error}"),
                }
            }
            "read" => match AsyncTempDir::adopt(place.join("old")).await {
                Ok(dir) => {
                    match dir.tree().await {
                        Ok(tree) => assert_eq!(tree.len() as u64 + 1, BUILT.0 + BUILT.1),
                        Err(error) => println!("not read {error}"),
                    }
                    tell(dir.close().await);
                }
                Err(error) => println!("not created {error}"),
            },
            "adopt" => match AsyncTempDir::adopt(place.join("old")).await {
                Ok(dir) => tell(dir.close().await),
                Err(error) => println!("not created {error}"),
            },
            "adopt into a root" => match TempRoot::open_in("app", &place).await {
                Ok(root) => {
                    match root.adopt(place.join("old")).await {
                        Ok(dir) => tell(dir.close().await),
                        Err(error) => println!("not created {error}"),
                    }
                    _ = root.close().await;
                }
                Err(error) => println!("not created {error}"),
            },
            job => panic!("unknown job: {job}"),
        }
    });
    println!("done");
}

#[test]
fn what_cannot_be_unlinked_is_reported() {
    if !available() {
        return;
    }
    let once = ["1", "2", "3", "5", "20", "90", "250"];
    some_failed(&scan(&["unlinkat"], &["EIO", "EACCES"], &once));
    let often = ["1+3", "3+3", "4+50", "1+", "60+"];
    some_failed(&scan(&["unlinkat"], &["EIO", "EBUSY", "EACCES"], &often));
}

#[test]
fn what_cannot_be_opened_is_reported() {
    if !available() {
        return;
    }
    let once = ["1", "2", "3", "5", "8", "13", "40", "70"];
    let often = ["1+3", "2+3", "4+20", "1+", "3+", "20+"];
    let errors = ["EIO", "EACCES"];
    some_failed(&scan(&["openat2"], &errors, &once));
    some_failed(&scan(&["openat2"], &errors, &often));
    // Where that is missing. From the first on, the process would not start.
    some_failed(&scan(&[OPENAT], &errors, &once));
    some_failed(&scan(&[OPENAT], &errors, &["4+3", "12+", "30+"]));
}

#[test]
fn what_cannot_be_read_is_reported() {
    if !available() {
        return;
    }
    let whens = [
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "20", "50", "100", "1+3", "2+3", "3+3",
        "2+2", "1+", "5+",
    ];
    some_failed(&scan(&["getdents64"], &["EIO", "EACCES"], &whens));
}

/// Some FUSE filesystems answer so if a right is missing that was not needed to open the directory.
#[test]
fn a_reading_that_fails_for_want_of_rights_goes_on_with_them() {
    if !available() {
        return;
    }
    for (mode, when, failures) in [(0o500, "1", 0), (0o700, "1", 1), (0o500, "1+", 1)] {
        let case = Case::new(|dir| {
            fs::write(dir.join("file"), "").unwrap();
            fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        });
        let failed = case.run(&format!("getdents64:error=EIO:when={when}"));
        assert_eq!(failed, Some(failures), "mode {mode:o}, call {when}");
    }
}

#[test]
fn what_cannot_be_moved_is_removed_where_it_is() {
    if !available() {
        return;
    }
    let calls = ["renameat,renameat2,rename"];
    let errors = ["EIO", "EMFILE", "ENOSPC", "EACCES", "EBUSY"];
    none_failed(&scan(&calls, &errors, &["1", "2", "1+2", "1+"]));
}

#[test]
fn an_interrupted_call_is_made_again() {
    if !available() {
        return;
    }
    let calls = [
        "unlinkat",
        "openat2",
        OPENAT,
        "getdents64",
        "renameat,renameat2,rename",
    ];
    // Never for good: it would be made for good.
    let whens = [
        "1", "2", "3", "4", "5", "9", "33", "1+2", "2+2", "1+3", "5+3",
    ];
    none_failed(&scan(&calls, &["EINTR"], &whens));
}

#[test]
fn without_descriptors_for_a_moment_it_waits() {
    if !available() {
        return;
    }
    let whens = ["1", "2", "3", "5", "10", "60", "1+2", "2+3", "5+3"];
    none_failed(&scan(&["openat2"], &["EMFILE"], &whens));
    none_failed(&scan(
        &[OPENAT],
        &["EMFILE"],
        &["1", "2", "3", "5", "10", "60", "12+3"],
    ));
}

#[test]
fn without_descriptors_for_good_it_gives_up() {
    if !available() {
        return;
    }
    // It waits for two seconds with each of the directories that it cannot open.
    for when in ["1+", "2+"] {
        let faults = format!("openat2:error=EMFILE:when={when}");
        let failed = Case::new(support::fill).run(&faults);
        assert!(
            failed.is_some_and(|failed| failed > 0),
            "{faults}: {failed:?}"
        );
    }
}

/// What NFS servers do when reading and unlinking interleave: every reading ends early.
#[test]
fn a_directory_is_read_again_as_long_as_that_helps() {
    if !available() {
        return;
    }
    // What two calls read of names this long is less than a seventeenth of them.
    let long = "x".repeat(250);
    let build = |dir: &Path| {
        for n in 0..6_000 {
            fs::write(dir.join(format!("{n:05}{long}")), "").unwrap();
        }
    };
    let case = Case::new(build);
    // Every second call of each thread says that there is nothing more.
    let faults = "getdents64:retval=0:when=2+2";
    let report = disturbed("remove", &case.tree, faults).expect("nothing hinders its start");
    assert_eq!(
        report.failed, 0,
        "each reading removed something: {report:?}"
    );
    assert_eq!(report.files, 6_000);
    case.end(faults);

    // Also if something stays: what is told of is all that stays.
    let faults = format!("{faults};unlinkat:error=EIO:when=3");
    let failed = Case::new(build).run(&faults).unwrap();
    assert!((1..=4).contains(&failed), "{failed} of four threads' third");
}

/// Adds a file to `dir` as soon as the last one is removed, until told to stop. Returns how many.
fn add_one_by_one(dir: &Path, stop: &AtomicBool) -> u32 {
    let mut added = 0;
    while !stop.load(Ordering::Relaxed) {
        let path = dir.join(added.to_string());
        fs::write(&path, "").unwrap();
        added += 1;
        while path.exists() && !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
    added
}

#[test]
fn a_neighbour_that_never_stops_is_reported() {
    if !available() {
        return;
    }
    // Before the directory is said not to be empty, the neighbour has that long to add something.
    // It may be late a few times: that is a rereading in vain.
    let faults = "unlinkat:error=ENOTEMPTY:delay_enter=20000";
    let enough = (0..5).any(|_| {
        let case = Case::new(|_| {});
        let stop = AtomicBool::new(false);
        let (report, added) = std::thread::scope(|scope| {
            let neighbour = scope.spawn(|| add_one_by_one(&case.tree, &stop));
            let mut strace = strace(faults);
            // No call but the removal of the directory itself.
            strace.args(["-P", "tree"]);
            let report = traced("remove", &case.tree, faults, strace);
            stop.store(true, Ordering::Relaxed);
            (report, neighbour.join().unwrap())
        });
        let report = report.expect("nothing hinders its start");
        let not_empty = (Errno::NOTEMPTY.raw_os_error(), case.tree.clone());
        assert_eq!(report.failures, [not_empty]);
        case.end(faults);
        added > 40
    });
    assert!(enough, "it is read again as long as that removes something");
}

/// On NFS, a file that is open stays under such a name, which cannot be unlinked.
#[test]
fn a_name_that_nfs_keeps_is_waited_for() {
    if !available() {
        return;
    }
    const KEPT: &str = ".nfs000000000133d2a300000001";
    let busy = |when: &str| {
        let case = Case::new(|dir| {
            fs::create_dir(dir.join("sub")).unwrap();
            fs::write(dir.join("sub").join(KEPT), "").unwrap();
        });
        let faults = format!("unlinkat:error=EBUSY:when={when}");
        let mut strace = strace(&faults);
        // No other call counts.
        strace.args(["-P", KEPT]);
        let report = traced("remove", &case.tree, &faults, strace);
        (case, report.expect("nothing hinders its start"), faults)
    };
    let (case, report, faults) = busy("1..5");
    assert_eq!((report.files, report.dirs, report.failed), (1, 2, 0));
    case.end(&faults);

    let (case, report, faults) = busy("1+");
    let kept = case.tree.join("sub").join(KEPT);
    assert_eq!(report.failures, [(0, kept)], "the name, and why");
    case.end(&faults);
}

#[test]
fn faults_of_all_kinds_at_once() {
    if !available() {
        return;
    }
    let mut failed = 0;
    for step in [3, 5, 7, 11, 17, 31, 61] {
        for first in [1, 2, 4, 6] {
            let faults = format!(
                "unlinkat:error=EBUSY:when={first}+{step};openat2:error=EIO:when={}+{step};\
                 getdents64:error=ENOSPC:when={}+{step};renameat,renameat2:error=EMFILE:when=1+2",
                first + 1,
                first + 2
            );
            failed += Case::new(build).run(&faults).unwrap_or(0);
        }
    }
    assert!(failed > 0, "nothing failed");
}

#[test]
fn closing_is_removing() {
    if !available() {
        return;
    }
    let model = Case::new(build);
    let entries = model.before;
    model.end("none");
    for faults in [
        // Older kernels, and the filters of older containers; without it, a process of 32 bits does
        // not even start unless it is told that there is no such call.
        "statx:error=ENOSYS",
        #[cfg(target_pointer_width = "64")]
        "statx:error=EPERM",
        "unlinkat:error=EIO:when=1",
        "unlinkat:error=EINTR:when=1+2",
        "unlinkat:error=EBUSY:when=5+40",
        "openat2:error=EIO:when=2",
        "openat2:error=EIO:when=1+",
        "openat2:error=EMFILE:when=1+2",
        "openat2:error=EINTR:when=1+2",
        "getdents64:error=EIO:when=3+3",
        "renameat,renameat2:error=EIO:when=1+",
    ] {
        let case = Case::empty();
        let report = disturbed("close", &case.tree, faults).expect("nothing hinders its start");
        assert_eq!(report.not_created, None, "{faults}");
        case.check_closed(entries, &report, faults);
        if faults.contains("EINTR") || faults.contains("statx") {
            assert_eq!(report.failed, 0, "{faults}");
        }
        case.end(faults);
    }
}

#[test]
fn a_single_entry_is_removed_although_interrupted() {
    if !available() {
        return;
    }
    let case = Case::empty();
    let faults = "unlinkat:error=EINTR:when=1+2";
    let report = disturbed("remove inside", &case.tree, faults).expect("nothing hinders its start");
    let mut entries = Removed::default();
    entries.dirs = 1;
    case.check_closed(entries, &report, faults);
    case.end(faults);
}

#[test]
fn what_cannot_be_created_is_not_there() {
    if !available() {
        return;
    }
    let mut entries = Removed::default();
    entries.dirs = 1;
    let mut refused = 0;
    for call in ["?mkdir,mkdirat", "statx", "unlinkat"] {
        for error in ["ENOSPC", "EIO", "EINTR", "EMFILE", "EACCES"] {
            for when in ["1", "2", "1+"] {
                let mut faults = format!("{call}:error={error}:when={when}");
                // What is asked where `statx` is believed to be missing.
                if call == "statx" {
                    faults.push_str(";?newfstatat:error=EIO:when=1+2");
                }
                if error == "EINTR" && when == "1+" {
                    continue;
                }
                let case = Case::empty();
                if let Some(report) = disturbed("create", &case.tree, &faults) {
                    case.check_closed(entries, &report, &faults);
                    refused += u32::from(report.not_created.is_some());
                }
                case.end(&faults);
            }
        }
    }
    assert!(refused > 0, "nothing was refused");
}

/// Asserts that what `job` says with `said` at its beginning is the fault's own error, if the fault cannot
/// be made up for, and that this happens. Otherwise, the job checks its result.
fn check_reads(
    (job, said): (&str, &str),
    calls: &[(&str, &str)],
    whens: [&str; 3],
    case: fn() -> Case,
) {
    let mut failed = 0;
    for (call, error) in calls {
        for when in whens {
            let faults = format!("{call}:error={error}:when={when}");
            let case = case();
            let report = disturbed(job, &case.tree, &faults);
            let not_created = report.and_then(|report| report.not_created);
            if not_created.is_some_and(|error| error.starts_with(said)) {
                assert!(["EIO", "EACCES"].contains(error), "{faults}");
                failed += 1;
            }
            case.end(&faults);
        }
    }
    assert!(failed > 0, "nothing has failed");
}

#[test]
fn a_count_is_right_or_an_error() {
    if !available() {
        return;
    }
    let calls = [
        ("getdents64", "EIO"),
        ("getdents64", "EINTR"),
        ("openat2", "EACCES"),
        ("openat2", "EMFILE"),
        ("openat2", "EINTR"),
        ("openat2", "ENOSYS"),
        ("?newfstatat", "EIO"),
        ("?newfstatat", "EINTR"),
        ("?fstat", "EIO"),
    ];
    let job = ("measure", "measured cannot measure");
    check_reads(job, &calls, ["2", "20", "90"], Case::empty);
}

#[test]
fn a_tree_that_is_read_is_whole_or_an_error() {
    if !available() {
        return;
    }
    let calls = [
        ("getdents64", "EIO"),
        ("getdents64", "EINTR"),
        ("openat2", "EACCES"),
        ("openat2", "ENOSYS"),
        (OPENAT, "EIO"),
        (OPENAT, "EINTR"),
        (OPENAT, "EMFILE"),
        ("?newfstatat", "EINTR"),
        ("?fstat", "EIO"),
        ("?readlinkat", "EIO"),
        ("read", "EIO"),
        ("read", "EINTR"),
    ];
    let job = ("read", "read cannot read");
    check_reads(job, &calls, ["20", "90", "300"], || {
        Case::new(|dir| {
            fs::create_dir(dir.join("old")).unwrap();
            build(&dir.join("old"));
        })
    });
}

#[test]
fn what_cannot_be_adopted_stays_where_it_is() {
    if !available() {
        return;
    }
    let calls = ["renameat2", "renameat,renameat2,rename", "statx", OPENAT];
    let whens = ["1", "2", "3", "5", "1+2", "1+"];
    let (mut refused, mut adopted) = (0, 0);
    for job in ["adopt", "adopt into a root"] {
        for call in calls {
            for error in ["EIO", "EINTR", "EMFILE", "EACCES", "ENOSYS"] {
                for when in whens {
                    if (error, when) == ("EINTR", "1+") {
                        // The call is repeated, for ever.
                        continue;
                    }
                    let faults = format!("{call}:error={error}:when={when}");
                    let case = Case::new(|dir| {
                        fs::create_dir(dir.join("old")).unwrap();
                        support::fill(&dir.join("old"));
                    });
                    let old = case.tree.join("old");
                    let before = snapshot(&old);
                    let report = disturbed(job, &case.tree, &faults);
                    match report {
                        Some(Report {
                            not_created: Some(_),
                            ..
                        }) => {
                            assert!(snapshot(&old) == before, "{faults}: it is untouched");
                            refused += 1;
                        }
                        Some(report) => {
                            assert!(!old.exists(), "{faults}: its name is free");
                            let done = (report.files, report.dirs, report.failed);
                            let whole = done == (11, 4, 0);
                            assert!(whole || report.failed > 0, "{faults}: {report:?}");
                            adopted += 1;
                        }
                        None => {}
                    }
                    case.end(&faults);
                }
            }
        }
    }
    assert!(
        refused > 0 && adopted > 0,
        "{refused} refused, {adopted} adopted"
    );
}
