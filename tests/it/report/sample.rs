//! Builders of reports to write.

use std::{borrow::Cow, path::PathBuf, sync::Arc, time::Duration};

use unleak::{
    model::{
        AttributedCredential, AttributedIdentity, AttributedLink, AttributedOwner, AttributedPlan, Attributes,
        Attribution, ConfigUse, CredentialKind, CredentialPart, ExportSummary, Finding, Fingerprint, GitCommit,
        GitHistory, GitPlace, GitSignature, GitTime, IdentityKind, Notice, ObjectId, ObjectKind, Occurrence, Part,
        Permalink, PermalinkBasis, PhysicalPlace, Place, Problem, ProblemKind, Provenance, Reach, Reason,
        RecordAttachment, RecordAuthor, RecordContainer, RecordPlace, RecordTime, Revision, RuleMeta, ScanReport,
        Secret, Severity, Span, StageTimes, Stats, StoreChanges, Visibility,
    },
    model::{Evidence, identity::Timestamp},
    report::{self, ReportOptions},
};

/// Values that no report may hold unless asked. All of them are plain text, so that a search finds them.
pub(super) const PLANTED: [&str; 4] =
    ["acme_9fK2xQ7vLr0TzW4b", "tok_{curly}[brackets](x)", "hunter2-hunter2", "s3c/r3t+in/a=path"];

