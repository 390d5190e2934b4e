//! What a name says about its value: `DB_PASSWORD` names a password, `password_file` and `tokenizer` don't.

use super::parts::WordSet;

/// What kind of secret a name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameClass {
    /// People make these up: `password`, `pwd`, `passphrase`, and the same in other languages.
    Password,
    /// `client_secret`.
    Secret,
    /// `access_token`.
    Token,
    /// A key that the name says more about: `api_key`, `signing-key`.
    QualifiedKey,
    /// Just `key`.
    Key,
    /// `auth`, `credentials`, `psk`, `salt`.
    Auth,
}

/// What a name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an observation of its own")]
pub(super) struct NameTraits {
    /// `None`: no word of it is one that secrets have.
    pub(super) class: Option<NameClass>,
    /// What follows the secret's word makes it something else (`token_url`), or what comes before does (`public_key`).
    pub(super) is_other: bool,
    /// It asks or acts: `has_password`, `validateToken`, `invalid_password`.
    pub(super) is_verb: bool,
    /// A list of them: `passwords`.
    pub(super) is_plural: bool,
    /// It says of which account or service: `db_password`.
    pub(super) has_owner: bool,
    /// What it names signs or encrypts, and people make it up: `JWT_SECRET`, `secretKey`.
    pub(super) signs: bool,
}

const MAX_WORDS: usize = 12;

/// Splits a name into words, in lower case: `dbUserPASSWORD_2` → `db`, `user`, `password`, `2`.
fn words<'n>(lower: &'n [u8], name: &[u8]) -> ([&'n [u8]; MAX_WORDS], usize) {
    let mut words: [&[u8]; MAX_WORDS] = [&[]; MAX_WORDS];
    let (mut count, mut start) = (0, 0);
    for at in 0..=name.len() {
        let splits = at == name.len() || is_word_start(name, at) || !is_word_byte(name[at]);
        if !splits {
            continue;
        }
        if start < at && count < MAX_WORDS {
            words[count] = &lower[start..at];
            count += 1;
        }
        start = if at < name.len() && !is_word_byte(name[at]) { at + 1 } else { at };
    }
    (words, count)
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Does a new word begin here, without a separator: `aB`, `ABc`, `a1`?
fn is_word_start(name: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|before| name[before]) else { return false };
    let (this, next) = (name[at], name.get(at + 1).copied().unwrap_or(0));
    let camel = before.is_ascii_lowercase() && this.is_ascii_uppercase();
    let acronym = before.is_ascii_uppercase() && this.is_ascii_uppercase() && next.is_ascii_lowercase();
    let digit =
        before.is_ascii_alphabetic() && this.is_ascii_digit() || before.is_ascii_digit() && this.is_ascii_alphabetic();
    camel || acronym || digit
}

/// What is longer is no name.
const MAX_NAME: usize = 128;

/// A name in lower case, if it is one.
fn lowered<'b>(name: &[u8], buffer: &'b mut [u8; MAX_NAME]) -> Option<&'b [u8]> {
    let lower = buffer.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// What a name says; what is too long for one says nothing.
pub(super) fn traits_of(name: &[u8]) -> NameTraits {
    let mut buffer = [0; MAX_NAME];
    let Some(lower) = lowered(name, &mut buffer) else { return NameTraits::default() };
    let (words, count) = words(lower, name);
    let words = &words[..count];
    // ASP.NET's forms have one against forgery.
    if words.ends_with(&[b"request", b"verification", b"token"]) {
        return NameTraits::default();
    }
    let mut classes = words.iter().enumerate().filter_map(|(at, word)| Some((at, class_of(words, at, word)?)));
    // The last word that secrets have decides: `token_secret` is a secret, `secret_token` a token.
    let Some((at, class)) = classes.next_back() else { return NameTraits::default() };
    let before = &words[..at];
    let after = &words[at + 1..];
    let other_after = after.iter().any(|word| OTHER_AFTER.has(word) || OTHER_AFTER.has(singular(word)));
    // `csrftoken` is written as one word.
    let is_other_stem = |stem: &[u8]| OTHER_BEFORE.has(stem) || stem.starts_with(b"csrf") || stem.starts_with(b"xsrf");
    let stem = |suffix: &[u8]| words[at].strip_suffix(suffix).is_some_and(is_other_stem);
    let other_before = before.iter().any(|word| OTHER_BEFORE.has(word)) || stem(b"token") || stem(b"key");
    // That of one hash; `AUTH_SALT` is of all.
    let is_salt = words[at] == b"salt" && before.is_empty();
    let is_file = name.contains(&b'.') && after.last().is_some_and(|word| FILES.has(word));
    // `fastcgi_pass app;`, `filterFirstPass`: a passing on, a pass over something.
    let is_upstream = words[at] == b"pass" && before.last().is_some_and(|word| HANDED_OVER.has(word));
    // Postman numbers its requests.
    let is_request = lower == b"postman-token";
    NameTraits {
        class: Some(class),
        is_other: is_file
            || is_request
            || is_upstream
            || is_salt
            || other_after
            || other_before
            || class == NameClass::Key && is_in_key_name(before),
        is_verb: before.iter().any(|word| VERBS.has(word)),
        is_plural: words[at].ends_with(b"s") && !words[at].ends_with(b"ss"),
        has_owner: before.iter().chain(after).any(|word| OWNERS.has(word)),
        signs: match class {
            NameClass::Secret => before.iter().any(|word| SIGNING.has(word)),
            NameClass::QualifiedKey => before.last().is_some_and(|word| SIGNING_KEYS.has(word)),
            _ => false,
        },
    }
}

