//! The names of a root, from creation to removal.

use std::ffi::OsStr;
use std::io;

use crate::util::name::{DEFAULT_RANDOM_LEN, is_random, random};

/// The longest name of an application, so that a root's name stays below the 255 bytes that
/// filesystems allow.
pub(crate) const MAX_APP: usize = 200;

/// The name of a root: its application, and what distinguishes it from that application's others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RootName {
    app: String,
    part: Part,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Random(String),
    /// The number of a run.
    Number(u32),
}

/// The greatest number of a run. One with more digits could be a random part.
pub(super) const MAX_NUMBER: u32 = 999_999_999;

/// The stage of a root's life, which determines its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not locked yet, and empty except for a lock file, if there is one.
    New,
    /// In use as long as its lock is held.
    Root,
    /// Given up by its owner, or being reclaimed. No process works in it any more.
    Dead,
}

impl RootName {
    /// Creates a new random name.
    pub(super) fn fresh(app: &str) -> io::Result<Self> {
        Ok(Self {
            app: app.to_owned(),
            part: Part::Random(random(DEFAULT_RANDOM_LEN)?),
        })
    }

    /// Returns the name of the run `number`.
    pub(super) fn numbered(app: &str, number: u32) -> Self {
        Self {
            app: app.to_owned(),
            part: Part::Number(number),
        }
    }

    /// Returns the number of the run, if this is the root of one.
    pub(super) fn number(&self) -> Option<u32> {
        match self.part {
            Part::Random(_) => None,
            Part::Number(number) => Some(number),
        }
    }

    pub(super) fn at(&self, stage: Stage) -> String {
        let app = &self.app;
        let name = match &self.part {
            Part::Random(random) => format!("{app}-{random}"),
            Part::Number(number) => format!("{app}-{number}"),
        };
        match stage {
            Stage::New => format!(".{name}.new"),
            Stage::Root => name,
            Stage::Dead => format!(".{name}.dead"),
        }
    }

    /// Parses `name`, if a root of `app` can have it.
    pub(super) fn parse(app: &str, name: &OsStr) -> Option<(Self, Stage)> {
        let name = name.to_str()?;
        let (name, stage) = match name.strip_prefix('.') {
            // An application's name may begin with a dot, too.
            Some(hidden) if hidden.ends_with(".new") => (hidden.strip_suffix(".new")?, Stage::New),
            Some(hidden) if hidden.ends_with(".dead") => {
                (hidden.strip_suffix(".dead")?, Stage::Dead)
            }
            _ => (name, Stage::Root),
        };
        let part = name.strip_prefix(app)?.strip_prefix('-')?;
        // The exact length, because another application's name may begin with this one's and `-`.
        let part = if part.len() == DEFAULT_RANDOM_LEN && is_random(part) {
            Part::Random(part.to_owned())
        } else {
            Part::Number(parse_number(part)?)
        };
        let app = app.to_owned();
        Some((Self { app, part }, stage))
    }
}

/// Parses the number of a run, as it is written there.
fn parse_number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    // Neither a sign nor a leading zero.
    let is_plain = number.to_string() == text;
    (is_plain && (1..=MAX_NUMBER).contains(&number)).then_some(number)
}

/// Returns an error if `app` cannot be the first part of a name.
pub(crate) fn check_app(app: &str) -> io::Result<()> {
    let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    if app.is_empty() {
        return invalid(String::from("the application has no name"));
    }
    if app.contains(std::path::is_separator) || app.contains('\0') {
        return invalid(format!(
            "the application's name {app:?} has a path separator or a NUL"
        ));
    }
    if app.len() > MAX_APP {
        return invalid(format!(
            "the application's name has {} bytes, more than {MAX_APP}",
            app.len()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_recognised_at_each_stage() {
        for app in ["app", "a-b", ".hidden", "x.new"] {
            let numbered = [1, 10, MAX_NUMBER].map(|number| RootName::numbered(app, number));
            for name in [RootName::fresh(app).unwrap()].into_iter().chain(numbered) {
                for stage in [Stage::New, Stage::Root, Stage::Dead] {
                    let text = name.at(stage);
                    let parsed = RootName::parse(app, OsStr::new(&text));
                    assert_eq!(parsed, Some((name.clone(), stage)), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_called_otherwise_is_none() {
        for other in [
            "app",
            "app-",
            "app-0",
            "app-01",
            "app-+1",
            "app-1x",
            "app-1-2",
            "app-current",
            ".app-current.new",
            "app-012345678",
            "app-12345678901",
            "app-123456789_",
            "app-more-1234567890",
            "appl-1234567890",
            ".app-1234567890",
            "app-1234567890.dead",
            ".app-1234567890.old",
            ".new",
        ] {
            let parsed = RootName::parse("app", OsStr::new(other));
            assert_eq!(parsed, None, "{other}");
        }
    }

    #[test]
    fn what_is_no_application_is_refused() {
        for bad in ["", "a/b", "a\0", &"x".repeat(MAX_APP + 1)] {
            let error = check_app(bad).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{bad:?}");
        }
        check_app("my-server").unwrap();
    }
}
