//! What touches a token that a provider's name stands before, and tells that it is something else: an id of git, a hash, a
//! piece of base64. Most tokens without a format of their own are as many hexadecimal digits as a hash has.

use std::ops::Range;

/// How far a name or a ref is looked for.
pub(super) const REACH: usize = 80;

/// Words for what is no secret, if a value is called so: `rev: …`, `"sha256": "…"`, `commit …`, `X-Signature: …`.
const HASH_NAMES: &[&str] = &[
    "checksum",
    "commit",
    "digest",
    "etag",
    "hash",
    "integrity",
    "md5",
    "parent",
    "ref",
    "rev",
    "revision",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "signature",
    "tree",
];

/// Points and why, for each thing that speaks against the token.
pub(super) fn effects(bytes: &[u8], secret: &Range<usize>) -> Vec<(i16, &'static str)> {
    let before = &bytes[secret.start.saturating_sub(REACH)..secret.start];
    let behind = &bytes[secret.end..(secret.end + REACH).min(bytes.len())];
    let mut effects = Vec::new();
    if before.ends_with(b"@") {
        effects.push((-25, "it stands after an @, as a revision does"));
    }
    if before.ends_with(b"+") || behind.starts_with(b"+") {
        effects.push((-25, "it touches a +, as a piece of base64 does"));
    }
    if is_git_id(&bytes[secret.clone()], before, behind) {
        effects.push((-60, "it is the id of a git object"));
    } else if HASH_NAMES.iter().any(|word| last_word(before).eq_ignore_ascii_case(word.as_bytes())) {
        effects.push((-40, "its name is that of a hash"));
    }
    effects
}

/// Does it stand in one of git's own lists: `packed-refs`, `ls-remote`, `FETCH_HEAD`, a log of a ref?
fn is_git_id(secret: &[u8], before: &[u8], behind: &[u8]) -> bool {
    let is_id = |text: &[u8]| matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit);
    let is_list = |rest: &[u8]| {
        [&b"refs/"[..], b"HEAD\n", b"not-for-merge\t", b"\tbranch '", b"\ttag '"]
            .iter()
            .any(|start| rest.starts_with(start))
    };
    let is_beside_another = |rest: &[u8]| rest.get(..secret.len()).is_some_and(is_id);
    let follows_another = || {
        let pair =
            before.strip_suffix(b" ").and_then(|rest| rest.len().checked_sub(secret.len()).map(|at| &rest[at..]));
        pair.is_some_and(is_id)
    };
    let next = behind.split_first().filter(|(gap, _)| matches!(gap, b' ' | b'\t')).map(|(_, rest)| rest);
    // The commit that a tag leads to, in the line below the tag.
    let is_peeled = before.ends_with(b"\n^");
    is_id(secret)
        && (is_peeled || next.is_some_and(|rest| is_list(rest) || is_beside_another(rest)) || follows_another())
}

/// The last word of the name that stands right before a value: `sha` of `"gitSha": "`, `rev` of `pinned_rev = `.
fn last_word(before: &[u8]) -> &[u8] {
    let is_gap = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\' | b'=' | b':' | b'>');
    let gap = before.iter().rev().take_while(|byte| is_gap(byte)).count();
    let name = &before[..before.len() - gap];
    // A name that nothing divides from the value is a part of it.
    if gap == 0 {
        return b"";
    }
    let len = name.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let word = &name[name.len() - len..];
    let hump =
        word.iter().rposition(u8::is_ascii_uppercase).filter(|at| word[*at..].iter().any(u8::is_ascii_lowercase));
    &word[hump.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::effects;

    /// Points for the bytes between `«` and `»`.
    fn points(text: &str) -> i16 {
        let (before, rest) = text.split_once('«').unwrap();
        let (secret, behind) = rest.split_once('»').unwrap();
        let bytes = [before, secret, behind].concat();
        effects(bytes.as_bytes(), &(before.len()..before.len() + secret.len())).iter().map(|(points, _)| points).sum()
    }

    #[test]
    fn ids_of_git_are_known_by_their_lists() {
        let id = "5f73a4ee28ca1644ba20f1b8495336541a999fbf";
        for text in [
            format!("«{id}» refs/heads/acme\n"),
            format!("{id} refs/heads/acme\n«{id}»\trefs/heads/other\n"),
            format!("{id} refs/tags/acme\n^«{id}»\n"),
            format!("«{id}»\tnot-for-merge\tbranch 'acme' of host\n"),
            format!("«{id}»\t\tbranch 'acme' of host\n"),
            format!("{id} «{id}» A U Thor <a@b> 1 +0000\tcommit: acme\n"),
            format!("«{id}» {id} A U Thor <a@b> 1 +0000\tcommit: acme\n"),
        ] {
            assert_eq!(points(&text), -60, "{text}");
        }
        assert_eq!(points(&format!("acme_key={id} «{}» refs/", "q".repeat(40))), 0);
        assert_eq!(points(&format!("acme_key=«{id}»\nrefs/")), 0);
    }

    #[test]
    fn hashes_are_known_by_their_names() {
        for text in
            ["rev: «ab12»", "\"acmeSha256\": \"«ab12»\"", "commit «ab12»", "pinned_rev = '«ab12»'", "etag=>«ab12»"]
        {
            assert_eq!(points(text), -40, "{text}");
        }
        for text in ["acme_key: «ab12»", "reverse: «ab12»", "sha«ab12»", "\"\": «ab12»", "acmeHashKey=«ab12»"]
        {
            assert_eq!(points(text), 0, "{text}");
        }
    }

    #[test]
    fn pieces_of_longer_texts() {
        assert_eq!(points("git+https://host/acme@«ab12»"), -25);
        assert_eq!(points("acme+«ab12»"), -25);
        assert_eq!(points("acme=«ab12»+x"), -25);
    }
}
