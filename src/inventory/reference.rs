//! References to secrets by name: who asks for which, and how it gets there.
//!
//! A scan finds values; this finds the places that use one without having it: an environment variable that is read, a
//! `secretKeyRef`, a `secrets.NAME` of a workflow, a path in Vault, a secret manager or Terraform, a value of a Helm chart.
//! It is one pass of an automaton over the bytes, apart from the scan, which it doesn't slow.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::model::identity::{Consumer, Distribution, Workload, WorkloadKind};

/// A secret asked for by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The name: a variable, `secret/key`, a path.
    pub name: String,
    /// How the secret gets there.
    pub distribution: Distribution,
    /// Line in the blob, 1-based.
    pub line: u64,
}

/// What stands after a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A name in quotes.
    Quoted,
    /// A name.
    Name,
    /// A name with dots in it.
    Dotted,
    /// A path, in quotes or not.
    Path,
    /// An object with `name` and `key`.
    NameAndKey,
    /// Text after a colon or equals sign, in quotes or not.
    Assigned,
    /// A block with this field, whose value is in quotes.
    Block(&'static str),
}

/// Which names count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// All of them: the place is for secrets.
    All,
    /// Those with a word that secrets have: most variables are none.
    Telling,
}

/// Which files count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Anywhere,
    /// Workflows and actions.
    Workflows,
    /// Terraform.
    Terraform,
    /// Templates of Helm.
    Templates,
    /// Shell scripts, container files and pipelines.
    Scripts,
}

struct Marker {
    text: &'static str,
    distribution: Distribution,
    shape: Shape,
    names: Names,
    place: Where,
}

const fn marker(text: &'static str, distribution: Distribution, shape: Shape) -> Marker {
    Marker { text, distribution, shape, names: Names::All, place: Where::Anywhere }
}

const fn variable(text: &'static str, shape: Shape) -> Marker {
    Marker { text, distribution: Distribution::Environment, shape, names: Names::Telling, place: Where::Anywhere }
}

const fn within(place: Where, names: Names, marker: Marker) -> Marker {
    Marker { names, place, ..marker }
}

/// What Terraform reads of a secret that is kept elsewhere.
const fn data(text: &'static str, distribution: Distribution, field: &'static str) -> Marker {
    within(Where::Terraform, Names::All, marker(text, distribution, Shape::Block(field)))
}

const MARKERS: &[Marker] = &[
    within(Where::Workflows, Names::All, marker("secrets.", Distribution::GithubSecret, Shape::Name)),
    marker("secretKeyRef", Distribution::KubernetesSecret, Shape::NameAndKey),
    marker("secretRef", Distribution::KubernetesSecret, Shape::NameAndKey),
    marker("secretName", Distribution::KubernetesSecret, Shape::Assigned),
    variable("os.environ[", Shape::Quoted),
    variable("os.environ.get(", Shape::Quoted),
    variable("os.getenv(", Shape::Quoted),
    variable("process.env.", Shape::Name),
    variable("process.env[", Shape::Quoted),
    variable("import.meta.env.", Shape::Name),
    variable("env::var(", Shape::Quoted),
    variable("env::var_os(", Shape::Quoted),
    variable("System.getenv(", Shape::Quoted),
    variable("os.Getenv(", Shape::Quoted),
    variable("os.LookupEnv(", Shape::Quoted),
    variable("ENV[", Shape::Quoted),
    variable("ENV.fetch(", Shape::Quoted),
    variable(" getenv(", Shape::Quoted),
    variable("GetEnvironmentVariable(", Shape::Quoted),
    variable("$ENV{", Shape::Name),
    variable("Deno.env.get(", Shape::Quoted),
    within(Where::Scripts, Names::Telling, variable("${", Shape::Name)),
    within(Where::Scripts, Names::Telling, variable("$", Shape::Name)),
    marker("agent-inject-secret-", Distribution::Vault, Shape::Assigned),
    marker("vault kv get ", Distribution::Vault, Shape::Path),
    marker("bao kv get ", Distribution::Vault, Shape::Path),
    marker("vault:secret/", Distribution::Vault, Shape::Path),
    marker("secret/data/", Distribution::Vault, Shape::Path),
    marker(":secretsmanager:", Distribution::SecretManager, Shape::Path),
    marker("{{resolve:secretsmanager:", Distribution::SecretManager, Shape::Path),
    marker("--secret-id ", Distribution::SecretManager, Shape::Path),
    marker("SecretId=", Distribution::SecretManager, Shape::Quoted),
    marker("SecretId:", Distribution::SecretManager, Shape::Quoted),
    marker("accessSecretVersion", Distribution::SecretManager, Shape::NameAndKey),
    marker("vault.azure.net/secrets/", Distribution::SecretManager, Shape::Path),
    within(Where::Terraform, Names::Telling, marker("var.", Distribution::Terraform, Shape::Name)),
    marker("TF_VAR_", Distribution::Terraform, Shape::Name),
    data("data \"vault_generic_secret\"", Distribution::Vault, "path"),
    data("data \"vault_kv_secret\"", Distribution::Vault, "path"),
    data("data \"vault_kv_secret_v2\"", Distribution::Vault, "name"),
    data("data \"aws_secretsmanager_secret\"", Distribution::SecretManager, "name"),
    data("data \"aws_secretsmanager_secret_version\"", Distribution::SecretManager, "secret_id"),
    data("data \"google_secret_manager_secret_version\"", Distribution::SecretManager, "secret"),
    data("data \"azurerm_key_vault_secret\"", Distribution::SecretManager, "name"),
    within(Where::Templates, Names::Telling, marker(".Values.", Distribution::Helm, Shape::Dotted)),
];

