//! Users of databases: PostgreSQL roles, Redis ACLs, MySQL and MariaDB accounts.
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

pub(super) const MYSQL: Importer = Importer {
    name: "mysql-users",
    title: "MySQL and MariaDB accounts (mysql --batch -e 'SELECT * FROM mysql.user', mysql.global_priv)",
    shapes: &[
        Shape { format: Format::Table, path: "", fields: &["host", "user", "super_priv"] },
        Shape { format: Format::Table, path: "", fields: &["host", "user", "priv"] },
        Shape { format: Format::Json, path: "[]", fields: &["Host", "User", "Super_priv"] },
    ],
    coverage: Coverage::Whole,
    // Unsalted or fast hashes of passwords: whoever has them can guess.
    secrets: &["authentication_string", "Password"],
    public: &[],
    reading: Reading::Each(mysql_account),
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

/// Powers over the server, by their columns.
const MYSQL_POWERS: &[&str] = &[
    "super_priv",
    "grant_priv",
    "create_user_priv",
    "file_priv",
    "shutdown_priv",
    "repl_slave_priv",
    "delete_priv",
    "drop_priv",
];

fn mysql_account(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let field = |name: &str| {
        let capital = name[..1].to_ascii_uppercase() + &name[1..];
        fields.any(&[name, &capital])
    };
    let (Some(user), Some(host)) = (field("user"), field("host")) else {
        // Roles of MariaDB have no host, anonymous accounts no user: nobody can prove to be one of them.
        if field("host").is_none() && field("user").is_none() {
            intake.problem("an account without user and host");
        }
        return;
    };
    // MariaDB keeps everything in one document.
    let document = field("priv").and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let document = crate::inventory::Fields(document.unwrap_or_default());
    if document.text("authentication_string").is_some() {
        // It stands in the text of a cell, so the reader could not see it; nothing below takes it.
        intake.dropped_secret();
    }
    let is_set = |name: &str| field(name).is_some_and(|value| matches!(value.as_str(), "Y" | "y" | "1"));
    let access = document.text("access").and_then(|bits| bits.parse::<u64>().ok()).unwrap_or(0);
    let powers: Vec<&str> = MYSQL_POWERS
        .iter()
        .filter(|power| is_set(power) || mariadb_bit(power).is_some_and(|bit| access >> bit & 1 == 1))
        .map(|power| power.trim_end_matches("_priv"))
        .collect();
    let key = EntityKey::new("mysql", intake.account(), &format!("{user}@{host}"));
    let mut identity = Identity::new(key.clone(), Kind::DbUser, &user);
    identity.raw.insert("host".to_owned(), host.clone());
    let is_locked = is_set("account_locked") || document.flag("account_locked") == Some(true);
    if is_locked {
        identity.state = IdentityState::Suspended;
    }
    let high_risk = |power: &str| matches!(power, "super" | "grant" | "create_user" | "file" | "shutdown");
    identity.privileged = Some(powers.iter().any(|power| high_risk(power)));
    intake.identity(identity);
    for power in powers {
        intake.grant(Grant {
            identity: key.clone(),
            resource: "*.*".to_owned(),
            role: power.to_owned(),
            effect: Effect::Allow,
            source: "mysql.user".to_owned(),
            conditional: false,
            expires_at: None,
            last_used: None,
            high_risk: high_risk(power),
        });
    }
    let plugin = field("plugin").or_else(|| document.text("plugin")).unwrap_or_default();
    // Whoever logs in by these proves themselves to the operating system.
    if matches!(plugin.as_str(), "auth_socket" | "unix_socket" | "mysql_no_login") {
        return;
    }
    let native = EntityKey { native_id: format!("{user}@{host}#password"), ..key.clone() };
    let mut credential = Credential::new(native, Some(key), CredentialType::Password);
    credential.raw.insert("method".to_owned(), plugin);
    credential.last_rotated = fields.time("password_last_changed").or_else(|| document.time("password_last_changed"));
    credential.status = match () {
        () if is_locked => CredentialStatus::Inactive,
        () if is_set("password_expired") => CredentialStatus::Expired,
        () => CredentialStatus::Active,
    };
    credential.revocation = Revocation::Reversible;
    intake.credential(credential);
}

/// Bits of MariaDB's `access`. Source: MariaDB's `sql/privilege.h`.
fn mariadb_bit(power: &str) -> Option<u32> {
    match power {
        "delete_priv" => Some(3),
        "drop_priv" => Some(5),
        "shutdown_priv" => Some(7),
        "file_priv" => Some(9),
        "grant_priv" => Some(10),
        "super_priv" => Some(15),
        "repl_slave_priv" => Some(19),
        "create_user_priv" => Some(25),
        _ => None,
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
    // Selectors, in brackets, are further rules by which a command may pass.
    for word in words.map(|word| word.trim_matches(['(', ')'])).filter(|word| !word.is_empty()) {
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
