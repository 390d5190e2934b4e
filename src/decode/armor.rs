//! The text around a key: what stands between the opening and the closing line, in a file, in a JSON string, or in string
//! literals of a program.

use data_encoding::{BASE64, BASE64_NOPAD};
use zeroize::Zeroizing;

/// Why a text is no key, in words without secret bytes.
type Failure = &'static str;

/// What the opening line begins with.
const OPENING: &str = "-----BEGIN ";

/// A key's text, cut into its parts.
pub(crate) struct Armor<'a> {
    /// What the opening line names, such as `RSA PRIVATE KEY`.
    pub(crate) label: &'a str,
    /// Header lines (`DEK-Info: AES-128-CBC,…`), names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// What follows them, decoded.
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// The checksum of an OpenPGP armor, without its `=`.
    pub(crate) checksum: Option<String>,
}

/// Cuts a key's text up.
pub(crate) fn parse(text: &str) -> Result<Armor<'_>, Failure> {
    let (dashes, rest) = match text.split_once(OPENING) {
        Some((_, rest)) => ("-----", rest),
        None => (" ----", text.split_once("---- BEGIN ").ok_or("it has no opening line")?.1),
    };
    let (label, rest) = rest.split_once(dashes).ok_or("its opening line does not end")?;
    let content = rest.rsplit_once("END ").ok_or("it has no closing line")?.0.trim_end_matches([' ', '-']);
    Armor::new(label, content)
}

/// The PEM blocks of a text, however their lines are broken, indented, quoted or escaped. One that can't be read, or has
/// no closing line before the next one opens, is left out.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Armor<'_>> {
    text.split(OPENING).skip(1).filter_map(|block| {
        let (label, rest) = block.split_once("-----")?;
        let (content, _) = rest.split_once(&format!("-----END {label}-----"))?;
        Armor::new(label, content).ok()
    })
}

/// So many private keys of one text are told apart: a chain of certificates has one.
const MAX_KEYS: usize = 4;

/// The private keys in PEM in a text, each as it is written in files.
pub(crate) fn private_keys(bytes: &[u8]) -> Vec<Zeroizing<String>> {
    let Ok(text) = str::from_utf8(bytes) else { return Vec::new() };
    let private = blocks(text).filter(|block| block.label.ends_with("PRIVATE KEY"));
    private.take(MAX_KEYS).map(|key| key.written()).collect()
}

impl<'a> Armor<'a> {
    /// What stands between the opening line, which names `label`, and the closing one.
    fn new(label: &'a str, content: &str) -> Result<Armor<'a>, Failure> {
        let mut armor = Armor { label, headers: Vec::new(), body: Zeroizing::default(), checksum: None };
        let mut base64 = Zeroizing::new(String::with_capacity(content.len()));
        for line in lines(content) {
            match line.split_once(':') {
                Some((name, value)) => armor.headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None => armor.add_words(&line, &mut base64),
            }
        }
        armor.body = decode(&base64)?;
        Ok(armor)
    }

    /// It as RFC 7468 has it written (OpenSSH's as `ssh-keygen` does), without a line's end behind it.
    fn written(&self) -> Zeroizing<String> {
        let line = if self.label.starts_with("OPENSSH ") { 70 } else { 64 };
        let body = Zeroizing::new(BASE64.encode(&self.body));
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        let around = headers + 2 * self.label.len() + 64;
        let mut text = Zeroizing::new(String::with_capacity(body.len() + body.len() / line + around));
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
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Zeroizing<String>> {
    const ESCAPES: [(&str, &str); 5] = [("\\r", ""), ("\\n", "\n"), ("\\t", " "), ("\\/", "/"), ("\\u003d", "=")];
    let unescaped =
        |text: Zeroizing<String>, (escape, plain): &(&str, &str)| Zeroizing::new(text.replace(escape, plain));
    let plain = ESCAPES.iter().fold(Zeroizing::new(text.to_owned()), unescaped);
    let lines: Vec<_> = plain.split(['\n', '\r']).map(undecorated).filter(|line| !line.is_empty()).collect();
    lines.into_iter()
}

/// A line without quotes, commas, backslashes and what else joins string literals.
fn undecorated(line: &str) -> Zeroizing<String> {
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
    Zeroizing::new(line.to_owned())
}

/// Decodes base64; lenient about padding and the unused bits of the last character.
pub(crate) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut text = text.trim_end_matches('=');
    if text.len() % 4 == 1 {
        text = &text[..text.floor_char_boundary(text.len() - 1)];
    }
    if text.len() < 24 {
        return Err("its body is too short");
    }
    let mut spec = BASE64_NOPAD.specification();
    spec.check_trailing_bits = false;
    let encoding = spec.encoding().map_err(|_| "its body is not base64")?;
    encoding.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| "its body is not base64")
}

#[cfg(test)]
mod tests {
    use super::private_keys;

    #[test]
    fn a_key_has_one_form() {
        let (one, two) = ("QUJD".repeat(16), "REVG".repeat(5));
        let file = format!("-----BEGIN RSA PRIVATE KEY-----\n{one}\n{two}\n-----END RSA PRIVATE KEY-----");
        let ssh = format!(
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{one}REVGRE\nVG{}\n-----END OPENSSH PRIVATE KEY-----",
            "REVG".repeat(3)
        );
        let headers = file.replacen("\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1);
        let certificate = file.replace("RSA PRIVATE KEY", "CERTIFICATE");
        for key in [&file, &ssh, &headers] {
            let narrow = key.replace(&one, &format!("{}\n{}", &one[..40], &one[40..]));
            let escaped = key.replace('\n', "\\r\\n");
            let in_chain = format!("{certificate}\n{key}\n{certificate}\n");
            let crlf = key.replace('\n', "\r\n");
            for text in [key, &narrow, &escaped, &in_chain, &crlf, &key.replace('\n', "\n  ")] {
                let forms = private_keys(text.as_bytes());
                assert_eq!(forms.iter().map(|form| form.as_str()).collect::<Vec<_>>(), [key.as_str()], "{text}");
            }
        }
        assert_eq!(private_keys(format!("{file}\n{ssh}").as_bytes()).len(), 2);
        let others = [&b"-----BEGIN RSA"[..], b"a token", b"\xff", one.as_bytes(), certificate.as_bytes()];
        assert!(others.iter().all(|other| private_keys(other).is_empty()));
    }
}
