//! Random names: a prefix, unpredictable characters, a suffix.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf, is_separator};

/// The alphabet of random characters: safe in every filesystem, shell and URL.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The default number of random characters in a name: 62^10 names, about 2^59.
pub(crate) const DEFAULT_RANDOM_LEN: usize = 10;

/// A template for names.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) prefix: Cow<'static, OsStr>,
    pub(crate) suffix: Cow<'static, OsStr>,
    pub(crate) random_len: usize,
}

impl Template {
    /// Returns an error unless names are single plain components.
    pub(crate) fn check(&self, max_random_len: usize) -> io::Result<()> {
        for (what, part) in [("prefix", &self.prefix), ("suffix", &self.suffix)] {
            if part.to_string_lossy().contains(is_separator) {
                return Err(invalid(format!("the {what} {part:?} has a path separator")));
            }
            if part.as_encoded_bytes().contains(&0) {
                return Err(invalid(format!("the {what} {part:?} has a NUL")));
            }
        }
        if self.random_len > max_random_len {
            return Err(invalid(format!(
                "{} random characters are more than {max_random_len}",
                self.random_len
            )));
        }
        if self.random_len == 0 {
            let name = OsString::from_iter([&*self.prefix, &*self.suffix]);
            if name.is_empty() || name == "." || name == ".." {
                return Err(invalid(format!("{name:?} names no new directory")));
            }
        }
        Ok(())
    }

    /// Returns a path in `parent` with a newly drawn random part.
    pub(crate) fn next_in(&self, parent: &Path) -> io::Result<PathBuf> {
        let random = random(self.random_len)?;
        let parts = [&*self.prefix, OsStr::new(&random), &*self.suffix];
        let len = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut path = PathBuf::with_capacity(parent.as_os_str().len() + 1 + len);
        path.push(parent);
        // Adds a trailing separator, to which the parts are appended.
        path.push("");
        let mut path = path.into_os_string();
        path.extend(parts);
        Ok(path.into())
    }

    /// Returns whether calling [`next_in`](Self::next_in) again can return another name.
    pub(crate) fn varies(&self) -> bool {
        self.random_len > 0
    }
}

/// Returns `len` random characters of [`ALPHABET`], all equally likely.
///
/// They come from the operating system's random number generator.
pub(crate) fn random(len: usize) -> io::Result<String> {
    // Bytes from here up are rejected: they would make the alphabet's first characters likelier.
    const FAIR: u8 = (256 / ALPHABET.len() * ALPHABET.len()) as u8;

    let mut text = String::with_capacity(len);
    let mut bytes = [0_u8; 32];
    while text.len() < len {
        getrandom::fill(&mut bytes)?;
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        text.extend(
            fair.take(len - text.len())
                .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])),
        );
    }
    Ok(text)
}

/// The longest name that [`hidden`] includes: filesystems allow 255 bytes, and some fewer.
const MAX_PART: usize = 100;

/// Returns the hidden name that `name` is renamed to while it is being removed.
pub(crate) fn aside(name: &OsStr) -> io::Result<OsString> {
    hidden(name, ".removing")
}

/// Returns a hidden, random name that tells where it comes from.
pub(crate) fn hidden(name: &OsStr, suffix: &str) -> io::Result<OsString> {
    let mut hidden = OsString::from(".");
    if name.len() <= MAX_PART {
        hidden.push(name);
        hidden.push("-");
    }
    hidden.push(random(DEFAULT_RANDOM_LEN)?);
    hidden.push(suffix);
    Ok(hidden)
}

/// Returns whether [`random`] can have produced `text`.
pub(crate) fn is_random(text: &str) -> bool {
    text.bytes().all(|byte| ALPHABET.contains(&byte))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(prefix: &str, random_len: usize, suffix: &str) -> Template {
        Template {
            prefix: OsString::from(prefix).into(),
            suffix: OsString::from(suffix).into(),
            random_len,
        }
    }

    #[test]
    fn a_path_is_put_together_from_its_parts() {
        let path = template("pre", 0, ".suf")
            .next_in(Path::new("/a/b"))
            .unwrap();
        assert_eq!(path, Path::new("/a/b/pre.suf"));
        let path = template("x", 3, "").next_in(Path::new("/")).unwrap();
        assert_eq!(path.parent(), Some(Path::new("/")));
        assert_eq!(path.file_name().unwrap().len(), 4);
    }

    #[test]
    fn names_have_the_length_and_the_alphabet_they_should() {
        for len in [0, 1, 10, 31, 32, 33, 200] {
            let name = random(len).unwrap();
            assert_eq!(name.len(), len);
            assert!(name.bytes().all(|byte| ALPHABET.contains(&byte)));
        }
    }

    #[test]
    fn every_character_of_the_alphabet_comes_up_about_equally() {
        let mut counts = [0_u32; 256];
        for byte in random(62_000).unwrap().bytes() {
            counts[usize::from(byte)] += 1;
        }
        for byte in ALPHABET {
            let count = counts[usize::from(*byte)];
            // 1,000 expected, a standard deviation of 31: this is eight of them.
            assert!(
                (750..1250).contains(&count),
                "{} came {count} times",
                char::from(*byte)
            );
        }
    }

    #[test]
    fn what_is_no_plain_name_is_refused() {
        for bad in [
            template("a/b", 10, ""),
            template("", 10, "/"),
            template("..", 0, ""),
            template(".", 0, "."),
            template(".", 0, ""),
            template("", 0, ""),
            template("a\0", 10, ""),
            template("", 10, "\0"),
            template("", 256, ""),
        ] {
            let error = bad.check(255).unwrap_err();
            assert_eq!(
                error.kind(),
                io::ErrorKind::InvalidInput,
                "{bad:?}: {error}"
            );
        }
        for good in [
            template("tmp", 10, ""),
            template("", 0, "x"),
            template("..", 1, ""),
        ] {
            good.check(255).unwrap();
        }
    }
}
