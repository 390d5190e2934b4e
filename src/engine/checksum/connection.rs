//! Connection strings, taken apart: who logs in where. URLs (RFC 3986), JDBC, key-value lists of libpq, ADO.NET and ODBC.

use super::{Claim, Facts, Failure};

/// Bytes of a connection string that are looked at.
pub(super) const MAX: usize = 1024;

/// Names of the fields in key-value lists, lower case without blanks, and those of the attributes.
const FIELDS: [(&str, &str); 19] = [
    ("host", "host"),
    ("hostaddr", "host"),
    ("server", "host"),
    ("datasource", "host"),
    ("address", "host"),
    ("addr", "host"),
    ("servername", "host"),
    ("port", "port"),
    ("database", "database"),
    ("dbname", "database"),
    ("initialcatalog", "database"),
    ("databasename", "database"),
    ("user", "user"),
    ("userid", "user"),
    ("username", "user"),
    ("uid", "user"),
    ("accountname", "account"),
    ("dsn", "database"),
    ("service", "database"),
];

/// Takes a connection string apart. Never proves anything: whoever writes documentation can write one.
pub(super) fn verify(claim: &Claim<'_>) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let behind = &claim.bytes[claim.end..(claim.end + MAX).min(claim.bytes.len())];
    if let Some(place) = ["@tcp(", "@tcp6("].iter().find_map(|mark| behind.strip_prefix(mark.as_bytes())) {
        go_dsn(claim, place, &mut facts);
        return Ok(facts);
    }
    let text = whole_text(claim);
    match text.split_once("://") {
        Some((scheme, rest)) if !scheme.contains(['=', ';', ' ']) => {
            let inner = scheme.strip_prefix("jdbc:");
            url(rest, inner.is_some(), &mut facts)?;
        }
        _ => fields(&text, &mut facts),
    }
    if let Some(host) = facts.attributes.get("host").cloned() {
        judge_host(&host, &mut facts);
    }
    Ok(facts)
}

/// From the start of the match to the end of the string that it stands in, without the password: that may have any sign, and
/// nothing of it may become an attribute.
fn whole_text(claim: &Claim<'_>) -> String {
    let rest = &claim.bytes[claim.start..(claim.start + MAX).min(claim.bytes.len())];
    let inside = claim.end - claim.start;
    let is_list = memchr::memmem::find(&rest[..inside.min(rest.len())], b"://").is_none();
    let ends = |byte: &u8| match byte {
        b' ' => !is_list,
        b'"' | b'\'' | b'`' | b'<' | b'>' | b'\n' | b'\r' | b'\\' | 0 => true,
        _ => false,
    };
    let len = rest.iter().skip(inside).position(ends).map_or(rest.len(), |len| inside + len);
    let secret = memchr::memmem::rfind(&rest[..inside.min(len)], claim.secret).filter(|_| claim.secret.len() < inside);
    let (before, behind) = secret.map_or((len, len), |at| (at, at + claim.secret.len()));
    String::from_utf8_lossy(&[&rest[..before], &rest[behind..len]].concat()).into_owned()
}

/// `user:password@tcp(host:port)/database?options`, as Go's drivers write it. `place` begins with the host.
fn go_dsn(claim: &Claim<'_>, place: &[u8], facts: &mut Facts) {
    let name = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b)).count();
    if let Some(before) = claim.bytes[..claim.start].strip_suffix(b":") {
        let user = before.iter().rev().take_while(|b| b.is_ascii_alphanumeric() || b"_.-%".contains(b)).count();
        facts.add("user", decoded(&String::from_utf8_lossy(&before[before.len() - user..])));
    }
    let host = &place[..name(place)];
    let rest = &place[host.len()..];
    let port = rest.strip_prefix(b":").unwrap_or_default();
    let port = &port[..port.iter().take_while(|byte| byte.is_ascii_digit()).count()];
    facts.add("host", host);
    facts.add("port", port);
    let Some(close) = memchr::memchr(b')', rest).filter(|at| *at < 8) else { return };
    let database = rest[close + 1..].strip_prefix(b"/").unwrap_or_default();
    facts.add("database", &database[..name(database)]);
}

