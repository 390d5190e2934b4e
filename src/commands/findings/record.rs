//! What a scan found, taken into the store: each root is a source, and places are named relative to it.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{references, shown, witness};
use crate::{
    commands::{
        CommandError, Env, fingerprint_key,
        gate::Gate,
        key_elsewhere, key_file,
        scan::{History, ScanSettings, Target},
        store::{StoreChoice, check_signed, open_to_write},
    },
    config::Config,
    engine::FingerprintKey,
    fingerprint::KeyRing,
    model::{
        DisplayPath, Finding, Occurrence, Problem, Provenance, ScanReport, Severity, StoreChanges, identity::Timestamp,
    },
    report::redacted_findings,
    source::remote::Remote,
    store::{NewSnapshot, Recorder, ScannedFinding, ScannedOccurrence, SourceCategory, SourceName, Store, StoreError},
};

/// Findings go to the store in batches of so many.
const BATCH: usize = 256;

/// That a scan is to be recorded, and how.
#[derive(Clone, Debug, Default)]
pub struct RecordSettings {
    /// In which store.
    pub store: StoreChoice,
    /// What to call the source; its path, if `None`.
    pub source: Option<String>,
    /// File with the fingerprint key of former scans: findings known under it get the fingerprints of the present key.
    pub former_key: Option<PathBuf>,
}

/// A scan that is to be recorded.
pub(in crate::commands) struct Recording<'a, 's> {
    store: Store<'a>,
    settings: &'s ScanSettings,
    roots: Roots,
    gate: Gate,
    /// Of the settings that decide what a scan sees.
    digest: String,
    former: Option<FingerprintKey>,
    ring: Option<KeyRing>,
    verifiers: witness::Verifiers,
    /// A program that says how OpenBao writes a token into its audit log.
    hashing: Option<OsString>,
}

/// The variable with a command that prints, of the token on its standard input, the hash that OpenBao or Vault writes into its audit
/// log: `bao write -field=hash sys/audit-hash/file input=-`.
const HASH_COMMAND: &str = "UNLEAK_VAULT_HASH_COMMAND";

/// Most tokens that one scan asks it about.
const MAX_HASHED: u32 = 1_000;

impl<'a, 's> Recording<'a, 's> {
    /// Opens the store before the scan: what keeps it from being recorded is said before hours of work.
    pub(in crate::commands) fn begin(
        settings: &'s ScanSettings,
        config: Option<&Config>,
        env: &Env<'a>,
    ) -> Result<Option<Recording<'a, 's>>, CommandError> {
        let Some(record) = &settings.record else { return Ok(None) };
        let former = record.former_key.as_deref();
        let former = former.map(|path| key_file::read(&key_file::FINGERPRINT, Some(path), env)).transpose()?.flatten();
        let (gate, mut roots) = (Gate::new()?, Roots::of(&settings.target, record.source.as_deref())?);
        for root in &mut roots.roots {
            root.name.scope = gate.clear(&root.name.scope);
        }
        Ok(Some(Recording {
            store: open_to_write(&record.store, env)?,
            settings,
            roots,
            gate,
            digest: settings_digest(settings, config),
            former: former.map(FingerprintKey::new),
            ring: None,
            verifiers: witness::Verifiers::default(),
            hashing: (env.var)(HASH_COMMAND).filter(|line| !line.is_empty()),
        }))
    }

    /// Records a report and notes in it what that changed.
    pub(in crate::commands) fn record(
        &mut self,
        key: Option<&FingerprintKey>,
        report: &mut ScanReport,
        env: &Env<'_>,
    ) -> Result<(), CommandError> {
        let interrupted = env.interrupt.load(Ordering::Relaxed);
        let key_id = key.map(FingerprintKey::id).unwrap_or_default();
        if !report.findings.is_empty() {
            self.ring = Some(fingerprint_key::ring(self.settings.fingerprint_key.as_deref(), env)?);
        }
        let mut changes = StoreChanges::default();
        let hashes = self.audit_hashes(report, env);
        for root in 0..self.roots.roots.len() {
            changes.add(self.record_root((root, &key_id), report, &hashes, interrupted)?);
        }
        report.stats.store = Some(changes);
        self.record_references(env)?;
        crate::commands::link::link_due(&mut self.store)?;
        self.attribute(report)?;
        check_signed(&mut self.store, env)
    }