/// Words in names of variables that hold secrets.
const TELLING: &[&str] = &[
    "APIKEY",
    "AUTH",
    "CERT",
    "CRED",
    "DSN",
    "KEY",
    "PASS",
    "PRIVATE",
    "PWD",
    "SECRET",
    "SIGNING",
    "TOKEN",
    "WEBHOOK",
    "DATABASE_URL",
    "CONNECTION",
    "_URI",
];

/// Longest name that is taken.
const MAX_NAME_BYTES: usize = 256;

/// How far behind a marker the fields of its object may stand.
const OBJECT_BYTES: usize = 240;

static AUTOMATON: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let texts = MARKERS.iter().map(|marker| marker.text);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts).expect("constant patterns")
});

/// Finds the references in a file, in its order. `path` is the file's, for what counts in some files only. Never allocates
/// but for what it finds; takes time linear in the bytes.
pub fn references(path: &str, bytes: &[u8], take: &mut dyn FnMut(Reference)) {
    let (mut line, mut counted) = (1, 0);
    for found in AUTOMATON.find_iter(bytes) {
        let marker = &MARKERS[found.pattern().as_usize()];
        if !is_at(marker.place, path) || follows_a_word(bytes, found.start(), marker) {
            continue;
        }
        let after = &bytes[found.end()..];
        let Some(name) = name(marker, after) else { continue };
        if marker.names == Names::Telling && !is_telling(&name) {
            continue;
        }
        line += memchr::memchr_iter(b'\n', &bytes[counted..found.start()]).count() as u64;
        counted = found.start();
        take(Reference { name, distribution: distribution(marker, path), line });
    }
}

/// `mysecrets.X` is none of `secrets.X`.
fn follows_a_word(bytes: &[u8], start: usize, marker: &Marker) -> bool {
    let begins_with_word = marker.text.as_bytes()[0].is_ascii_alphanumeric();
    let before = start.checked_sub(1).map_or(b' ', |at| bytes[at]);
    begins_with_word
        && (before.is_ascii_alphanumeric() || before == b'_')
        && !matches!(marker.shape, Shape::Path | Shape::Assigned)
}

fn distribution(marker: &Marker, path: &str) -> Distribution {
    let in_gitlab = path.ends_with(".gitlab-ci.yml");
    if marker.place == Where::Scripts && in_gitlab { Distribution::GitlabVariable } else { marker.distribution }
}

fn is_at(place: Where, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    match place {
        Where::Anywhere => true,
        Where::Workflows => path.contains(".github/workflows/") || matches!(name, "action.yml" | "action.yaml"),
        Where::Terraform => ends(&[".tf", ".tofu", ".tfvars"]),
        Where::Templates => path.contains("templates/") && ends(&[".yaml", ".yml", ".tpl"]),
        Where::Scripts => {
            ends(&[".sh", ".bash", ".zsh", ".gitlab-ci.yml"])
                || name.starts_with("Dockerfile")
                || name.contains("compose")
                || matches!(name, "Makefile" | "Jenkinsfile" | ".envrc")
        }
    }
}

