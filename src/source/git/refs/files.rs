//! Refs as files: one for each, `packed-refs` for most, and `logs/`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use memchr::memmem;

use super::{
    super::{Fault, ObjectFormat, ObjectId, ObjectStore, StoreProblem, file, layout::path_of},
    Found, Head, LogEntry, MAX_SYMBOLIC_STEPS, Place, Value, is_own, some_id,
};

/// A ref's file holds an id or a name.
const MAX_REF_BYTES: u64 = 64 << 10;
/// Ten million refs, each in a line of a hundred bytes.
const MAX_PACKED_BYTES: u64 = 1 << 30;
/// A log, or `FETCH_HEAD`.
const MAX_LOG_BYTES: u64 = 256 << 20;
/// A path has room for no more directories.
const MAX_DEPTH: usize = 2048;

/// Reads everything that refs, packed refs and logs say.
pub(super) fn read(store: &ObjectStore, places: &[Place], found: &mut Found) {
    for place in places {
        let mut files = Vec::new();
        list(&place.dir, "refs", &mut files, &mut found.problems);
        for (name, path) in files {
            if is_own(&name) || place.is_common {
                loose(&path, place.name(&name), found);
            }
        }
        loose(&place.dir.join("HEAD"), place.name(b"HEAD"), found);
        let mut logs = Vec::new();
        list(&place.dir, "logs", &mut logs, &mut found.problems);
        for (name, path) in logs {
            let name = place.name(name.strip_prefix(b"logs/").unwrap_or(&name));
            log(&path, &name, found);
        }
    }
    // After the loose ones, so that a ref which is packed meanwhile is in one of both.
    packed(&store.common_dir().join("packed-refs"), found);
    read_pseudo_refs(places, found);
}

/// Names that git gives files beside `HEAD` that hold ids and don't end as it does.
const PSEUDO_REFS: [&[u8]; 5] =
    [b"AUTO_MERGE", b"BISECT_EXPECTED_REV", b"MERGE_AUTOSTASH", b"NOTES_MERGE_PARTIAL", b"NOTES_MERGE_REF"];

