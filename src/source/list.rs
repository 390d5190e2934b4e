//! Lists of paths: `git diff --name-only`, `find -print0`, a file somebody wrote.

use std::{
    ffi::OsString,
    io::{self, Read},
    path::PathBuf,
};

/// Reads a list of paths, which become the roots of [`Files`](super::Files). A path at which nothing stands is that
/// source's problem, not this one's.
///
/// Paths are separated by NUL if there is a NUL byte anywhere, else by newline, in which case a carriage return at the
/// end of a line is dropped. Empty entries are skipped; nothing else is trimmed or unquoted. The whole list is held in
/// memory.
///
/// # Errors
///
/// What `input` fails with.
pub fn read_paths(input: &mut dyn Read) -> io::Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    Ok(parse_paths(&bytes))
}

/// Splits a list of paths as [`read_paths`] does.
#[must_use]
pub fn parse_paths(bytes: &[u8]) -> Vec<PathBuf> {
    let by_nul = bytes.contains(&0);
    bytes
        .split(|&byte| byte == if by_nul { 0 } else { b'\n' })
        .map(|entry| if by_nul { entry } else { entry.strip_suffix(b"\r").unwrap_or(entry) })
        .filter(|entry| !entry.is_empty())
        .map(|entry| PathBuf::from(to_os_string(entry)))
        .collect()
}

#[cfg(unix)]
fn to_os_string(bytes: &[u8]) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn to_os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::parse_paths;

    fn paths(list: &[&str]) -> Vec<PathBuf> {
        list.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn lines_lose_their_carriage_return_and_blank_ones_are_skipped() {
        assert_eq!(parse_paths(b"a b\r\n\n\r\nc\\ d\n e"), paths(&["a b", "c\\ d", " e"]));
        assert_eq!(parse_paths(b""), paths(&[]));
    }

    #[test]
    fn one_nul_makes_it_a_nul_list() {
        assert_eq!(parse_paths(b"a\nb\0c\r\0\0"), paths(&["a\nb", "c\r"]));
    }
}
