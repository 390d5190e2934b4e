use std::path::{Path, PathBuf};

use super::{Surroundings, Trust};

/// Name of the file in a repository.
pub const FILE_NAME: &str = ".unleak.toml";

/// The first that there is: `UNLEAK_CONFIG`, the nearest file from the current directory up to the root of its
/// repository, `config.toml` among the user's own settings. Nothing above a repository counts, nor, outside of one,
/// anything but the current directory: whoever can write to `/tmp` could configure a scan below it.
pub(super) fn find(around: &Surroundings<'_>) -> Option<(PathBuf, Trust)> {
    if let Some(named) = (around.var)("UNLEAK_CONFIG").filter(|value| !value.is_empty()) {
        return Some((PathBuf::from(named), Trust::Named));
    }
    let in_repository = directories(&around.current_dir).into_iter().map(|dir| dir.join(FILE_NAME));
    let found = in_repository.into_iter().find(|path| path.symlink_metadata().is_ok_and(|found| found.is_file()));
    if let Some(found) = found {
        return Some((found, Trust::Found));
    }
    let own = around.user_dir.as_ref()?.join("config.toml");
    own.is_file().then_some((own, Trust::Named))
}

/// The current directory and those above it, up to the root of the repository that it lies in.
fn directories(current: &Path) -> Vec<&Path> {
    let all: Vec<&Path> = current.ancestors().collect();
    let root = all.iter().position(|dir| dir.join(".git").symlink_metadata().is_ok());
    all.into_iter().take(root.unwrap_or(0) + 1).collect()
}
