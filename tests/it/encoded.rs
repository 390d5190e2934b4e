//! Secrets in text that is encoded in other text.

use data_encoding::{BASE64, BASE64URL_NOPAD};
use unleak::{
    Scanner,
    model::{Finding, ScanReport},
    rule::template::{SampleRng, expand},
};

/// Text of a template.
fn text(template: &str) -> String {
    let expanded = expand(template, &mut SampleRng::new(11), &|_| Vec::new()).unwrap();
    String::from_utf8(expanded.bytes).unwrap()
}

fn scan(text: &str) -> ScanReport {
    Scanner::builtin().scan_bytes("deploy/secrets.yaml", text.as_bytes())
}

fn secret(finding: &Finding) -> &str {
    str::from_utf8(finding.secret.expose()).unwrap()
}

/// Text in lines of `width` characters of base64.
fn lines(text: &[u8], width: usize, ending: &str) -> String {
    let encoded = BASE64.encode(text);
    let lines: Vec<&str> = encoded.as_bytes().chunks(width).map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join(ending)
}

#[test]
fn what_base64_says_is_scanned() {
    let token = text("glpat-{{alnum:20}}");
    let settings = format!("{{\"registry\": \"registry.gitlab.com\", \"token\": \"{token}\"}}\n");
    let wide: Vec<u8> = format!("$token = '{token}'; Get-Date").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let within = format!("{{\"env\": \"{}\"}}", BASE64.encode(settings.as_bytes()));
    for whole in [
        format!("kind: Secret\ndata:\n  GITLAB: {}\n", BASE64.encode(token.as_bytes())),
        BASE64.encode(settings.as_bytes()),
        format!("const c = atob(\"{}\");", BASE64URL_NOPAD.encode(settings.as_bytes())),
        format!("src=\"data:application/json;base64,{}\"", BASE64.encode(settings.as_bytes())),
        format!("powershell -NoProfile -enc {}", BASE64.encode(&wide)),
        format!("  settings: {}\n", BASE64.encode(within.as_bytes())),
        format!("config: |\n    {}\nend: 1\n", lines(settings.repeat(9).as_bytes(), 76, "\n    ")),
        format!("{}\r\n", lines(settings.repeat(9).as_bytes(), 64, "\r\n")),
    ] {
        let report = scan(&whole);
        let found: Vec<(&str, &str)> = report.findings.iter().map(|found| (&*found.rule.id, secret(found))).collect();
        assert_eq!(found, [("gitlab.pat", &*token)], "{whole}");
        let finding = &report.findings[0];
        assert_eq!(finding.attributes.get("encoding").map(String::as_str), Some("base64"));
        for occurrence in &finding.occurrences {
            let context = occurrence.context.as_str();
            assert!(!context.contains(&token[8..]) && context.contains("glpat-***"), "{context}");
        }
    }
}

