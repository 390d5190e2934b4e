//! What is in a container: asked of every system, decided by what was seen.

use std::collections::BTreeMap;

use super::{
    input::{Input, head_as_text},
    system::{Detection, HEAD_BYTES, Look, SYSTEMS, System, WRAPPED},
};

/// Signs that are needed: one may be chance.
const MIN_SIGNS: usize = 2;

/// A system that was recognised, and where.
pub(super) struct Found {
    pub(super) system: &'static dyn System,
    pub(super) detection: Detection,
}

/// Everything in a container, the most specific first: deeper ones before those around them, then records that a tool has wrapped
/// before what is in them, then by the number of signs.
pub(super) fn detect(look: &Look<'_>, candidates: &[&'static dyn System]) -> Vec<Found> {
    let mut found: Vec<Found> = candidates
        .iter()
        .flat_map(|system| system.detect(look).into_iter().map(|detection| Found { system: *system, detection }))
        .filter(|found| found.detection.signs.len() >= MIN_SIGNS)
        .collect();
    found.sort_by_key(|Found { system, detection }| {
        std::cmp::Reverse((detection.root.len(), system.name() == WRAPPED, detection.signs.len()))
    });
    found
}

/// Files of a directory or archive whose beginning is looked at.
const MAX_HEADS: usize = 256;

/// Files recognised one by one.
const MAX_ROOTS: usize = 64;

/// Where files of JSON of one kind are. `signs_of` is asked with a path and the first bytes.
pub(super) fn pages(look: &Look<'_>, signs_of: &dyn Fn(&str, &[u8]) -> Vec<String>) -> Vec<Detection> {
    let is_page = |path: &str| {
        let path = path.strip_suffix(".gz").unwrap_or(path);
        [".json", ".jsonl", ".ndjson"].iter().any(|end| path.ends_with(end))
    };
    files(look, &is_page, signs_of)
}

/// Where files of one kind are: the directory that holds them if it holds little else, or the files.
pub(super) fn files(
    look: &Look<'_>,
    may_be: &dyn Fn(&str) -> bool,
    signs_of: &dyn Fn(&str, &[u8]) -> Vec<String>,
) -> Vec<Detection> {
    if let Some(only) = look.only() {
        return vec![Detection { root: String::new(), signs: signs_of(only, &look.head(only)) }];
    }
    let candidates: Vec<&str> = look.paths().filter(|path| may_be(path)).collect();
    let looked_at = candidates.iter().take(MAX_HEADS);
    let of = |path: &&'_ str| ((*path).to_owned(), signs_of(path, &look.head(path)));
    let found: Vec<(String, Vec<String>)> = looked_at.map(of).filter(|(_, signs)| signs.len() >= MIN_SIGNS).collect();
    let Some((first, signs)) = found.first() else { return Vec::new() };
    // Those that were not looked at are taken for what the others are.
    let count = candidates.len() * found.len() / candidates.len().clamp(1, MAX_HEADS);
    let root = found.iter().fold(folder(first), |root, (path, _)| common(root, path));
    // A Maildir has its messages in these.
    let root = ["cur/", "new/"].iter().find_map(|end| root.strip_suffix(end)).unwrap_or(root);
    let all = look.paths().filter(|path| path.starts_with(root)).count();
    if count * 2 >= all {
        let mut signs = signs.clone();
        signs.insert(0, format!("{count} of {all} files are of that kind"));
        return vec![Detection { root: root.to_owned(), signs }];
    }
    let mut folders: BTreeMap<&str, Vec<&(String, Vec<String>)>> = BTreeMap::new();
    found.iter().for_each(|file| folders.entry(folder(&file.0)).or_default().push(file));
    let mut roots = Vec::new();
    for (own, files) in folders.into_iter().take(MAX_ROOTS) {
        let all = look.paths().filter(|path| folder(path) == own).count();
        if !own.is_empty() && files.len() * 2 >= all {
            roots.push(Detection { root: own.to_owned(), signs: files[0].1.clone() });
        } else {
            let own = files.into_iter().take(MAX_ROOTS);
            roots.extend(own.map(|(path, signs)| Detection { root: path.clone(), signs: signs.clone() }));
        }
    }
    roots
}

/// Does a file begin as those of a kind do?
pub(super) fn is_one(input: &mut Input<'_>, signs_of: impl FnOnce(&[u8]) -> Vec<String>) -> bool {
    signs_of(&head_as_text(input.peek(HEAD_BYTES))).len() >= MIN_SIGNS
}

/// The directory, with a slash at its end.
fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..=at])
}

/// The directory that is above both.
fn common<'p>(above: &'p str, path: &str) -> &'p str {
    let mut above = above;
    while !path.starts_with(above) {
        above = folder(above.trim_end_matches('/'));
    }
    above
}

/// The systems to be asked: all, or the one that the user named.
pub(super) fn candidates(name: Option<&str>) -> Vec<&'static dyn System> {
    SYSTEMS.iter().copied().filter(|system| name.is_none_or(|name| system.name() == name)).collect()
}

/// Is a container worth opening, going by the first bytes of a file?
pub(super) fn may_be_file(name: &str, head: &[u8]) -> bool {
    match super::container::Magic::of(head) {
        super::container::Magic::Other => {
            let head = head_as_text(head);
            SYSTEMS.iter().any(|system| system.may_be_file(name, &head))
        }
        _ => true,
    }
}

/// Is a directory worth listing in full, going by the names of the files in it?
pub(super) fn may_be_dir(mut has: impl FnMut(&str) -> bool) -> bool {
    SYSTEMS.iter().any(|system| system.marks().iter().any(|mark| has(mark)))
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn directories_above() {
        assert_eq!(common("a/b/", "a/b/c"), "a/b/");
        assert_eq!(common("a/b/", "a/c"), "a/");
        assert_eq!(common("a/b/", "x"), "");
    }
}