fn is_pseudo_ref(name: &[u8]) -> bool {
    let is_upper = name.iter().all(|&byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'));
    is_upper && (name.ends_with(b"_HEAD") || PSEUDO_REFS.contains(&name))
}

/// Reads `FETCH_HEAD`, `ORIG_HEAD` and their like: an id at the beginning of each line.
pub(super) fn read_pseudo_refs(places: &[Place], found: &mut Found) {
    for place in places {
        for path in entries(&place.dir, &mut found.problems) {
            if !path.file_name().is_some_and(|name| is_pseudo_ref(name.as_encoded_bytes())) {
                continue;
            }
            let Some(text) = read_or_note(&path, MAX_LOG_BYTES, found) else { continue };
            for (number, line) in lines(&text) {
                let word = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
                match id_in(word, found.format) {
                    Some(id) => found.others.extend(some_id(id)),
                    None if line.starts_with(b"ref:") => {}
                    None => found.problems.push(StoreProblem::file(&path, Fault::MalformedLine(number))),
                }
            }
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (1..).zip(text.split(|&byte| byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty())
}

fn id_in(digits: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    ObjectId::from_hex(digits).filter(|id| id.as_bytes().len() == format.id_len())
}

fn read_or_note(path: &Path, limit: u64, found: &mut Found) -> Option<Vec<u8>> {
    file::read(path, limit).unwrap_or_else(|fault| {
        found.problems.push(StoreProblem::file(path, fault));
        None
    })
}

/// `packed-refs`: lines of id and name; `#` begins a comment, `^` the commit that the tag in the line before leads to.
fn packed(path: &Path, found: &mut Found) {
    let Some(text) = read_or_note(path, MAX_PACKED_BYTES, found) else { return };
    for (number, line) in lines(&text) {
        if line.starts_with(b"#") || line.starts_with(b"^") {
            continue;
        }
        let (digits, name) = line.split_at_checked(2 * found.format.id_len()).unwrap_or_default();
        match (id_in(digits, found.format), name.strip_prefix(b" ")) {
            (Some(id), Some(name)) if !name.is_empty() => {
                // A loose ref outranks it.
                found.values.entry(name.to_vec()).or_insert(Value::Id(id));
            }
            _ => found.problems.push(StoreProblem::file(path, Fault::MalformedLine(number))),
        }
    }
}

/// A ref's own file.
fn loose(path: &Path, name: Vec<u8>, found: &mut Found) {
    match value(path, found.format) {
        Ok(Some(value)) => drop(found.values.insert(name, value)),
        // Deleted or packed since it was listed.
        Ok(None) => {}
        Err(fault) => found.problems.push(StoreProblem::file(path, fault)),
    }
}

/// What a ref's file says: `ref: ` and a name, or an id. In old repositories symbolic refs are symbolic links.
fn value(path: &Path, format: ObjectFormat) -> Result<Option<Value>, Fault> {
    if let Ok(target) = fs::read_link(path) {
        let target = target.as_os_str().as_encoded_bytes();
        if target.starts_with(b"refs/") {
            return Ok(Some(Value::Symbolic(target.to_vec())));
        }
    }
    let Some(text) = file::read(path, MAX_REF_BYTES)? else { return Ok(None) };
    if let Some(target) = text.strip_prefix(b"ref:") {
        let target = target.trim_ascii();
        return if target.is_empty() {
            Err(Fault::MalformedLine(1))
        } else {
            Ok(Some(Value::Symbolic(target.to_vec())))
        };
    }
    let (digits, rest) = text.split_at_checked(2 * format.id_len()).ok_or(Fault::MalformedLine(1))?;
    let is_whole = rest.first().is_none_or(u8::is_ascii_whitespace);
    id_in(digits, format).filter(|_| is_whole).map(|id| Some(Value::Id(id))).ok_or(Fault::MalformedLine(1))
}

/// A ref's log: a line per change.
fn log(path: &Path, name: &[u8], found: &mut Found) {
    let Some(text) = read_or_note(path, MAX_LOG_BYTES, found) else { return };
    for (number, line) in lines(&text) {
        match log_entry(line, name, found.format) {
            Some(entry) => found.logs.push(entry),
            None => found.problems.push(StoreProblem::file(path, Fault::MalformedLine(number))),
        }
    }
}

/// Old id, new id, name and address, seconds and time zone, a tab and the message.
fn log_entry(line: &[u8], name: &[u8], format: ObjectFormat) -> Option<LogEntry> {
    let digits = 2 * format.id_len();
    let (old, rest) = line.split_at_checked(digits)?;
    let (new, rest) = rest.strip_prefix(b" ")?.split_at_checked(digits)?;
    let (old, new) = (id_in(old, format)?, id_in(new, format)?);
    let (head, message) = match memchr::memchr(b'\t', rest) {
        Some(tab) => (&rest[..tab], &rest[tab + 1..]),
        None => (rest, &b""[..]),
    };
    let who = head.strip_prefix(b" ")?;
    let end = memchr::memrchr(b'>', who).map_or(0, |at| at + 1);
    let (who, time) = who.split_at(end);
    let time = time.trim_ascii().split(|&byte| byte == b' ').next().unwrap_or_default();
    // Whatever stands for the time, the ids are good.
    let seconds = std::str::from_utf8(time).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let (who, message) = (who.to_vec(), message.to_vec());
    Some(LogEntry { name: name.to_vec(), old: some_id(old), new: some_id(new), who, seconds, message })
}

/// For fuzzers.
#[cfg(any(test, fuzzing))]
pub(super) fn fuzz_log(text: &[u8]) {
    for (_, line) in lines(text) {
        let _ = (log_entry(line, b"HEAD", ObjectFormat::Sha1), log_entry(line, b"HEAD", ObjectFormat::Sha256));
    }
}

/// All files below `dir/top`, with their names from `dir` on, sorted. Hidden files and locks are none of git's refs.
fn list(dir: &Path, top: &str, files: &mut Vec<(Vec<u8>, PathBuf)>, problems: &mut Vec<StoreProblem>) {
    let mut waiting = vec![(top.as_bytes().to_vec(), dir.join(top), 0)];
    while let Some((name, dir, depth)) = waiting.pop() {
        for path in entries(&dir, problems) {
            let last = path.file_name().unwrap_or_default().as_encoded_bytes();
            if last.starts_with(b".") || last.ends_with(b".lock") {
                continue;
            }
            let name = [&name[..], b"/", last].concat();
            // A link to a directory is not followed: it could lead anywhere and back.
            let is_dir = fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_dir());
            if is_dir && depth < MAX_DEPTH {
                waiting.push((name, path, depth + 1));
            } else {
                files.push((name, path));
            }
        }
    }
    files.sort_unstable();
}

fn entries(dir: &Path, problems: &mut Vec<StoreProblem>) -> Vec<PathBuf> {
    let listed: io::Result<Vec<PathBuf>> =
        fs::read_dir(dir).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect());
    match listed {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.push(StoreProblem::file(dir, error.into()));
            Vec::new()
        }
    }
}

/// `HEAD` and what it leads to, without any other ref.
pub(super) fn head(store: &ObjectStore, format: ObjectFormat) -> Result<Head, StoreProblem> {
    let path = store.git_dir().join("HEAD");
    let read = |path: &Path| value(path, format).map_err(|fault| StoreProblem::file(path, fault));
    let (mut current, mut name) = (read(&path)?, None);
    for _ in 0..=MAX_SYMBOLIC_STEPS {
        let next = match current {
            None => return Ok(Head { id: None, name }),
            Some(Value::Id(id)) => return Ok(Head { id: Some(id), name }),
            Some(Value::Symbolic(next)) => next,
        };
        let is_safe = next.split(|&byte| byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."));
        if !is_safe {
            return Err(StoreProblem::file(path, Fault::MalformedLine(1)));
        }
        let dir = if is_own(&next) { store.git_dir() } else { store.common_dir() };
        current = match read(&dir.join(path_of(&next)))? {
            None => in_packed(&store.common_dir().join("packed-refs"), &next, format)?,
            loose => loose,
        };
        name.get_or_insert(next);
    }
    Err(StoreProblem::file(path, Fault::RefsTooDeep(MAX_SYMBOLIC_STEPS)))
}

/// One name's value in `packed-refs`.
fn in_packed(path: &Path, name: &[u8], format: ObjectFormat) -> Result<Option<Value>, StoreProblem> {
    let text = file::read(path, MAX_PACKED_BYTES).map_err(|fault| StoreProblem::file(path, fault))?.unwrap_or_default();
    let digits = 2 * format.id_len();
    let wanted = [b" ", name].concat();
    for at in memmem::find_iter(&text, &wanted) {
        let end = at + wanted.len();
        let is_line = at >= digits && (at == digits || text[at - digits - 1] == b'\n');
        if is_line && text.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'\r')) {
            let id = id_in(&text[at - digits..at], format);
            return Ok(id.map(Value::Id));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::{is_pseudo_ref, log_entry};
    use crate::source::git::ObjectFormat;

    #[test]
    fn log_lines_are_taken_apart() {
        let (old, new) = ("0".repeat(40), "ab".repeat(20));
        let line = format!("{old} {new} A > B <a@b> 1700000000 +0100\tcommit: why\tnot");
        let entry = log_entry(line.as_bytes(), b"HEAD", ObjectFormat::Sha1).unwrap();
        assert_eq!((entry.old, entry.new.unwrap().to_string()), (None, new.clone()));
        assert_eq!(
            (&entry.who[..], entry.seconds, &entry.message[..]),
            (&b"A > B <a@b>"[..], 1_700_000_000, &b"commit: why\tnot"[..])
        );
        assert_eq!(log_entry(format!("{old} {new}").as_bytes(), b"HEAD", ObjectFormat::Sha1), None);
        assert_eq!(log_entry(b"", b"HEAD", ObjectFormat::Sha256), None);
    }

    #[test]
    fn messages_are_no_pseudo_refs() {
        assert!(is_pseudo_ref(b"FETCH_HEAD") && is_pseudo_ref(b"AUTO_MERGE"));
        assert!(!is_pseudo_ref(b"HEAD") && !is_pseudo_ref(b"COMMIT_EDITMSG") && !is_pseudo_ref(b"old_HEAD"));
    }
}
