//! Credentials of an address, and how git learns of them.

use std::ffi::OsString;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::RemoteError;
use crate::{model::Secret, source::git::path_of};

const USER_VARIABLE: &str = "UNLEAK_CLONE_USER";
const PASSWORD_VARIABLE: &str = "UNLEAK_CLONE_PASSWORD";

/// A credential helper of one line. `printf` is the shell's own, so no list of processes has what it prints.
const HELPER: &str = "!f() { test \"$1\" = get && \
    printf 'username=%s\\npassword=%s\\n' \"$UNLEAK_CLONE_USER\" \"$UNLEAK_CLONE_PASSWORD\"; }; f";

/// Who to be on a server.
#[derive(Clone, Debug)]
pub(super) enum Login {
    /// Whoever git's own settings say.
    None,
    /// A user, whose password git's own settings have, or the user types.
    User {
        /// As it stands in the address, and without its percent signs.
        written: Secret,
        user: Secret,
    },
    /// Both. `written` is as they stand in the address.
    Pair { written: Secret, user: Secret, password: Secret },
}

impl Login {
    /// Reads the part of an address before its `@`.
    pub(super) fn parse(text: &str) -> Result<Login, RemoteError> {
        let written = Secret::new(text.as_bytes());
        match text.split_once(':') {
            None if text.is_empty() => Ok(Login::None),
            None => Ok(Login::User { written, user: decoded(text)? }),
            // Git doesn't log in as nobody.
            Some(("", _)) => Err(RemoteError::Malformed(
                "there is no user before the password: a token that is all there is stands before the colon",
            )),
            Some((user, password)) => {
                let user = decoded(user)?;
                if user.expose().contains(&b':') {
                    return Err(RemoteError::Malformed(
                        "the user's name has a colon, which no server could tell apart",
                    ));
                }
                Ok(Login::Pair { written, user, password: decoded(password)? })
            }
        }
    }

    /// Settings of git, for this server alone: a redirection to another gets none of it. They are for its environment,
    /// which other users can't see.
    ///
    /// A password is told by a helper when this server asks. A header would go wherever git is sent to. The user's own
    /// helpers are left out: they would be told to store it, or to forget theirs if it is wrong.
    pub(super) fn settings(&self, server: &str) -> Vec<(String, OsString)> {
        match self {
            Login::None => Vec::new(),
            Login::User { user, .. } => {
                vec![(format!("credential.{server}.username"), path_of(user.expose()))]
            }
            Login::Pair { .. } => vec![
                ("credential.helper".to_owned(), OsString::new()),
                (format!("credential.{server}.helper"), OsString::new()),
                (format!("credential.{server}.helper"), OsString::from(HELPER)),
            ],
        }
    }

    /// What [`HELPER`] says, for git's environment, from which it reaches the helper.
    pub(super) fn variables(&self) -> Vec<(&'static str, OsString)> {
        let Login::Pair { user, password, .. } = self else { return Vec::new() };
        vec![(USER_VARIABLE, path_of(user.expose())), (PASSWORD_VARIABLE, path_of(password.expose()))]
    }

    fn basic(&self) -> Zeroizing<String> {
        let Login::Pair { user, password, .. } = self else { return Zeroizing::default() };
        let pair = Zeroizing::new([user.expose(), b":", password.expose()].concat());
        Zeroizing::new(BASE64.encode(&pair))
    }

    /// Everything that mustn't be seen. A user's name beside a password hides only if it is long enough to be a token:
    /// short ones (`git`) are words that messages have.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = match self {
            Login::None => Vec::new(),
            Login::User { written, user } => vec![written.clone(), user.clone()],
            Login::Pair { written, user, password } => {
                let in_address = written.expose().split(|&byte| byte == b':').map(Secret::new);
                let names = in_address.take(1).chain([user.clone()]).filter(|name| name.len() >= 8);
                let text = written.expose();
                let after = text.iter().position(|&byte| byte == b':').map_or(&[][..], |colon| &text[colon + 1..]);
                let mut all: Vec<_> = names.collect();
                all.extend([written.clone(), Secret::new(after), password.clone()]);
                all.push(Secret::new(self.basic().as_bytes()));
                all
            }
        };
        secrets.retain(|secret| !secret.is_empty());
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets
    }

    /// Is git to ask nobody, as everything was said?
    pub(super) fn is_complete(&self) -> bool {
        matches!(self, Login::Pair { .. })
    }
}

/// Undoes percent encoding.
fn decoded(text: &str) -> Result<Secret, RemoteError> {
    let odd = RemoteError::Malformed("a percent sign in the credentials stands before something else than a character");
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = after.get(..2).and_then(|digits| data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok());
        match digits.as_deref() {
            Some(&[value]) if !value.is_ascii_control() => bytes.push(value),
            _ => return Err(odd),
        }
        rest = &after[2..];
    }
    Ok(Secret::new(&bytes))
}

#[cfg(test)]
mod tests {
    use super::Login;

    #[test]
    fn credentials_are_decoded_and_all_their_looks_are_secret() {
        let login = Login::parse("me%40home:p%2fq").unwrap();
        let settings = login.settings("https://h");
        assert!(settings[1..].iter().all(|(key, _)| key == "credential.https://h.helper"), "{settings:?}");
        assert!(login.variables().iter().map(|(_, value)| value).eq(["me@home", "p/q"]), "{:?}", login.variables());
        // printf 'me@home:p/q' | base64
        let secrets: Vec<_> =
            login.secrets().iter().map(|s| String::from_utf8_lossy(s.expose()).into_owned()).collect();
        assert_eq!(secrets, ["bWVAaG9tZTpwL3E=", "me%40home:p%2fq", "me%40home", "p%2fq", "p/q"]);
    }

    #[test]
    fn a_user_alone_leaves_the_password_to_git() {
        let settings = Login::parse("me").unwrap().settings("https://h");
        assert_eq!(settings, [("credential.https://h.username".to_owned(), "me".into())]);
        assert!(Login::parse("token:").unwrap().is_complete());
        assert!(Login::parse("").unwrap().secrets().is_empty());
    }
}