fn is_telling(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    TELLING.iter().any(|word| upper.contains(word))
}

fn name(marker: &Marker, after: &[u8]) -> Option<String> {
    match marker.shape {
        Shape::Quoted => quoted(after),
        Shape::Name => run(after, |byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        Shape::Dotted => run(after, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)),
        Shape::Path => path(after),
        Shape::Assigned => assigned(after),
        Shape::NameAndKey => object(after),
        Shape::Block(name) => block(after, name.as_bytes()),
    }
}

fn run(bytes: &[u8], is_part: impl Fn(u8) -> bool) -> Option<String> {
    let end = bytes.iter().take(MAX_NAME_BYTES + 1).position(|byte| !is_part(*byte)).unwrap_or(bytes.len());
    let text = std::str::from_utf8(bytes.get(..end).filter(|name| name.len() <= MAX_NAME_BYTES)?).ok()?;
    let text = text.trim_end_matches(['.', '-', '/', ':']);
    (!text.is_empty()).then(|| text.to_owned())
}

const fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b':' | b'@' | b'#' | b'+')
}

fn quoted(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.trim_ascii_start();
    let quote = bytes.first().copied().filter(|byte| b"\"'`".contains(byte))?;
    let name = run(&bytes[1..], is_path_byte)?;
    (bytes.get(name.len() + 1) == Some(&quote)).then_some(name)
}

fn path(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.trim_ascii_start();
    let unquoted = bytes.strip_prefix(b"\"").or_else(|| bytes.strip_prefix(b"'")).unwrap_or(bytes);
    // A flag, and whatever follows it, is no path.
    run(unquoted, is_path_byte).filter(|path| !path.starts_with('-'))
}

/// Text behind the next colon or equals sign on this line.
fn assigned(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let at = line.iter().take(MAX_NAME_BYTES).position(|byte| matches!(byte, b':' | b'='))?;
    let value = line[at + 1..].trim_ascii_start();
    path(value).filter(|path| !path.starts_with("{{"))
}

/// `name: X` and `key: Y` in either order, in YAML or JSON.
fn object(bytes: &[u8]) -> Option<String> {
    let near = &bytes[..bytes.len().min(OBJECT_BYTES)];
    // The next object is another one's.
    let end = [&b"}"[..], b"\n\n", b"- name:", b"valueFrom"];
    let end = end.iter().filter_map(|end| memchr::memmem::find(near, end)).min().unwrap_or(near.len());
    let name = field(&near[..end], b"name")?;
    Some(field(&near[..end], b"key").map_or(name.clone(), |key| format!("{name}/{key}")))
}

/// `NAME = "X"` in the block that begins here.
fn block(bytes: &[u8], name: &[u8]) -> Option<String> {
    let near = &bytes[..bytes.len().min(OBJECT_BYTES)];
    let near = &near[..memchr::memchr(b'}', near).unwrap_or(near.len())];
    memchr::memmem::find_iter(near, name).find_map(|at| {
        let is_word = !near[..at].last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        is_word.then(|| quoted(near[at + name.len()..].trim_ascii_start().strip_prefix(b"=")?))?
    })
}

fn field(bytes: &[u8], name: &[u8]) -> Option<String> {
    memchr::memmem::find_iter(bytes, name).find_map(|at| {
        let is_word = at.checked_sub(1).is_none_or(|before| !bytes[before].is_ascii_alphanumeric());
        let after = bytes[at + name.len()..].trim_ascii_start();
        let after = after.strip_prefix(b"\"").unwrap_or(after).trim_ascii_start();
        is_word.then(|| path(after.strip_prefix(b":").or_else(|| after.strip_prefix(b"="))?))?
    })
}

/// The workload that a file belongs to, as far as its path tells, and the consumer that a reference in it makes.
#[must_use]
pub fn consumer(reference: &Reference, path: &str, repository: &str) -> (Workload, Consumer) {
    let (kind, own) = match path {
        path if path.contains(".github/workflows/")
            || path.ends_with(".gitlab-ci.yml")
            || path.ends_with("Jenkinsfile") =>
        {
            (WorkloadKind::Pipeline, true)
        }
        path if is_at(Where::Terraform, path) => (WorkloadKind::Infrastructure, true),
        _ if reference.distribution == Distribution::KubernetesSecret => (WorkloadKind::Service, true),
        _ => (WorkloadKind::Repository, false),
    };
    let name = if own { format!("{repository}:{path}") } else { repository.to_owned() };
    let workload = Workload {
        kind,
        reference: name.clone(),
        repo: Some(repository.to_owned()).filter(|repository| !repository.is_empty()),
        env: None,
        lifecycle: None,
    };
    let consumer = Consumer {
        credential: None,
        name: reference.name.clone(),
        workload: name,
        distribution: reference.distribution,
        locator: format!("{path}:{}", reference.line),
        confirmed_at: None,
    };
    (workload, consumer)
}

