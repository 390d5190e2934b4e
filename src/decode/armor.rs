//! The text around a key: what stands between the opening and the closing line, in a file, in a JSON string, or in string
//! literals of a program.

use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

/// Why a text is no key, in words without secret bytes.
type Failure = &'static str;

/// A key's text, cut into its parts.
pub(crate) struct Armor<'a> {
    /// What the opening line names, such as `RSA PRIVATE KEY`.
    pub(crate) label: &'a str,
    /// Header lines (`DEK-Info: AES-128-CBC,…`), names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// What follows them, decoded.
    pub(crate) body: Vec<u8>,
    /// The checksum of an OpenPGP armor, without its `=`.
    pub(crate) checksum: Option<String>,
}

/// Cuts a key's text up.
pub(crate) fn parse(text: &str) -> Result<Armor<'_>, Failure> {
    let (dashes, rest) = match text.split_once("-----BEGIN ") {
        Some((_, rest)) => ("-----", rest),
        None => (" ----", text.split_once("---- BEGIN ").ok_or("it has no opening line")?.1),
    };
    let (label, rest) = rest.split_once(dashes).ok_or("its opening line does not end")?;
    let content = rest.rsplit_once("END ").ok_or("it has no closing line")?.0.trim_end_matches([' ', '-']);
    let mut armor = Armor { label, headers: Vec::new(), body: Vec::new(), checksum: None };
    let mut base64 = String::new();
    for line in lines(content) {
        match line.split_once(':') {
            Some((name, value)) => armor.headers.push((name.trim().to_owned(), value.trim().to_owned())),
            None => armor.add_words(&line, &mut base64),
        }
    }
    armor.body = decode(base64)?;
    Ok(armor)
}

/// A key in PEM as it is written in files, however its lines are broken, indented, quoted or escaped here; `None` for
/// anything else.
pub(crate) fn pem(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = str::from_utf8(bytes).ok().filter(|text| text.contains(OPENING))?;
    Some(parse(text).ok()?.written())
}

const OPENING: &str = "-----BEGIN ";

impl Armor<'_> {
    /// It as RFC 7468 has it written (OpenSSH's as `ssh-keygen` does), without a line's end behind it.
    fn written(&self) -> Zeroizing<String> {
        let line = if self.label.starts_with("OPENSSH ") { 70 } else { 64 };
        let body = Zeroizing::new(BASE64.encode(&self.body));
        let mut text = Zeroizing::new(String::with_capacity(body.len() * 66 / line + 256));
        text.push_str(&format!("-----BEGIN {}-----\n", self.label));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(if self.headers.is_empty() { "" } else { "\n" });
        for line in body.as_bytes().chunks(line) {
            text.extend(line.iter().map(|byte| char::from(*byte)));
            text.push('\n');
        }
        text.push_str(&format!("-----END {}-----", self.label));
        text
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Base64 of one line. Lines may be folded into one, with spaces where they ended.
    fn add_words(&mut self, line: &str, base64: &mut String) {
        for word in line.split([' ', '\t']) {
            let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
            match word.strip_prefix('=') {
                Some(checksum) if checksum.len() == 4 => self.checksum = Some(checksum.to_owned()),
                _ if word != "+" && word.bytes().all(is_base64) => base64.push_str(word.trim_end_matches('=')),
                _ => {}
            }
        }
    }
}

/// The lines of a text, whether they end in a file, by an escape, or by the end of a string literal.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> {
    let plain = text.replace("\\r", "").replace("\\n", "\n").replace("\\t", " ").replace("\\/", "/");
    let lines: Vec<String> = plain.split(['\n', '\r']).map(undecorated).filter(|line| !line.is_empty()).collect();
    lines.into_iter()
}

/// A line without quotes, commas, backslashes and what else joins string literals.
fn undecorated(line: &str) -> String {
    let is_decoration =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '\\' | '`' | ';' | '>' | '#' | '*');
    let mut line = line.trim_matches(is_decoration);
    // `"…" +` and `+ "…"`: a plus between a quote and an end of the line.
    if let Some(start) = line.strip_suffix(['+', '.']).filter(|start| start.ends_with([' ', '"', '\''])) {
        line = start.trim_matches(is_decoration);
    }
    if let Some(end) = line.strip_prefix(['+', '.']).filter(|end| end.starts_with([' ', '"', '\''])) {
        line = end.trim_matches(is_decoration);
    }
    line.to_owned()
}

/// Decodes base64 without padding; lenient about the unused bits of the last character.
pub(crate) fn decode(mut text: String) -> Result<Vec<u8>, Failure> {
    if text.len() % 4 == 1 {
        text.pop();
    }
    if text.len() < 24 {
        return Err("its body is too short");
    }
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let encoding = spec.encoding().map_err(|_| "its body is not base64")?;
    encoding.decode(text.as_bytes()).map_err(|_| "its body is not base64")
}

#[cfg(test)]
mod tests {
    use super::pem;

    #[test]
    fn a_key_has_one_form() {
        let (one, two) = ("QUJD".repeat(16), "REVG".repeat(5));
        let file = format!("-----BEGIN RSA PRIVATE KEY-----\n{one}\n{two}\n-----END RSA PRIVATE KEY-----");
        let ssh = format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{one}REVGRE\nVG{}\n-----END OPENSSH PRIVATE KEY-----",
            "REVG".repeat(3)
        );
        let headers = file.replacen("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
        for key in [&file, &ssh, &headers] {
            let narrow = key.replace(&one, &format!("{}\n{}", &one[..40], &one[40..]));
            let escaped = key.replace('\n', "\\r\\n");
            for text in [key, &narrow, &escaped, &key.replace('\n', "\r\n"), &key.replace('\n', "\n  ")] {
                assert_eq!(pem(text.as_bytes()).as_ref().map(|form| form.as_str()), Some(key.as_str()), "{text}");
            }
        }
        assert!([&b"-----BEGIN RSA"[..], b"a token", b"\xff", one.as_bytes()].iter().all(|other| pem(other).is_none()));
    }
}