    /// Who asks for secrets by name in the directories that were scanned.
    fn record_references(&mut self, env: &Env<'_>) -> Result<(), CommandError> {
        let has_files = self.settings.history != History::Only;
        for root in self.roots.roots.iter().filter(|root| root.is_whole && has_files) {
            let Some(directory) = root.path.as_deref().filter(|path| path.is_dir()) else { continue };
            references::record(&mut self.store, (directory, &root.name.scope), (self.settings, &self.gate), env)?;
        }
        Ok(())
    }

    /// Notes in a report whose its findings are.
    fn attribute(&mut self, report: &mut ScanReport) -> Result<(), StoreError> {
        for findings in report.findings.chunks(BATCH) {
            let fingerprints: Vec<String> = findings.iter().map(|finding| finding.fingerprint.to_string()).collect();
            let (ids, mut known) = self.store.read(|tx| {
                let ids = tx.finding_ids(&fingerprints)?;
                let known = tx.attributions(ids.values().map(String::as_str))?;
                Ok::<_, StoreError>((ids, known))
            })?;
            for (finding, fingerprint) in findings.iter().zip(&fingerprints) {
                if let Some(attribution) = ids.get(fingerprint).and_then(|id| known.remove(id)) {
                    report.attributions.insert(finding.fingerprint, attribution);
                }
            }
        }
        Ok(())
    }

    /// How OpenBao writes the tokens of a report into its audit log, by their fingerprints. The first failure is told, and ends it.
    fn audit_hashes(&self, report: &ScanReport, env: &Env<'_>) -> BTreeMap<String, String> {
        let mut hashes = BTreeMap::new();
        let Some(line) = &self.hashing else { return hashes };
        let is_token = |finding: &&Finding| {
            finding.rule.id.starts_with("hashicorp.vault-") || witness::looks_like_a_vault_token(&finding.secret)
        };
        for finding in report.findings.iter().filter(is_token).take(MAX_HASHED as usize) {
            match key_elsewhere::answer(line, Some(&finding.secret)) {
                Ok(hash) if witness::is_audit_hash(hash.trim()) => {
                    hashes.insert(finding.fingerprint.to_string(), hash.trim().to_owned());
                }
                Ok(_) => {
                    (env.warn)(&format!("{HASH_COMMAND}: it prints no hash of an audit device"));
                    break;
                }
                Err(why) => {
                    (env.warn)(&format!("{HASH_COMMAND}: {why}"));
                    break;
                }
            }
        }
        hashes
    }

    fn record_root(
        &mut self,
        (root, key_id): (usize, &str),
        report: &ScanReport,
        hashes: &BTreeMap<String, String>,
        interrupted: bool,
    ) -> Result<StoreChanges, CommandError> {
        let snapshot = NewSnapshot { settings: self.digest.clone(), ..NewSnapshot::default() };
        let mut recorder = Recorder::begin(&mut self.store, &self.roots.roots[root].name, &snapshot)?;
        let mut batch = Vec::with_capacity(BATCH);
        for (finding, record) in report.findings.iter().zip(redacted_findings(report)) {
            let Some(mut scanned) = self.scanned(root, key_id, finding, record)? else { continue };
            if let Some(ring) = &self.ring {
                scanned.digests = witness::digests(finding, ring, &mut self.store, &mut self.verifiers)?;
                scanned.digests.extend(hashes.get(&scanned.fp).map(|hash| witness::audit_hash(hash)));
            }
            batch.push(scanned);
            if batch.len() == BATCH {
                recorder.add(&mut self.store, &batch)?;
                batch.clear();
            }
        }
        recorder.add(&mut self.store, &batch)?;
        let in_root = |problem: &&Problem| self.roots.root_of(&problem.provenance) == root;
        let problems = report.problems.iter().filter(in_root).count() as u64;
        let complete = self.roots.roots[root].is_whole && problems == 0 && !interrupted;
        Ok(recorder.finish(&mut self.store, complete, problems)?)
    }

