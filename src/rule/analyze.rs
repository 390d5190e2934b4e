//! From what a person wrote to what the engine needs: the longest match, the alphabet, and proof that every match
//! hangs on a keyword. Runs in the build script for the built-in rules and at load time for a user's own.

use std::{collections::BTreeSet, ops::Range};

use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind, literal::Extractor},
};
use toml::Spanned;

use super::{
    byte_set::ByteSet,
    context,
    follows::bytes_at,
    schema::{CompanionEntry, RuleEntry, ShapeName},
};

/// Longest match that any rule may ask for. Chunks of large files overlap by a little more than this.
pub const MAX_SPAN: usize = 32 << 10;

/// Longest match of the pattern that ends a block.
pub const MAX_UNTIL: usize = 256;

/// Most bytes between the keyword and the secret of a `near` rule.
pub const MAX_NEAR: usize = 256;

/// Longest companion.
pub const MAX_COMPANION: usize = 256;

/// Most bytes between a secret and its companion.
pub const MAX_WITHIN: usize = 4096;

/// Most bytes between a secret and its companion, where a rule says nothing else.
pub const DEFAULT_WITHIN: usize = 400;

/// Names of groups that become attributes of a finding.
pub const ATTRIBUTE_GROUPS: &[&str] = &[
    "account",
    "app",
    "bot",
    "client",
    "database",
    "email",
    "expires",
    "host",
    "organization",
    "port",
    "project",
    "region",
    "team",
    "tenant",
    "user",
    "workspace",
];

/// What analysis found out about one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Longest match in bytes.
    pub max_span: usize,
    /// Shortest match in bytes.
    pub min_len: usize,
    /// Does the pattern name a group?
    pub has_groups: bool,
    /// Every byte value that can be part of a match.
    pub alphabet: ByteSet,
    /// `prefix` shape: every byte that can follow a keyword; `None` if a match can end with one.
    pub follows: Option<ByteSet>,
    /// Bytes that may not touch the secret.
    pub boundary: ByteSet,
}

/// A mistake in one rule: what, and where in the rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Byte range in the rule file.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// Analyses one rule of the rule file `text`.
///
/// # Errors
/// All mistakes found, in the order of the checks.
pub fn analyze(entry: &RuleEntry, text: &str) -> Result<Analysis, Vec<Mistake>> {
    let mut check = Check { entry, text, mistakes: Vec::new() };
    check.id();
    check.keywords();
    check.shape_keys();
    check.proofs();
    let boundary = check.boundary();
    let pattern = check.pattern(&entry.pattern);
    if let Some(until) = &entry.until {
        let longest = check.pattern(until).map(|hir| hir.properties().maximum_len());
        if longest.is_some_and(|longest| longest.is_none_or(|longest| longest > MAX_UNTIL)) {
            let help = format!("bound its repetitions: at most {MAX_UNTIL} bytes");
            check.mistake(until.span(), "the closing pattern may match too much", help);
        }
    }
    for allow in &entry.allow {
        check.pattern(allow);
    }
    entry.companion.iter().for_each(|companion| check.companion(companion));
    let analysis = pattern.and_then(|hir| check.analysis(&hir, boundary));
    match analysis {
        Some(analysis) if check.mistakes.is_empty() => Ok(analysis),
        _ => Err(check.mistakes),
    }
}

struct Check<'a> {
    entry: &'a RuleEntry,
    text: &'a str,
    mistakes: Vec<Mistake>,
}

