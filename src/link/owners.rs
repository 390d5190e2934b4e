//! Who owns the files, or the repository, that a finding stands in: by CODEOWNERS and catalogues in the store.

use std::collections::{BTreeMap, HashMap};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use super::facts::Facts;
use crate::{
    model::identity::repository_name,
    store::{StoreError, Transaction},
};

/// What the importer of CODEOWNERS calls the owner of a pattern without one.
const NOBODY: &str = "nobody";

/// Most claims of one repository that are looked at.
const MAX_CLAIMS: i64 = 20_000;

/// So many repositories are remembered.
const MAX_REPOSITORIES: usize = 200;

/// Who is thought to own something, and why.
pub(super) struct Guess {
    /// Id of its row.
    pub(super) owner: String,
    pub(super) reference: String,
    pub(super) confidence: u8,
    pub(super) reason: String,
    /// Has the owner not left?
    pub(super) is_active: bool,
}

/// Owners of places. Each repository's are read once: patterns are costly to compile, and a repository has many findings.
#[derive(Default)]
pub(super) struct Owners(HashMap<String, Repository>);

impl Owners {
    /// The owner of the first place of a finding that has one.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn of(&mut self, tx: &mut Transaction<'_>, facts: &Facts) -> Result<Option<Guess>, StoreError> {
        for place in &facts.places {
            let name = repository_name(&place.source);
            if !self.0.contains_key(name) {
                if self.0.len() == MAX_REPOSITORIES {
                    self.0.clear();
                }
                self.0.insert(name.to_owned(), Repository::read(tx, name)?);
            }
            let guess = self.0.get(name).and_then(|repository| repository.owner_of(place.path.as_deref()));
            if guess.is_some() {
                return Ok(guess);
            }
        }
        Ok(None)
    }
}

/// What is claimed of one repository.
struct Repository {
    name: String,
    /// All patterns, for a file itself; and those that mean all below a directory, for the directories that it is in.
    matchers: [Gitignore; 2],
    /// By pattern: its line, and whose it is.
    patterns: HashMap<String, (i64, Claim)>,
    /// Of all of it, the first.
    whole: Option<Claim>,
}

struct Claim {
    owner: String,
    reference: String,
    origin: String,
    is_active: bool,
}

impl Repository {
    fn read(tx: &mut Transaction<'_>, name: &str) -> Result<Repository, StoreError> {
        // Forges tell names apart whatever their case; a catalogue's slugs are kept in lower case.
        let rows = tx.query(
            "SELECT w.owner_id, o.ref, w.pattern, w.origin, coalesce(w.pattern_line, 0), coalesce(o.active, TRUE)
             FROM ownership AS w
             JOIN owner AS o ON o.id = w.owner_id
             WHERE w.valid_to_at IS NULL AND (w.repository IN ($1, $2) OR (w.repository = '' AND w.pattern IS NOT NULL))
             ORDER BY (w.pattern IS NULL), w.pattern_line DESC, w.id LIMIT $3",
            &[name.into(), name.to_lowercase().into(), MAX_CLAIMS.into()],
        )?;
        let (mut patterns, mut whole, mut by_line) = (HashMap::new(), None, BTreeMap::new());
        for row in &rows {
            let (owner, reference, origin) = (row.get(0)?, row.get(1)?, row.get(3)?);
            let claim = Claim { owner, reference, origin, is_active: row.get(5)? };
            match row.get::<Option<String>>(2)? {
                Some(pattern) => {
                    let line = row.get(4)?;
                    // Of several with one pattern the last line wins; of several owners of a line, the first.
                    patterns.entry(pattern.clone()).or_insert((line, claim));
                    by_line.entry((line, pattern)).or_insert(());
                }
                None => whole = whole.or(Some(claim)),
            }
        }
        let lines: Vec<&str> = by_line.keys().map(|(_, pattern)| pattern.as_str()).collect();
        let below = lines.iter().copied().filter(|pattern| !pattern.ends_with("/*"));
        let matchers = [matcher(lines.iter().copied()), matcher(below)];
        Ok(Repository { name: name.to_owned(), matchers, patterns, whole })
    }

    fn owner_of(&self, path: Option<&str>) -> Option<Guess> {
        let by_pattern = path.and_then(|path| {
            let path = path.trim_start_matches("./").trim_start_matches('/');
            let [of_file, of_directory] = &self.matchers;
            let directories = path.match_indices('/').map(|(end, _)| last_match(of_directory, &path[..end], true));
            let found = directories.chain([last_match(of_file, path, false)]).flatten();
            found.filter_map(|pattern| Some((pattern, self.patterns.get(pattern)?))).max_by_key(|(_, (line, _))| *line)
        });
        let (claim, what) = match by_pattern {
            // CODEOWNERS takes these files from everybody.
            Some((_, (_, claim))) if claim.reference == NOBODY => return None,
            Some((pattern, (_, claim))) => (claim, pattern),
            None => (self.whole.as_ref()?, self.name.as_str()),
        };
        Some(Guess {
            owner: claim.owner.clone(),
            reference: claim.reference.clone(),
            confidence: 70,
            reason: format!("{}: owns {what}", claim.origin),
            is_active: claim.is_active,
        })
    }
}

/// Patterns of CODEOWNERS, the last of which wins. Their syntax is that of ignore files, without negation; what can't be read
/// matches nothing.
fn matcher<'p>(patterns: impl Iterator<Item = &'p str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns.filter(|pattern| !pattern.starts_with('!')) {
        let _ = builder.add_line(None, pattern);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

fn last_match<'m>(matcher: &'m Gitignore, path: &str, is_dir: bool) -> Option<&'m str> {
    match matcher.matched(path, is_dir) {
        Match::Ignore(glob) => Some(glob.original()),
        Match::None | Match::Whitelist(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Claim, Repository, matcher};

    fn repository(patterns: &[&str]) -> Repository {
        let claim = |line: usize| {
            let (owner, reference, origin) = (String::new(), line.to_string(), String::new());
            Claim { owner, reference, origin, is_active: true }
        };
        let below = patterns.iter().copied().filter(|pattern| !pattern.ends_with("/*"));
        Repository {
            name: "acme/billing".to_owned(),
            matchers: [matcher(patterns.iter().copied()), matcher(below)],
            patterns: (0..)
                .zip(patterns)
                .map(|(n, text)| ((*text).to_owned(), (n as i64, claim(n))))
                .collect::<HashMap<_, _>>(),
            whole: None,
        }
    }

    #[test]
    fn patterns_own_what_codeowners_says_they_own() {
        let repository =
            repository(&["*", "*.md", "/deploy/", "apps", "*.tf", "/docs/*", "/docs/deep/", "!*", "/a b/c"]);
        for (path, line) in [
            ("x.rs", "0"),
            ("README.md", "1"),
            ("deploy/prod/app.env", "2"),
            ("deploy/x.md", "2"),
            ("src/deploy/y", "0"),
            ("x/apps/app.env", "3"),
            ("infra/main.tf", "4"),
            ("docs/a.md", "5"),
            ("docs/deeper/b.md", "1"),
            ("docs/deep/er/b.md", "6"),
            ("/docs/deep/c", "6"),
            ("./a b/c", "8"),
            ("apps/x.tf", "4"),
        ] {
            let found = repository.owner_of(Some(path)).map(|guess| guess.reference);
            assert_eq!(found.as_deref(), Some(line), "{path}");
        }
    }
}
