//! Users of databases: PostgreSQL roles and Redis ACLs.
//!
//! What a database keeps of a password lets anyone who has it try guesses, and PostgreSQL's SCRAM verifier besides lets them
//! play the server. What is kept here is salt, rounds and a keyed digest: enough to test a leaked password, with the key.

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape},
    model::identity::{
        Credential, CredentialStatus, CredentialType, Effect, EntityKey, Grant, Identity, IdentityState, Kind,
        Revocation,
    },
};

pub(super) const POSTGRES: Importer = Importer {
    name: "postgres-roles",
    title: "PostgreSQL roles (psql --csv -c 'SELECT * FROM pg_authid'; without rolpassword from pg_roles)",
    shapes: &[
        Shape { format: Format::Table, path: "", fields: &["rolname", "rolsuper", "rolcanlogin"] },
        Shape { format: Format::Json, path: "[]", fields: &["rolname", "rolsuper", "rolcanlogin"] },
    ],
    coverage: Coverage::Whole,
    secrets: &[],
    // Handed over to be made a fingerprint at once; see `Intake::verifier`.
    public: &["rolpassword"],
    reading: Reading::Each(role),
};

pub(super) const REDIS: Importer = Importer {
    name: "redis-acl",
    title: "Redis ACLs (redis-cli ACL LIST, users.acl)",
    shapes: &[],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Text(redis_acl, |_, head| {
        let mut lines = head.lines().map(unnumbered).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.next().is_some_and(|line| {
            let mut words = line.split(' ');
            words.next() == Some("user") && words.nth(1).is_some_and(|word| matches!(word, "on" | "off"))
        })
    }),
};

fn flagged(entry: &Entry<'_>, name: &str) -> bool {
    entry.fields.flag(name) == Some(true)
}

fn role(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(name) = fields.text("rolname") else { return intake.problem("a role without name") };
    let key = EntityKey::new("postgres", intake.account(), &name);
    let mut identity = Identity::new(key.clone(), Kind::DbUser, &name);
    let powers: Vec<_> = ["rolsuper", "rolcreaterole", "rolcreatedb", "rolreplication", "rolbypassrls"]
        .into_iter()
        .filter(|power| flagged(entry, power))
        .collect();
    identity.privileged = Some(flagged(entry, "rolsuper") || flagged(entry, "rolcreaterole"));
    let can_login = flagged(entry, "rolcanlogin");
    if !can_login {
        identity.state = IdentityState::Suspended;
        identity.raw.insert("login".to_owned(), "no".to_owned());
    }
    // `infinity` is no time, and no end.
    identity.expires_at = fields.time("rolvaliduntil");
    let expires_at = identity.expires_at;
    intake.identity(identity);
    for power in powers {
        intake.grant(Grant {
            identity: key.clone(),
            resource: "*".to_owned(),
            role: power.trim_start_matches("rol").to_owned(),
            effect: Effect::Allow,
            source: "pg_authid".to_owned(),
            conditional: false,
            expires_at: None,
            last_used: None,
            high_risk: matches!(power, "rolsuper" | "rolcreaterole" | "rolbypassrls"),
        });
    }
    let verifier = fields.str("rolpassword").filter(|text| !text.chars().all(|c| c == '*'));
    if let Some(verifier) = verifier {
        let native = EntityKey { native_id: format!("{name}#password"), ..key.clone() };
        let mut credential = Credential::new(native, Some(key), CredentialType::Password);
        credential.fingerprints.extend(intake.verifier(&name, verifier));
        let method = if verifier.starts_with("SCRAM") { "scram-sha-256" } else { "md5" };
        credential.raw.insert("method".to_owned(), method.to_owned());
        credential.expires_at = expires_at;
        credential.status = match expires_at {
            _ if !can_login => CredentialStatus::Inactive,
            Some(end) if end < intake.now() => CredentialStatus::Expired,
            _ => CredentialStatus::Active,
        };
        credential.revocation = Revocation::Reversible;
        intake.credential(credential);
    }
}

/// A line of `redis-cli`, which numbers and quotes them for a terminal.
fn unnumbered(line: &str) -> &str {
    let line = line.trim();
    let line = line.split_once(") ").filter(|(number, _)| number.parse::<u32>().is_ok()).map_or(line, |(_, rest)| rest);
    line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line)
}

fn redis_acl(text: &str, intake: &mut Intake<'_>) {
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, unnumbered(line))) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some("user"), Some(name)) => redis_user(name, words, intake),
            _ => intake.problem(format!("line {number} is no user")),
        }
    }
}

fn redis_user<'w>(name: &str, words: impl Iterator<Item = &'w str>, intake: &mut Intake<'_>) {
    let key = EntityKey::new("redis", intake.account(), name);
    let mut identity = Identity::new(key.clone(), Kind::DbUser, name);
    let (mut rules, mut hashes, mut open) = (Vec::new(), Vec::new(), false);
    for word in words {
        match word.as_bytes()[0] {
            b'#' => hashes.push(word.to_owned()),
            // A password in clear, as a file by hand may have it.
            b'>' => hashes.push(format!("#{}", crate::fingerprint::redis_hash(&word.as_bytes()[1..]))),
            b'~' | b'&' | b'+' | b'-' | b'%' => rules.push(word.to_owned()),
            _ => match word {
                "off" => identity.state = IdentityState::Suspended,
                "nopass" => open = true,
                "allkeys" | "allcommands" | "nocommands" | "allchannels" => rules.push(word.to_owned()),
                _ => {}
            },
        }
    }
    let has = |all: &[&str]| rules.iter().any(|rule| all.contains(&rule.as_str()));
    let is_admin = has(&["+@all", "allcommands", "+@admin", "+@dangerous"]);
    identity.privileged = Some(is_admin);
    if open {
        identity.raw.insert("nopass".to_owned(), "true".to_owned());
    }
    let is_on = identity.state == IdentityState::Active;
    intake.identity(identity);
    intake.grant(Grant {
        identity: key.clone(),
        resource: rules.iter().filter(|rule| rule.starts_with(['~', '%', '&'])).cloned().collect::<Vec<_>>().join(" "),
        role: rules.iter().filter(|rule| !rule.starts_with(['~', '%', '&'])).cloned().collect::<Vec<_>>().join(" "),
        effect: Effect::Allow,
        source: "ACL".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk: is_admin,
    });
    for hash in hashes {
        let Some(fingerprint) = intake.verifier(name, &hash) else { continue };
        let native = EntityKey { native_id: format!("{name}#{}", &fingerprint.value[..12]), ..key.clone() };
        let mut credential = Credential::new(native, Some(key.clone()), CredentialType::Password);
        credential.fingerprints = vec![fingerprint];
        credential.status = if is_on { CredentialStatus::Active } else { CredentialStatus::Inactive };
        credential.revocation = Revocation::Reversible;
        intake.credential(credential);
    }
}
