//! Quotes names and text so that they cannot be misread.

use std::borrow::Cow;
use std::fmt::{self, Display, Write};
use std::ops::RangeInclusive;
use std::path::{MAIN_SEPARATOR, Path};

/// Bytes in quotes. Characters that are invisible, or change how others look, are escaped, as are bytes
/// that are not UTF-8.
///
/// The escapes are Rust's. Unlike with `str::escape_debug`, the set of escaped characters is the same in
/// every version.
pub(super) struct Quoted<'b>(pub(super) &'b [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '"' => f.write_str("\\\"")?,
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    '\r' => f.write_str("\\r")?,
                    '\t' => f.write_str("\\t")?,
                    _ if is_plain(char) => f.write_char(char)?,
                    _ => write!(f, "\\u{{{:x}}}", u32::from(char))?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        f.write_char('"')
    }
}

/// A path in quotes, with `/` between the names.
pub(super) struct QuotedPath<'p>(pub(super) &'p Path);

impl Display for QuotedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted(&with_slashes(self.0)).fmt(f)
    }
}

fn with_slashes(path: &Path) -> Cow<'_, [u8]> {
    let bytes = path.as_os_str().as_encoded_bytes();
    match MAIN_SEPARATOR {
        '/' => bytes.into(),
        _ => {
            let slash = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
            bytes.iter().map(slash).collect::<Vec<_>>().into()
        }
    }
}

/// Characters that are not shown as they are: control characters; spaces other than the usual one;
/// those that are invisible, combine with the one before, or change the direction of writing.
const ESCAPED: [RangeInclusive<char>; 27] = [
    '\0'..='\u{1f}',
    '\u{7f}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{300}'..='\u{36f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{11ff}',
    '\u{1680}'..='\u{1680}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{1ab0}'..='\u{1aff}',
    '\u{1dc0}'..='\u{1dff}',
    '\u{2000}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{205f}'..='\u{206f}',
    '\u{20d0}'..='\u{20ff}',
    '\u{2800}'..='\u{2800}',
    '\u{3000}'..='\u{3000}',
    '\u{3099}'..='\u{309a}',
    '\u{3164}'..='\u{3164}',
    '\u{d7b0}'..='\u{f8ff}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{fe20}'..='\u{fe2f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d165}'..='\u{1d182}',
];

fn is_plain(char: char) -> bool {
    // Tags, variation selectors, private use and what is not assigned.
    char < '\u{e0000}' && !ESCAPED.iter().any(|range| range.contains(&char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_misread_is_escaped() {
        for (bytes, expected) in [
            (b"a b".as_slice(), r#""a b""#),
            (b"\"\\\n\r\t\0\x1b\x7f", r#""\"\\\n\r\t\u{0}\u{1b}\u{7f}""#),
            ("äß語🦀".as_bytes(), r#""äß語🦀""#),
            (
                "a\u{202e}b\u{200b}c\u{301}".as_bytes(),
                r#""a\u{202e}b\u{200b}c\u{301}""#,
            ),
            ("\u{feff}\u{e0061}".as_bytes(), r#""\u{feff}\u{e0061}""#),
            // What Unicode writes in one character as well, as file names on macOS do not.
            ("か\u{3099}".as_bytes(), r#""か\u{3099}""#),
            ("ᄀ\u{1161}".as_bytes(), r#""ᄀ\u{1161}""#),
            ("\u{1dc4}\u{fe20}".as_bytes(), r#""\u{1dc4}\u{fe20}""#),
            ("\u{1bca0}\u{1d173}".as_bytes(), r#""\u{1bca0}\u{1d173}""#),
            (b"a\xff\xc3", r#""a\xff\xc3""#),
            // Surrogates, as the names of Windows have them.
            (b"\xed\xa0\x80", r#""\xed\xa0\x80""#),
            ("ÿ\\xff".as_bytes(), r#""ÿ\\xff""#),
        ] {
            assert_eq!(Quoted(bytes).to_string(), expected);
        }
    }
}
