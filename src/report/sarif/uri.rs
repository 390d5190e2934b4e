//! Paths as URI references (RFC 3986).

use std::fmt::Write as _;

use serde_sarif::sarif::ArtifactLocation;

use super::BASE_ID;
use crate::{model::Provenance, report::redact::Redactor};

/// Where a blob is, as SARIF says it.
pub(super) fn artifact_location(provenance: &Provenance, redactor: &Redactor<'_>) -> ArtifactLocation {
    let Some(path) = provenance.path() else {
        // Standard input and the like have no place in the tree, so no base either.
        let uri = encode(redactor.provenance(provenance).as_bytes());
        return ArtifactLocation::builder().uri(uri).build();
    };
    let bytes = redactor.bytes(path.as_os_str().as_encoded_bytes());
    match of_path(&bytes, Separator::NATIVE) {
        PathUri::Relative(uri) => ArtifactLocation::builder().uri(uri).uri_base_id(BASE_ID).build(),
        PathUri::Absolute(uri) => ArtifactLocation::builder().uri(uri).build(),
    }
}

/// What separates the parts of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Separator {
    Slash,
    /// Windows, where a slash is one as well.
    Backslash,
}

impl Separator {
    const NATIVE: Separator = if cfg!(windows) { Separator::Backslash } else { Separator::Slash };
}

#[derive(Debug, PartialEq, Eq)]
enum PathUri {
    /// To be read against the base.
    Relative(String),
    /// With the scheme `file`.
    Absolute(String),
}

fn of_path(path: &[u8], separator: Separator) -> PathUri {
    if separator == Separator::Slash {
        return match path.strip_prefix(b"/") {
            Some(rest) => PathUri::Absolute(format!("file:///{}", encode(trim_slashes(rest)))),
            None => PathUri::Relative(relative(path)),
        };
    }
    let path: Vec<u8> = path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect();
    let (path, is_unc) = match path.as_slice() {
        [b'/', b'/', b'?', b'/', b'U', b'N', b'C', b'/', rest @ ..] => (rest, true),
        [b'/', b'/', b'?', b'/', rest @ ..] => (rest, false),
        [b'/', b'/', rest @ ..] => (rest, true),
        whole => (whole, false),
    };
    match path {
        _ if is_unc => PathUri::Absolute(format!("file://{}", encode(path))),
        [drive, b':', b'/', rest @ ..] => {
            PathUri::Absolute(format!("file:///{}:/{}", char::from(*drive), encode(rest)))
        }
        // On the current drive: which one isn't known here.
        [b'/', rest @ ..] => PathUri::Absolute(format!("file:///{}", encode(trim_slashes(rest)))),
        _ => PathUri::Relative(relative(path)),
    }
}

/// Without `./` in front: services compare these with paths of the repository as text.
fn relative(mut path: &[u8]) -> String {
    while let Some(rest) = path.strip_prefix(b"./") {
        path = trim_slashes(rest);
    }
    encode(path)
}

/// More than one slash in front would make the next part a host name.
fn trim_slashes(path: &[u8]) -> &[u8] {
    &path[path.iter().take_while(|byte| **byte == b'/').count()..]
}

/// Percent-encodes all but what a path segment may hold as it is. A colon is encoded as well: in the first segment
/// it would end a scheme.
fn encode(path: &[u8]) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a string can't fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::{PathUri, Separator, of_path};

    fn check(separator: Separator, path: &[u8], expected: &str) {
        let (PathUri::Relative(uri) | PathUri::Absolute(uri)) = of_path(path, separator);
        assert_eq!(uri, expected, "{}", path.escape_ascii());
    }

    #[test]
    fn unix_paths() {
        for (path, expected) in [
            (&b"src/main.rs"[..], "src/main.rs"),
            (b"./src//main.rs", "src//main.rs"),
            (b".//etc", "etc"),
            (b"../up", "../up"),
            (b"a b\n#?%[1]", "a%20b%0A%23%3F%25%5B1%5D"),
            (b"c:/x\\y", "c%3A/x%5Cy"),
            ("caf\u{e9}.env".as_bytes(), "caf%C3%A9.env"),
            (b"caf\xe9.env", "caf%E9.env"),
            (b"/etc/pass wd", "file:///etc/pass%20wd"),
            (b"//host/x", "file:///host/x"),
        ] {
            check(Separator::Slash, path, expected);
        }
    }

    #[test]
    fn windows_paths() {
        for (path, expected) in [
            (&br".\src\main.rs"[..], "src/main.rs"),
            (br"C:\a b\c", "file:///C:/a%20b/c"),
            (br"\\?\C:\x", "file:///C:/x"),
            (br"\\server\share\x", "file://server/share/x"),
            (br"\\?\UNC\server\share\x", "file://server/share/x"),
            (br"\x", "file:///x"),
        ] {
            check(Separator::Backslash, path, expected);
        }
    }
}
