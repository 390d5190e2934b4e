//! Keys of 32 random bytes: from a file, a variable, a program, a keyring, or the user's settings, where one is made when it is
//! first needed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{CommandError, Env, key_elsewhere};
use crate::model::DisplayPath;

/// A key that the user may have.
pub(super) struct KeyName {
    /// The variable that holds it as 64 hexadecimal digits.
    pub(super) variable: &'static str,
    /// The variable with a command that prints it.
    pub(super) command: &'static str,
    /// The variable with its name in a keyring.
    pub(super) keyring: &'static str,
    /// Its file among the user's settings.
    pub(super) file: &'static str,
    /// What it is called in messages.
    pub(super) what: &'static str,
}

/// The key of fingerprints.
pub(super) const FINGERPRINT: KeyName = KeyName {
    variable: "UNLEAK_FINGERPRINT_KEY",
    command: "UNLEAK_FINGERPRINT_KEY_COMMAND",
    keyring: "UNLEAK_FINGERPRINT_KEYRING",
    file: "fingerprint.key",
    what: "fingerprint key",
};

/// The key that signs the audit log.
#[cfg(feature = "identity")]
pub(super) const AUDIT: KeyName = KeyName {
    variable: "UNLEAK_AUDIT_KEY",
    command: "UNLEAK_AUDIT_KEY_COMMAND",
    keyring: "UNLEAK_AUDIT_KEYRING",
    file: "audit.key",
    what: "audit key",
};

/// Keys in text, and where the text stands.
pub(super) struct KeyText {
    /// The text.
    pub(super) text: Zeroizing<String>,
    /// A path, safe to print, or the name of a variable.
    pub(super) place: String,
}

impl KeyName {
    /// An error about this key.
    pub(super) fn error(&self, reason: String) -> CommandError {
        CommandError::Key { what: self.what, reason }
    }

    /// The first of the variables that name a key which is kept elsewhere than in the settings.
    #[cfg(feature = "identity")]
    pub(super) fn set_variable(&self, env: &Env<'_>) -> Option<&'static str> {
        [self.variable, self.command, self.keyring].into_iter().find(|name| set(name, env).is_some())
    }

    fn not_a_key(&self, place: &str) -> CommandError {
        self.error(format!("{place} does not hold 64 hexadecimal digits (try `openssl rand -hex 32`)"))
    }
}

/// Reads the current key; see [`find`]. `None` where there is no place to keep one.
pub(super) fn read(name: &KeyName, file: Option<&Path>, env: &Env<'_>) -> Result<Option<[u8; 32]>, CommandError> {
    let Some(found) = find(name, file, env)? else { return Ok(None) };
    parse(&found.text).map(Some).ok_or_else(|| name.not_a_key(&found.place))
}

/// The value of a variable. CI systems set a secret that is missing to the empty string.
fn set(variable: &str, env: &Env<'_>) -> Option<std::ffi::OsString> {
    (env.var)(variable).filter(|value| !value.is_empty())
}

/// Reads the text of keys from a file, the environment, a program or keyring that the environment names, or the user's settings, in
/// this order. If none of them is there, a key is made and kept in the settings, readable by the user alone; a program or
/// keyring that has none is an error, for another key would make all fingerprints new. `None` where there is no place to keep one.
pub(super) fn find(name: &KeyName, file: Option<&Path>, env: &Env<'_>) -> Result<Option<KeyText>, CommandError> {
    if let Some(path) = file {
        let place = DisplayPath(path).to_string();
        let text = fs::read_to_string(path).map_err(|source| CommandError::Read { path: place.clone(), source })?;
        warn_if_readable(path, env);
        return Ok(Some(KeyText { text: text.into(), place }));
    }
    if let Some(value) = set(name.variable, env) {
        let text = value.into_string().map_err(|_| name.not_a_key(name.variable))?;
        return Ok(Some(KeyText { text: text.into(), place: name.variable.to_owned() }));
    }
    if let Some(line) = set(name.command, env) {
        let text = key_elsewhere::printed(&line).map_err(|why| name.error(format!("{}: {why}", name.command)))?;
        return Ok(Some(KeyText { text, place: format!("what {} prints", name.command) }));
    }
    if let Some(key) = set(name.keyring, env) {
        let text = key_elsewhere::in_keyring(&key).map_err(|why| name.error(format!("{}: {why}", name.keyring)))?;
        return Ok(Some(KeyText { text, place: format!("the key that {} names", name.keyring) }));
    }
    let Some(path) = env.config_dir().map(|dir| dir.join(name.file)) else { return Ok(None) };
    let text = match fs::read_to_string(&path) {
        Ok(text) => {
            warn_if_readable(&path, env);
            Some(text.into())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path, env).ok(),
        Err(_) => None,
    };
    Ok(text.map(|text| KeyText { text, place: DisplayPath(&path).to_string() }))
}

/// Whoever reads the key can test guesses against fingerprints, or sign.
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

/// The first key of a text: one per line or between commas, the current one first.
fn parse(text: &str) -> Option<[u8; 32]> {
    let mut lines = text.split(['\n', ',']).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(lines.next()?.as_bytes()).ok()?;
    bytes.try_into().ok()
}

/// A new key, in text.
pub(super) fn new_key(env: &Env<'_>) -> io::Result<Zeroizing<String>> {
    Ok(data_encoding::HEXLOWER.encode(&random_bytes(env)?).into())
}

/// Writes a file beside `path` that the user alone can read.
pub(super) fn draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{name}.{}", std::process::id()));
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
    let key = new_key(env)?;
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let draft = draft(path, &format!("{}\n", *key))?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::read_to_string(path).map(Zeroizing::new),
    }
}

pub(super) fn random_bytes(env: &Env<'_>) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    (env.random)(&mut bytes)?;
    Ok(bytes)
}