/// Is it what passwords are called, in any of the languages?
pub(super) fn is_word_for_passwords(word: &[u8]) -> bool {
    PASSWORDS.has(word) || PASSWORDS.has_folded(word)
}

/// Is its last word one that makes something else of a secret: `client_id`?
pub(super) fn ends_otherwise(name: &[u8]) -> bool {
    let mut buffer = [0; MAX_NAME];
    let Some(lower) = lowered(name, &mut buffer) else { return false };
    let (words, count) = words(lower, name);
    words[..count].last().is_some_and(|last| OTHER_AFTER.has(last))
}

/// Does it say whose a secret is?
pub(super) fn is_owner(word: &[u8]) -> bool {
    OWNERS.has(word)
}

fn singular(word: &[u8]) -> &[u8] {
    word.strip_suffix(b"s").unwrap_or(word)
}

fn class_of(words: &[&[u8]], at: usize, word: &[u8]) -> Option<NameClass> {
    let single = singular(word);
    let is = |list: &WordSet| list.has(word) || list.has(single);
    let ends = |suffix: &[u8]| word.ends_with(suffix) || single.ends_with(suffix);
    if is(&NOT_PASS) {
        return None;
    }
    if is(&PASSWORDS) || ends(b"password") || ends(b"passwd") || ends(b"passphrase") || ends(b"passwort") {
        return Some(NameClass::Password);
    }
    if (ends(b"pass") || ends(b"pwd") || ends(b"psw") || ends(b"psk")) && !word.ends_with(b"passes") {
        let is_other = ["compass", "bypass", "trespass", "surpass"].iter().any(|other| ends(other.as_bytes()));
        return (!is_other).then_some(NameClass::Password);
    }
    if ends(b"secret") || is(&SECRETS) {
        return Some(NameClass::Secret);
    }
    if ends(b"token") || is(&TOKENS) {
        return Some(NameClass::Token);
    }
    // "clé API".
    if is(&KEYS) && words.get(at + 1).is_some_and(|next| *next == b"api") || word == "apiキー".as_bytes() {
        return Some(NameClass::QualifiedKey);
    }
    if single == b"key" || is(&KEYS) {
        // `AES_256_KEY`.
        let qualifier = words[..at].iter().rev().find(|word| !word[0].is_ascii_digit());
        let qualified = qualifier.is_some_and(|word| QUALIFYING.has(word) || QUALIFYING_ALONE.has(word));
        return Some(if qualified { NameClass::QualifiedKey } else { NameClass::Key });
    }
    let stem = word.strip_suffix(b"key").or_else(|| single.strip_suffix(b"key"));
    let qualifies =
        |stem: &[u8]| QUALIFYING_ALONE.has(stem) || QUALIFIERS.iter().any(|other| stem.ends_with(other.as_bytes()));
    if stem.is_some_and(qualifies) {
        return Some(NameClass::QualifiedKey);
    }
    is(&AUTHS).then_some(NameClass::Auth)
}

/// Keys of tables, caches and dictionaries open nothing.
fn is_in_key_name(before: &[&[u8]]) -> bool {
    before.last().is_some_and(|word| OTHER_KEYS.has(word))
}

