//! The one gate between secrets and reports.

use std::{borrow::Cow, cmp::Ordering, path::Path};

use super::ReportOptions;
use crate::model::{DisplayPath, Finding, Part, Provenance, ScanReport, Secret};

/// Content secrets shorter than this are not looked for in paths and other lines: `admin` or `test` would blot out
/// half of them, and nobody gets in with what is left. Those that the scan found *in a name* are.
const MIN_CONTENT_BYTES: usize = 8;

/// Below this even a name's secret is no secret.
const MIN_NAME_BYTES: usize = 4;

/// Replaces every known secret in a text by its preview.
///
/// The engine redacts the line around a secret, but it can't redact what it doesn't see at that place: a file's path
/// when the name *is* the secret, a problem about such a file, a comment that repeats the password of another line.
/// So whatever text a report writes about a place goes through here, against **all** secrets of the report.
///
/// Costs one or two words per finding and, per byte of text, a multiplication and a bit test.
pub(super) struct Redactor<'a> {
    shows_secrets: bool,
    /// Sorted by bytes, without duplicates.
    needles: Vec<Needle<'a>>,
    filter: WindowFilter,
}

impl<'a> Redactor<'a> {
    /// Knows all secrets of `report`; with `shows_secrets` it lets them pass.
    pub(super) fn new(report: &'a ScanReport, shows_secrets: bool) -> Redactor<'a> {
        let mut needles = Vec::new();
        if !shows_secrets {
            report.findings.iter().filter(|finding| is_sought(finding)).for_each(|finding| {
                needles.extend(
                    escaped_form(&finding.secret)
                        .map(|form| Needle { form: Form::Escaped(form), preview: &finding.preview }),
                );
                needles.push(Needle { form: Form::Stored(&finding.secret), preview: &finding.preview });
            });
            needles.extend(report.hidden.iter().filter(|secret| secret.len() >= MIN_NAME_BYTES).flat_map(|secret| {
                let escaped = escaped_form(secret).map(Form::Escaped);
                let forms = escaped.into_iter().chain([Form::Stored(secret)]);
                forms.map(|form| Needle { form, preview: "***" })
            }));
            // The preview decides between equal secrets of two rules, so that the choice is always the same.
            needles.sort_unstable_by(|a, b| (a.bytes(), a.preview).cmp(&(b.bytes(), b.preview)));
            needles.dedup_by(|a, b| a.bytes() == b.bytes());
        }
        let filter = WindowFilter::new(&needles);
        Redactor { shows_secrets, needles, filter }
    }

    /// The bytes of a finding's secret, but only if the user asked to see secrets.
    pub(super) fn reveal<'f>(&self, finding: &'f Finding) -> Option<&'f [u8]> {
        self.shows_secrets.then(|| finding.secret.expose())
    }

    /// `text` without secrets.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A secret that isn't UTF-8 can't stand in a text, so lossy loses nothing.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// Where a blob came from, without secrets and safe to print.
    pub(super) fn provenance(&self, provenance: &Provenance) -> String {
        let display = provenance.to_string();
        DisplayPath(Path::new(self.text(&display).as_ref())).to_string()
    }

    /// `bytes` without secrets; the longest secret wins where several begin.
    pub(super) fn bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let mut clean = Vec::new();
        let (mut kept, mut at) = (0, 0);
        while at + self.filter.width <= bytes.len() && !self.needles.is_empty() {
            let rest = &bytes[at..];
            match self.filter.may_start(rest).then(|| self.longest_start(rest)).flatten() {
                Some(needle) => {
                    clean.extend_from_slice(&bytes[kept..at]);
                    clean.extend_from_slice(needle.preview.as_bytes());
                    at += needle.bytes().len();
                    kept = at;
                }
                None => at += 1,
            }
        }
        if kept == 0 {
            return Cow::Borrowed(bytes);
        }
        clean.extend_from_slice(&bytes[kept..]);
        Cow::Owned(clean)
    }

    /// The longest secret that `text` starts with.
    fn longest_start(&self, text: &[u8]) -> Option<&Needle<'a>> {
        let mut key = text;
        loop {
            let upto = self.needles.partition_point(|needle| needle.bytes() <= key);
            let nearest = self.needles[..upto].last()?;
            if key.starts_with(nearest.bytes()) {
                return Some(nearest);
            }
            // Whatever needle starts `key` sorts between its own bytes and `key`, so `nearest` starts with it too:
            // only the part that both share can still be one. The two differ inside it, so the key gets shorter.
            key = &key[..shared_prefix(key, nearest.bytes())];
        }
    }
}

/// `text` without the secrets of a report.
#[must_use]
pub fn without_secrets(text: &str, report: &ScanReport, options: &ReportOptions) -> String {
    Redactor::new(report, options.show_secrets).text(text).into_owned()
}

/// A secret to look for. No bytes are copied out of [`Secret`].
struct Needle<'a> {
    form: Form<'a>,
    preview: &'a str,
}

enum Form<'a> {
    Stored(&'a Secret),
    /// As [`DisplayPath`] writes it.
    Escaped(Secret),
}

impl Needle<'_> {
    fn bytes(&self) -> &[u8] {
        match &self.form {
            Form::Stored(secret) => secret.expose(),
            Form::Escaped(secret) => secret.expose(),
        }
    }
}

fn is_sought(finding: &Finding) -> bool {
    let is_in_a_name = || finding.occurrences.iter().any(|occurrence| occurrence.part != Part::Content);
    finding.secret.len() >= MIN_CONTENT_BYTES || finding.secret.len() >= MIN_NAME_BYTES && is_in_a_name()
}

