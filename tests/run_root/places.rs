//! Where the roots are, how what is in them is named, and the errors of that.

use std::path::{Path, PathBuf};
use std::{env, fs};

use async_tempdir::{AsyncTempDir, Builder, TempRoot};

use crate::support::{Sandbox, current_thread, multi_thread};
use crate::{RETAIN, ROOT, filled, names, player, run, tell};

#[test]
fn errors_name_the_variable() {
    let sandbox = Sandbox::new();
    let file = sandbox.join("file");
    fs::write(&file, "x").unwrap();
    let missing_drive = if cfg!(windows) { "Q:\\x" } else { "/proc/x" };
    for (root, retain, variable) in [
        (sandbox.join("root"), "three", RETAIN),
        (sandbox.join("root"), "-1", RETAIN),
        (sandbox.join("root"), "3 ", RETAIN),
        (file.clone(), "3", ROOT),
        (file.join("below"), "3", ROOT),
        (PathBuf::from(missing_drive), "3", ROOT),
    ] {
        let output = player("fail", &root).env(RETAIN, retain).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let errors: Vec<_> = stdout
            .lines()
            .filter_map(|line| line.strip_prefix("error "))
            .collect();
        assert_eq!(errors.len(), 2, "{output:?}");
        for error in errors {
            assert!(
                error.contains(variable) && error.contains(&format!("{root:?}")),
                "{error}"
            );
            assert_eq!(
                error.starts_with("InvalidInput"),
                variable == RETAIN,
                "{error}"
            );
        }
        assert!(!sandbox.join("root").exists());
    }
    // Empty, it is as if it were not set.
    let temp = sandbox.join("temp");
    fs::create_dir(&temp).unwrap();
    let mut command = player("once", Path::new(""));
    for variable in ["TMPDIR", "TMP", "TEMP"] {
        command.env(variable, &temp);
    }
    let told = run(command.env(RETAIN, "three"));
    assert_eq!(told[0].parent(), Some(&*temp));
    fs::remove_dir_all(temp).unwrap();
    fs::remove_file(file).unwrap();
    sandbox.check();
}

/// Fails, because the current directory is gone.
#[cfg(unix)]
pub(crate) fn is_nowhere() {
    let gone = env::current_dir().unwrap().join("gone");
    fs::create_dir(&gone).unwrap();
    env::set_current_dir(&gone).unwrap();
    fs::remove_dir(gone).unwrap();
    let error = AsyncTempDir::new_blocking().unwrap_err();
    println!("\nerror {error}");
    let error = current_thread()
        .block_on(TempRoot::open("app"))
        .unwrap_err();
    println!("\nerror {error}");
}