    /// A finding with those of its places that are in a root; `None` if there are none.
    fn scanned(
        &self,
        root: usize,
        key_id: &str,
        finding: &Finding,
        record: serde_json::Result<Value>,
    ) -> Result<Option<ScannedFinding>, CommandError> {
        let here = |place: &Occurrence| self.roots.root_of(&place.provenance) == root;
        if !finding.occurrences.iter().any(here) {
            return Ok(None);
        }
        let mut line: FindingLine = record
            .and_then(serde_json::from_value)
            .map_err(|error| StoreError::Engine(format!("a finding has no place in the store: {error}")))?;
        // The record has no line of context unless a report asks for one; the engine has hidden in it what it found.
        for (place, found) in line.occurrences.iter_mut().zip(&finding.occurrences) {
            place.context = Some(found.context.clone());
        }
        let mut places = finding.occurrences.iter();
        line.occurrences.retain(|_| places.next().is_some_and(here));
        let mut scanned = line.into_scanned(key_id, &|path| self.roots.relative(root, path));
        scanned.show(shown::facts(finding));
        let former = self.former.as_ref().map(|key| key.fingerprint(&finding.rule.id, &finding.secret).to_string());
        scanned.former_fps = former.into_iter().collect();
        Ok(Some(scanned))
    }
}

/// Digest of the settings that decide what a scan sees.
fn settings_digest(settings: &ScanSettings, config: Option<&Config>) -> String {
    let names = |paths: &[PathBuf]| paths.iter().map(|path| DisplayPath(path).to_string()).collect::<Vec<_>>();
    let mut text = json!({
        "exclude": settings.files.exclude, "gitignore": settings.files.gitignore,
        "follow_links": settings.files.follow_links, "history": format!("{:?}", settings.history),
        "rules": names(&settings.rules.files), "without_builtin": settings.rules.without_builtin,
        "only": settings.rules.only, "min_score": settings.scanner.min_score,
        "depth": settings.clone.depth, "branch": settings.clone.branch, "max_blob_bytes": settings.clone.max_blob_bytes,
    });
    // Left out where there is none: digests of former versions still count.
    if let Some(config) = config {
        text["config"] = config.digest().into();
    }
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.to_string().as_bytes())[..16])
}

/// What was scanned: each root is a source.
struct Roots {
    roots: Vec<Root>,
}

struct Root {
    name: SourceName,
    /// As the paths in the report begin.
    path: Option<PathBuf>,
    /// Is all of it scanned, as far as nothing went wrong?
    is_whole: bool,
}

impl Roots {
    fn of(target: &Target, name: Option<&str>) -> Result<Roots, CommandError> {
        let source = |kind: &str, scope: String| match name {
            Some(name) => named(name),
            None => SourceName { category: SourceCategory::Scan, kind: kind.to_owned(), scope },
        };
        let of_path = |path: &PathBuf| match Remote::parse(path.as_os_str()) {
            Some(remote) => {
                let address = remote?.display_url();
                Ok(Root { name: source("clone", address.clone()), path: Some(PathBuf::from(address)), is_whole: true })
            }
            None => Ok(Root { name: source("files", absolute(path)), path: Some(path.clone()), is_whole: true }),
        };
        let roots = match target {
            Target::Paths(paths) => paths.iter().map(of_path).collect::<Result<Vec<_>, CommandError>>()?,
            Target::ListedIn(_) => vec![Root { name: source("list", "list".to_owned()), path: None, is_whole: false }],
            Target::Stdin { .. } => {
                vec![Root { name: source("stdin", "stdin".to_owned()), path: None, is_whole: false }]
            }
            Target::Changes { repository, .. } => {
                let name = source("files", absolute(repository));
                vec![Root { name, path: Some(repository.clone()), is_whole: false }]
            }
        };
        if roots.len() > 1 && name.is_some() {
            return Err(CommandError::Choice("one name is for one source: give one path with --source".to_owned()));
        }
        Ok(Roots { roots: distinct(roots) })
    }

    /// The root that a place is in: the longest that leads to it, else the first.
    fn root_of(&self, provenance: &Provenance) -> usize {
        let path = match provenance {
            Provenance::Git(place) => Some(&*place.repository),
            Provenance::File(path) => Some(path.as_path()),
            Provenance::Record(place) => Some(place.physical.file.as_path()),
            Provenance::Named(_) => None,
        };
        let Some(path) = path.filter(|_| self.roots.len() > 1) else { return 0 };
        let leads =
            |root: &Root| root.path.as_deref().filter(|root| path.starts_with(root)).map(|root| root.as_os_str().len());
        let best = self.roots.iter().enumerate().filter_map(|(index, root)| Some((leads(root)?, index)));
        // Among equals the first: `max_by_key` would take the last.
        best.max_by_key(|&(len, index)| (len, std::cmp::Reverse(index))).map_or(0, |(_, index)| index)
    }