#[rustfmt::skip]
static PASSWORDS: WordSet = WordSet::new(&[
    "password", "passwd", "pass", "pwd", "passw", "passphrase", "passcode", "passwort", "kennwort", "wachtwoord",
    "mdp", "contrasena", "contraseña", "senha", "clave", "haslo", "hasło", "parola", "pw", "motdepasse", "пароль",
    "Пароль", "パスワード", "密码", "密碼", "口令", "비밀번호", "parole", "passe", "userpw", "rootpw", "bindpw", "authtok", "requirepass", "masterauth",
    "passkey", "ПАРОЛЬ", "пароля", "暗証番号", "비번", "암호", "المرور", "السر", "السري", "पासवर्ड", "कूटशब्द", "sandi", "sandinya",
    "khẩu", "şifre", "Şifre", "sifre", "adgangskode", "salasana", "lösenord", "losenord", "passord", "heslo", "lozinka",
    "psw", "psk", "mima", "contrasenya", "jelszó", "jelszo", "geslo", "parool",
]);
/// Words that end in `pass` or `pwd` and mean something else.
#[rustfmt::skip]
static NOT_PASS: WordSet = WordSet::new(&[
    "minipass", "overpass", "underpass", "multipass", "onepass", "subpass", "renderpass", "lastpass", "keepass", "gopass", "buypass", "htpasswd",
    "passes", "nopasswd", "nopassword", "nopass",
]);
static SECRETS: WordSet = WordSet::new(&["secret", "geheimnis", "密钥", "segredo", "secreto"]);
static TOKENS: WordSet =
    WordSet::new(&["token", "токен", "Токен", "令牌", "トークン", "토큰", "jeton", "jwt", "pat", "bearer"]);
static KEYS: WordSet =
    WordSet::new(&["ключ", "Ключ", "schlüssel", "sleutel", "chave", "schluessel", "chiave", "llave", "秘钥", "clé"]);
static AUTHS: WordSet =
    WordSet::new(&["auth", "credential", "cred", "salt", "authorization", "apiauth", "pepper", "seed"]);

/// What makes a key one that opens something.
#[rustfmt::skip]
const QUALIFIERS: &[&str] = &[
    "api", "access", "secret", "private", "auth", "encryption", "encrypt", "signing", "sign", "signature", "master",
    "account", "storage", "shared", "session", "service", "client", "license", "licence", "app", "ssh", "aes", "hmac",
    "jwt", "crypto", "cipher", "deploy", "consumer", "server", "admin", "write", "subscription", "security",
    "webhook", "hash", "encoder", "crypt", "decryption", "decrypt", "authentication", "integration",
    "ingest", "user", "base", "token", "cookie", "validation", "machine", "rest", "sdk", "function",
    "host", "tls", "ssl", "psk", "enc", "dec", "fernet",
];
static QUALIFYING: WordSet = WordSet::new(QUALIFIERS);
/// The same of words that others end in: ciphers, and those who take payments.
static QUALIFYING_ALONE: WordSet = WordSet::new(&[
    "des",
    "tripledes",
    "rc",
    "merchant",
    "tran",
    "trans",
    "transaction",
    "mch",
    "pay",
    "payu",
    "wx",
    "wechat",
    "alipay",
    "fcm",
    "gcm",
    "aio",
]);

/// Of whose secrets people make up what signs: `jwt.secret`, `COOKIE_SECRET`.
#[rustfmt::skip]
static SIGNING: WordSet = WordSet::new(&[
    "jwt", "session", "cookie", "sign", "signing", "signature", "hmac", "encryption", "encrypt", "crypto", "cipher", "aes",
    "express", "token", "hash",
]);
/// What makes a key one that signs or encrypts.
static SIGNING_KEYS: WordSet =
    WordSet::new(&["secret", "signing", "hmac", "encryption", "encrypt", "crypto", "cipher", "aes", "crypt"]);