/// `user:password@host:port/database?options`, or `host:port/database?user=…` as JDBC writes it.
fn url(rest: &str, is_jdbc: bool, facts: &mut Facts) -> Result<(), Failure> {
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#', ';']).unwrap_or(rest.len()));
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    if !is_jdbc && login.is_empty() {
        return Err("it is no URL with a password");
    }
    facts.add("user", decoded(login.split(':').next().unwrap_or_default()));
    // Several hosts: the first speaks for all.
    let first = place.split(',').next().unwrap_or_default();
    let (host, port) = match first.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or_default()),
        None => first.split_once(':').unwrap_or((first, "")),
    };
    let is_variable = host.contains(['$', '{', '%', '(']);
    let is_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !is_variable && (host.is_empty() || !host.chars().all(is_host)) {
        return Err("no host stands behind its password");
    }
    if !is_variable {
        facts.add("host", host);
    }
    if port.bytes().all(|digit| digit.is_ascii_digit()) {
        facts.add("port", port);
    }
    let path = path.strip_prefix('/').unwrap_or(path);
    let (database, options) = path.split_at(path.find(['?', ';', '#']).unwrap_or(path.len()));
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if database.chars().all(is_name) {
        facts.add("database", database);
    }
    if is_jdbc {
        fields(options, facts);
    }
    Ok(())
}

/// `key=value` pairs between semicolons, ampersands or blanks. The first of a name counts.
fn fields(text: &str, facts: &mut Facts) {
    let separators: &[char] = if text.contains(';') { &[';'] } else { &['&', '?', ' '] };
    for pair in text.split(separators) {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let key: String = key.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
        let Some((_, name)) = FIELDS.iter().find(|(known, _)| *known == key) else { continue };
        let value = value.trim().trim_start_matches("tcp:").trim_matches(['{', '}', '(', ')']);
        if facts.attributes.contains_key(name) || value.contains(['$', '%', '{', '<']) {
            continue;
        }
        match (*name, value.split_once([',', ':'])) {
            ("host", Some((host, port))) if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                facts.add("host", host);
                facts.add("port", port);
            }
            _ => facts.add(name, value),
        }
    }
}

