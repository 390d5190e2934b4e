//! What findings say of themselves, and the parts that belong to them.

use unleak::{
    Scanner,
    engine::checksum,
    model::{Finding, ScanReport, Severity},
    rule::{
        Checksum,
        template::{SampleRng, expand},
    },
};

fn text(template: &str, checksum: Option<Checksum>) -> String {
    let tail = |partial: &[u8]| checksum::tail(checksum, partial);
    String::from_utf8(expand(template, &mut SampleRng::new(5), &tail).unwrap().bytes).unwrap()
}

fn scanned(template: &str) -> ScanReport {
    Scanner::builtin().scan_bytes("app.conf", text(template, None).as_bytes())
}

fn only(report: &ScanReport) -> &Finding {
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.rule.id.as_ref()).collect();
    assert_eq!(report.findings.len(), 1, "{ids:?}");
    &report.findings[0]
}

fn attribute<'f>(finding: &'f Finding, name: &str) -> Option<&'f str> {
    finding.attributes.get(name).map(String::as_str)
}

#[test]
fn an_identifier_alone_is_no_finding_and_beside_its_secret_a_part() {
    let id = text("AKIA{{base32:16}}", None);
    let alone = scanned(&format!("aws_access_key_id = {id}\n"));
    assert!(alone.findings.is_empty());
    let report =
        scanned(&format!("# keys\naws_secret_access_key = {{{{base64:40}}}}\nregion = x\naws_access_key_id = {id}\n"));
    let finding = only(&report);
    assert_eq!(finding.rule.id, "aws.secret-access-key");
    assert_eq!((finding.public_id.as_deref(), finding.parts.len()), (Some(id.as_str()), 1));
    let part = &finding.parts[0];
    assert_eq!((part.name.as_str(), part.value.as_str(), part.line), ("access-key-id", id.as_str(), 4));
    assert_eq!(attribute(finding, "account").map(str::len), Some(12));
    assert!(finding.reasons.iter().any(|reason| reason.feature == "companion"));
}

#[test]
fn parts_stand_anywhere_in_the_file_if_there_is_one_of_them() {
    let one = text("AKIA{{base32:16}}", None);
    let two = one.replace("AKIA", "ASIA");
    let far =
        format!("aws_access_key_id = {one}\n{}secret_access_key = {{{{base64:40}}}}\n", "# far away\n".repeat(200));
    assert_eq!(only(&scanned(&far)).parts[0].value, one);
    let report = scanned(&format!("other = {two}\n{far}"));
    assert!(only(&report).parts.is_empty(), "either could be its id");
}

#[test]
fn connection_strings_say_who_logs_in_where() {
    let report = scanned("DATABASE_URL=postgres://app:{{alnum:16}}@db.internal:5432/shop?sslmode=require");
    let finding = only(&report);
    let facts: Vec<_> = finding.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(facts.join(" "), "database=shop host=db.internal port=5432 user=app");
    let documentation = scanned("DATABASE_URL=postgres://app:{{alnum:16}}@db.example.com:5432/shop");
    assert_eq!(only(&documentation).score + 25, finding.score, "a host of documentation");
}

#[test]
fn encrypted_keys_count_less_and_cut_ones_not_at_all() {
    let pem = |kind: &str| {
        text(
            &format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{{{{key:{kind}}}}}\n-----END OPENSSH PRIVATE KEY-----\n"),
            None,
        )
    };
    let plain = scanned(&pem("openssh"));
    let encrypted = scanned(&pem("openssh-encrypted"));
    let (plain, encrypted) = (only(&plain), only(&encrypted));
    assert_eq!((plain.severity, encrypted.severity), (Severity::Critical, Severity::Medium));
    assert!(encrypted.score < plain.score, "{} {}", encrypted.score, plain.score);
    assert_eq!(attribute(encrypted, "encrypted"), Some("aes256-ctr"));
    assert_eq!(attribute(plain, "key-type"), Some("ssh-ed25519"));
    assert!(attribute(plain, "ssh-fingerprint").is_some_and(|print| print.starts_with("SHA256:")));
    let whole = pem("openssh");
    let lines: Vec<_> = whole.lines().collect();
    for left_out in 1..lines.len() - 1 {
        let cut: Vec<_> = lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, line)| *line).collect();
        assert!(scanned(&cut.join("\n")).findings.is_empty(), "without line {left_out}");
    }
}

