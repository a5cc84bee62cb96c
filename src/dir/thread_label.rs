//! Puts the name of the calling thread, which is that of a test, into the name of a directory.

use std::env;
use std::thread;

use crate::util::name::Template;

/// The longest label. The end of a longer name is used: that of a test is after its modules.
const MAX_LEN: usize = 64;

/// The longest name that a label is added to, with the label. Some encrypting filesystems allow no
/// more than 143 bytes.
const MAX_NAME: usize = 140;

/// The name of the test that a process of cargo-nextest runs.
const NEXTEST_TEST_NAME: &str = "NEXTEST_TEST_NAME";

/// Adds the calling thread's name to the prefix, or else that of the test that the process runs, if
/// there is one.
///
/// A name without random characters is exactly what the caller wants, and is not changed. Nor is one
/// that would become very long.
pub(super) fn add_to(template: &mut Template) {
    let current = thread::current();
    let of_process = || label(env::var(NEXTEST_TEST_NAME).ok()?.as_str());
    let Some(label) = current.name().and_then(label).or_else(of_process) else {
        return;
    };
    let len = template.prefix.len() + label.len() + template.random_len + template.suffix.len() + 2;
    if !template.varies() || len > MAX_NAME {
        return;
    }
    let prefix = template.prefix.to_mut();
    let ends_a_word = prefix
        .as_encoded_bytes()
        .last()
        .is_some_and(u8::is_ascii_alphanumeric);
    if ends_a_word {
        prefix.push("-");
    }
    prefix.push(label);
    prefix.push("-");
}

/// Returns what is left of a thread's name in a file name.
fn label(name: &str) -> Option<String> {
    if name == "main" || name.starts_with("tokio-") {
        return None;
    }
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = name.split(|char| !is_plain(char));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let label = words.join("-");
    // It is ASCII.
    let end = &label[label.len().saturating_sub(MAX_LEN)..];
    let end = end.trim_start_matches('-');
    (!end.is_empty()).then(|| end.to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_test_is_recognized_by_its_label() {
        for (name, expected) in [
            ("module::test_name", Some("module-test_name")),
            ("a::b::case_1", Some("a-b-case_1")),
            ("../x y\0", Some("x-y")),
            ("grün", Some("gr-n")),
            ("::", None),
            ("", None),
            ("main", None),
            ("tokio-runtime-worker", None),
            ("tokio-rt-worker", None),
        ] {
            assert_eq!(label(name).as_deref(), expected, "{name:?}");
        }
        let long = format!("module::{}::the_end", "x".repeat(100));
        let label = label(&long).unwrap();
        assert!(label.len() <= MAX_LEN && label.ends_with("x-the_end"));
    }

    fn labelled(prefix: &str, random_len: usize) -> String {
        let mut template = Template {
            prefix: OsStr::new(prefix).to_owned().into(),
            suffix: OsStr::new("").into(),
            random_len,
        };
        let add = move || {
            add_to(&mut template);
            template.prefix.into_owned().into_string().unwrap()
        };
        let thread = thread::Builder::new().name(String::from("a::b"));
        thread.spawn(add).unwrap().join().unwrap()
    }

    #[test]
    fn a_label_is_a_word_of_a_random_name() {
        assert_eq!(labelled("tmp", 10), "tmp-a-b-");
        assert_eq!(labelled("job-", 10), "job-a-b-");
        assert_eq!(labelled("", 10), "a-b-");
        assert_eq!(labelled("exact", 0), "exact");
        let long = "x".repeat(200);
        assert_eq!(labelled(&long, 10), long);
    }
}
