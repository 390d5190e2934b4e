//! `unleak fingerprint`: fingerprints of secrets, made where the secrets live, so that nothing else has to leave.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use zeroize::Zeroizing;

use super::{CommandError, Env, ExitCode, fingerprint_key, output};
use crate::{
    fingerprint::Fingerprinter as _,
    model::{DisplayPath, Escaped, Secret},
};

/// How the secrets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretInput {
    /// By its look: an object or array is JSON, `NAME=value` lines are an environment file, else one secret per line.
    Auto,
    /// One secret per line.
    Lines,
    /// `NAME=value` lines, as in `.env`.
    Env,
    /// JSON of any shape: every text in it is a secret, named by its path. The answer of `bao kv get -format=json` is one.
    Json,
}

/// What is to be fingerprinted.
#[derive(Clone, Debug)]
pub struct FingerprintSettings {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// How they are written.
    pub input: SecretInput,
    /// Where the secrets live, such as `kv/billing`; the file's name if `None`.
    pub source: Option<String>,
    /// File that holds the key.
    pub key: Option<PathBuf>,
    /// Where the fingerprints go; standard output if `None`.
    pub output: Option<PathBuf>,
}

/// Largest input, in bytes: it is read as a whole, to be wiped as a whole.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Shorter values are no secrets: a fingerprint of them would give them away to whoever has the key.
const MIN_SECRET_BYTES: usize = 6;

/// A secret and what it is called.
struct Named {
    name: String,
    secret: Secret,
}

/// Writes fingerprints of all secrets, one JSON object per line, as `unleak inventory import` takes them.
///
/// # Errors
/// If an input can't be read or understood, the key can't be used, or the output not written.
pub fn run(settings: &FingerprintSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let ring = fingerprint_key::ring(settings.key.as_deref(), env)?;
    let (mut lines, mut too_short) = (Vec::new(), 0);
    for path in &settings.files {
        let text = read(path)?;
        let source = settings.source.clone().unwrap_or_else(|| DisplayPath(path).to_string());
        for named in secrets(&text, settings.input, path)? {
            if named.secret.len() < MIN_SECRET_BYTES {
                too_short += 1;
                continue;
            }
            let fingerprints: Vec<_> = ring.fingerprints(&named.secret).iter().map(ToString::to_string).collect();
            lines.push(serde_json::json!({
                "schema": "unleak.fingerprint/v1", "source": source, "name": named.name, "fingerprints": fingerprints,
            }));
        }
    }
    if too_short > 0 {
        (env.warn)(&format!("{too_short} values shorter than {MIN_SECRET_BYTES} bytes were left out"));
    }
    output::write(settings.output.as_deref(), env, &|out| {
        lines.iter().try_for_each(|line| {
            serde_json::to_writer(&mut *out, line)?;
            writeln!(out)
        })
    })?;
    Ok(ExitCode::Clean)
}

/// Puts a new key in front of the old ones, and names both. Old fingerprints match until secrets are read again.
///
/// # Errors
/// If the key doesn't come from a file, or the file can't be replaced.
pub fn rotate_key(key: Option<&Path>, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let ids = fingerprint_key::rotate(key, env)?;
    output::write(None, env, &|out| {
        writeln!(out, "current {}", ids[0])?;
        ids[1..].iter().try_for_each(|id| writeln!(out, "older   {id}"))
    })?;
    Ok(ExitCode::Clean)
}

fn read(path: &Path) -> Result<Zeroizing<String>, CommandError> {
    let failed = |source| CommandError::Read { path: DisplayPath(path).to_string(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes))
    };
    match read {
        Ok(len) if len as u64 > MAX_INPUT_BYTES => Err(failed(std::io::Error::from(std::io::ErrorKind::FileTooLarge))),
        Ok(_) => String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            failed(std::io::Error::from(std::io::ErrorKind::InvalidData))
        }),
        Err(error) => Err(failed(error)),
    }
}

fn secrets(text: &str, input: SecretInput, path: &Path) -> Result<Vec<Named>, CommandError> {
    let input = if input == SecretInput::Auto { looks_like(text) } else { input };
    match input {
        SecretInput::Json => {
            let mut found = Vec::new();
            for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
                // The library's message may quote the input.
                let mut document = document.map_err(|error| CommandError::SecretInput {
                    path: DisplayPath(path).to_string(),
                    line: error.line(),
                })?;
                leaves(&mut document, &mut String::new(), &mut found);
            }
            Ok(found)
        }
        SecretInput::Env => Ok(text.lines().filter_map(assignment).collect()),
        _ => Ok(lines(text)),
    }
}

fn looks_like(text: &str) -> SecretInput {
    if text.trim_start().starts_with(['{', '[']) {
        return SecretInput::Json;
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    let is_env = lines.peek().is_some() && lines.all(|line| assignment(line).is_some());
    if is_env { SecretInput::Env } else { SecretInput::Lines }
}

fn lines(text: &str) -> Vec<Named> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| Named { name: format!("line-{}", index + 1), secret: Secret::new(line.as_bytes()) })
        .collect()
}

fn assignment(line: &str) -> Option<Named> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    let is_sound = !name.is_empty() && name.len() <= 128 && name.bytes().all(is_name);
    (is_sound && !line.starts_with('#'))
        .then(|| Named { name: name.to_owned(), secret: Secret::new(value.trim().as_bytes()) })
}

/// Every text, by its path. What a key-value store puts around them is left out.
fn leaves(value: &mut Value, path: &mut String, found: &mut Vec<Named>) {
    let length = path.len();
    match value {
        Value::Object(fields) => {
            // `data.data` holds the values of version 2 of the engine, `data` those of version 1; beside it stands no secret.
            let is_answer =
                fields.contains_key("request_id") || (fields.contains_key("data") && fields.contains_key("metadata"));
            for (name, value) in fields.iter_mut().filter(|(name, _)| !is_answer || *name == "data") {
                if !is_answer {
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&Escaped(name.as_bytes()).to_string());
                }
                leaves(value, path, found);
                path.truncate(length);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                path.push_str(&format!("[{index}]"));
                leaves(value, path, found);
                path.truncate(length);
            }
        }
        Value::String(text) => {
            let text = Zeroizing::new(std::mem::take(text));
            found.push(Named { name: path.clone(), secret: Secret::new(text.as_bytes()) });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretInput, secrets};

    fn names(text: &str) -> Vec<String> {
        let found = secrets(text, SecretInput::Auto, std::path::Path::new("x")).unwrap();
        found.iter().map(|named| format!("{}={}", named.name, named.secret.len())).collect()
    }

    #[test]
    fn inputs_are_known_by_their_look() {
        assert_eq!(names("abcdef\n\nghi\n"), ["line-1=6", "line-3=3"]);
        assert_eq!(names("# x\nexport A_KEY='abc'\nB=d=e\n"), ["A_KEY=5", "B=3"]);
        assert_eq!(names("{\"a\":{\"b\":[\"cd\"]},\"n\":1}"), ["a.b[0]=2"]);
        let answer =
            "{\"request_id\":\"r\",\"data\":{\"data\":{\"pw\":\"abc\"},\"metadata\":{\"created_time\":\"t\"}}}";
        assert_eq!(names(answer), ["pw=3"]);
        let error = secrets("{\"a\": hunter2", SecretInput::Json, std::path::Path::new("x")).err().unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
