//! Who answers for what: Backstage catalogues and CODEOWNERS.

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape, intake::Claim},
    model::identity::{OwnedBy, Owner, OwnerKind, OwnerOrigin, OwnerRole, Workload, WorkloadKind},
};

pub(super) const BACKSTAGE: Importer = Importer {
    name: "backstage",
    title: "Backstage catalogue (catalog-info.yaml; /api/catalog/entities as JSON)",
    shapes: &[
        Shape { format: Format::Yaml, path: "", fields: &["apiVersion=backstage.io/", "kind", "metadata"] },
        Shape { format: Format::Json, path: "[]", fields: &["apiVersion=backstage.io/", "kind", "metadata.name"] },
        Shape {
            format: Format::Json,
            path: "items[]",
            fields: &["apiVersion=backstage.io/", "kind", "metadata.name", "spec"],
        },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(entity),
};

pub(super) const CODEOWNERS: Importer = Importer {
    name: "codeowners",
    title: "CODEOWNERS of a repository (--scope ORG/REPO says which)",
    shapes: &[],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Text(codeowners, |name, _| name.eq_ignore_ascii_case("CODEOWNERS")),
};

/// `kind:namespace/name` in full, lower case. What isn't said is taken from the context: of an owner, the namespace of what is
/// owned. Source: <https://backstage.io/docs/features/software-catalog/references>, read 2026-11-27.
fn reference(text: &str, default_kind: &str, default_namespace: &str) -> String {
    let text = text.trim().to_lowercase();
    let (kind, rest) = text.split_once(':').unwrap_or((default_kind, &text));
    let (namespace, name) = rest.split_once('/').unwrap_or((default_namespace, rest));
    format!("{kind}:{namespace}/{name}")
}

fn owner_of(reference: &str) -> Owner {
    let kind = if reference.starts_with("user:") { OwnerKind::Person } else { OwnerKind::Team };
    Owner { email: None, ..Owner::new(kind, reference) }
}

fn entity(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(kind), Some(name)) = (fields.text("kind"), fields.text("metadata.name")) else {
        return intake.problem("an entity without kind or name");
    };
    let namespace = fields.text("metadata.namespace").map_or_else(|| "default".to_owned(), |name| name.to_lowercase());
    let itself = reference(&format!("{kind}:{namespace}/{name}"), "component", &namespace);
    match kind.to_lowercase().as_str() {
        "group" | "user" => {
            let mut owner = owner_of(&itself);
            owner.name = fields.any(&["spec.profile.displayName", "metadata.title"]);
            owner.email = fields.text("spec.profile.email");
            owner.active = Some(true);
            intake.owner(owner);
        }
        "component" | "resource" | "api" => component(fields, (&itself, &namespace), intake),
        _ => {}
    }
}

fn component(fields: &Fields, (itself, namespace): (&str, &str), intake: &mut Intake<'_>) {
    let slugs = ["github.com/project-slug", "gitlab.com/project-slug", "bitbucket.org/project-slug"];
    let repo = slugs.iter().find_map(|slug| fields.text(&format!("metadata.annotations.{slug}")));
    let kind = match fields.str("spec.type") {
        Some("pipeline") => WorkloadKind::Pipeline,
        Some("function" | "lambda") => WorkloadKind::Function,
        Some("library") => WorkloadKind::Repository,
        _ => WorkloadKind::Service,
    };
    intake.workload(Workload {
        kind,
        reference: itself.to_owned(),
        repo: repo.clone(),
        env: super::aws::environment(&fields.labels("metadata.labels")),
        lifecycle: fields.text("spec.lifecycle"),
    });
    let Some(owner) = fields.text("spec.owner") else { return intake.problem("a component without owner") };
    let owner = owner_of(&reference(&owner, "group", namespace));
    let claim =
        |confidence, reason| Claim { role: OwnerRole::Technical, origin: OwnerOrigin::Backstage, confidence, reason };
    intake.owned(OwnedBy::Workload { workload: itself.to_owned() }, owner.clone(), claim(90, "spec.owner"));
    if let Some(repository) = repo {
        let reason = format!("spec.owner of {itself}, by its project slug");
        intake.owned(OwnedBy::Repository { repository: repository.to_lowercase() }, owner, claim(80, &reason));
    }
}

