//! Names that Windows does not take for those of files.

/// Returns why `name` would not become a file of that name on Windows, if it would not.
///
/// If opened relative to a directory, as cap-std does, most of these names do something else: with
/// a colon, an alternate data stream of another file is written; with a dot at the end, the file
/// has a name that most programs cannot use, and so cannot delete. From "Naming Files, Paths, and
/// Namespaces" in Microsoft's documentation of Win32.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    if name.contains(':') {
        return Some("a colon names an alternate data stream, or a drive");
    }
    if name.contains(|c: char| c < ' ' || "<>\"|?*/\\".contains(c)) {
        return Some("it has a character that is reserved");
    }
    if name.ends_with(['.', ' ']) {
        return Some("a dot or a space at the end is ignored");
    }
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_ascii_uppercase();
    let reserved = match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        // Digits, including superscript ones.
        numbered => ["COM", "LPT"].iter().any(|device| {
            numbered.strip_prefix(device).is_some_and(|number| {
                let mut chars = number.chars();
                let digit = chars.next();
                chars.next().is_none()
                    && digit.is_some_and(|c| c.is_ascii_digit() || "¹²³".contains(c))
            })
        }),
    };
    reserved.then_some("the name is that of a device")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_would_take_for_something_else() {
        for name in [
            "NUL",
            "nul",
            "Nul.txt",
            "nul .txt",
            "con",
            "aux.tar.gz",
            "PRN",
            "COM1",
            "com9.log",
            "com0",
            "LPT¹",
            "lpt3",
            "CONIN$",
            "conout$.x",
            "a:b",
            "a::$DATA",
            "C:",
            "a.",
            "a ",
            "...",
            " ",
            "a\u{1}",
            "a*",
            "a?",
            "<",
            ">",
            "|",
            "\"",
            "a\\b",
        ] {
            assert!(refused(name).is_some(), "{name:?}");
        }
        for name in [
            "a",
            "a.b",
            ".a",
            "null",
            "nul1",
            "com",
            "com10",
            "coma",
            "lpt",
            "console",
            "a b",
            " a",
            "ä",
            "auxiliary.c",
            "x.con",
            "-",
            "$",
        ] {
            assert_eq!(refused(name), None, "{name:?}");
        }
    }
}