/// After the secret's word: it is about a secret, and is none.
#[rustfmt::skip]
static OTHER_AFTER: WordSet = WordSet::new(&[
    "url", "uri", "path", "file", "filename", "filepath", "dir", "directory", "folder", "name", "id", "ids", "type",
    "len", "length", "size", "count", "counter", "field", "label", "prefix", "suffix", "pattern", "regex", "regexp",
    "policy", "policies", "expiry", "expires", "expire", "expiration", "expired", "ttl", "age", "arn", "endpoint",
    "ref", "reference", "header", "manager", "store", "provider", "placeholder", "hint", "prompt", "algorithm", "alg",
    "algo", "version", "class", "hash", "hashed", "digest", "format", "public", "pub", "example", "error", "message",
    "msg", "description", "desc", "scope", "limit", "usage", "kind", "index", "table", "column", "col", "title",
    "text", "help", "tooltip", "icon", "button", "form", "input", "page", "view", "template", "reset", "strength",
    "confirmation", "required", "enabled", "disabled", "changed", "change", "mismatch", "invalid", "valid",
    "validator", "validation", "encoder", "hasher", "encryption", "generator", "handler", "service", "factory", "helper",
    "util", "test", "exists", "env", "var", "variable", "arg", "args", "param", "parameter", "attribute", "property", "selector",
    "mode", "method", "option", "status", "state", "code", "time", "timeout", "date", "at", "on", "in", "by", "for",
    "from", "to", "with", "is", "not", "or", "and", "of", "fingerprint", "checksum", "md", "sha", "bits", "rotation",
    "vocab", "mgr",
    "lifetime", "duration", "source", "location", "loc", "alias", "vault", "mount", "volume", "backend", "identifier",
    "issuer", "audience", "uid", "uuid", "number", "range", "min", "max", "minimum", "maximum", "complexity",
    "history", "stdin", "grant", "flow", "request", "response", "callback", "redirect", "link", "email", "user",
    "username", "login", "map", "set", "list", "array", "sep", "separator", "delimiter", "order", "encoding", "group",
    "down", "up", "press", "word", "board", "code", "ring", "space", "frame", "frames", "schema", "rules", "rule",
    "check", "checker", "visibility", "visible", "algorithm", "iv", "nonce", "curve", "spec", "info", "data",
    "metadata", "cache", "exp", "iat", "interval", "budget", "cost", "updater", "operator", "controller", "plugin", "injector",
    "scheme", "attrs", "attr", "iter", "iterations", "last", "used", "since", "serial", "validity", "period", "seconds", "minutes", "hours", "days", "ms", "mtime", "ctime", "timestamp", "role", "roles", "created", "updated", "modified", "address", "addr", "contract",
    "confirm", "retype", "repeat", "again", "forgot", "forgotten", "question", "answer", "ldflags", "cflags",
]);

/// Extensions of files: `passwords.php` has a password for its subject, not for its value.
static FILES: WordSet = WordSet::new(&[
    "php", "py", "js", "ts", "go", "rb", "java", "rs", "cs", "kt", "c", "h", "cpp", "md", "html", "css", "yml", "yaml",
    "xml", "sh", "vue", "tsx", "jsx", "svg", "png", "scss", "swift", "exe", "dll", "rst", "pp", "erb", "epp", "tpl",
    "tmpl",
]);

/// Before the secret's word: the value is public, or names no credential.
#[rustfmt::skip]
static OTHER_BEFORE: WordSet = WordSet::new(&[
    "recaptcha", "spam", "websocket",
    "existing", "decoded",
    "public", "pub", "pubkey", "csrf", "xsrf", "authenticity", "no", "forgot", "forgotten", "reset", "confirm", "repeat", "show",
    "hide", "toggle", "missing", "invalid", "wrong", "incorrect", "weak", "page", "next", "continuation",
    "pagination", "sync", "cancellation", "cancel", "syntax", "lexer", "parser", "stop", "eos", "bos", "pad", "unk",
    "mask", "max", "min", "total", "num", "prompt", "completion", "i18n", "translation", "label", "error", "err",
    "msg", "message", "placeholder", "title", "hint", "sitekey", "publishable", "hashed", "encrypted", "crypted", "encoded", "sealed",
    "antiforgery", "cursor", "fetch", "erc", "nft", "bpe", "expected", "unexpected", "regex", "cookiename", "abstract",
    "checksum", "cart", "chap", "pbkdf", "ssha", "smd", "retype",
]);

/// What nginx hands a request over to, by `…_pass`, and what is done in several passes.
static HANDED_OVER: WordSet = WordSet::new(&[
    "fastcgi",
    "uwsgi",
    "scgi",
    "grpc",
    "memcached",
    "first",
    "second",
    "render",
    "depth",
    "shadow",
    "filter",
]);

/// Of which a bare `key` is no credential.
#[rustfmt::skip]
static OTHER_KEYS: WordSet = WordSet::new(&[
    "socket", "primary", "foreign", "cache", "sort", "partition", "row", "column", "map", "hot", "arrow", "enter", "row",
    "object", "bucket", "registry", "routing", "tag", "label", "dict", "hash", "group", "config", "setting", "param",
    "query", "field", "json", "lookup", "lock", "state", "storage", "translation", "locale", "i18n", "idempotency",
    "unique", "composite", "index", "item", "node", "data", "attribute", "property", "metadata", "annotation",
    "context", "react", "list", "search", "filter", "form", "input", "option", "menu", "tab", "issue", "project",
    "release", "topology", "range", "shard", "event", "short", "shortcut", "modifier", "meta", "order", "part",
    "page", "candidate", "natural", "answer", "widget", "theme", "color", "flag", "feature", "resource", "path",
    "name", "prefix", "is", "for", "host", "pub", "public", "rule", "properties", "recv", "gpg", "pgp", "phrase", "identifier",
    "accept", "fingerprint", "site", "apt", "upstream", "offset", "rpm", "yum", "repo", "repository", "instrumentation", "measurement", "tracking",
]);

