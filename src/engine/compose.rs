//! Composite credentials: a secret and its public parts (a key id, a client id, a tenant).
//!
//! Parts are looked for twice. *Near* the secret, within the rule's distance on either side, by the companion's pattern:
//! that is part of the verdict, and as chunks overlap by more than any distance it doesn't depend on where a blob was
//! cut. And, when all is scanned, *elsewhere*: in the same file, then among blobs that belong together (the files of one
//! commit, neighbouring messages of a conversation). Elsewhere a part counts only if there is no choice between two.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use regex_automata::{Input, meta::Regex};

use super::{
    checksum::{self, Claim},
    confirm::is_touched_before,
    scanner::Scanner,
    talk::MAX_APART,
    turns::{Moment, Turn, partner},
};
use crate::{
    model::{CredentialPart, Finding, Neighbour, Occurrence, PhysicalPlace, Place, Provenance, RecordPlace, Span},
    rule::{ByteSet, Patterns, Rule},
};

/// Occurrences of a secret beside which parts are looked for.
const MAX_OCCURRENCES: usize = 100;

/// Bytes that may not touch a part.
const WORD: ByteSet = ByteSet([0x03ff_0000_0000_0000, 0x07ff_fffe_87ff_fffe, 0, 0]);

/// For each companion of the rule, where it stands nearest to the secret.
pub(super) fn parts(
    rule: &Rule,
    patterns: &Patterns,
    bytes: &[u8],
    secret: &Range<usize>,
) -> Vec<Option<Range<usize>>> {
    if rule.companions.is_empty() {
        return Vec::new();
    }
    let within = rule.companions.iter().map(|companion| companion.within);
    patterns.companions(rule).iter().zip(within).map(|(regex, within)| nearest(regex, bytes, secret, within)).collect()
}

/// The companion without which the secret is none, if it is missing.
pub(super) fn missing<'r>(rule: &'r Rule, parts: &[Option<Range<usize>>]) -> Option<&'r str> {
    let pairs = rule.companions.iter().zip(parts);
    pairs.filter(|(companion, part)| companion.required && part.is_none()).map(|(c, _)| c.name.as_ref()).next()
}

/// The match nearest to the secret; of two equally near the one before it.
fn nearest(regex: &Regex, bytes: &[u8], secret: &Range<usize>, within: usize) -> Option<Range<usize>> {
    let before = secret.start.saturating_sub(within)..secret.start;
    let after = secret.end..(secret.end + within).min(bytes.len());
    let last = matches(regex, bytes, before).last();
    let first = matches(regex, bytes, after).next();
    match (last, first) {
        (Some(last), Some(first)) if first.start - secret.end < secret.start - last.end => Some(first),
        (Some(last), _) => Some(last),
        (None, first) => first,
    }
}

/// The companion's matches in a range, between boundaries.
fn matches<'b>(regex: &'b Regex, bytes: &'b [u8], range: Range<usize>) -> impl Iterator<Item = Range<usize>> + 'b {
    let group = regex.group_info().to_index(regex_automata::PatternID::ZERO, "id").unwrap_or(0);
    let found = regex.captures_iter(Input::new(bytes).span(range));
    found.filter_map(move |captures| Some(captures.get_group(group)?.range())).filter(|part| {
        !part.is_empty()
            && !is_touched_before(bytes, part.start, &WORD)
            && !bytes.get(part.end).is_some_and(|byte| WORD.contains(*byte))
    })
}

/// A part found near its secret, as far as a window can tell its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NearPart {
    /// Index among the rule's companions.
    pub(super) companion: usize,
    pub(super) value: String,
    /// Lines from it down to the secret; negative if it stands below.
    pub(super) lines_above: i64,
    /// As stored.
    pub(super) span: Span,
    /// The field of a record that it stands in, and the line there, if that isn't the field of the secret.
    pub(super) in_field: Option<(Box<RecordPlace>, u64)>,
}

impl NearPart {
    /// The part of a secret that stands in this place.
    pub(super) fn at(&self, rule: &Rule, occurrence: &Occurrence) -> CredentialPart {
        let (provenance, line) = match &self.in_field {
            Some((place, line)) => (Provenance::Record(place.clone()), *line),
            None => (occurrence.provenance.clone(), self.line(&occurrence.place)),
        };
        let name = rule.companions[self.companion].name.to_string();
        CredentialPart { name, value: self.value.clone(), provenance, line, span: self.span }
    }

    /// Its line, as the secret's is counted.
    pub(super) fn line(&self, secret: &Place) -> u64 {
        secret.line.saturating_add_signed(-self.lines_above)
    }
}

/// Says which blobs belong together; [`Provenance::neighbours`] is the one in use.
pub(super) type Neighbourhood<'n> = dyn Fn(&Provenance) -> Vec<Neighbour> + 'n;