#[test]
fn a_key_is_one_however_its_lines_are_broken() {
    for (label, kind) in [("RSA PRIVATE KEY", "rsa"), ("OPENSSH PRIVATE KEY", "openssh"), ("PRIVATE KEY", "pkcs8-ec")] {
        let pem = text(&format!("-----BEGIN {label}-----\n{{{{key:{kind}}}}}\n-----END {label}-----\n"), None);
        let lines = |around: &dyn Fn(&str) -> String| pem.lines().map(around).collect::<String>();
        let notations = [
            pem.clone(),
            pem.replace('\n', "\r\n"),
            format!("tls:\n  key: |\n{}", lines(&|line| format!("    {line}\n"))),
            format!("{{\"key\": \"{}\"}}\n", pem.replace('\n', "\\n")),
            format!("KEY=\"{}\"\n", pem.trim_end().replace('\n', "\\r\\n")),
            format!("var key = {};\n", lines(&|line| format!("\"{line}\\n\" +\n  ")).trim_end().trim_end_matches('+')),
        ];
        let report = Scanner::builtin().scan_bytes("a", notations.join("\n").as_bytes());
        assert_eq!(only(&report).occurrences.len(), notations.len(), "{kind}");
        // Reports hide those that it isn't known by, too.
        let is_hidden = |notation: &String| {
            report.hidden.iter().any(|own| notation.as_bytes().windows(own.len()).any(|part| part == own.expose()))
        };
        assert!(notations[1..].iter().all(is_hidden) && report.hidden.len() == notations.len() - 1, "{kind}");
        let alone =
            notations.map(|notation| only(&Scanner::builtin().scan_bytes("a", notation.as_bytes())).fingerprint);
        assert!(alone.iter().all(|fingerprint| *fingerprint == only(&report).fingerprint), "{kind}");
    }
}

#[test]
fn every_kind_of_key_is_described_and_a_changed_one_is_noticed() {
    for (label, kind, key_type, encrypted) in [
        ("RSA PRIVATE KEY", "rsa", "RSA", false),
        ("EC PRIVATE KEY", "ec", "EC P-256", false),
        ("DSA PRIVATE KEY", "dsa", "DSA", false),
        ("PRIVATE KEY", "pkcs8", "RSA", false),
        ("PRIVATE KEY", "pkcs8-ec", "EC P-256", false),
        ("PRIVATE KEY", "pkcs8-ed25519", "Ed25519", false),
        ("PGP PRIVATE KEY BLOCK", "pgp", "Ed25519", false),
        ("PGP PRIVATE KEY BLOCK", "pgp-encrypted", "Ed25519", true),
    ] {
        let template = format!("-----BEGIN {label}-----\n{{{{key:{kind}}}}}\n-----END {label}-----\n");
        let report = scanned(&template);
        let finding = only(&report);
        assert_eq!(attribute(finding, "key-type"), Some(key_type), "{kind}");
        assert_eq!(finding.attributes.contains_key("encrypted"), encrypted, "{kind}");
        if kind == "rsa" {
            // One character in the middle of the modulus.
            let mut bytes = text(&template, None).into_bytes();
            bytes[150] = if bytes[150] == b'A' { b'B' } else { b'A' };
            assert!(Scanner::builtin().scan_bytes("key.pem", &bytes).findings.is_empty(), "a changed modulus");
            assert!(attribute(finding, "spki-sha256").is_some());
        }
    }
}

#[test]
fn tokens_say_whose_they_are() {
    let report = scanned("url: https://hooks.slack.com/services/T{{uppernum:10}}/B{{uppernum:10}}/{{alnum:24}}\n");
    assert!(attribute(only(&report), "team").is_some_and(|team| team.starts_with('T')));
    let report = scanned("Authorization: Bearer {{jwt}}\n");
    let finding = only(&report);
    assert_eq!(attribute(finding, "algorithm"), Some("HS256"));
    assert!(attribute(finding, "subject").is_some());
}

#[test]
fn the_place_of_a_part_does_not_depend_on_chunks() {
    let noise = "x = 1 # nothing\n".repeat(70_000);
    let id = text("AKIA{{base32:16}}", None);
    for shift in 0..4 {
        let text = format!(
            "{noise}{}\nAWS_ACCESS_KEY_ID={id}\n\nAWS_SECRET_ACCESS_KEY={{{{base64:40}}}}\n",
            "y".repeat(shift)
        );
        let report = scanned(&text);
        let part = &only(&report).parts[0];
        assert_eq!((part.line, part.span.end - part.span.start), (70_002, 20), "{shift}");
    }
}