#[cfg(unix)]
#[test]
fn a_relative_path_to_nowhere_is_an_error_that_names_the_variable() {
    let sandbox = Sandbox::new();
    let mut command = player("nowhere", Path::new("target/tmp"));
    let output = command.current_dir(sandbox.path()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let errors = stdout.lines().filter(|line| line.starts_with("error "));
    let errors: Vec<_> = errors.collect();
    assert_eq!(errors.len(), 2, "{output:?}");
    for error in errors {
        assert!(
            error.contains(ROOT) && error.contains("\"target/tmp\""),
            "{error}"
        );
    }
    sandbox.check();
}

/// Changes the current directory between its directories.
pub(crate) fn moves() {
    let before = filled(Builder::new());
    tell(before.path());
    let elsewhere = env::current_dir().unwrap().join("elsewhere");
    env::set_current_dir(elsewhere).unwrap();
    tell(filled(Builder::new()).path());
    drop(before);
    tell(filled(Builder::new()).path());
}

#[test]
fn a_relative_path_stays_where_it_was() {
    let sandbox = Sandbox::new();
    let start = fs::canonicalize(sandbox.path()).unwrap();
    fs::create_dir(start.join("elsewhere")).unwrap();
    let told = run(player("move", Path::new("target/tmp")).current_dir(&start));
    assert_eq!(told.len(), 3);
    for path in told {
        let place = fs::canonicalize(path.parent().unwrap().parent().unwrap()).unwrap();
        assert_eq!(place, start.join("target/tmp"), "{path:?}");
    }
    assert!(names(&start.join("elsewhere")).is_empty());
    assert!(names(&start.join("target/tmp")).is_empty());
    fs::remove_dir_all(start.join("target")).unwrap();
    fs::remove_dir(start.join("elsewhere")).unwrap();
    sandbox.check();
}

pub(crate) fn opens_a_root() {
    current_thread().block_on(async {
        let root = TempRoot::open("app").await.unwrap();
        tell(root.path());
        let dir = root.temp_dir().await.unwrap();
        assert_eq!(dir.path().parent(), Some(root.path()));
        let numbered = TempRoot::builder("app").retain(1).open().await.unwrap();
        tell(numbered.path());
        root.close().await.unwrap();
        numbered.close().await.unwrap();
    });
}

#[test]
fn a_root_of_a_program_is_in_the_same_directory() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("target/tmp");
    let told = run(&mut player("open", &root));
    assert_eq!(told[0].parent(), Some(&*root));
    assert_eq!(told[0].file_name().unwrap().len(), "app-0123456789".len());
    assert_eq!(told[1], root.join("app-1"));
    assert!(names(&root).is_empty());
    fs::remove_dir_all(sandbox.join("target")).unwrap();
    sandbox.check();
}

/// On a thread with the name of a test, and on one of Tokio's.
pub(crate) fn tells_names() {
    let thread = std::thread::Builder::new().name(String::from("module::a_test"));
    thread
        .spawn(|| tell(filled(Builder::new()).path()))
        .unwrap()
        .join()
        .unwrap();
    let runtime = multi_thread();
    let dir = runtime.block_on(runtime.spawn(AsyncTempDir::new()));
    tell(dir.unwrap().unwrap().path());
    let builder = Builder::new().parent(env::var_os(ROOT).unwrap());
    let dir = runtime.block_on(runtime.spawn(builder.create()));
    tell(dir.unwrap().unwrap().path());
}

#[test]
fn names_tell_the_test() {
    let sandbox = Sandbox::new();
    let root = sandbox.join("root");
    for (test, second) in [(Some("b::another"), "tmp-b-another-"), (None, "tmp")] {
        let mut command = player("name", &root);
        command.envs(test.map(|test| ("NEXTEST_TEST_NAME", test)));
        let told = run(&mut command);
        for (path, prefix) in told.iter().zip(["tmp-module-a_test-", second, "tmp"]) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let random = name.strip_prefix(prefix);
            assert_eq!(random.map(str::len), Some(10), "{name}");
        }
        assert!(names(&root).is_empty());
    }
    fs::remove_dir(root).unwrap();
    sandbox.check();
}

#[cfg(unix)]
pub(crate) fn masks() {
    use rustix::fs::Mode;
    use rustix::process::umask;
    use std::os::unix::fs::MetadataExt;

    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    let root = PathBuf::from(env::var_os(ROOT).unwrap());
    for (mask, expected) in [(0o002, 0o755), (0o022, 0o755), (0o077, 0o700)] {
        umask(Mode::from_raw_mode(mask));
        let dir = filled(Builder::new());
        let run = dir.path().parent().unwrap();
        assert_eq!(
            [mode(dir.path()), mode(run)],
            [0o700; 2],
            "umask {mask:03o}"
        );
        for made in [&*root, root.parent().unwrap()] {
            assert_eq!(mode(made), expected, "umask {mask:03o}");
        }
        drop(dir);
        fs::remove_dir_all(root.parent().unwrap()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn what_is_created_is_as_private_as_the_umask_has_it() {
    let sandbox = Sandbox::new();
    run(&mut player("umask", &sandbox.join("target/tmp")));
    sandbox.check();
}