/// Parts found anywhere, by the rule that found them.
#[derive(Debug, Default)]
pub(super) struct Identifiers {
    of_file: BTreeMap<(u32, Provenance), BTreeMap<String, Occurrence>>,
    of_group: BTreeMap<(u32, String), BTreeMap<u64, BTreeMap<String, Occurrence>>>,
    /// Where such groups have secrets that may belong to them.
    secrets: BTreeMap<(u32, String), BTreeMap<u64, BTreeSet<Moment>>>,
}

impl Identifiers {
    /// Adds the places of one identifier.
    pub(super) fn add(
        &mut self,
        rule: u32,
        value: &str,
        occurrences: &[Occurrence],
        neighbourhood: &Neighbourhood<'_>,
    ) {
        for occurrence in occurrences {
            let file = (rule, file_of(&occurrence.provenance));
            keep(self.of_file.entry(file).or_default(), value, occurrence);
            for neighbour in neighbourhood(&occurrence.provenance) {
                let group = self.of_group.entry((rule, neighbour.group)).or_default();
                keep(group.entry(neighbour.order).or_default(), value, occurrence);
            }
        }
    }

    /// Adds the places of a secret, once all identifiers are known.
    pub(super) fn add_secret(
        &mut self,
        rule: &Rule,
        occurrences: &[Occurrence],
        scanner: &Scanner,
        neighbourhood: &Neighbourhood<'_>,
    ) {
        if self.of_group.is_empty() {
            return;
        }
        let of_rules = rule.companions.iter().filter_map(|companion| scanner.rule_index(companion.rule.as_ref()?));
        for index in of_rules {
            for occurrence in occurrences.iter().take(MAX_OCCURRENCES) {
                let Some(moment) = Moment::of(occurrence) else { continue };
                for neighbour in neighbourhood(&occurrence.provenance) {
                    let key = (index, neighbour.group);
                    if self.of_group.contains_key(&key) {
                        let group = self.secrets.entry(key).or_default();
                        group.entry(neighbour.order).or_default().insert(moment.clone());
                    }
                }
            }
        }
    }

    /// The one identifier of this rule that belongs to a secret in these places: in the same file, else among the
    /// blobs that belong together. Of several, the one whose turn it was.
    pub(super) fn find(
        &self,
        rule: u32,
        occurrences: &[Occurrence],
        neighbourhood: &Neighbourhood<'_>,
    ) -> Option<(&str, &Occurrence)> {
        let places = || occurrences.iter().take(MAX_OCCURRENCES).map(|occurrence| &occurrence.provenance);
        let in_files = places().filter_map(|place| self.of_file.get(&(rule, file_of(place))));
        let mut found = distinct(in_files);
        if found.is_empty() {
            let in_groups = places().flat_map(neighbourhood).flat_map(|place| {
                let group = self.of_group.get(&(rule, place.group));
                let orders = place.order.saturating_sub(MAX_APART)..=place.order.saturating_add(MAX_APART);
                group.into_iter().flat_map(move |group| group.range(orders.clone()).map(|(_, values)| values))
            });
            found = distinct(in_groups);
        }
        match found.len() {
            0 => None,
            1 => found.pop_first(),
            _ => self.in_turn(rule, occurrences, neighbourhood),
        }
    }

    /// The identifier that a secret was posted behind, where several were posted with several secrets.
    fn in_turn(
        &self,
        rule: u32,
        occurrences: &[Occurrence],
        neighbourhood: &Neighbourhood<'_>,
    ) -> Option<(&str, &Occurrence)> {
        let mut found: BTreeMap<&str, &Occurrence> = BTreeMap::new();
        for occurrence in occurrences.iter().take(MAX_OCCURRENCES) {
            let Some(own) = Moment::of(occurrence) else { continue };
            for place in neighbourhood(&occurrence.provenance) {
                let orders = place.order.saturating_sub(MAX_APART)..=place.order.saturating_add(MAX_APART);
                let key = (rule, place.group);
                let (Some(ids), Some(secrets)) = (self.of_group.get(&key), self.secrets.get(&key)) else { continue };
                let ids = || ids.range(orders.clone()).flat_map(|(_, values)| values);
                let secrets = secrets.range(orders.clone()).flat_map(|(_, moments)| moments);
                let turns = ids().filter_map(|(value, at)| Some((Moment::of(at)?, Turn::Id(value))));
                let turns = turns.chain(secrets.map(|moment| (moment.clone(), Turn::Secret))).collect();
                let id = partner(turns, &own);
                found.extend(
                    ids().find(|(value, _)| Some(value.as_str()) == id).map(|(value, at)| (value.as_str(), at)),
                );
            }
        }
        (found.len() == 1).then(|| found.pop_first())?
    }
}

