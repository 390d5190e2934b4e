//! Tokens and signatures that systems put into links of their own, to files mostly: they are in every export, and nobody leaked
//! them.

use std::ops::Range;

/// No link with a token is shorter than host, query and token together.
pub(super) const LEAST_LINK_BYTES: usize = 32;

/// What is noted: its kind, and in words.
pub(super) type Told = (&'static str, &'static str);

const EXPORT_FILE_TOKEN: Told = (
    "export-file-token",
    "links to files carry the export's own token: it is live until it is revoked, and whoever has the export can fetch all \
     its files with it",
);

const SIGNED_LINK: Told =
    ("signed-link", "links to files are signed: whoever has the export can fetch them while the signatures last");

/// What is to be noted of a link with a token or signature of the system itself, and the link without it.
pub(super) fn noise(address: &str) -> Option<(Told, &str)> {
    let (rest, query) = address.split_at(memchr::memchr(b'?', address.as_bytes())?);
    let query = &query[1..];
    if query.split('&').any(|part| part.starts_with("t=xoxe-")) {
        return Some((EXPORT_FILE_TOKEN, rest));
    }
    // People put links of their own there, too: to webhooks, previews of what they wrote.
    if query.split('&').filter_map(|part| part.split_once('=')).any(|(_, value)| has_prefix(value)) {
        return None;
    }
    // A size (`s=24`) is no signature.
    let has = |name: &str| {
        let is_long = |(key, value): (&str, &str)| key.eq_ignore_ascii_case(name) && value.len() >= 16;
        query.split('&').any(|part| part.split_once('=').is_some_and(is_long))
    };
    const SIGNATURES: [&str; 8] =
        ["X-Amz-Signature", "X-Goog-Signature", "Signature", "hm", "sig", "token", "jwt", "s"];
    SIGNATURES.iter().any(|name| has(name)).then_some((SIGNED_LINK, rest))
}

/// Does a value begin as tokens of many kinds do, with letters and `_` or `-` (`ghp_`, `glpat-`)? Signatures are hexadecimal, UUIDs,
/// JWTs or base64, of which few have a sign there.
fn has_prefix(value: &str) -> bool {
    let (head, rest) = value.split_at(value.bytes().take_while(u8::is_ascii_alphanumeric).count());
    let is_word = (2..=6).contains(&head.len()) && head.bytes().all(|byte| byte.is_ascii_lowercase());
    is_word && rest.starts_with(['_', '-']) && value.len() >= 16
}

/// Where the systems' own links to files lead that people have in their texts: such a link is put there for each picture.
const FILE_HOSTS: [&[u8]; 4] = [
    b"media.atlassian.com",
    b"media-cdn.atlassian.com",
    b"private-user-images.githubusercontent.com",
    b"uploads.linear.app",
];

/// What their tokens in JWT format are called.
const FILE_TOKENS: [&[u8]; 3] = [b"token=", b"jwt=", b"signature="];

/// Longest address before its query.
const ADDRESS_BYTES: usize = 1024;

/// Tokens of the system's own links in a text, in order, and what is to be noted of each.
pub(super) fn own_tokens(text: &str) -> Vec<(Range<usize>, Told)> {
    let bytes = text.as_bytes();
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>()[]|\\?#".contains(byte);
    let mut tokens = Vec::new();
    let mut behind = 0;
    while let Some(at) = memchr::memchr(b'?', &bytes[behind..]).map(|at| behind + at) {
        let end = bytes[at + 1..].iter().position(is_end).map_or(bytes.len(), |length| at + 1 + length);
        let before = &bytes[at.saturating_sub(ADDRESS_BYTES).max(behind)..at];
        let mut from = at + 1;
        for part in bytes[at + 1..end].split(|byte| *byte == b'&') {
            let (start, next) = (from, from + part.len() + 1);
            from = next;
            // As HTML has it.
            let skipped = if part.starts_with(b"amp;") { 4 } else { 0 };
            if let Some((length, told)) = own_token(before, &part[skipped..]) {
                tokens.push((start + skipped + length..start + part.len(), told));
            }
        }
        behind = end;
    }
    tokens
}

/// Is a part of a query such a token? If so, the length of its name, and what is to be noted.
fn own_token(before: &[u8], part: &[u8]) -> Option<(usize, Told)> {
    if part.starts_with(b"t=xoxe-") {
        return Some((2, EXPORT_FILE_TOKEN));
    }
    let name = FILE_TOKENS.iter().find(|name| part.starts_with(name) && part[name.len()..].starts_with(b"eyJ"))?;
    let host = &before[memchr::memmem::rfind(before, b"://")? + 3..];
    let host = &host[..memchr::memchr(b'/', host)?];
    FILE_HOSTS.iter().any(|own| host.ends_with(own)).then_some((name.len(), SIGNED_LINK))
}

#[cfg(test)]
mod tests {
    use super::{noise, own_tokens};

    #[test]
    fn links_with_tokens_of_other_kinds_are_no_noise() {
        let signature = "5f2b9c".repeat(10);
        let told = |query: &str| noise(&format!("https://files.example.com/a.png?{query}")).is_some();
        assert!(told(&format!("hm={signature}")) && told(&format!("s=24&token={signature}")));
        let uuid = ["5f2b9c1a", "d9cb", "469f", "a165", "708677289500"].join("-");
        let jwt = ["eyJhbGciOiJub25lIn0", "e30", ""].join(".");
        assert!(told(&format!("token={uuid}")) && told(&format!("token={jwt}")));
        for token in
            ["token=ghp_0123456789abcdef", "s=1&access_token=glpat-0123456789abcdef", "jwt=sk_live_0123456789abc"]
        {
            assert!(!told(token) && !told(&format!("{token}&hm={signature}")), "{token}");
        }
    }

    #[test]
    fn only_the_systems_own_tokens_are_noted() {
        for (text, expected) in [
            ("![x](https://private-user-images.githubusercontent.com/1/2.png?jwt=eyJa.b-c) and", vec!["eyJa.b-c"]),
            ("https://api.media.atlassian.com/file/1/binary?client=7&amp;token=eyJx&name=y", vec!["eyJx"]),
            (
                "is https://files.slack.com/f?t=xoxe-1-a it? https://files.slack.com/g?t=xoxe-2",
                vec!["xoxe-1-a", "xoxe-2"],
            ),
            ("https://api.example.com/media.atlassian.com/?token=eyJx", vec![]),
            ("https://media.atlassian.com.example.com/x?token=eyJx", vec![]),
            ("token=eyJx ?token=eyJx ????", vec![]),
        ] {
            let found: Vec<&str> = own_tokens(text).into_iter().map(|(at, _)| &text[at]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