/// Writes `report` in the named format.
pub(crate) fn written(format: &str, report: &ScanReport, options: &ReportOptions) -> String {
    let mut out = Vec::new();
    let format = report::find(format).expect("a known format");
    format.reporter.write(report, options, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

/// A rule `<provider>.<name>`.
pub(super) fn rule(id: &str, severity: Severity) -> RuleMeta {
    let provider = id.split('.').next().unwrap_or_default();
    RuleMeta {
        id: Cow::Owned(id.to_owned()),
        name: Cow::Owned(format!("{provider} key")),
        provider: Cow::Owned(provider.to_uppercase()),
        severity,
        kind: CredentialKind::ApiKey,
        identity: IdentityKind::Bot,
        references: Cow::Owned(vec!["https://example.com/keys".into()]),
    }
}

/// A finding without a place, whose preview is the length of its secret.
pub(super) fn finding(rule: RuleMeta, secret: &[u8]) -> Finding {
    Finding {
        severity: rule.severity,
        rule: Arc::new(rule),
        fingerprint: Fingerprint(std::array::from_fn(|index| index as u8 + secret.len() as u8)),
        score: 90,
        reasons: vec![Reason { feature: "entropy", points: 40, detail: "4.1 bits".into() }],
        preview: format!("<{} bytes>", secret.len()),
        public_id: None,
        attributes: Attributes::new(),
        parts: Vec::new(),
        secret: Secret::new(secret),
        occurrences: Vec::new(),
    }
}

/// A place at the start of `line` in a file.
pub(super) fn in_file(path: &str, line: u64, context: &str) -> Occurrence {
    Occurrence {
        provenance: Provenance::File(PathBuf::from(path)),
        part: Part::Content,
        place: Place {
            line,
            column: 7,
            column_utf16: 6,
            end_line: line,
            end_column: 27,
            end_column_utf16: 26,
            span: Span { start: 100 * line, end: 100 * line + 20 },
        },
        context: context.to_owned(),
    }
}

/// The same in another part of the file.
pub(super) fn in_part(part: Part, path: &str, context: &str) -> Occurrence {
    Occurrence { part, ..in_file(path, 1, context) }
}

/// A file in history with secrets in its path, its author's name and a ref.
fn in_history(name: &str, path: &str) -> Provenance {
    let time = GitTime { seconds: 1_714_649_820, offset_minutes: 120 };
    let author = GitSignature::new(name.as_bytes(), format!("{name}@example.org").as_bytes(), time);
    let id = ObjectId::from_bytes(&[7; 20]).unwrap();
    let commit = Arc::new(GitCommit { id, committer: author.clone(), author });
    let history = GitHistory {
        first: Some(commit.clone()),
        last: Some(commit),
        commits: 3,
        versions: 2,
        refs: vec![format!("refs/heads/{path}"), "refs/tags/v1".to_owned()],
        refs_total: 2,
        reach: Reach::Refs,
        ..GitHistory::default()
    };
    let repository = Arc::from(std::path::Path::new("repository/.git"));
    let object = GitPlace::of_object(&repository, ObjectId::from_bytes(&[8; 20]).unwrap(), ObjectKind::Blob);
    Provenance::Git(Box::new(GitPlace { path: Some(path.into()), history: Some(Arc::new(history)), ..object }))
}

/// A message in which every text has a secret.
fn in_record(password: &str, path: &str) -> Provenance {
    let text = |text: &str| Some(format!("{text} {password}"));
    let time = RecordTime { utc: text("at"), raw: format!("then {path}") };
    Provenance::Record(Box::new(RecordPlace {
        time: Some(time.clone()),
        physical: PhysicalPlace { file: path.into(), member: format!("a/{password}\n"), offset: 70, line: 4 },
        system: "slack".to_owned(),
        workspace: text("T1"),
        container: Some(RecordContainer { kind: "channel".to_owned(), id: text("C1"), name: text("general") }),
        thread: text("thread"),
        record: text("17"),
        field: format!("text {path}"),
        author: Some(RecordAuthor { id: text("U1"), name: text("Ada [x](y)"), email: text("a@b.c") }),
        edited: Some(time),
        revision: Revision::Old,
        visibility: Some(Visibility::Public),
        readers: Some(3),
        permalink: Some(Permalink { url: format!("https://x.y/{password}"), basis: PermalinkBasis::Guess }),
        attachment: Some(RecordAttachment { id: text("F1"), name: text("notes"), path: text("in.txt") }),
        reader: 1,
    }))
}

/// Something not scanned.
pub(super) fn problem(kind: ProblemKind, path: &str, message: &str) -> Problem {
    Problem { provenance: Provenance::File(PathBuf::from(path)), kind, message: message.to_owned() }
}

/// Everything that a store can know, each text with `name` in it.
pub(super) fn attribution(name: &str) -> Attribution {
    let text = |text: &str| format!("{text} {name}");
    let evidence = Evidence {
        rule: "public-id".to_owned(),
        finding_field: "public_id".to_owned(),
        inventory_field: "credential.public_id".to_owned(),
        value: text("acct_42"),
        weight: 0.97,
        snapshot: Some("01SNAPSHOT".to_owned()),
    };
    Attribution {
        finding: "01FINDING".to_owned(),
        state: "linked".to_owned(),
        risk: 80,
        identity: Some(AttributedIdentity {
            id: "01IDENTITY".to_owned(),
            kind: "service-account".to_owned(),
            provider: "aws".to_owned(),
            account: "123456789012".to_owned(),
            name: text("svc"),
            state: "active".to_owned(),
        }),
        credential: Some(AttributedCredential {
            id: "01CREDENTIAL".to_owned(),
            kind: "access-key".to_owned(),
            public_id: Some(text("acct_42")),
            status: "active".to_owned(),
            generation: Some(2),
            retired_at: None,
        }),
        owners: vec![AttributedOwner {
            kind: "team".to_owned(),
            reference: "group:default/payments".to_owned(),
            name: Some(text("Payments")),
            email: Some("payments@example.org".to_owned()),
            role: "technical".to_owned(),
            origin: "backstage".to_owned(),
            confidence: 90,
            reason: Some(text("spec.owner")),
        }],
        link: Some(AttributedLink {
            tier: "A2".to_owned(),
            confidence: 0.97,
            status: "auto".to_owned(),
            evidence: vec![evidence],
        }),
        plan: Some(AttributedPlan {
            id: "01PLAN".to_owned(),
            state: "awaiting_approval".to_owned(),
            strategy: "dual".to_owned(),
            rotate_by: Some(Timestamp { millis: 1_714_649_820_000 }),
            run_state: None,
        }),
    }
}

/// A finding that the store knows nothing of but that it is there.
pub(super) fn of_nobody() -> Attribution {
    Attribution {
        state: "open".to_owned(),
        identity: None,
        credential: None,
        owners: Vec::new(),
        link: None,
        plan: None,
        ..attribution("")
    }
}

/// One finding in one place and one problem.
pub(super) fn small() -> ScanReport {
    let mut only = finding(rule("acme.api-key", Severity::High), PLANTED[0].as_bytes());
    only.occurrences.push(in_file("src/main.rs", 3, "key = \"<21 bytes>\""));
    ScanReport {
        findings: vec![only],
        problems: vec![problem(ProblemKind::PermissionDenied, "priv", "the operating system refused")],
        stats: Stats {
            blobs: 2,
            bytes: 1_234,
            candidates: 5,
            regex_calls: 4,
            matches: 2,
            rejected: 1,
            ..Stats::default()
        },
        ..ScanReport::default()
    }
}

fn stats() -> Stats {
    Stats {
        blobs: 1_234,
        bytes: 5_678_901,
        store: Some(StoreChanges { new: 3, seen: 2, gone: 1, places_gone: 4, regressed: 1 }),
        times: StageTimes {
            read: Duration::from_millis(250),
            prefilter: Duration::from_millis(120),
            confirm: Duration::from_millis(30),
            history: Duration::from_millis(70),
            floor: Duration::from_millis(40),
            wall: Duration::from_millis(500),
        },
        ..small().stats
    }
}

/// Everything that is hard to write: secrets in names and link targets, beside other secrets and in problems; newlines,
/// quotes, escapes and other scripts in paths; secrets of several lines and of no text; many places; all severities.
pub(super) fn hard() -> ScanReport {
    let [key, curly, password, with_slashes] = PLANTED;
    let mut critical = finding(rule("acme.api-key", Severity::Critical), key.as_bytes());
    critical.public_id = Some("acct_42".to_owned());
    critical.attributes = Attributes::from([("account", "acct_42".to_owned()), ("user", password.to_owned())]);
    critical.parts = vec![CredentialPart {
        name: "key-id".to_owned(),
        value: "kid_42".to_owned(),
        provenance: Provenance::File(PathBuf::from(format!("keys/{key}.id"))),
        line: 4,
        span: Span { start: 30, end: 36 },
    }];
    critical.occurrences = vec![
        in_file("src/main.rs", 3, "key = \"<21 bytes>\" # not hunter2-hunter2"),
        in_part(Part::Name, &format!("keys/{key}.pem"), "<21 bytes>.pem"),
        in_file(&format!("keys/{key}.pem"), 1, ""),
        in_part(Part::LinkTarget, "keys/current", "../<21 bytes>.pem"),
        in_file("naïve/文件\n\"quoted\" 'x' [1](y) {z}.env", 9, "KEY=<21 bytes>"),
        in_file("/abs olute/path#1?", 2, "KEY=<21 bytes>"),
        Occurrence { provenance: Provenance::Named("<stdin>".to_owned()), ..in_file("", 1, "<21 bytes>") },
    ];
    let mut multi_line =
        finding(rule("pem.private-key", Severity::High), b"-----BEGIN KEY-----\nMIIB+x==\n-----END KEY-----");
    multi_line.occurrences = vec![in_file("id_rsa", 1, "<48 bytes>")];
    multi_line.occurrences[0].place.end_line = 3;
    let mut braces = finding(rule("curly.token", Severity::High), curly.as_bytes());
    braces.preview = "tok_{…}[…](https://example.com)".to_owned();
    braces.occurrences = vec![in_file("a.txt", 1, &braces.preview), in_file("a.txt", 2, &braces.preview)];
    let mut binary = finding(rule("binary.key", Severity::Medium), b"\xff\xfe\x00binary\x80key");
    binary.occurrences = vec![in_file("core.bin", 1, "")];
    let mut weak = finding(rule("generic.password", Severity::Low), password.as_bytes());
    weak.rule = Arc::new(RuleMeta {
        kind: CredentialKind::Password,
        references: Cow::Borrowed(&[]),
        ..RuleMeta::clone(&weak.rule)
    });
    weak.occurrences = vec![in_file(&format!("backup-{password}/notes.txt"), 8, "password: <15 bytes>")];
    let mut in_path = finding(rule("path.secret", Severity::Low), with_slashes.as_bytes());
    in_path.occurrences = vec![
        in_part(Part::Name, &format!("x/{with_slashes}"), "x/<17 bytes>"),
        Occurrence { provenance: in_history(password, with_slashes), ..in_file("", 4, "") },
        Occurrence { provenance: in_record(password, with_slashes), ..in_file("", 2, "") },
    ];
    let attributions =
        [(critical.fingerprint, attribution(&format!("svc-{password}"))), (weak.fingerprint, of_nobody())];
    ScanReport {
        hidden: Vec::new(),
        attributions: attributions.into(),
        findings: vec![critical, multi_line, braces, binary, weak, in_path],
        problems: vec![
            problem(ProblemKind::PermissionDenied, &format!("{key}/shadow"), &format!("can't open {key}/shadow")),
            problem(ProblemKind::Truncated, "grö\u{202e}ße\n.log", "it shrank while it was read"),
            problem(ProblemKind::SpecialFile, "/run/x.sock", "a socket"),
        ],
        exports: vec![ExportSummary {
            path: format!("{password}.zip"),
            system: "slack".to_owned(),
            title: "Slack export".to_owned(),
            signs: vec!["users.json".to_owned(), format!("folder {password}")],
        }],
        notices: vec![Notice {
            path: format!("{password}.zip"),
            kind: "export-file-token".to_owned(),
            message: format!("live {password}"),
            count: 7,
        }],
        stats: stats(),
        config: Some(ConfigUse { path: format!("work-{password}/.unleak.toml"), found: true, silenced: 2, lowered: 0 }),
    }
}
