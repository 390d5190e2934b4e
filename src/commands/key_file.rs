//! Keys of 32 random bytes: from a file, a variable, or the user's settings, where one is made when it is first needed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use super::{CommandError, Env};
use crate::model::DisplayPath;

/// A key that the user may have.
pub(super) struct KeyName {
    /// The variable that holds it as 64 hexadecimal digits.
    pub(super) variable: &'static str,
    /// Its file among the user's settings.
    pub(super) file: &'static str,
    /// What it is called in messages.
    pub(super) what: &'static str,
}

/// The key of fingerprints.
pub(super) const FINGERPRINT: KeyName =
    KeyName { variable: "UNLEAK_FINGERPRINT_KEY", file: "fingerprint.key", what: "fingerprint key" };

/// The key that signs the audit log.
#[cfg(feature = "identity")]
pub(super) const AUDIT: KeyName = KeyName { variable: "UNLEAK_AUDIT_KEY", file: "audit.key", what: "audit key" };

/// Reads a key from a file, the environment, or the user's settings, in this order. If none of them has one, a key is made
/// and kept in the settings, readable by the user alone. `None` where there is no place to keep one.
pub(super) fn read(name: &KeyName, file: Option<&Path>, env: &Env<'_>) -> Result<Option<[u8; 32]>, CommandError> {
    let not_a_key = |place: &str| {
        let reason = format!("{place} does not hold 64 hexadecimal digits (try `openssl rand -hex 32`)");
        CommandError::Key { what: name.what, reason }
    };
    if let Some(path) = file {
        let text = fs::read_to_string(path)
            .map_err(|source| CommandError::Read { path: DisplayPath(path).to_string(), source })?;
        return parse(&text).map(Some).ok_or_else(|| not_a_key(&DisplayPath(path).to_string()));
    }
    // CI systems set a secret that is missing to the empty string.
    if let Some(value) = (env.var)(name.variable).filter(|value| !value.is_empty()) {
        return value.to_str().and_then(parse).map(Some).ok_or_else(|| not_a_key(name.variable));
    }
    let Some(path) = env.config_dir().map(|dir| dir.join(name.file)) else { return Ok(None) };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).map(Some).ok_or_else(|| not_a_key(&DisplayPath(&path).to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(create(&path, env).ok()),
        Err(_) => Ok(None),
    }
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// Writes a new key beside its place and links it there, so that of two processes doing so at once one wins and the
/// other reads the winner's.
fn create(path: &Path, env: &Env<'_>) -> io::Result<[u8; 32]> {
    let bytes = random_bytes(env)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{name}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = writeln!(file, "{}", data_encoding::HEXLOWER.encode(&bytes)).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => parse(&fs::read_to_string(path)?).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData)),
    }
}

pub(super) fn random_bytes(env: &Env<'_>) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    (env.random)(&mut bytes)?;
    Ok(bytes)
}
