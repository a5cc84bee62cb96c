//! The environment variables that set the root of a run, for directories that are given no parent.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::reclaim::{self, Run};
use crate::sys;
use crate::util::with_hint;

const ROOT: &str = "ASYNC_TEMPDIR_ROOT";
const RETAIN: &str = "ASYNC_TEMPDIR_RETAIN";
const DEFAULT_RETAIN: usize = 3;

/// The id of a run of cargo-nextest, which starts a process for each test.
const NEXTEST_RUN_ID: &str = "NEXTEST_RUN_ID";

/// The longest part of an executable's name in the name of a root, in bytes.
const MAX_APP: usize = 64;

/// Returns the parent of the roots of runs, as it is given, or `None` if the variable is unset. Makes no
/// system call.
pub(super) fn root() -> Option<PathBuf> {
    let root = env::var_os(ROOT).filter(|root| !root.is_empty())?;
    Some(root.into())
}

/// Returns the run that the calling process belongs to. Its root is in `parent`.
///
/// # Errors
///
/// The number of runs is invalid, or the system gives no random bytes for an id.
pub(super) fn run(parent: PathBuf) -> io::Result<Run> {
    Ok(Run {
        retain: retain()?,
        app: app().to_owned(),
        id: id()?,
        parent,
    })
}

/// Creates the directory `path` and its parents if they are missing.
pub(crate) fn create_run_parent(path: &Path) -> io::Result<()> {
    match sys::create_dirs(path) {
        // `mkdir` of a directory that exists may be refused for other reasons.
        Err(_) if path.is_dir() => Ok(()),
        created => created,
    }
}

/// Adds to an error about the path where that comes from.
pub(super) fn with_root_hint(error: io::Error) -> io::Error {
    match error.kind() {
        // About something else: another variable, the name, the runtime.
        io::ErrorKind::InvalidInput | io::ErrorKind::Other => error,
        _ => with_hint(
            error,
            "the environment variable ASYNC_TEMPDIR_ROOT names this parent",
        ),
    }
}

/// Makes the path absolute, relative to the current directory of the first call: a program that changes
/// that has all its directories in one place.
pub(super) fn absolute(root: &Path) -> io::Result<PathBuf> {
    static FIRST: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();
    match FIRST.get() {
        Some((first, path)) if *first == root => Ok(path.clone()),
        _ => {
            let path = std::path::absolute(root)?;
            let (first, first_path) = FIRST.get_or_init(|| (root.to_owned(), path.clone()));
            // Unless another thread was faster.
            Ok(match *first == root {
                true => first_path.clone(),
                false => path,
            })
        }
    }
}

fn retain() -> io::Result<usize> {
    let value = env::var_os(RETAIN).unwrap_or_default();
    match value.to_str() {
        Some("") => Ok(DEFAULT_RETAIN),
        text => text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            let message = format!(
                "the environment variable {RETAIN} is {value:?}, which is not a number of runs"
            );
            io::Error::new(io::ErrorKind::InvalidInput, message)
        }),
    }
}

/// Returns the id of the run: that of cargo-nextest, or else one of this process.
fn id() -> io::Result<Vec<u8>> {
    static OWN: OnceLock<Vec<u8>> = OnceLock::new();
    if let Some(id) = env::var_os(NEXTEST_RUN_ID).filter(|id| !id.is_empty()) {
        return Ok(id.into_encoded_bytes());
    }
    let own = match OWN.get() {
        Some(own) => own,
        None => {
            let id = reclaim::new_id()?;
            OWN.get_or_init(|| id)
        }
    };
    Ok(own.clone())
}

/// Returns the name of the executable.
fn app() -> &'static str {
    static APP: OnceLock<String> = OnceLock::new();
    if let Some(app) = APP.get() {
        return app;
    }
    let executable = env::current_exe()
        .ok()
        .or_else(|| env::args_os().next().map(PathBuf::from));
    let app = executable.as_deref().and_then(app_of);
    let app = app.unwrap_or_else(|| String::from("process"));
    APP.get_or_init(|| app)
}

/// Returns the part of an executable's name that is in the name of a root.
fn app_of(executable: &Path) -> Option<String> {
    let name = executable.file_stem()?.to_string_lossy();
    // Linux's addition, if the file was replaced since.
    let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
    let name = match name.rsplit_once('-') {
        // Cargo adds it to the name of a test.
        Some((name, hash)) if is_hash(hash) && !name.is_empty() => name,
        _ => name,
    };
    let mut end = name.len().min(MAX_APP);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    (end > 0).then(|| name[..end].to_owned())
}

fn is_hash(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_executable_is_told() {
        for (path, expected) in [
            ("/target/debug/deps/suite-0123456789abcdef", Some("suite")),
            (
                "/target/debug/deps/suite-0123456789abcdef.exe",
                Some("suite"),
            ),
            (
                "/target/debug/deps/suite-0123456789abcdef (deleted)",
                Some("suite"),
            ),
            ("suite", Some("suite")),
            ("my-suite-1", Some("my-suite-1")),
            ("-0123456789abcdef", Some("-0123456789abcdef")),
            ("/", None),
        ] {
            assert_eq!(app_of(Path::new(path)).as_deref(), expected, "{path}");
        }
        let long = app_of(Path::new(&"ü".repeat(100))).unwrap();
        assert_eq!(long, "ü".repeat(32));
    }
}