impl Check<'_> {
    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.mistakes.push(Mistake { span, message: message.into(), help: help.into() });
    }

    fn id(&mut self) {
        let id = self.entry.id.get_ref();
        let is_word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !word.starts_with('-')
                && !word.ends_with('-')
        };
        if id.split('.').count() != 2 || !id.split('.').all(is_word) {
            self.mistake(self.entry.id.span(), "not a rule id", "write `provider.credential`, both in kebab-case");
        }
    }

    fn keywords(&mut self) {
        let keywords = &self.entry.keywords;
        if keywords.get_ref().is_empty() {
            self.mistake(keywords.span(), "a rule needs a keyword", "add a literal that every match has");
        }
        for keyword in keywords.get_ref() {
            if !(3..=64).contains(&keyword.get_ref().len()) {
                self.mistake(
                    keyword.span(),
                    "a keyword has 3 to 64 bytes",
                    "use a longer part of what every match has",
                );
            }
        }
    }

    fn shape_keys(&mut self) {
        let entry = self.entry;
        if let Some(words) = entry.words.as_ref().filter(|_| entry.shape != ShapeName::Context) {
            let help = "set `shape = \"context\"` or remove the key";
            self.mistake(words.span(), "`words` has no meaning for this shape", help);
        }
        if entry.shape == ShapeName::Context && entry.ignore_case {
            let help = "remove the key: names match in either case, the token as it is written";
            self.mistake(entry.id.span(), "`ignore_case` has no meaning for this shape", help);
        }
        let owners = [
            ("offset", entry.offset.as_ref().map(Spanned::span), ShapeName::Prefix),
            ("near", entry.near.as_ref().map(Spanned::span), ShapeName::Near),
            ("until", entry.until.as_ref().map(Spanned::span), ShapeName::Block),
        ];
        for (key, span, shape) in owners {
            match span {
                Some(_) if key == "near" && entry.shape == ShapeName::Context => {}
                Some(span) if entry.shape != shape => {
                    let help = format!("set `shape = \"{}\"` or remove the key", shape_word(shape));
                    self.mistake(span, format!("`{key}` has no meaning for this shape"), help);
                }
                None if entry.shape == shape && key != "offset" => {
                    let help = format!("add `{key}`, see docs/rules.md");
                    self.mistake(entry.id.span(), format!("a `{}` rule needs `{key}`", shape_word(shape)), help);
                }
                _ => {}
            }
        }
        if let Some(near) = entry.near.as_ref().filter(|near| *near.get_ref() > MAX_NEAR) {
            self.mistake(near.span(), "too far", format!("at most {MAX_NEAR} bytes"));
        }
    }

    fn proofs(&mut self) {
        for (name, proofs) in [("positives", &self.entry.positives), ("negatives", &self.entry.negatives)] {
            if proofs.get_ref().len() < 2 {
                let help = "two samples in different surroundings are the least that proves a rule";
                self.mistake(proofs.span(), format!("at least two {name}"), help);
            }
        }
        for positive in self.entry.positives.get_ref() {
            let text = positive.get_ref();
            if text.matches('«').count() != 1 || text.matches('»').count() != 1 {
                self.mistake(positive.span(), "no secret marked", "put the secret between `«` and `»`");
            }
        }
    }

    fn boundary(&mut self) -> ByteSet {
        let mut set = ByteSet::EMPTY;
        let class = self.entry.boundary.as_ref().map_or("A-Za-z0-9_", |b| b.get_ref().as_str());
        if class.is_empty() {
            return set;
        }
        match parse(&format!("[{class}]"), false) {
            Ok(hir) => collect_alphabet(&hir, &mut set),
            Err(error) => {
                let span = self.entry.boundary.as_ref().map_or(0..0, Spanned::span);
                self.mistake(span, error.kind, "write it like a character class without its brackets");
            }
        }
        set
    }

    /// Parses a pattern; a syntax error is shown where it stands inside the string.
    fn pattern(&mut self, pattern: &Spanned<String>) -> Option<Hir> {
        self.pattern_of(pattern, self.entry.ignore_case)
    }

    fn pattern_of(&mut self, pattern: &Spanned<String>, ignore_case: bool) -> Option<Hir> {
        match parse(pattern.get_ref(), ignore_case) {
            Ok(hir) => Some(hir),
            Err(error) => {
                let span = inside_string(self.text, pattern.span(), error.span);
                self.mistake(span, error.kind, error.help);
                None
            }
        }
    }

    fn analysis(&mut self, hir: &Hir, boundary: ByteSet) -> Option<Analysis> {
        let entry = self.entry;
        let properties = hir.properties();
        let names = group_names(hir);
        let is_context = entry.shape == ShapeName::Context;
        let is_known = |name: &str| ["secret", "id"].contains(&name) || ATTRIBUTE_GROUPS.contains(&name);
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let help =
                "the groups are `secret`, `id` and those of attributes (docs/rules.md); use `(?:…)` for all else";
            self.mistake(entry.pattern.span(), format!("unknown group `{name}`"), help);
        }
        let max_span = match (entry.max_span.as_ref().map(|m| *m.get_ref()), properties.maximum_len()) {
            (Some(max), _) | (None, Some(max)) => max,
            (None, None) => {
                let help = "bound the repetitions, or set `max_span`";
                self.mistake(entry.pattern.span(), "a match may have any length", help);
                return None;
            }
        };
        let min_len = properties.minimum_len().unwrap_or(0);
        if max_span > MAX_SPAN || min_len == 0 || min_len > max_span {
            let span = entry.max_span.as_ref().map_or(entry.pattern.span(), Spanned::span);
            self.mistake(span, format!("a match has {min_len} to {max_span} bytes"), format!("1 to {MAX_SPAN} bytes"));
        }
        if matches!(entry.shape, ShapeName::Prefix | ShapeName::Block) {
            self.begins_with_keyword();
        }
        let mut alphabet = ByteSet::EMPTY;
        collect_alphabet(hir, &mut alphabet);
        let max_span = if is_context { self.context_span(max_span) } else { max_span };
        let has_groups = is_context || !names.is_empty();
        Some(Analysis { max_span, min_len, has_groups, alphabet, follows: self.follows(hir), boundary })
    }

    fn follows(&self, hir: &Hir) -> Option<ByteSet> {
        let entry = self.entry;
        let offset = entry.offset.as_ref().map_or(0, |offset| *offset.get_ref());
        let lens: BTreeSet<usize> = entry.keywords.get_ref().iter().map(|word| word.get_ref().len()).collect();
        let all = lens.into_iter().map(|len| bytes_at(hir, offset + len));
        let all = all.reduce(|a, b| a.zip(b).map(|(a, b)| a.union(&b))).flatten();
        all.filter(|_| entry.shape == ShapeName::Prefix)
    }

    /// Longest match of a `context` rule with this longest token.
    fn context_span(&self, token: usize) -> usize {
        let entry = self.entry;
        let longest = |list: &[Spanned<String>]| list.iter().map(|word| word.get_ref().len()).max();
        let name = longest(entry.keywords.get_ref()).unwrap_or(0);
        let word = entry.words.as_ref().and_then(|words| longest(words.get_ref()));
        let word = word.or_else(|| context::WORDS.iter().map(|word| word.len()).max()).unwrap_or(0);
        let distance = entry.near.as_ref().map_or(context::DISTANCE, |near| *near.get_ref());
        context::max_span(name, word, distance, token)
    }

    fn companion(&mut self, companion: &CompanionEntry) {
        let Some(hir) = self.pattern_of(&companion.pattern, false) else { return };
        let properties = hir.properties();
        let longest = properties.maximum_len().unwrap_or(usize::MAX);
        if longest > MAX_COMPANION || properties.minimum_len().unwrap_or(0) < 3 {
            let help = format!("bound its repetitions: 3 to {MAX_COMPANION} bytes");
            self.mistake(companion.pattern.span(), "a companion may have any length", help);
        }
        if let Some(name) = group_names(&hir).iter().find(|name| *name != "id") {
            let help = "the group is `id`; use `(?:…)` for all else";
            self.mistake(companion.pattern.span(), format!("unknown group `{name}`"), help);
        }
        if let Some(within) = companion.within.as_ref().filter(|within| *within.get_ref() > MAX_WITHIN) {
            self.mistake(within.span(), "too far", format!("at most {MAX_WITHIN} bytes"));
        }
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name(companion.name.get_ref()) {
            self.mistake(companion.name.span(), "not a name", "write it in kebab-case");
        }
    }

    /// The engine tries a `prefix` pattern only where a keyword stands, so each match must begin with one.
    fn begins_with_keyword(&mut self) {
        let entry = self.entry;
        let offset = entry.offset.as_ref().map_or(0, |o| *o.get_ref());
        let Some(hir) = parse(entry.pattern.get_ref(), false).ok().and_then(|hir| skip_bytes(&hir, offset)) else {
            let help = "the part before the keyword must have exactly `offset` bytes";
            self.mistake(entry.pattern.span(), format!("can't tell what stands {offset} bytes into a match"), help);
            return;
        };
        let mut extractor = Extractor::new();
        extractor.limit_class(40).limit_repeat(8).limit_literal_len(70).limit_total(5000);
        let starts = extractor.extract(&hir);
        let keywords = entry.keywords.get_ref();
        let begins = |literal: &[u8]| {
            keywords.iter().any(|keyword| {
                let keyword = keyword.get_ref().as_bytes();
                literal.get(..keyword.len()).is_some_and(|start| {
                    if entry.ignore_case { start.eq_ignore_ascii_case(keyword) } else { start == keyword }
                })
            })
        };
        let stray = starts.literals().map(|all| all.iter().find(|literal| !begins(literal.as_bytes())));
        match stray {
            Some(None) => {}
            Some(Some(stray)) => {
                let start = String::from_utf8_lossy(stray.as_bytes()).into_owned();
                let message = format!("a match may begin with `{start}`, which is no keyword");
                self.mistake(entry.pattern.span(), message, "list each beginning as a keyword, or use another shape");
            }
            None => {
                let help = "begin the pattern with the keywords, or use `shape = \"near\"`";
                self.mistake(entry.pattern.span(), "the pattern does not begin with a keyword", help);
            }
        }
    }
}