#[cfg(test)]
mod tests {
    use super::{Distribution, references};

    fn found(path: &str, text: &str) -> Vec<(String, Distribution, u64)> {
        let mut all = Vec::new();
        references(path, text.as_bytes(), &mut |reference| {
            all.push((reference.name, reference.distribution, reference.line))
        });
        all
    }

    #[test]
    fn references_of_all_sorts_are_found() {
        let cases: &[(&str, &str, &str, Distribution)] = &[
            (".github/workflows/ci.yml", "x: ${{ secrets.NPM_TOKEN }}", "NPM_TOKEN", Distribution::GithubSecret),
            ("d.yaml", "secretKeyRef:\n  name: db\n  key: password\n", "db/password", Distribution::KubernetesSecret),
            (
                "d.json",
                "{\"secretKeyRef\": {\"key\": \"k\", \"name\": \"db\"}}",
                "db/k",
                Distribution::KubernetesSecret,
            ),
            ("d.yaml", "secret:\n  secretName: tls-cert\n", "tls-cert", Distribution::KubernetesSecret),
            ("a.py", "os.environ[\"DB_PASSWORD\"]", "DB_PASSWORD", Distribution::Environment),
            ("a.js", "process.env.STRIPE_KEY!", "STRIPE_KEY", Distribution::Environment),
            ("a.rs", "std::env::var(\"API_TOKEN\")", "API_TOKEN", Distribution::Environment),
            ("run.sh", "curl -u \"$API_TOKEN\"", "API_TOKEN", Distribution::Environment),
            (".gitlab-ci.yml", "echo ${DEPLOY_KEY}", "DEPLOY_KEY", Distribution::GitlabVariable),
            ("x.sh", "vault kv get secret/billing", "secret/billing", Distribution::Vault),
            (
                "p.yaml",
                "vault.hashicorp.com/agent-inject-secret-db: \"database/creds/app\"",
                "database/creds/app",
                Distribution::Vault,
            ),
            ("m.tf", "password = var.db_password", "db_password", Distribution::Terraform),
            ("c/templates/d.yaml", "{{ .Values.db.password }}", "db.password", Distribution::Helm),
            ("x.py", "get_secret_value(SecretId='prod/db')", "prod/db", Distribution::SecretManager),
            (
                "m.tf",
                "data \"vault_generic_secret\" \"x\" {\n  path = \"secret/billing\"\n}",
                "secret/billing",
                Distribution::Vault,
            ),
            (
                "m.tf",
                "data \"aws_secretsmanager_secret\" \"x\" { name = \"prod/db\" }",
                "prod/db",
                Distribution::SecretManager,
            ),
        ];
        for (path, text, name, distribution) in cases {
            let line = if text.contains("secretName") { 2 } else { 1 };
            assert_eq!(found(path, text), [((*name).to_owned(), *distribution, line)], "{path}: {text}");
        }
    }

    #[test]
    fn lines_are_counted_and_others_left_alone() {
        let text = "a\nb\nos.environ['HOME']\nos.environ['API_KEY']\nmysecrets.X\n";
        assert_eq!(found("x.py", text), [("API_KEY".to_owned(), Distribution::Environment, 4)]);
        assert!(found("x.py", "secrets.TOKEN os.environ[name]").is_empty());
        assert!(found("x.yaml", "secretKeyRef:").is_empty());
        // Another block's field, a reference to a block, a name that is put together.
        let version = "data \"aws_secretsmanager_secret_version\" \"x\" {";
        for rest in [
            "}\nsecret_id = \"a\"",
            "secret_id = data.a.b.id }",
            "secret_id = \"a-${var.b}\" }",
            "x_secret_id = \"a\" }",
        ] {
            assert!(found("m.tf", &format!("{version}{rest}")).is_empty(), "{rest}");
        }
        let long = format!("process.env.{}_KEY", "A".repeat(1000));
        assert!(found("x.js", &long).is_empty());
    }
}
