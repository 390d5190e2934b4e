//! The gate between secrets and what is kept for good: names and paths that a store, a plan or a report holds are cleared of what
//! looks like a secret, and what a person types as a reason or a proof is refused if a secret stands in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{CommandError, Env, RuleChoice, key_file};
use crate::{
    engine::{Scanner, ScannerOptions},
    fingerprint::KeyRing,
    model::{
        Part, Secret,
        identity::{Consumer, Record, Workload},
    },
    rule::{Rule, Shape},
    store::{Store, StoreError},
};

/// The built-in rules whose formats identify themselves. Names and paths are structured, and full of words such as `AccessKeyId`:
/// what only a word tells would hide half of them.
///
/// # Errors
/// If the rules can't be loaded.
pub(super) fn self_identifying_rules() -> Result<Vec<Rule>, CommandError> {
    let mut rules = RuleChoice::default().load(&|_| ())?;
    rules.retain(|rule| !rule.generic && rule.shape != Shape::Assignment);
    Ok(rules)
}

/// Words of a name that are looked at each.
const MAX_WORDS: usize = 8;

/// Hides what looks like a secret in names.
pub(super) struct Gate {
    scanner: Scanner,
}

impl Gate {
    /// # Errors
    /// If the rules can't be loaded.
    pub(super) fn new() -> Result<Gate, CommandError> {
        Ok(Gate { scanner: Scanner::new(self_identifying_rules()?, &ScannerOptions::default()) })
    }

    /// Those of `texts` that look as if they held secrets, each with what to write instead.
    pub(super) fn hidden<'t>(&self, texts: &BTreeSet<&'t str>) -> BTreeMap<&'t str, String> {
        let (mut text, mut parts) = (String::new(), Vec::with_capacity(texts.len()));
        for one in texts {
            // A name may be made of words and a secret: `TOKEN_…`.
            let words = one.match_indices('_').map(|(at, _)| at + 1).take(MAX_WORDS);
            for from in std::iter::once(0).chain(words) {
                parts.push((text.len(), *one, from));
                text.push_str(&one[from..]);
                // An empty line between them: a word in one must not tell a secret in another.
                text.push_str("\n\n");
            }
        }
        let report = self.scanner.scan_bytes("names", text.as_bytes());
        let mut spans = Vec::new();
        for finding in &report.findings {
            for occurrence in finding.occurrences.iter().filter(|occurrence| occurrence.part == Part::Content) {
                let (start, end) = (occurrence.place.span.start as usize, occurrence.place.span.end as usize);
                let part = parts[..parts.partition_point(|(base, ..)| *base <= start)].last();
                spans.extend(part.map(|&(base, one, from)| {
                    let end = (end - base + from).min(one.len());
                    (one, start - base + from, end, finding.preview.as_str())
                }));
            }
        }
        // From the last to the first: what stands before a replaced one stays where it is.
        spans.sort_unstable_by(|a, b| b.cmp(a));
        let mut hidden: BTreeMap<&str, (String, usize)> = BTreeMap::new();
        for (one, start, end, preview) in spans {
            let (written, replaced) = hidden.entry(one).or_insert_with(|| (one.to_owned(), one.len()));
            let end = end.min(*replaced);
            if start < end && written.is_char_boundary(start) && written.is_char_boundary(end) {
                written.replace_range(start..end, preview);
                *replaced = start;
            }
        }
        hidden.into_iter().map(|(one, (written, _))| (one, written)).collect()
    }

    /// One text without what looks like a secret.
    pub(super) fn clear(&self, text: &str) -> String {
        self.hidden(&BTreeSet::from([text])).remove(text).unwrap_or_else(|| text.to_owned())
    }

    /// Records of consumers and workloads without what looks like a secret in their names and places.
    pub(super) fn clear_records(&self, records: &mut [Record]) {
        let mut texts: Vec<&mut String> = records.iter_mut().flat_map(names_of).collect();
        if texts.is_empty() {
            return;
        }
        let all: BTreeSet<String> = texts.iter().map(|text| (**text).clone()).collect();
        let hidden = self.hidden(&all.iter().map(String::as_str).collect());
        for text in &mut texts {
            if let Some(clear) = hidden.get(text.as_str()) {
                (**text).clone_from(clear);
            }
        }
    }
}

