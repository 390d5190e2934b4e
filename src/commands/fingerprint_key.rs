use std::path::Path;

use super::{CommandError, Env, key_file};
use crate::engine::FingerprintKey;

/// Reads the current key from a file, the environment, or the user's settings. Where there is no place to keep one, a key is
/// made for this run alone.
pub(super) fn read(file: Option<&Path>, env: &Env<'_>) -> Result<FingerprintKey, CommandError> {
    match key_file::read(&key_file::FINGERPRINT, file, env)? {
        Some(key) => Ok(FingerprintKey::new(key)),
        None => one_time(env).map(FingerprintKey::new),
    }
}

/// The same with the older keys that stand below it.
#[cfg(feature = "identity")]
pub(super) fn ring(file: Option<&Path>, env: &Env<'_>) -> Result<crate::fingerprint::KeyRing, CommandError> {
    let name = &key_file::FINGERPRINT;
    match key_file::find(name, file, env)? {
        Some(found) => crate::fingerprint::KeyRing::parse(&found.text)
            .map_err(|error| name.error(format!("{}: {error}", found.place))),
        None => one_time(env).map(crate::fingerprint::KeyRing::new),
    }
}

/// Puts a new key in front of those in a file, and returns the names of all.
#[cfg(feature = "identity")]
pub(super) fn rotate(file: Option<&Path>, env: &Env<'_>) -> Result<Vec<String>, CommandError> {
    use std::fs;

    use zeroize::Zeroizing;

    use crate::model::DisplayPath;

    let name = &key_file::FINGERPRINT;
    let path = match (file, name.set_variable(env), env.config_dir()) {
        (Some(path), ..) => path.to_owned(),
        (None, None, Some(dir)) => dir.join(name.file),
        (None, Some(variable), _) => {
            let reason = format!(
                "{variable} is set: put the new key in front of the old one where it leads, with a comma between (\
                 `openssl rand -hex 32` makes one)"
            );
            return Err(name.error(reason));
        }
        (None, None, None) => return Err(name.error("there is no place to keep a key: name a file".to_owned())),
    };
    let failed = |source| CommandError::Write { path: DisplayPath(&path).to_string(), source };
    let old = ring(Some(&path), env).map(|_| fs::read_to_string(&path).map(Zeroizing::new))?.map_err(failed)?;
    let new = key_file::new_key(env).map_err(failed)?;
    let text = Zeroizing::new(format!("{}\n{}\n", *new, old.trim()));
    let ring = crate::fingerprint::KeyRing::parse(&text)
        .map_err(|error| name.error(format!("{}: {error}", DisplayPath(&path))))?;
    let draft = key_file::draft(&path, &text).map_err(failed)?;
    fs::rename(&draft, &path).inspect_err(|_| drop(fs::remove_file(&draft))).map_err(failed)?;
    Ok(ring.ids())
}

fn one_time(env: &Env<'_>) -> Result<[u8; 32], CommandError> {
    let name = &key_file::FINGERPRINT;
    (env.warn)(&format!(
        "no place to keep a fingerprint key: fingerprints of this run can't be compared with others (set {})",
        name.variable
    ));
    key_file::random_bytes(env).map_err(|error| name.error(error.to_string()))
}
