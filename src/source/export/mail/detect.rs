//! What is mail, by its first bytes.

use super::{
    super::system::{Detection, Look},
    mbox, mime, msg, pst,
};

/// Headers that mail has.
const HEADERS: [&str; 16] = [
    "from",
    "to",
    "subject",
    "date",
    "cc",
    "message-id",
    "received",
    "mime-version",
    "return-path",
    "delivered-to",
    "content-type",
    "content-transfer-encoding",
    "references",
    "in-reply-to",
    "dkim-signature",
    "x-received",
];

/// Mail has one of these, and little else does.
const OWN: [&str; 6] = ["message-id", "received", "return-path", "delivered-to", "mime-version", "x-received"];

/// What tells that it is mail; empty if it isn't.
pub(super) fn signs_of(name: &str, head: &[u8]) -> Vec<String> {
    let name = name.to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    if mbox::is_start(head) && !is_patch(head) {
        return vec!["a line that begins with From".to_owned(), "headers below it".to_owned()];
    }
    if msg::is_msg(head) || head.starts_with(msg::MAGIC) && ends(".msg") {
        return vec!["compound file".to_owned(), "properties of a message".to_owned()];
    }
    if pst::is_pst(head) {
        return vec!["begins with !BDN".to_owned(), "a store of messages (SM)".to_owned()];
    }
    let is_mail_name = ends(".eml") || ends(".emlx");
    let letter = if ends(".emlx") { behind_length(head) } else { head };
    let names = header_names(letter);
    let is_letter = has(&names, &SENDERS) && (is_mail_name || is_head_of(&names));
    if names.len() < 2 || !is_letter {
        return Vec::new();
    }
    names.into_iter().map(|name| format!("header {name}")).collect()
}

/// One of these says where mail comes from.
const SENDERS: [&str; 3] = ["from", "received", "return-path"];

fn has(names: &[&str], wanted: &[&str]) -> bool {
    wanted.iter().any(|wanted| names.contains(wanted))
}

fn is_head_of(names: &[&str]) -> bool {
    names.len() >= 3 && has(names, &SENDERS) && has(names, &OWN)
}

/// Does the head of a message stand here?
pub(super) fn is_head(bytes: &[u8]) -> bool {
    is_head_of(&header_names(bytes))
}

/// Is it a message, from its first line on?
pub(super) fn is_letter(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_alphabetic) && !signs_of("", &bytes[..bytes.len().min(16 << 10)]).is_empty()
}

/// What stands behind a line with a number: the length of the message.
pub(super) fn behind_length(bytes: &[u8]) -> &[u8] {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b' ').count();
    if digits > 0 && bytes.get(digits) == Some(&b'\n') { &bytes[digits + 1..] } else { bytes }
}

/// Patches made by git begin like a mailbox.
fn is_patch(head: &[u8]) -> bool {
    let line = &head[..memchr::memchr(b'\n', head).unwrap_or(head.len())];
    line.trim_ascii_end().ends_with(b"Mon Sep 17 00:00:00 2001")
}

/// Names of headers of mail at the beginning, without those that aren't.
fn header_names(head: &[u8]) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for (index, line) in head.split(|byte| *byte == b'\n').enumerate().take(200) {
        if index > 0 && matches!(line.first(), Some(b' ' | b'\t')) {
            continue;
        }
        if !mime::is_header_line(line) {
            break;
        }
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let known = HEADERS.iter().find(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        names.extend(known.filter(|known| !names.contains(known)));
    }
    names
}

/// Does its name say that it may be mail?
fn may_be(path: &str, look: &Look<'_>) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let is_named = [".eml", ".emlx", ".mbox", ".mbx", ".msg", ".pst", ".ost"].iter().any(|end| lower.ends_with(end));
    // A mailbox of Thunderbird has its index beside it.
    let in_maildir = || path.contains("cur/") || path.contains("new/") || name.contains(":2,");
    is_named || in_maildir() || !name.contains('.') && look.has(&format!("{path}.msf"))
}

/// Where mail is.
pub(super) fn detect(look: &Look<'_>) -> Vec<Detection> {
    super::super::detect::files(look, &|path| may_be(path, look), &|path, head| signs_of(path, head))
}

#[cfg(test)]
mod tests {
    use super::signs_of;

    #[test]
    fn mail_and_what_looks_like_it() {
        assert!(signs_of("a.eml", b"From: a\nTo: b\n\nx").len() > 1);
        assert!(signs_of("a", b"Received: x\n y\nFrom: a\nMessage-ID: <b>\n\nx").len() > 1);
        let others: [&[u8]; 4] = [
            b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: a\nDate: b\n",
            b"Date: Mon\nContent-Type: text/html\nServer: x\n\n",
            b"name: x\nfrom: a\n\n",
            b"From here\n",
        ];
        for other in others {
            assert_eq!(signs_of("a", other), Vec::<String>::new());
        }
    }
}
