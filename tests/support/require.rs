//! What a machine may not have.

#![cfg(unix)]

use std::process::Command;

/// What some tests need.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    Root,
    Strace,
    /// To make namespaces of these kinds, as `unshare` names them.
    Namespaces(&'static [&'static str]),
    /// This program, which says its version with this option.
    Program(&'static str, &'static str),
    /// This path.
    Path(&'static str),
}

impl Need {
    fn is_there(self) -> bool {
        let succeeds = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            output.is_ok_and(|output| output.status.success())
        };
        match self {
            Self::Root => rustix::process::geteuid().is_root(),
            // It may be there, and not be allowed to trace.
            Self::Strace => succeeds("strace", &["-f", "-o", "/dev/null", "true"]),
            Self::Namespaces(kinds) => succeeds("unshare", &[kinds, &["true"]].concat()),
            Self::Program(program, version) => succeeds(program, &[version]),
            Self::Path(path) => std::path::Path::new(path).exists(),
        }
    }
}

/// Returns whether all `needs` are there. If not, says so: then `test` cannot be run here.
///
/// # Panics
///
/// Panics where `CI` is set, which has to have them all. Except root: CI runs the tests as root and
/// as an ordinary user.
#[track_caller]
pub fn require(test: &str, needs: &[Need]) -> bool {
    let missing = needs.iter().find(|need| !need.is_there());
    if let Some(need) = missing {
        let may_lack = matches!(need, Need::Root) || std::env::var_os("CI").is_none();
        assert!(may_lack, "{test}: CI has to have {need:?}");
        eprintln!("{test}: not run, for it needs {need:?}");
    }
    missing.is_none()
}
