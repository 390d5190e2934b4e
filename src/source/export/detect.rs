//! What is in a container: asked of every system, decided by what was seen.

use super::system::{Detection, Look, SYSTEMS, System};

/// Signs that are needed: one may be chance.
const MIN_SIGNS: usize = 2;

/// A system that was recognised, and where.
pub(super) struct Found {
    pub(super) system: &'static dyn System,
    pub(super) detection: Detection,
}

/// Everything in a container, the most specific first: deeper ones before those around them, then by the number of signs.
pub(super) fn detect(look: &Look<'_>, candidates: &[&'static dyn System]) -> Vec<Found> {
    let mut found: Vec<Found> = candidates
        .iter()
        .flat_map(|system| system.detect(look).into_iter().map(|detection| Found { system: *system, detection }))
        .filter(|found| found.detection.signs.len() >= MIN_SIGNS)
        .collect();
    found.sort_by_key(|found| std::cmp::Reverse((found.detection.root.len(), found.detection.signs.len())));
    found
}

/// The systems to be asked: all, or the one that the user named.
pub(super) fn candidates(name: Option<&str>) -> Vec<&'static dyn System> {
    SYSTEMS.iter().copied().filter(|system| name.is_none_or(|name| system.name() == name)).collect()
}

/// Is a container worth opening, going by the first bytes of a file?
pub(super) fn may_be_file(name: &str, head: &[u8]) -> bool {
    match super::container::Magic::of(head) {
        super::container::Magic::Other => SYSTEMS.iter().any(|system| system.may_be_file(name, head)),
        _ => true,
    }
}

/// Is a directory worth listing in full, going by the names of the files in it?
pub(super) fn may_be_dir(mut has: impl FnMut(&str) -> bool) -> bool {
    SYSTEMS.iter().any(|system| system.marks().iter().any(|mark| has(mark)))
}