    /// A path of the report, seen from the root; empty for the root itself.
    fn relative(&self, index: usize, path: &str) -> String {
        let Some(root) = self.roots[index].path.as_deref().map(|root| DisplayPath(root).to_string()) else {
            return path.to_owned();
        };
        match Path::new(path).strip_prefix(&root) {
            Ok(rest) => rest.to_string_lossy().into_owned(),
            Err(_) => path.strip_prefix("./").unwrap_or(path).to_owned(),
        }
    }
}

/// A source that has a name of its own, however it is read.
pub(super) fn named(name: &str) -> SourceName {
    SourceName { category: SourceCategory::Scan, kind: "named".to_owned(), scope: name.to_owned() }
}

/// Each source once. What is inside another root is read as a part of that alone: the outer one is not whole then.
fn distinct(roots: Vec<Root>) -> Vec<Root> {
    let mut kept: Vec<Root> = Vec::new();
    for root in roots {
        if !kept.iter().any(|other| other.name == root.name) {
            kept.push(root);
        }
    }
    let scopes: Vec<PathBuf> = kept.iter().map(|root| PathBuf::from(&root.name.scope)).collect();
    for (index, root) in kept.iter_mut().enumerate() {
        let holds = |(other, scope): (usize, &PathBuf)| other != index && scope.starts_with(&scopes[index]);
        root.is_whole &= !scopes.iter().enumerate().any(holds);
    }
    kept
}

/// The same however it was typed.
fn absolute(path: &Path) -> String {
    let whole = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    DisplayPath(&whole.unwrap_or_else(|_| path.to_owned())).to_string()
}

/// A finding as the schema `unleak.report/v1` writes it; what the store has no place for is skipped.
#[derive(Deserialize)]
pub(super) struct FindingLine {
    rule: RuleLine,
    fingerprint: String,
    score: u8,
    preview: String,
    public_id: Option<String>,
    attributes: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    parts: Vec<PartLine>,
    occurrences: Vec<OccurrenceLine>,
    /// Only in reports that were made with `--show-secrets`.
    secret: Option<serde::de::IgnoredAny>,
    secret_base64: Option<serde::de::IgnoredAny>,
}

/// A public part of the credential that stood near its secret.
#[derive(Deserialize)]
struct PartLine {
    name: String,
    value: String,
}

/// Parts that say whom a credential belongs to. Others (an account, a region) are kept in places alone: what an inventory calls an
/// account may be another thing.
const PRINCIPAL_PARTS: &[&str] = &["client-id", "application-id", "app-id", "consumer-key", "object"];

#[derive(Deserialize)]
struct RuleLine {
    id: String,
    provider: String,
    severity: Severity,
    kind: String,
    identity: String,
}

#[derive(Deserialize)]
struct OccurrenceLine {
    provenance: Value,
    part: String,
    place: PlaceLine,
    context: Option<String>,
}

#[derive(Deserialize)]
struct PlaceLine {
    line: u64,
    column: u64,
}

impl FindingLine {
    /// Does it carry the secret itself? Then other texts may, too.
    pub(super) fn shows_secrets(&self) -> bool {
        self.secret.is_some() || self.secret_base64.is_some()
    }

    /// For the store. `relative` makes paths those of the source.
    pub(super) fn into_scanned(self, key_id: &str, relative: &dyn Fn(&str) -> String) -> ScannedFinding {
        let mut ordinals = BTreeMap::new();
        let places = self.occurrences.into_iter().map(|occurrence| {
            let mut place = occurrence.into_scanned(relative);
            let ordinal: &mut u64 = ordinals.entry(place.locator_key.clone()).or_default();
            place.locator_key.push_str(&format!("#{ordinal}"));
            *ordinal += 1;
            place
        });
        let mut attributes = self.attributes.unwrap_or_default();
        for part in self.parts.into_iter().filter(|part| PRINCIPAL_PARTS.contains(&part.name.as_str())) {
            attributes.entry(part.name).or_insert(Value::String(part.value));
        }
        ScannedFinding {
            fp: self.fingerprint,
            fp_key_id: key_id.to_owned(),
            former_fps: Vec::new(),
            digests: Vec::new(),
            rule_id: self.rule.id,
            provider: self.rule.provider,
            kind: self.rule.kind,
            identity_kind: self.rule.identity,
            severity: self.rule.severity,
            score: self.score.min(100),
            preview: self.preview,
            public_id: self.public_id,
            attributes: (!attributes.is_empty()).then_some(Value::Object(attributes)),
            occurrences: places.collect(),
        }
    }
}