fn codeowners(text: &str, intake: &mut Intake<'_>) {
    let repository = intake.account().to_owned();
    for rule in CodeOwners::parse(text).rules {
        for owner in &rule.owners {
            let kind = if owner.starts_with('@') && owner.contains('/') { OwnerKind::Team } else { OwnerKind::Person };
            let subject =
                OwnedBy::Path { repository: repository.clone(), pattern: rule.pattern.clone(), line: rule.line };
            let reason = format!("CODEOWNERS line {}", rule.line);
            let claim =
                Claim { role: OwnerRole::Technical, origin: OwnerOrigin::Codeowners, confidence: 70, reason: &reason };
            intake.owned(subject, Owner::new(kind, owner), claim);
        }
        if rule.owners.is_empty() {
            // A pattern without owners takes its files from everyone: to be known, it must be kept.
            let subject =
                OwnedBy::Path { repository: repository.clone(), pattern: rule.pattern.clone(), line: rule.line };
            let claim = Claim {
                role: OwnerRole::Technical,
                origin: OwnerOrigin::Codeowners,
                confidence: 0,
                reason: "CODEOWNERS names nobody for it",
            };
            intake.owned(subject, Owner::new(OwnerKind::Team, "nobody"), claim);
        }
    }
}

/// The rules of a CODEOWNERS file. Of several patterns that match a path the last one wins; looked for by forges in
/// `.github/` (or `.gitlab/`), the top and `docs/`, in this order.
///
/// ```
/// let owners = unleak::inventory::CodeOwners::parse("* @org/all\n/api/ @org/api\n*.md\n");
/// assert_eq!(owners.of("api/server.rs"), ["@org/api"]);
/// assert_eq!(owners.of("web/app.js"), ["@org/all"]);
/// assert!(owners.of("api/README.md").is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeOwners {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    pattern: String,
    owners: Vec<String>,
    line: u32,
}

/// Most rules that are read.
const MAX_RULES: usize = 20_000;

impl CodeOwners {
    /// Reads a file. Comments, and the headings of sections in GitLab's dialect, are passed by; so are lines with patterns
    /// that match nothing at all.
    #[must_use]
    pub fn parse(text: &str) -> CodeOwners {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let is_heading = line.starts_with('[') || line.starts_with("^[");
            if line.is_empty() || line.starts_with('#') || is_heading || rules.len() == MAX_RULES {
                continue;
            }
            let mut words = words(line).into_iter();
            let Some(pattern) = words.next() else { continue };
            let owners = words.take_while(|word| !word.starts_with('#')).filter(|word| word.contains('@')).collect();
            rules.push(Rule { pattern, owners, line: u32::try_from(index + 1).unwrap_or(u32::MAX) });
        }
        CodeOwners { rules }
    }

    /// The owners of a file, by its path from the top of the repository; empty if it has none. Costs a compilation of each
    /// pattern from the last to the one that matches.
    #[must_use]
    pub fn of(&self, path: &str) -> Vec<&str> {
        let rule = self.rules.iter().rev().find(|rule| matches(&rule.pattern, path));
        rule.map_or_else(Vec::new, |rule| rule.owners.iter().map(String::as_str).collect())
    }
}

/// Words, with spaces that are escaped by a backslash in them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&' ') => words.last_mut().expect("one").extend(characters.next()),
            ' ' | '\t' if !words.last().is_some_and(String::is_empty) => words.push(String::new()),
            ' ' | '\t' => {}
            character => words.last_mut().expect("one").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// As git ignores, with one difference: `dir/*` means the files of that directory and not those further down.
fn matches(pattern: &str, path: &str) -> bool {
    let mut builder = ignore::gitignore::GitignoreBuilder::new("");
    if builder.add_line(None, pattern).is_err() {
        return false;
    }
    let Ok(matcher) = builder.build() else { return false };
    let path = path.trim_start_matches('/');
    if pattern.ends_with("/*") {
        matcher.matched(path, false).is_ignore()
    } else {
        matcher.matched_path_or_any_parents(path, false).is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::{CodeOwners, reference};

    #[test]
    fn references_are_completed() {
        assert_eq!(reference("Payments", "group", "default"), "group:default/payments");
        assert_eq!(reference("Payments", "group", "emea"), "group:emea/payments");
        assert_eq!(reference("user:ops/Alice", "group", "emea"), "user:ops/alice");
    }

    #[test]
    fn the_last_pattern_wins() {
        let text = "# all\n*  @org/all  # comment\n[Section]\n/docs/* docs@example.org\napps/ @org/apps @x\n/apps/a\\ b @org/ab\n";
        let owners = CodeOwners::parse(text);
        assert_eq!(owners.of("x.rs"), ["@org/all"]);
        assert_eq!(owners.of("docs/a.md"), ["docs@example.org"]);
        assert_eq!(owners.of("docs/deep/a.md"), ["@org/all"]);
        assert_eq!(owners.of("lib/apps/x"), ["@org/apps", "@x"]);
        assert_eq!(owners.of("apps/a b"), ["@org/ab"]);
        assert!(CodeOwners::parse("").of("x").is_empty());
    }
}