/// Percent-encoding undone.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut out = Vec::with_capacity(text.len());
    while let Some(&byte) = bytes.next() {
        let pair = bytes.as_slice().get(..2).filter(|_| byte == b'%');
        match pair.and_then(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()) {
            Some(value) => {
                out.push(value);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    out
}

/// Hosts that tell documentation, or somebody's own machine. Names: RFC 2606 and RFC 6761.
fn judge_host(host: &str, facts: &mut Facts) {
    let host = host.to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    let domain = host.rsplitn(3, '.').take(2).collect::<Vec<_>>();
    let is_example = matches!(last, "example" | "invalid" | "test") && host.contains('.')
        || matches!(domain.as_slice(), ["com" | "net" | "org", "example"])
        || ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"].iter().any(|net| host.starts_with(net));
    let is_placeholder = matches!(
        host.as_str(),
        "host"
            | "hostname"
            | "server"
            | "servername"
            | "yourhost"
            | "your-host"
            | "myhost"
            | "myserver"
            | "dbhost"
            | "ip"
            | "domain"
            | "example"
            | "fqdn"
            | "host1"
            | "some-host"
            | "address"
    );
    let is_local = matches!(host.as_str(), "localhost" | "0.0.0.0" | "::1" | "." | "(local)" | "(localdb)")
        || host.starts_with("127.")
        || host.ends_with(".localhost");
    if is_example {
        facts.effects.push(("host", -25, "a host that documentation uses"));
    } else if is_placeholder {
        facts.effects.push(("host", -30, "a word that stands for a host"));
    } else if is_local {
        facts.effects.push(("host", -20, "on the local machine"));
    } else {
        facts.is_far = is_far(&host, last);
    }
}

/// Is it a name below a public top level, or a public address? Those of clusters, containers and offices aren't.
fn is_far(host: &str, last: &str) -> bool {
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return !(address.is_private() || address.is_link_local() || address.is_unspecified());
    }
    let is_inner = matches!(
        last,
        "local"
            | "internal"
            | "intern"
            | "lan"
            | "home"
            | "corp"
            | "svc"
            | "docker"
            | "cluster"
            | "localdomain"
            | "namespace"
    );
    let is_word = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_sample = ["your", "my-", "some", "default", "example"].iter().any(|word| host.contains(word));
    host.contains('.') && is_word && !is_inner && !is_sample && !host.contains(".svc.")
}

#[cfg(test)]
mod tests {
    use super::{Claim, verify};
    use crate::model::Attributes;

    fn facts(text: &str) -> (Attributes, i16) {
        let facts = verify(&Claim::alone(text.as_bytes())).unwrap();
        (facts.attributes, facts.effects.iter().map(|(_, points, _)| points).sum())
    }

    #[test]
    fn every_notation_says_who_logs_in_where() {
        for text in [
            "postgres://app:pw@db.internal:5432/shop?sslmode=require",
            "jdbc:postgresql://db.internal:5432/shop?user=app&password=pw",
            "host=db.internal port=5432 user=app password=pw dbname=shop",
            "Server=tcp:db.internal,5432;Initial Catalog=shop;User ID=app;Password=pw;",
            "Host=db.internal;Port=5432;Username=app;Password=pw;Database=shop",
        ] {
            let (found, effect) = facts(text);
            let found: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(found.join(" "), "database=shop host=db.internal port=5432 user=app", "{text}");
            assert_eq!(effect, 0, "{text}");
        }
        let (found, _) = facts("jdbc:sqlserver://sql1:1433;databaseName=shop;user=app;password=pw");
        assert_eq!(found.get("user").map(String::as_str), Some("app"));
        assert_eq!(found.get("host").map(String::as_str), Some("sql1"));
    }

    #[test]
    fn what_go_drivers_take_names_user_and_host() {
        let text = b"dsn=app:pw@tcp(db.internal:3306)/shop?parseTime=true";
        let claim = Claim { start: 8, end: 10, ..Claim::alone(text) };
        let found: Vec<_> = verify(&claim).unwrap().attributes.into_iter().collect();
        let found: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found.join(" "), "database=shop host=db.internal port=3306 user=app");
    }

    #[test]
    fn nothing_of_a_password_is_an_attribute() {
        for text in ["host=h1 user=u password=a;b dbname=d", "jdbc:x://h1/d?user=u&password=a;b&ssl=1"] {
            let at = text.find("a;b").unwrap();
            let found =
                verify(&Claim { secret: b"a;b", end: at + 3, ..Claim::alone(text.as_bytes()) }).unwrap().attributes;
            let found: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(found.join(" "), "database=d host=h1 user=u", "{text}");
        }
    }

    #[test]
    fn odd_urls() {
        assert_eq!(facts("redis://:pw@[2001:470::1]:6379/0").0["host"], "2001:470::1");
        assert_eq!(facts("amqp://a%40b:pw@h1,h2:1/x").0["user"], "a@b");
        assert!(!facts("mysql://a:pw@${HOST}/x").0.contains_key("host"));
        assert!(verify(&Claim::alone(b"mysql://a:pw@/x")).is_err());
        assert!(verify(&Claim::alone(b"mysql://x/y@z")).is_err());
    }

    #[test]
    fn far_hosts_are_known_to_all_the_world() {
        let is_far = |host: &str| {
            verify(&Claim::alone(format!("mysql://a:pw@{host}/x").as_bytes())).is_ok_and(|facts| facts.is_far)
        };
        assert!(is_far("db.acme.io") && is_far("db.acme.io:3306") && is_far("88.99.1.7"));
        for host in ["db", "localhost", "10.0.0.4", "db.internal", "redis.shop.svc.cluster.local", "db.example.com"] {
            assert!(!is_far(host), "{host}");
        }
    }

    #[test]
    fn hosts_of_documentation_count_less() {
        for (host, points) in [("localhost", -20), ("127.0.0.1", -20), ("db.example.com", -25), ("host", -30)] {
            assert_eq!(facts(&format!("mysql://a:pw@{host}/x")).1, points, "{host}");
        }
        for host in ["db", "db.internal", "example.company.io", "10.0.0.1", "test"] {
            assert_eq!(facts(&format!("mysql://a:pw@{host}/x")).1, 0, "{host}");
        }
    }
}