/// Names to which hidden values are assigned on a line: by such a name others may ask for the same secret. In order, at most four.
fn names_beside(context: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (at, _) in context.match_indices("***") {
        let before = &context[..at];
        // The scheme of an address that holds a password stands where the value begins.
        let before = before.rfind("://").map_or(before, |scheme| {
            before[..scheme].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '+')
        });
        let Some((left, value)) = before.rsplit_once(['=', ':']) else { continue };
        if value.trim_start_matches([' ', '"', '\'', '`']).contains([' ', '"', '\'']) {
            continue;
        }
        let left = left.trim_end_matches([' ', '"', '\'', ':', '\t']);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name = left.rsplit(|c| !is_name(c)).next().unwrap_or_default();
        let is_telling = (4..=64).contains(&name.len()) && name.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_telling && names.len() < 4 && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The name of a file that was given by itself.
fn file_name(path: &str) -> Option<String> {
    Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned())
}

impl OccurrenceLine {
    fn into_scanned(mut self, relative: &dyn Fn(&str) -> String) -> ScannedOccurrence {
        let names = self.context.as_deref().map(names_beside).unwrap_or_default();
        if let (Value::Object(fields), false) = (&mut self.provenance, names.is_empty()) {
            fields.insert("names".to_owned(), json!(names));
        }
        let text = |pointer: &str| self.provenance.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let millis = |pointer: &str| text(pointer).and_then(|time| Timestamp::parse(&time)).map(|time| time.millis);
        let kind = text("/kind").unwrap_or_else(|| "other".to_owned());
        let path = text("/path");
        let is_git = kind == "git";
        // Of git the repository's place is what differs from machine to machine, not the path in it.
        let repository = text("/repository").map(|repository| relative(&repository)).unwrap_or_default();
        let path = match path {
            Some(path) if !is_git => Some(relative(&path)).filter(|path| !path.is_empty()).or_else(|| file_name(&path)),
            path => path,
        };
        let object = text("/object").filter(|_| path.is_none()).unwrap_or_default();
        let name = path.clone().unwrap_or(object);
        let by = |name: &str, email: &str| match (text(name), text(email)) {
            (Some(name), Some(email)) => Some(format!("{name} <{email}>")),
            (name, email) => name.or(email),
        };
        // Whoever made the oldest commit at hand needn't be the one.
        let is_certain = self.provenance.pointer("/history/or_earlier").and_then(Value::as_bool) != Some(true);
        let author = by("/history/first/author/name", "/history/first/author/email")
            .filter(|_| is_certain)
            .or_else(|| by("/record/author/name", "/record/author/email"));
        ScannedOccurrence {
            locator_key: format!("{kind}:{repository}{}{name}#{}", if is_git { ":" } else { "" }, self.part),
            commit_id: text("/history/first/id"),
            author,
            authored_at: millis("/history/first/author/time")
                .filter(|_| is_certain)
                .or_else(|| millis("/record/time/utc")),
            last_commit_id: text("/history/last/id"),
            last_commit_at: millis("/history/last/committer/time"),
            at_head: self.provenance.pointer("/history/at_head").and_then(Value::as_bool),
            // Whom a channel is open to are members of a workspace: that says nothing of everybody.
            public: None,
            kind,
            path,
            part: self.part,
            line: self.place.line,
            column: self.place.column,
            locator: self.provenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::names_beside;

    #[test]
    fn names_are_those_that_values_are_assigned_to() {
        for (context, names) in [
            ("AWS_ACCESS_KEY_ID=*** AWS_SECRET_ACCESS_KEY=***", &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"][..]),
            ("DATABASE_URL=postgres://app:***@db/shop", &["DATABASE_URL"]),
            ("  \"api_token\": \"ghp_***\",", &["api_token"]),
            ("export STRIPE_KEY='sk_live_***'", &["STRIPE_KEY"]),
            ("key: ***", &[]),
            ("see *** here", &[]),
            ("note: this is *** here", &[]),
            ("A=***", &[]),
            ("пароль = \"***\"", &[]),
            ("ключ DB_PASSWORD: ***", &["DB_PASSWORD"]),
        ] {
            assert_eq!(names_beside(context), names, "{context}");
        }
    }
}
