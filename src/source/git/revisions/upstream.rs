//! What a branch follows, by the settings of its repository.

use super::{ObjectId, ObjectStore, Refs, full_name};
use crate::source::git::config;

/// Where the branch of this name last saw its upstream; no name stands for the branch that is checked out. Of settings only
/// the repository's own count.
pub(super) fn of(store: &ObjectStore, refs: &Refs, name: &str) -> Option<ObjectId> {
    let branch = match full_name(refs, name)? {
        head if head == "HEAD" => refs.head_name.clone()?,
        full => full.into_bytes(),
    };
    let branch = branch.strip_prefix(b"refs/heads/")?;
    let text = config::read(store.common_dir());
    let last = |key| config::values(&text, ("branch", branch), key).pop();
    let (remote, merge) = (last("remote")?, last("merge")?);
    if remote == "." {
        return refs.find(merge.as_bytes());
    }
    let rules = config::values(&text, ("remote", remote.as_bytes()), "fetch");
    let tracking = rules.iter().find_map(|rule| mapped(rule, &merge))?;
    refs.find(tracking.as_bytes())
}

/// The name here of a remote's ref, by a rule such as `+refs/heads/*:refs/remotes/origin/*`.
fn mapped(rule: &str, name: &str) -> Option<String> {
    let (from, to) = rule.strip_prefix('+').unwrap_or(rule).split_once(':')?;
    let Some((before, after)) = from.split_once('*') else { return (from == name).then(|| to.to_owned()) };
    let part = name.strip_prefix(before)?.strip_suffix(after)?;
    Some(to.replacen('*', part, 1))
}

#[cfg(test)]
mod tests {
    use super::mapped;

    #[test]
    fn rules_map_names() {
        let mapped = |rule, name| mapped(rule, name).unwrap_or_default();
        assert_eq!(mapped("+refs/heads/*:refs/remotes/o/*", "refs/heads/a/b"), "refs/remotes/o/a/b");
        assert_eq!(mapped("refs/heads/a:refs/x/y", "refs/heads/a"), "refs/x/y");
        assert_eq!(mapped("refs/heads/a:refs/x/y", "refs/heads/ab"), "");
        assert_eq!(mapped("refs/heads/*-x:refs/r/*", "refs/heads/a-x"), "refs/r/a");
        assert_eq!(mapped("refs/heads/a", "refs/heads/a"), "");
    }
}
