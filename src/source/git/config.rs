//! The settings of a repository's `config` that change how its objects and refs are read. Nothing else in it is obeyed,
//! no file that it includes is opened.

use std::path::Path;

use super::file;

/// What the configuration says of the object store.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StoreConfig {
    /// `extensions.objectFormat`, in lowercase.
    pub(super) object_format: Option<String>,
    /// Is there an `extensions.partialClone`?
    pub(super) partial_clone: bool,
    /// `extensions.refStorage`, in lowercase.
    pub(super) ref_storage: Option<String>,
}

/// Reads a configuration as git does: the last setting wins, names don't mind case. Lines that it can't make sense of
/// are passed over: git itself would refuse the repository, we still want its objects.
pub(super) fn parse(text: &[u8]) -> StoreConfig {
    let last = |key| values(text, ("extensions", b""), key).pop();
    let lower = |key| last(key).map(|value| value.to_ascii_lowercase());
    StoreConfig {
        object_format: lower("objectformat"),
        partial_clone: last("partialclone").is_some(),
        ref_storage: lower("refstorage"),
    }
}

/// The largest configuration file that is read; those seen are a few kilobytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The text of a git directory's own configuration; empty if there is none that can be read.
pub(super) fn read(git_dir: &Path) -> Vec<u8> {
    file::read(&git_dir.join("config"), MAX_CONFIG_BYTES).ok().flatten().unwrap_or_default()
}

/// Every value of one setting, in order; empty where it has none. `subsection` is the part of a header in quotes, empty if there
/// is none.
pub(super) fn values(text: &[u8], (section, subsection): (&str, &[u8]), key: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let mut line = line.trim_ascii();
        if let Some((header, rest)) = line.strip_prefix(b"[").and_then(split_header) {
            let (name, quoted) = header.split_at(header.iter().position(|&byte| byte == b'"').unwrap_or(header.len()));
            is_inside = name.trim_ascii().eq_ignore_ascii_case(section.as_bytes()) && unescaped(quoted) == subsection;
            line = rest.trim_ascii();
        }
        let at = line.iter().position(|&byte| byte == b'=').unwrap_or(line.len());
        if is_inside && line[..at].trim_ascii().eq_ignore_ascii_case(key.as_bytes()) {
            found.push(unquoted(line.get(at + 1..).unwrap_or_default()));
        }
    }
    found
}

/// What stands in the brackets of a header, and what behind them. A subsection may have brackets itself.
fn split_header(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let end = header.iter().position(|&byte| {
        let is_end = byte == b']' && !is_quoted;
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })?;
    Some((&header[..end], &header[end + 1..]))
}

/// A subsection without its quotes and escapes.
fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let inner = quoted.trim_ascii().strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or_default();
    let mut bytes = inner.iter().copied();
    let mut text = Vec::with_capacity(inner.len());
    while let Some(byte) = bytes.next() {
        text.extend(if byte == b'\\' { bytes.next() } else { Some(byte) });
    }
    text
}

/// A value without comment, quotes and surrounding blanks.
fn unquoted(value: &[u8]) -> String {
    let mut is_quoted = false;
    let mut text = Vec::with_capacity(value.len());
    for &byte in value {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'#' | b';' if !is_quoted => break,
            _ => text.push(byte),
        }
    }
    String::from_utf8_lossy(text.trim_ascii()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{StoreConfig, parse, values};

    #[test]
    fn only_the_extensions_are_read() {
        let text = b"[core]\n\tbare = true\n\tobjectformat = md5\n[include]\n\tpath = /etc/passwd\n\
            [Extensions] ; comment\n\tobjectFormat = \"SHA256\" # why not\n\tpartialClone = origin\n\
            refStorage = Reftable\n[core]\n\tx = y\n";
        let expected = StoreConfig {
            object_format: Some("sha256".to_owned()),
            partial_clone: true,
            ref_storage: Some("reftable".to_owned()),
        };
        assert_eq!(parse(text), expected);
    }

    #[test]
    fn a_setting_may_stand_beside_its_section() {
        assert_eq!(parse(b"[extensions] objectformat=sha256").object_format.as_deref(), Some("sha256"));
        assert_eq!(parse(b"[extensions \"sub\"]\nobjectformat=sha256"), StoreConfig::default());
        assert_eq!(parse(b"[extensions\nobjectformat"), StoreConfig::default());
    }

    #[test]
    fn all_values_of_a_setting_are_read() {
        let text =
            b"[remote \"a\"]\n\tfetch = x\n[Remote \"a\\\"]b\"] ; why\nFetch = \"y z\"\n[remote \"a\"] fetch = w # v\n\
            [remote]\nfetch = u\n[remote \"a\nfetch = t\n";
        assert_eq!(values(text, ("remote", b"a"), "fetch"), ["x", "w"]);
        assert_eq!(values(text, ("remote", b"a\"]b"), "fetch"), ["y z"]);
        assert_eq!(values(text, ("remote", b""), "fetch"), ["u", "t"]);
    }
}
