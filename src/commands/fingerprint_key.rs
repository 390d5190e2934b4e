use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{CommandError, Env};
use crate::{engine::FingerprintKey, model::DisplayPath};

/// The variable that holds a key as 64 hexadecimal digits.
const VARIABLE: &str = "UNLEAK_FINGERPRINT_KEY";

/// Keys in text, and where the text stands.
struct KeyText {
    text: Zeroizing<String>,
    place: String,
}

/// Reads the current key from a file, the environment, or the user's settings, in this order. If none of them has one, a
/// key is made and kept in the settings, readable by the user alone.
pub(super) fn read(file: Option<&Path>, env: &Env<'_>) -> Result<FingerprintKey, CommandError> {
    let found = find(file, env)?;
    parse(&found.text).ok_or_else(|| not_a_key(&found.place))
}

/// The same with the older keys that stand below it.
#[cfg(feature = "identity")]
pub(super) fn ring(file: Option<&Path>, env: &Env<'_>) -> Result<crate::fingerprint::KeyRing, CommandError> {
    let found = find(file, env)?;
    crate::fingerprint::KeyRing::parse(&found.text)
        .map_err(|error| CommandError::FingerprintKey(format!("{}: {error}", found.place)))
}

/// Puts a new key in front of those in a file, and returns the names of all.
#[cfg(feature = "identity")]
pub(super) fn rotate(file: Option<&Path>, env: &Env<'_>) -> Result<Vec<String>, CommandError> {
    let is_set = (env.var)(VARIABLE).is_some_and(|value| !value.is_empty());
    let path = match (file, env.config_dir()) {
        (Some(path), _) => path.to_owned(),
        (None, Some(dir)) if !is_set => dir.join("fingerprint.key"),
        _ => {
            let message =
                format!("{VARIABLE} is set: put the new key in front of the old one there, with a comma between");
            return Err(CommandError::FingerprintKey(message));
        }
    };
    let failed = |source| CommandError::Write { path: DisplayPath(&path).to_string(), source };
    let old = ring(Some(&path), env).map(|_| fs::read_to_string(&path).map(Zeroizing::new))?.map_err(failed)?;
    let new = hex(&random_bytes(env).map_err(failed)?);
    let text = Zeroizing::new(format!("{}\n{}\n", *new, old.trim()));
    let ring = crate::fingerprint::KeyRing::parse(&text)
        .map_err(|error| CommandError::FingerprintKey(format!("{}: {error}", DisplayPath(&path))))?;
    let draft = draft(&path, &text).map_err(failed)?;
    fs::rename(&draft, &path).inspect_err(|_| drop(fs::remove_file(&draft))).map_err(failed)?;
    Ok(ring.ids())
}

fn find(file: Option<&Path>, env: &Env<'_>) -> Result<KeyText, CommandError> {
    if let Some(path) = file {
        let place = DisplayPath(path).to_string();
        let text = fs::read_to_string(path).map_err(|source| CommandError::Read { path: place.clone(), source })?;
        warn_if_readable(path, env);
        return Ok(KeyText { text: text.into(), place });
    }
    // CI systems set a secret that is missing to the empty string.
    if let Some(value) = (env.var)(VARIABLE).filter(|value| !value.is_empty()) {
        let text = value.into_string().map_err(|_| not_a_key(VARIABLE))?;
        return Ok(KeyText { text: text.into(), place: VARIABLE.to_owned() });
    }
    let Some(path) = env.config_dir().map(|dir| dir.join("fingerprint.key")) else { return one_time(env) };
    let place = DisplayPath(&path).to_string();
    match fs::read_to_string(&path) {
        Ok(text) => {
            warn_if_readable(&path, env);
            Ok(KeyText { text: text.into(), place })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(&path, env) {
            Ok(text) => Ok(KeyText { text, place }),
            Err(_) => one_time(env),
        },
        Err(_) => one_time(env),
    }
}

/// Whoever reads the key can test guesses against fingerprints.
fn warn_if_readable(path: &Path, env: &Env<'_>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let is_open =
            fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o044 != 0);
        if is_open {
            (env.warn)(&format!("{}: others can read this key (chmod 600)", DisplayPath(path)));
        }
    }
    #[cfg(not(unix))]
    let _ = (path, env);
}

fn not_a_key(place: &str) -> CommandError {
    CommandError::FingerprintKey(format!("{place} does not hold 64 hexadecimal digits (try `openssl rand -hex 32`)"))
}

/// The first key of a text: one per line or between commas, the current one first.
fn parse(text: &str) -> Option<FingerprintKey> {
    let mut lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(lines.next()?.as_bytes()).ok()?;
    bytes.try_into().ok().map(FingerprintKey::new)
}

fn hex(bytes: &[u8; 32]) -> Zeroizing<String> {
    data_encoding::HEXLOWER.encode(bytes).into()
}

/// Writes a file beside `path` that the user alone can read.
fn draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let draft = dir.join(format!(".fingerprint.key.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&draft)))?;
    Ok(draft)
}

/// Writes a new key beside its place and links it there, so that of two processes doing so at once one wins and the
/// other reads the winner's.
fn create(path: &Path, env: &Env<'_>) -> io::Result<Zeroizing<String>> {
    let key = hex(&random_bytes(env)?);
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let draft = draft(path, &format!("{}\n", *key))?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path).map(Zeroizing::new),
    }
}

fn one_time(env: &Env<'_>) -> Result<KeyText, CommandError> {
    (env.warn)(&format!(
        "no place to keep a fingerprint key: fingerprints of this run can't be compared with others (set {VARIABLE})"
    ));
    let bytes = random_bytes(env).map_err(|error| CommandError::FingerprintKey(error.to_string()))?;
    Ok(KeyText { text: hex(&bytes), place: "the key of this run".to_owned() })
}

fn random_bytes(env: &Env<'_>) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    (env.random)(&mut bytes)?;
    Ok(bytes)
}