impl Identifiers {
    /// Adds to a finding the parts that it lacks and that stand elsewhere, and what parts say of themselves.
    pub(super) fn complete(
        &self,
        finding: &mut Finding,
        rule: &Rule,
        scanner: &Scanner,
        neighbourhood: &Neighbourhood<'_>,
    ) {
        for companion in rule.companions.iter() {
            let index = companion.rule.as_ref().and_then(|id| scanner.rule_index(id));
            let Some(index) = index else { continue };
            if !finding.parts.iter().any(|part| part.name == companion.name) {
                let found = self.find(index, &finding.occurrences, neighbourhood);
                finding.parts.extend(found.map(|(value, occurrence)| CredentialPart {
                    name: companion.name.to_string(),
                    value: value.to_owned(),
                    provenance: occurrence.provenance.clone(),
                    line: occurrence.place.line,
                    span: occurrence.place.span,
                }));
            }
            let of_companion = finding.parts.iter().find(|part| part.name == companion.name);
            let Some(value) = of_companion.map(|part| part.value.clone()) else { continue };
            let claim = Claim::alone(value.as_bytes());
            let facts = checksum::verify(&scanner.rules()[index as usize], &claim).unwrap_or_default();
            for (name, value) in facts.attributes {
                finding.attributes.entry(name).or_insert(value);
            }
            finding.public_id.get_or_insert(value);
        }
        finding.parts.sort_unstable();
    }
}

/// Keeps the first place of a value.
fn keep(values: &mut BTreeMap<String, Occurrence>, value: &str, occurrence: &Occurrence) {
    let kept = values.entry(value.to_owned()).or_insert_with(|| occurrence.clone());
    if occurrence < kept {
        *kept = occurrence.clone();
    }
}

fn distinct<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, Occurrence>>) -> BTreeMap<&'a str, &'a Occurrence> {
    let mut seen = BTreeSet::new();
    let all = maps.flatten().filter(|(value, _)| seen.insert(value.as_str()));
    all.map(|(value, occurrence)| (value.as_str(), occurrence)).collect()
}

/// What names the file, all its versions in history alike; of an export the record, all its fields alike.
fn file_of(provenance: &Provenance) -> Provenance {
    match provenance {
        Provenance::Git(place) if place.path.is_some() => {
            let empty = crate::model::ObjectId::copied(&[0; 20]);
            Provenance::Git(Box::new(crate::model::GitPlace { history: None, object: empty, ..(**place).clone() }))
        }
        Provenance::Record(place) => {
            let physical = PhysicalPlace { offset: 0, ..place.physical.clone() };
            Provenance::Record(Box::new(RecordPlace {
                physical,
                record: place.record.clone(),
                ..RecordPlace::default()
            }))
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Identifiers, WORD};
    use crate::model::{Neighbour, Occurrence, Part, Place, Provenance, Span};

    fn at(path: &str) -> Occurrence {
        let span = Span { start: 0, end: 1 };
        let place =
            Place { line: 1, column: 1, column_utf16: 1, end_line: 1, end_column: 2, end_column_utf16: 2, span };
        Occurrence {
            provenance: Provenance::File(PathBuf::from(path)),
            part: Part::Content,
            place,
            context: String::new(),
        }
    }

    /// Messages `conversation/number`.
    fn conversation(provenance: &Provenance) -> Vec<Neighbour> {
        let path = provenance.path().and_then(|path| path.to_str()).unwrap_or_default();
        let neighbour =
            |(group, order): (&str, &str)| Some(Neighbour { group: group.to_owned(), order: order.parse().ok()? });
        path.rsplit_once('/').and_then(neighbour).into_iter().collect()
    }

    fn found(known: &[(&str, &str)], secret: &str) -> Option<String> {
        let mut identifiers = Identifiers::default();
        for (value, path) in known {
            identifiers.add(3, value, &[at(path)], &conversation);
        }
        identifiers.find(3, &[at(secret)], &conversation).map(|(value, _)| value.to_owned())
    }

    #[test]
    fn parts_are_paired_across_blobs_that_belong_together_and_never_by_choice() {
        assert_eq!(found(&[("id-1", "talk/7")], "talk/9").as_deref(), Some("id-1"));
        assert_eq!(found(&[("id-1", "talk/7")], "talk/11"), None);
        assert_eq!(found(&[("id-1", "talk/7")], "other/7"), None);
        assert_eq!(found(&[("id-1", "talk/7"), ("id-2", "talk/8")], "talk/9"), None);
        assert_eq!(found(&[("id-1", "talk/7"), ("id-1", "talk/8")], "talk/9").as_deref(), Some("id-1"));
        // The same file decides before its neighbours do.
        assert_eq!(found(&[("id-1", "talk/7"), ("id-2", "talk/9")], "talk/9").as_deref(), Some("id-2"));
        assert_eq!(found(&[("id-1", "a.env")], "a.env").as_deref(), Some("id-1"));
    }

    #[test]
    fn word_bytes_are_those_of_names() {
        for byte in 0..=255_u8 {
            assert_eq!(WORD.contains(byte), byte.is_ascii_alphanumeric() || byte == b'_', "{byte}");
        }
    }
}