#[test]
fn places_are_those_of_the_encoded_text() {
    let token = text("glpat-{{alnum:20}}");
    // The token begins with the tenth byte: at the end of what is encoded in 12 characters.
    let encoded = BASE64.encode(format!("password={token}").as_bytes());
    let whole = format!("ä: 1\n  \"ü\": {encoded}\n");
    let report = scan(&whole);
    let place = &report.findings[0].occurrences[0].place;
    let start = whole.find(&encoded).unwrap() + 12;
    assert_eq!((place.span.start, place.span.end), (start as u64, (start + 35) as u64));
    assert_eq!((place.line, place.column, place.column_utf16), (2, 8 + 12 + 1, 7 + 12 + 1));
    assert_eq!((place.end_line, place.end_column), (2, 8 + 12 + 35 + 1));
    // In UTF-16 a character has two bytes.
    let wide: Vec<u8> = format!("\u{feff}{whole}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let report = Scanner::builtin().scan_bytes("settings.txt", &wide);
    let place = &report.findings[0].occurrences[0].place;
    let start = 2 + 2 * (whole[..start].encode_utf16().count() as u64);
    assert_eq!((place.span.start, place.span.end, place.line), (start, start + 70, 2));
    // Over two lines.
    let text = format!("{}{token}", "x ".repeat(25));
    let report = scan(&format!("a:\n  {}", lines(text.as_bytes(), 76, "\n  ")));
    let place = &report.findings[0].occurrences[0].place;
    assert_eq!((place.line, place.column, place.end_line, place.end_column), (2, 3 + 66, 3, 3 + 26));
}

#[test]
fn a_secret_in_clear_and_encoded_is_one() {
    let token = text("glpat-{{alnum:20}}");
    let report = scan(&format!("a: {token}\nb: {}\n", BASE64.encode(token.as_bytes())));
    assert_eq!((report.findings.len(), report.findings[0].occurrences.len()), (1, 2));
}

#[test]
fn what_an_encoded_text_holds_takes_the_place_of_the_text() {
    // A name that makes a generic secret of any value.
    let url = text("postgres://orders:{{alnum:16}}@db.acme.internal:5432/orders");
    let report = scan(&format!("db_password: {}\n", BASE64.encode(url.as_bytes())));
    let found: Vec<&str> = report.findings.iter().map(|found| &*found.rule.id).collect();
    assert_eq!(found, ["postgres.connection-url"]);
    // A login is a format of its own: what it says is its user and password.
    let login = BASE64.encode(text("deploy:glpat-{{alnum:20}}").as_bytes());
    let found = scan(&format!("curl -H 'Authorization: Basic {login}' https://git.acme.internal"));
    assert_eq!(found.findings.iter().map(|found| &*found.rule.id).collect::<Vec<_>>(), ["gitlab.pat"]);
}

#[test]
fn a_login_gives_way_to_the_token_that_it_logs_in_with() {
    let token = text("glpat-{{alnum:20}}");
    let login = |password: &str| BASE64.encode(format!("deploy-bot:{password}").as_bytes());
    let docker = |login: &str| format!("{{\"auths\": {{\"registry.gitlab.com\": {{\"auth\": \"{login}\"}}}}}}");
    let npm = |login: &str| format!("//gitlab.com/api/v4/packages/npm/:_auth={login}\n");
    let rules = |text: &str| scan(text).findings.iter().map(|found| found.rule.id.to_string()).collect::<Vec<_>>();
    for whole in [docker(&login(&token)), npm(&login(&token))] {
        assert_eq!(rules(&whole), ["gitlab.pat"], "{whole}");
    }
    let password = text("{{alnum:14}}");
    assert_eq!(rules(&docker(&login(&password))), ["docker.config-auth"]);
    assert_eq!(rules(&npm(&login(&password))), ["npm.npmrc-basic-auth"]);
    // With a generic secret in it, it is a login still.
    assert_eq!(rules(&docker(&login(&format!("x; password = '{password}'")))), ["docker.config-auth"]);
}

#[test]
fn encoded_text_is_hidden_beside_other_secrets_and_silenced_by_its_line() {
    let (token, other) = (text("glpat-{{alnum:20}}"), text("xkeysib-{{hex:64}}-{{alnum:16}}"));
    let encoded = BASE64.encode(format!("token {token}").as_bytes());
    let line = format!("a: {encoded} {other}");
    let report = scan(&line);
    assert_eq!(report.findings.len(), 2);
    for finding in &report.findings {
        assert!(!finding.occurrences[0].context.contains(&encoded[12..24]), "{}", finding.occurrences[0].context);
    }
    let report = scan(&format!("{line} # unleak:allow"));
    assert_eq!((report.findings.len(), report.stats.allowed), (0, 2));
}

#[test]
fn what_is_no_text_is_no_finding() {
    let random = text("{{base64:88}}");
    for whole in [
        format!("integrity: sha512-{random}=="),
        format!("-----BEGIN CERTIFICATE-----\n{random}\n-----END CERTIFICATE-----\n"),
        format!("img: data:image/png;base64,iVBORw0KGgo{random}"),
        BASE64.encode(b"The quick brown fox jumps over the lazy dog and nothing else happens here."),
    ] {
        assert_eq!(scan(&whole).findings.len(), 0, "{whole}");
    }
}

#[test]
fn texts_within_texts_end_somewhere() {
    let mut whole = text("token = glpat-{{alnum:20}}");
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(scan(&whole).findings.len());
        whole = BASE64.encode(whole.as_bytes());
    }
    assert_eq!(found, [1, 1, 1, 1, 0]);
}
