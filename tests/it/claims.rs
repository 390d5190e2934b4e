//! Where several rules claim the same bytes: which of them has a finding, and what is said of the others.

use std::path::Path;

use unleak::{
    Scanner,
    engine::{Outcome, Rejection},
    rule::template::{SampleRng, expand},
};

use crate::samples;

fn text(template: &str) -> String {
    String::from_utf8(expand(template, &mut SampleRng::new(3), &|_| Vec::new()).unwrap().bytes).unwrap()
}

/// Rules and secrets of what is found.
fn found(text: &str) -> Vec<(String, String)> {
    let report = Scanner::builtin().scan_bytes("app.env", text.as_bytes());
    let secret = |secret: &unleak::model::Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    report.findings.iter().map(|finding| (finding.rule.id.to_string(), secret(&finding.secret))).collect()
}

fn rules(text: &str) -> Vec<String> {
    found(text).into_iter().map(|(rule, _)| rule).collect()
}

/// Another last character.
fn forged(token: &str) -> String {
    let (start, last) = token.split_at(token.len() - 1);
    format!("{start}{}", if last == "a" { "b" } else { "a" })
}

#[test]
fn a_token_that_nobody_issued_is_no_finding_whoever_claims_it() {
    let token = samples::github_token(11);
    for template in [
        "GITHUB_TOKEN=TOKEN\n",
        "github_token = \"TOKEN\"\n",
        "env:\n  github_token: TOKEN\n",
        "headers = {\"Authorization\": \"token TOKEN\"}\n",
        "//npm.pkg.github.com/:_authToken=TOKEN\n",
        "git clone https://x-access-token:TOKEN@github.com/acme/app.git\n",
    ] {
        assert_eq!(rules(&template.replace("TOKEN", &token)), ["github.pat-classic"], "{template}");
        assert_eq!(rules(&template.replace("TOKEN", &forged(&token))), [""; 0], "{template}");
    }
    // What stands beside it is judged as ever.
    let password = text("{{alnum:16}}");
    let beside = found(&format!("GITHUB_TOKEN={} DB_PASSWORD={password}\n", forged(&token)));
    assert_eq!(beside, [("generic.assignment".to_owned(), password)]);
}

#[test]
fn it_is_explained_whose_check_it_failed() {
    let line = format!("GITHUB_TOKEN={}\n", forged(&samples::github_token(11)));
    let candidates = Scanner::builtin().explain_bytes(Path::new("x.env"), line.as_bytes(), 0..line.len());
    let of =
        |id: &str| candidates.iter().filter(|one| one.rule == id).map(|one| one.outcome.clone()).collect::<Vec<_>>();
    let refuted = Outcome::Rejected(Rejection::Refuted("github.pat-classic".to_owned()));
    assert!(of("generic.assignment").contains(&refuted), "{candidates:?}");
    assert!(matches!(of("github.pat-classic")[..], [Outcome::Rejected(Rejection::Checksum(_))]), "{candidates:?}");
}

#[test]
fn the_public_half_of_a_pair_is_no_finding_of_its_own() {
    for (template, rule) in [
        ("TWITTER_API_KEY={{alnum:25}}\nTWITTER_API_SECRET=«{{alnum:50}}»\n", "twitter.consumer-secret"),
        ("PUSHER_APP_KEY={{hex:20}}\nPUSHER_APP_SECRET=«{{hex:20}}»\nPUSHER_APP_ID=123456\n", "pusher.app-secret"),
        ("MJ_APIKEY_PUBLIC={{hex:32}}\nMJ_APIKEY_PRIVATE=«{{hex:32}}»\n", "mailjet.api-key"),
        ("MAILJET_SECRET_KEY=«{{hex:32}}»\nMAILJET_API_KEY={{hex:32}}\n", "mailjet.api-key"),
    ] {
        let expanded = expand(template, &mut SampleRng::new(8), &|_| Vec::new()).unwrap();
        let text = String::from_utf8(expanded.bytes).unwrap();
        let secret = text[expanded.secret.unwrap()].to_owned();
        assert_eq!(found(&text), [(rule.to_owned(), secret)], "{template}");
    }
    // Without its secret nobody can tell that it is public.
    let alone = text("TWITTER_API_KEY={{alnum:25}}\n");
    assert_eq!(rules(&alone), ["generic.assignment"]);
}

#[test]
fn nothing_of_a_secret_without_a_format_is_shown() {
    for word in ["secret", "pass", "token"] {
        let line = format!("{{\"password\": \"{word}{}\"}}", text("{{alnum:8}}"));
        let report = Scanner::builtin().scan_bytes("a.json", line.as_bytes());
        let finding = &report.findings[0];
        let shown = (finding.preview.as_str(), finding.occurrences[0].context.as_str());
        assert_eq!(shown, ("***", "{\"password\": \"***\"}"), "{word}");
    }
    let token = samples::github_token(2);
    let report = Scanner::builtin().scan_bytes("a.txt", token.as_bytes());
    assert_eq!(report.findings[0].preview, "ghp_***");
}