#[rustfmt::skip]
static VERBS: WordSet = WordSet::new(&[
    "has", "is", "get", "check", "validate", "verify", "require", "requires", "needs", "use", "uses", "using", "find",
    "delete", "remove", "update", "change", "changed", "reset", "forgot", "forget", "enter", "confirm", "show",
    "hide", "toggle", "enable", "disable", "allow", "create", "generate", "refreshing", "parse", "read", "load",
    "fetch", "invalid", "missing", "wrong", "incorrect", "ask", "compare", "hash", "encode", "decode", "encrypt",
    "decrypt", "rotate", "revoke", "expired", "without", "no", "if", "not", "should", "can", "match", "matches",
    "random",
]);

/// Whose password it is.
#[rustfmt::skip]
static OWNERS: WordSet = WordSet::new(&[
    "db", "database", "mysql", "postgres", "postgresql", "pg", "mongo", "mongodb", "redis", "mssql", "oracle", "sql",
    "smtp", "mail", "email", "imap", "ftp", "sftp", "ssh", "ldap", "aws", "s3", "azure", "gcp", "google", "admin",
    "root", "user", "master", "prod", "production", "staging", "dev", "service", "svc", "jwt", "oauth", "client",
    "app", "api", "slack", "github", "gitlab", "docker", "registry", "npm", "keystore", "truststore", "ssl",
    "rabbitmq", "amqp", "kafka", "elastic", "elasticsearch", "jenkins", "sonar", "nexus", "stripe", "twilio",
    "sendgrid", "mailgun", "facebook", "twitter", "django", "flask", "rails", "laravel", "wifi", "vpn", "proxy",
    "datasource", "jdbc", "backup", "replication", "sa", "bot", "webhook", "access", "session", "cookie", "grafana",
    "vault", "sudo",
]);

#[cfg(test)]
mod tests {
    use super::{NameClass, traits_of};

    #[test]
    fn names_are_classed_by_their_last_telling_word() {
        for (name, class) in [
            ("DB_PASSWORD", Some(NameClass::Password)),
            ("dbPassword2", Some(NameClass::Password)),
            ("userpass", Some(NameClass::Password)),
            ("spring.datasource.password", Some(NameClass::Password)),
            ("clientSecret", Some(NameClass::Secret)),
            ("AccessToken", Some(NameClass::Token)),
            ("APIKey", Some(NameClass::QualifiedKey)),
            ("apikey", Some(NameClass::QualifiedKey)),
            ("x-api-key", Some(NameClass::QualifiedKey)),
            ("APP_KEY", Some(NameClass::QualifiedKey)),
            ("key", Some(NameClass::Key)),
            ("_auth", Some(NameClass::Auth)),
            ("tokenizer", None),
            ("secretary", None),
            ("bypass", None),
            ("fs-minipass", None),
            ("passenger", None),
            ("monkey", None),
            ("пароль", Some(NameClass::Password)),
        ] {
            assert_eq!(traits_of(name.as_bytes()).class, class, "{name}");
        }
    }

    #[test]
    fn names_about_secrets_are_told_from_names_of_secrets() {
        for name in
            ["token_url", "passwordFile", "public_key", "primary_key", "csrf_token", "secretName", "passwordPolicy"]
        {
            assert!(traits_of(name.as_bytes()).is_other, "{name}");
        }
        for name in [
            "passwords.php",
            "win_password.py",
            "csrftoken",
            "PasswordLastUsed",
            "recv-keys",
            "ruleKey",
            "csrfmiddlewaretoken",
            "Postman-Token",
            "Sec-WebSocket-Key",
            "default_pass_scheme",
            "DOVECOT_PASS_ATTRS",
            "password_iter",
            "fastcgi_pass",
            "mariadb_apt_key",
            "WorkspaceIdentifierKey",
        ] {
            assert!(traits_of(name.as_bytes()).is_other, "{name}");
        }
        for name in ["db_password", "apiKey", "token_secret", "userPassword", "password2"] {
            assert!(!traits_of(name.as_bytes()).is_other, "{name}");
        }
        assert!(traits_of(b"has_password").is_verb && traits_of(b"passwords").is_plural);
        assert!(!traits_of(b"pass").is_plural && traits_of(b"DB_PASS").has_owner);
    }
}