fn shape_word(shape: ShapeName) -> &'static str {
    match shape {
        ShapeName::Prefix => "prefix",
        ShapeName::Near => "near",
        ShapeName::Context => "context",
        ShapeName::Assignment => "assignment",
        ShapeName::Block => "block",
    }
}

pub(super) struct PatternError {
    kind: String,
    span: Range<usize>,
    help: &'static str,
}

/// Parses with the one set of flags that the engine compiles with: bytes, ASCII classes.
pub(super) fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, PatternError> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).case_insensitive(ignore_case).build();
    parser.parse(pattern).map_err(|error| {
        let (kind, span) = match &error {
            regex_syntax::Error::Parse(e) => (e.kind().to_string(), e.span().start.offset..e.span().end.offset),
            regex_syntax::Error::Translate(e) => (e.kind().to_string(), e.span().start.offset..e.span().end.offset),
            other => (other.to_string(), 0..pattern.len()),
        };
        let help = if kind.contains("look-around") || kind.contains("backreference") {
            "the engine runs in linear time and has none: use `boundary`, `allow` or a longer pattern"
        } else {
            "see https://docs.rs/regex/latest/regex/#syntax"
        };
        PatternError { kind, span, help }
    })
}

/// Where bytes `inner` of a TOML string's value stand in the file: exact for literal strings, else the whole string.
fn inside_string(text: &str, outer: Range<usize>, inner: Range<usize>) -> Range<usize> {
    let raw = text.get(outer.clone()).unwrap_or_default();
    let opening = if let Some(inner) = raw.strip_prefix("'''") {
        3 + inner.len() - inner.trim_start_matches('\n').len()
    } else if raw.starts_with('\'') {
        1
    } else {
        return outer;
    };
    outer.start + opening + inner.start..(outer.start + opening + inner.end.max(inner.start + 1)).min(outer.end)
}

