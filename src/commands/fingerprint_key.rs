use std::path::Path;

use super::{CommandError, Env, key_file};
use crate::engine::FingerprintKey;

/// Reads the key from a file, the environment, or the user's settings. Where there is no place to keep one, a key is made
/// for this run alone.
pub(super) fn read(file: Option<&Path>, env: &Env<'_>) -> Result<FingerprintKey, CommandError> {
    let name = &key_file::FINGERPRINT;
    if let Some(key) = key_file::read(name, file, env)? {
        return Ok(FingerprintKey::new(key));
    }
    (env.warn)(&format!(
        "no place to keep a fingerprint key: fingerprints of this run can't be compared with others (set {})",
        name.variable
    ));
    let bytes = key_file::random_bytes(env)
        .map_err(|error| CommandError::Key { what: name.what, reason: error.to_string() })?;
    Ok(FingerprintKey::new(bytes))
}
