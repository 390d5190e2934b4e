use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use super::{CommandError, Env};
use crate::{engine::FingerprintKey, model::DisplayPath};

/// The variable that holds a key as 64 hexadecimal digits.
const VARIABLE: &str = "UNLEAK_FINGERPRINT_KEY";

/// Reads the key from a file, the environment, or the user's settings, in this order. If none of them has one, a key
/// is made and kept in the settings, readable by the user alone.
pub(super) fn read(file: Option<&Path>, env: &Env<'_>) -> Result<FingerprintKey, CommandError> {
    if let Some(path) = file {
        let text = fs::read_to_string(path)
            .map_err(|source| CommandError::Read { path: DisplayPath(path).to_string(), source })?;
        return parse(&text).ok_or_else(|| not_a_key(&DisplayPath(path).to_string()));
    }
    // CI systems set a secret that is missing to the empty string.
    if let Some(value) = (env.var)(VARIABLE).filter(|value| !value.is_empty()) {
        return value.to_str().and_then(parse).ok_or_else(|| not_a_key(VARIABLE));
    }
    let Some(path) = env.config_dir().map(|dir| dir.join("fingerprint.key")) else { return one_time(env) };
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| not_a_key(&DisplayPath(&path).to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path, env).or_else(|_| one_time(env)),
        Err(_) => one_time(env),
    }
}

fn not_a_key(place: &str) -> CommandError {
    CommandError::FingerprintKey(format!("{place} does not hold 64 hexadecimal digits (try `openssl rand -hex 32`)"))
}

fn parse(text: &str) -> Option<FingerprintKey> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
    bytes.try_into().ok().map(FingerprintKey::new)
}

/// Writes a new key beside its place and links it there, so that of two processes doing so at once one wins and the
/// other reads the winner's.
fn create(path: &Path, env: &Env<'_>) -> io::Result<FingerprintKey> {
    let bytes = random_bytes(env)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let draft = dir.join(format!(".fingerprint.key.{}", std::process::id()));
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

fn one_time(env: &Env<'_>) -> Result<FingerprintKey, CommandError> {
    (env.warn)(&format!(
        "no place to keep a fingerprint key: fingerprints of this run can't be compared with others (set {VARIABLE})"
    ));
    let bytes = random_bytes(env).map_err(|error| CommandError::FingerprintKey(error.to_string()))?;
    Ok(FingerprintKey::new(bytes))
}

fn random_bytes(env: &Env<'_>) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    (env.random)(&mut bytes)?;
    Ok(bytes)
}