fn group_names(hir: &Hir) -> Vec<String> {
    match hir.kind() {
        HirKind::Capture(capture) => {
            let mut names: Vec<_> = capture.name.iter().map(ToString::to_string).collect();
            names.extend(group_names(&capture.sub));
            names
        }
        HirKind::Repetition(repetition) => group_names(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().flat_map(group_names).collect(),
        _ => Vec::new(),
    }
}

/// Adds every byte that can be part of a match.
pub(super) fn collect_alphabet(hir: &Hir, set: &mut ByteSet) {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().for_each(|&byte| set.insert_range(byte, byte)),
        HirKind::Class(Class::Bytes(class)) => class.iter().for_each(|r| set.insert_range(r.start(), r.end())),
        // With Unicode off the parser yields code points only for ASCII ranges; anything above is over-reported.
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                let last = u8::try_from(u32::from(range.end())).ok().filter(u8::is_ascii).unwrap_or(0xff);
                set.insert_range(u8::try_from(u32::from(range.start())).unwrap_or(0x80), last);
            }
        }
        HirKind::Repetition(repetition) => collect_alphabet(&repetition.sub, set),
        HirKind::Capture(capture) => collect_alphabet(&capture.sub, set),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| collect_alphabet(part, set));
        }
        HirKind::Empty | HirKind::Look(_) => {}
    }
}

/// The pattern without its first `count` bytes, where they end between two parts of its top level.
fn skip_bytes(hir: &Hir, count: usize) -> Option<Hir> {
    if count == 0 {
        return Some(hir.clone());
    }
    match hir.kind() {
        HirKind::Capture(capture) => skip_bytes(&capture.sub, count),
        HirKind::Concat(parts) => {
            let mut skipped = 0;
            for (index, part) in parts.iter().enumerate() {
                if skipped == count {
                    return Some(Hir::concat(parts[index..].to_vec()));
                }
                let properties = part.properties();
                let len = properties.minimum_len()?;
                if properties.maximum_len() != Some(len) {
                    return None;
                }
                if skipped + len > count {
                    let rest = skip_bytes(part, count - skipped)?;
                    return Some(Hir::concat(
                        std::iter::once(rest).chain(parts[index + 1..].iter().cloned()).collect(),
                    ));
                }
                skipped += len;
            }
            None
        }
        HirKind::Literal(literal) => literal.0.get(count..).map(Hir::literal),
        _ => None,
    }
}
