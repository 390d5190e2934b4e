//! The hooks directory of a repository on a machine where git itself can't be asked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    HookError,
    place::{Found, Variable, path_of},
};
use crate::model::DisplayPath;

/// The largest configuration file that is read; those seen are a few kilobytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Walks up from `path` to a repository and reads `core.hooksPath` from the files in which git looks for it. Variables
/// that point git elsewhere, and includes, are not followed.
pub(super) fn find(path: &Path, var: &Variable<'_>) -> Result<Found, HookError> {
    let start = path.canonicalize().map_err(|source| HookError::io("read", path, source))?;
    let Some((git_dir, work_tree)) = start.ancestors().find_map(repository_at) else {
        let message = "not a git repository (nor any of the directories above it)".to_owned();
        return Err(HookError::NoRepository { path: DisplayPath(path).to_string(), message });
    };
    let common_dir = match read(&git_dir.join("commondir")) {
        Some(text) => git_dir.join(path_of(text.trim_ascii())),
        None => git_dir.clone(),
    };
    let base = work_tree.clone().unwrap_or(git_dir);
    let home = var("HOME").map(PathBuf::from);
    let dir = match hooks_path(&common_dir, home.as_deref(), var) {
        Some(value) => base.join(expand_home(&value, home.as_deref())),
        None => common_dir.join("hooks"),
    };
    Ok(Found { dir, common_dir, is_bare: work_tree.is_none(), work_tree })
}

/// The git directory, and the work tree if it has one.
fn repository_at(dir: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let is_git_dir =
        |dir: &Path| dir.join("HEAD").exists() && dir.join("objects").is_dir() || dir.join("commondir").is_file();
    let inner = dir.join(".git");
    if inner.is_dir() && is_git_dir(&inner) {
        return Some((inner, Some(dir.to_owned())));
    }
    if let Some(target) = read(&inner).as_deref().and_then(|text| text.strip_prefix(b"gitdir:")) {
        return Some((dir.join(path_of(target.trim_ascii())), Some(dir.to_owned())));
    }
    is_git_dir(dir).then(|| (dir.to_owned(), None))
}

/// The last `core.hooksPath` in the order in which git reads its files.
fn hooks_path(common_dir: &Path, home: Option<&Path>, var: &Variable<'_>) -> Option<Vec<u8>> {
    let settings = var("XDG_CONFIG_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = settings.or_else(|| Some(home?.join(".config")));
    let files = [
        Some(PathBuf::from("/etc/gitconfig")),
        settings.map(|dir| dir.join("git/config")),
        home.map(|home| home.join(".gitconfig")),
        Some(common_dir.join("config")),
    ];
    files.iter().flatten().filter_map(|file| hooks_path_in(&read(file)?)).next_back()
}

fn hooks_path_in(text: &[u8]) -> Option<Vec<u8>> {
    let (mut in_core, mut value) = (false, None);
    for line in text.split(|&byte| byte == b'\n') {
        let mut line = line.trim_ascii();
        if let Some(header) = line.strip_prefix(b"[") {
            let Some(end) = header.iter().position(|&byte| byte == b']') else { continue };
            in_core = header[..end].trim_ascii().eq_ignore_ascii_case(b"core");
            line = header[end + 1..].trim_ascii();
        }
        let Some(equals) = line.iter().position(|&byte| byte == b'=') else { continue };
        if in_core && line[..equals].trim_ascii().eq_ignore_ascii_case(b"hookspath") {
            value = Some(unquoted(line[equals + 1..].trim_ascii()));
        }
    }
    value
}

/// A value without quotes, escapes and comment.
fn unquoted(value: &[u8]) -> Vec<u8> {
    let (mut text, mut is_quoted, mut bytes) = (Vec::new(), false, value.iter().copied());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' => text.extend(bytes.next()),
            b'#' | b';' if !is_quoted => break,
            _ => text.push(byte),
        }
    }
    if is_quoted { text } else { text.trim_ascii_end().to_vec() }
}

fn expand_home(value: &[u8], home: Option<&Path>) -> PathBuf {
    match (value.strip_prefix(b"~/"), home) {
        (Some(rest), Some(home)) => home.join(path_of(rest)),
        _ => path_of(value),
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_CONFIG_BYTES {
        return None;
    }
    fs::read(path).ok()
}

#[cfg(test)]
mod tests {
    use super::hooks_path_in;

    #[test]
    fn the_last_setting_of_the_section_counts() {
        let text = b"[core]\n\thooksPath = a\n[other]\nhooksPath = b\n[Core] HOOKSPATH = \"c d\" ; why\n[core \"x\"]\nhooksPath=e\n";
        assert_eq!(hooks_path_in(text).as_deref(), Some(&b"c d"[..]));
        assert_eq!(hooks_path_in(b"[core]\n\tbare = true\n[core\nhooksPath"), None);
        assert_eq!(hooks_path_in(b"[core]\nhooksPath = C:\\\\hooks # x").as_deref(), Some(&b"C:\\hooks"[..]));
    }
}
