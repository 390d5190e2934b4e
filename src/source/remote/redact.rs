//! What git says, without what it mustn't say.

use crate::model::{Escaped, Secret};

/// Lines of git's that are shown, counted from the end, where the reason stands.
const MAX_LINES: usize = 20;
const HIDDEN: &[u8] = b"***";

/// The end of git's messages: without these secrets, without the user part of any address (the user's settings may put
/// one into another address), safe to print.
pub(super) fn clean(message: &[u8], secrets: &[Secret]) -> String {
    let mut text = message.to_vec();
    for secret in secrets {
        text = replaced(&text, secret.expose());
    }
    let text = without_user_info(&text);
    let lines: Vec<_> = text.split(|&byte| byte == b'\n' || byte == b'\r').map(<[u8]>::trim_ascii).collect();
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(MAX_LINES)..];
    shown.iter().map(|line| Escaped(line).to_string()).collect::<Vec<_>>().join("\n")
}

fn replaced(text: &[u8], secret: &[u8]) -> Vec<u8> {
    let (mut out, mut from) = (Vec::with_capacity(text.len()), 0);
    for at in memchr::memmem::find_iter(text, secret) {
        out.extend_from_slice(&text[from..at]);
        out.extend_from_slice(HIDDEN);
        from = at + secret.len();
    }
    out.extend_from_slice(&text[from..]);
    out
}

fn without_user_info(text: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some(at) = memchr::memmem::find(rest, b"://") {
        let (before, after) = rest.split_at(at + 3);
        out.extend_from_slice(before);
        let end = after.iter().position(|&byte| byte == b'/' || byte.is_ascii_whitespace() || byte == b'\'');
        let authority = &after[..end.unwrap_or(after.len())];
        rest = match memchr::memrchr(b'@', authority) {
            Some(sign) => {
                out.extend_from_slice(HIDDEN);
                &after[sign..]
            }
            None => after,
        };
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::clean;
    use crate::model::Secret;

    #[test]
    fn secrets_and_users_of_addresses_are_hidden() {
        let secrets = [Secret::new(b"hunter2"), Secret::new(b"me")];
        let mut said =
            format!("fatal: 'https://me:{}@h/a' hunter2hunter2\n\r\n  remote: \x1b[2J", "hunter2").into_bytes();
        said.extend_from_slice(b"\xff ssh://x@h https://tok@h/@b\n");
        let shown = clean(&said, &secrets);
        assert_eq!(shown, "fatal: 'https://***@h/a' ******\nremote: \\u{1b}[2J\\xff ssh://***@h https://***@h/@b");
    }

    #[test]
    fn only_the_end_of_a_long_message_is_shown() {
        let said: String = (0..100).map(|line| format!("line {line}\n")).collect();
        let shown = clean(said.as_bytes(), &[]);
        assert_eq!((shown.lines().next(), shown.lines().count()), (Some("line 80"), 20));
    }
}