/// What of a record was found in files: names, places, repositories.
fn names_of(record: &mut Record) -> Vec<&mut String> {
    match record {
        Record::Workload(Workload { reference, repo, .. }) => std::iter::once(reference).chain(repo).collect(),
        Record::Consumer(Consumer { name, workload, locator, .. }) => vec![name, workload, locator],
        _ => Vec::new(),
    }
}

/// Refuses a text that a person typed if a secret stands in it: one that the rules know, or whose fingerprint the store has. It would
/// be kept for good, in a log that nobody can take it out of.
///
/// # Errors
/// That; what the store says.
pub(super) fn check_typed(option: &str, text: &str, store: &mut Store<'_>, env: &Env<'_>) -> Result<(), CommandError> {
    let refused = |why: &str| {
        CommandError::Choice(format!("{option}: {why} stands in it, and would be kept for good: say it without"))
    };
    let scanner = Scanner::new(RuleChoice::default().load(&|_| ())?, &ScannerOptions::default());
    if let Some(finding) = scanner.scan_bytes("typed", text.as_bytes()).findings.first() {
        return Err(refused(&format!("what looks like a secret (rule {})", finding.rule.id)));
    }
    if knows_a_word(text, store, env)? {
        return Err(refused("a secret that the store has a fingerprint of"));
    }
    Ok(())
}

/// Words of a text that are looked up; a reason has fewer.
const WORDS: usize = 200;

/// Is the fingerprint of one of these words in the store?
fn knows_a_word(text: &str, store: &mut Store<'_>, env: &Env<'_>) -> Result<bool, CommandError> {
    // Whoever has no key, or can't read it, can't compare anything.
    let Ok(Some(found)) = key_file::find(&key_file::FINGERPRINT, None, env) else { return Ok(false) };
    let Ok(ring) = KeyRing::parse(&found.text) else { return Ok(false) };
    let mut values = BTreeSet::new();
    for word in words(text).take(WORDS) {
        values.extend(ring.all_fingerprints(&Secret::new(word.as_bytes())).into_iter().map(|known| known.value));
    }
    let values = values.iter().map(String::as_str).collect();
    Ok(store.read(|tx| {
        for table in ["finding_fp", "credential_fp"] {
            if !tx.query_in(&format!("SELECT value FROM {table} WHERE value IN (?)"), &values)?.is_empty() {
                return Ok::<_, StoreError>(true);
            }
        }
        Ok(false)
    })?)
}

/// Whatever may be a secret in a sentence: words, without the marks around them, and what stands behind a name in them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().flat_map(|word| {
        let trimmed = word.trim_matches(|c: char| "\"'`()[]{}<>,;:.!?".contains(c));
        let behind = trimmed.split_once(['=', ':']).map(|(_, value)| value);
        [Some(word), Some(trimmed), behind].into_iter().flatten().filter(|word| word.len() >= 6)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Gate, words};
    use crate::{
        engine::checksum,
        rule::{
            Checksum,
            template::{SampleRng, expand},
        },
    };

    #[test]
    fn names_lose_their_secrets_and_nothing_else() {
        let tail = |partial: &[u8]| checksum::tail(Some(Checksum::Crc32Base62), partial);
        let token = expand("«ghp_{{alnum:30}}{{checksum}}»", &mut SampleRng::new(7), &tail).unwrap();
        let token = String::from_utf8(token.bytes).unwrap();
        let (path, name) = (format!("dir-{token}/x/b.py"), format!("MY_TOKEN_{token}"));
        let gate = Gate::new().unwrap();
        let hidden = gate.hidden(&BTreeSet::from(["a/é.py", &path, &name, "DB_PASSWORD"]));
        assert_eq!(hidden.len(), 2, "{hidden:?}");
        assert!(hidden[path.as_str()].starts_with("dir-ghp_") && hidden[path.as_str()].ends_with("/x/b.py"));
        assert!(hidden.values().all(|text| !text.contains(&token[8..])), "{hidden:?}");
        assert_eq!(gate.clear("acme/shop"), "acme/shop");
    }

    #[test]
    fn words_are_tried_with_and_without_what_stands_around_them() {
        let tried: Vec<&str> = words("is \"abc+def/ghi\", key=abcdefgh now").collect();
        assert!(tried.contains(&"abc+def/ghi") && tried.contains(&"abcdefgh"), "{tried:?}");
        assert!(!tried.contains(&"now"));
    }
}
