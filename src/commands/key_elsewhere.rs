//! Keys that are kept elsewhere: printed by a program of the operator's (which asks a vault, or the keyring of a desktop), or in
//! the kernel's keyring. Nothing here makes a key: where none is, that is an error.

use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use crate::model::Secret;

/// Most bytes that are read of a program's output: a hundred keys have room.
const MAX_OUTPUT: u64 = 8 << 10;

/// How long a program may take: somebody may have to type a passphrase.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a program prints. The line is its name and arguments, separated by white space, or a JSON array of them; no shell reads
/// it. Its errors go where ours go. The error says what went wrong, without output of the program.
pub(super) fn printed(line: &OsStr) -> Result<Zeroizing<String>, String> {
    answer(line, None)
}

/// The same for a program that gets a secret on its standard input.
pub(super) fn answer(line: &OsStr, input: Option<&Secret>) -> Result<Zeroizing<String>, String> {
    let line = line.to_str().ok_or_else(|| "it is not text".to_owned())?;
    let words = words(line)?;
    let (program, arguments) = words.split_first().ok_or_else(|| "it is empty".to_owned())?;
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let shown = crate::model::Escaped(program.as_bytes()).to_string();
    let mut child = command.spawn().map_err(|error| format!("`{shown}` can't be started ({error})"))?;
    if let (Some(mut stdin), Some(secret)) = (child.stdin.take(), input.cloned()) {
        // A program that reads nothing must not hold us.
        thread::spawn(move || drop(stdin.write_all(secret.expose())));
    }
    let (send, output) = mpsc::channel();
    let stdout = child.stdout.take();
    // A program that prints for ever must not hold us, nor one that prints nothing.
    thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::new());
        let read = stdout.map(|out| out.take(MAX_OUTPUT + 1).read_to_end(&mut text));
        let _ = send.send(matches!(read, Some(Ok(len)) if len as u64 <= MAX_OUTPUT).then_some(text));
    });
    let deadline = Instant::now() + TIMEOUT;
    let text = match output.recv_timeout(TIMEOUT) {
        Ok(Some(text)) => text,
        unusable => {
            let _ = child.kill();
            let _ = child.wait();
            let why = if unusable.is_ok() {
                "printed more than a key".to_owned()
            } else {
                format!("took longer than {} s", TIMEOUT.as_secs())
            };
            return Err(format!("`{shown}` {why}"));
        }
    };
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("`{shown}` took longer than {} s", TIMEOUT.as_secs()));
            }
        }
    };
    if !status.success() {
        return Err(format!("`{shown}` failed ({status})"));
    }
    let text = std::str::from_utf8(&text).map_err(|_| format!("what `{shown}` prints is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn words(line: &str) -> Result<Vec<String>, String> {
    if line.trim_start().starts_with('[') {
        return serde_json::from_str(line).map_err(|_| "it is no JSON array of texts".to_owned());
    }
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

/// The text of the key of this name in the kernel's keyring: that of the session, or of the user.
#[cfg(all(target_os = "linux", feature = "cli"))]
pub(super) fn in_keyring(name: &OsStr) -> Result<Zeroizing<String>, String> {
    use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};

    let name = name.to_str().ok_or_else(|| "the name is not text".to_owned())?;
    let shown = crate::model::Escaped(name.as_bytes()).to_string();
    let search = |ring, create| KeyRing::from_special_id(ring, create).and_then(|ring| ring.search(name));
    // Keys of the user can be seen but not read by a process whose session doesn't have the user's keyring in it (cron, SSH
    // without PAM). In a keyring of the process, gone with it, they are its own.
    let of_user = || {
        let own = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
        own.link_keyring_id(KeyRingIdentifier::User)?;
        own.search(name)
    };
    let key = search(KeyRingIdentifier::Session, false).or_else(|_| of_user()).map_err(|error| match error {
        KeyError::KeyDoesNotExist | KeyError::MissingFileOrDirectory => format!(
            "the kernel's keyring has no key `{shown}`: it is empty after a restart (`keyctl padd user {shown} @u` puts one in)"
        ),
        error => format!("the kernel's keyring refuses the key `{shown}`: {error}"),
    })?;
    let bytes = key.read_to_vec().map_err(|error| format!("the key `{shown}` can't be read: {error}"))?;
    let bytes = Zeroizing::new(bytes);
    // Raw bytes are a key as well.
    match bytes.as_slice() {
        raw if raw.len() == 32 => Ok(data_encoding::HEXLOWER.encode(raw).into()),
        text => std::str::from_utf8(text)
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| format!("the key `{shown}` is neither 32 bytes nor text")),
    }
}

/// There is none.
#[cfg(not(all(target_os = "linux", feature = "cli")))]
pub(super) fn in_keyring(_: &OsStr) -> Result<Zeroizing<String>, String> {
    Err("this build knows no keyring, only Linux's command line does: name a program that prints the key".to_owned())
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn commands_are_words_and_no_shell() {
        assert_eq!(words("  a  b;c $D ").unwrap(), ["a", "b;c", "$D"]);
        assert_eq!(words(r#"["a b", "c"]"#).unwrap(), ["a b", "c"]);
        assert!(words("[1]").is_err() && words("").unwrap().is_empty());
    }
}