/// How a secret looks in an escaped text, if it looks different there.
fn escaped_form(secret: &Secret) -> Option<Secret> {
    let is_plain = secret.expose().iter().all(|byte| matches!(byte, b' '..=b'~'));
    (!is_plain).then(|| {
        let mut escaped = Vec::new();
        for chunk in secret.expose().utf8_chunks() {
            escaped.extend_from_slice(DisplayPath(Path::new(chunk.valid())).to_string().as_bytes());
            chunk.invalid().iter().for_each(|byte| escaped.extend_from_slice(format!("\\x{byte:02x}").as_bytes()));
        }
        let form = Secret::new(&escaped);
        zeroize::Zeroize::zeroize(&mut escaped);
        form
    })
}

fn shared_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a.cmp(b) == Ordering::Equal).count()
}

/// Says quickly, and rightly if it says no, that no secret starts at a place: a bit set over hashes of the first bytes.
struct WindowFilter {
    /// Bytes hashed, at most 8: no secret is shorter.
    width: usize,
    shift: u32,
    bits: Vec<u64>,
}

impl WindowFilter {
    fn new(needles: &[Needle<'_>]) -> WindowFilter {
        let width = needles.iter().map(|needle| needle.bytes().len()).min().unwrap_or(0).min(8);
        // 64 bits per needle: one place in 64 or fewer is looked at twice.
        let log2_bits = (needles.len().saturating_mul(64)).next_power_of_two().trailing_zeros().clamp(6, 32);
        let mut filter = WindowFilter { width, shift: 64 - log2_bits, bits: vec![0; 1 << log2_bits.saturating_sub(6)] };
        for needle in needles {
            let bit = filter.bit(needle.bytes());
            filter.bits[bit / 64] |= 1 << (bit % 64);
        }
        filter
    }

    fn may_start(&self, text: &[u8]) -> bool {
        let bit = self.bit(text);
        self.bits[bit / 64] & 1 << (bit % 64) != 0
    }

    fn bit(&self, text: &[u8]) -> usize {
        let mut window = [0; 8];
        window[..self.width].copy_from_slice(&text[..self.width]);
        // Fibonacci hashing: the high bits of the product depend on all bytes.
        (u64::from_le_bytes(window).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, sync::Arc};

    use proptest::{collection::vec, prelude::proptest};

    use super::Redactor;
    use crate::model::{CredentialKind, Finding, Fingerprint, IdentityKind, RuleMeta, ScanReport, Secret, Severity};

    fn report(secrets: &[&[u8]]) -> ScanReport {
        let rule = Arc::new(RuleMeta {
            id: "a.b".into(),
            name: "A".into(),
            provider: "A".into(),
            severity: Severity::Low,
            kind: CredentialKind::Other,
            identity: IdentityKind::Other,
            references: Cow::Borrowed(&[]),
        });
        let finding = |secret: &&[u8]| Finding {
            severity: Severity::Low,
            attributes: crate::model::Attributes::new(),
            parts: Vec::new(),
            rule: Arc::clone(&rule),
            fingerprint: Fingerprint([0; 16]),
            score: 0,
            reasons: Vec::new(),
            preview: format!("<{}>", secret.len()),
            public_id: None,
            secret: Secret::new(secret),
            occurrences: Vec::new(),
        };
        ScanReport { findings: secrets.iter().map(finding).collect(), ..ScanReport::default() }
    }

    #[test]
    fn the_longest_secret_wins() {
        let report = report(&[b"aaaaaaaa", b"aaaaaaaabbbb", b"aaaaaaaac"]);
        let redactor = Redactor::new(&report, false);
        assert_eq!(redactor.text("x/aaaaaaaabbbb/aaaaaaaabbb/aaaaaaa"), "x/<12>/<8>bbb/aaaaaaa");
    }

    #[test]
    fn asked_for_secrets_pass() {
        let report = report(&[b"aaaaaaaa"]);
        let redactor = Redactor::new(&report, true);
        assert_eq!(redactor.text("aaaaaaaa"), "aaaaaaaa");
        assert_eq!(redactor.reveal(&report.findings[0]), Some(&b"aaaaaaaa"[..]));
        assert_eq!(Redactor::new(&report, false).reveal(&report.findings[0]), None);
    }

    #[test]
    fn escaped_secrets_are_found_too() {
        let report = report(&[b"line one\nline two", b"caf\xe9caf\xe9"]);
        let redactor = Redactor::new(&report, false);
        assert_eq!(redactor.text("<line one\\u{a}line two>"), "<<17>>");
        assert_eq!(redactor.text("caf\\xe9caf\\xe9"), "<8>");
        assert_eq!(redactor.bytes(b"-caf\xe9caf\xe9").as_ref(), b"-<8>");
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_search(secrets in vec("[ab]{8,12}", 0..6), text in "[ab/]{0,60}") {
            let bytes: Vec<&[u8]> = secrets.iter().map(String::as_bytes).collect();
            let report = report(&bytes);
            let mut expected = String::new();
            let mut rest = text.as_str();
            while let Some(first) = rest.chars().next() {
                match secrets.iter().filter(|secret| rest.starts_with(*secret)).max_by_key(|secret| secret.len()) {
                    Some(secret) => {
                        expected.push_str(&format!("<{}>", secret.len()));
                        rest = &rest[secret.len()..];
                    }
                    None => {
                        expected.push(first);
                        rest = &rest[1..];
                    }
                }
            }
            assert_eq!(Redactor::new(&report, false).text(&text), expected);
        }
    }
}
