use std::{borrow::Cow, ops::Range, sync::OnceLock};

use regex_automata::{
    Anchored, Input,
    meta::{BuildError, Cache, Config, Regex},
    nfa::thompson::WhichCaptures,
    util::{captures::Captures, syntax},
};

use super::{
    analyze::ATTRIBUTE_GROUPS,
    context::{Context, expression},
    definition::{Companion, Rule, Shape},
    straight::{Groups, NO_PART, Straight},
};

/// The compiled patterns of one rule.
#[derive(Debug)]
pub struct Patterns {
    /// What finds the rule's companions: compiled when the first secret is found.
    companions: OnceLock<Vec<Regex>>,
    /// Secrets that are never findings, if there are such: compiled when the first match is judged.
    allow: OnceLock<Option<Regex>>,
    /// The pattern proper, for searches anchored at the start.
    pub pattern: Matcher,
    /// What ends a block.
    pub until: Option<Regex>,
}

/// A pattern, made ready for searches anchored at the start.
#[derive(Debug)]
pub enum Matcher {
    /// One that never looks back.
    Straight {
        /// The pattern.
        pattern: Straight,
        /// Number of the group `secret`.
        secret: Option<usize>,
        /// Number of the group `id`.
        id: Option<usize>,
    },
    /// A provider's name, and further on what never looks back.
    Context {
        /// The pattern.
        pattern: Context,
        /// As of [`Matcher::Straight`].
        secret: Option<usize>,
        /// As of [`Matcher::Straight`].
        id: Option<usize>,
    },
    /// Any other.
    Automaton(Regex),
}

/// A thread's working memory for the searches of one [`Matcher`].
#[derive(Debug)]
pub struct Search(Option<(Cache, Captures)>);

/// What a pattern matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// All of it.
    pub whole: (u32, u32),
    /// The group `secret`.
    pub secret: Option<(u32, u32)>,
    /// The group `id`.
    pub id: Option<(u32, u32)>,
}

impl Matcher {
    fn new(pattern: &str, ignore_case: bool, captures: WhichCaptures) -> Result<Matcher, Box<BuildError>> {
        Ok(match Straight::new(pattern, ignore_case) {
            Some(pattern) => {
                let (secret, id) = (pattern.group("secret"), pattern.group("id"));
                Matcher::Straight { pattern, secret, id }
            }
            None => Matcher::Automaton(build(&[pattern], ignore_case, captures)?),
        })
    }

    /// The matcher of a `context` rule.
    fn context(rule: &Rule, words: &[Cow<'static, str>], distance: usize) -> Result<Matcher, Box<BuildError>> {
        Ok(match Context::new(&rule.keywords, words, distance, &rule.pattern) {
            Some(pattern) => {
                let (secret, id) = (pattern.tail().group("secret"), pattern.tail().group("id"));
                Matcher::Context { pattern, secret, id }
            }
            None => {
                let expression = expression(&rule.keywords, words, distance, &rule.pattern);
                Matcher::Automaton(build(&[expression], true, WhichCaptures::All)?)
            }
        })
    }

    /// Working memory for [`Matcher::search`].
    #[must_use]
    pub fn create_search(&self) -> Search {
        match self {
            Matcher::Straight { .. } | Matcher::Context { .. } => Search(None),
            Matcher::Automaton(regex) => Search(Some((regex.create_cache(), regex.create_captures()))),
        }
    }

    /// The match that begins at the start of `span` and lies within it. `search` must be this matcher's.
    pub fn search(&self, bytes: &[u8], span: Range<usize>, search: &mut Search) -> Option<Spans> {
        let mut groups = Groups::default();
        let start = span.start;
        let (end, secret, id) = match (self, &mut search.0) {
            (Matcher::Straight { pattern, secret, id }, _) => (pattern.search(bytes, span, &mut groups)?, secret, id),
            (Matcher::Context { pattern, secret, id }, _) => (pattern.search(bytes, span, &mut groups)?, secret, id),
            (Matcher::Automaton(regex), Some((cache, captures))) => {
                let input = Input::new(bytes).span(span).anchored(Anchored::Yes);
                let as_u32 = |span: regex_automata::Span| (span.start as u32, span.end as u32);
                // No captures are recorded of a pattern without groups.
                if captures.group_info().explicit_slot_len() == 0 {
                    let whole = as_u32(regex.search_with(cache, &input)?.span());
                    return Some(Spans { whole, secret: None, id: None });
                }
                regex.search_captures_with(cache, &input, captures);
                let of = |name: &str| captures.get_group_by_name(name).map(as_u32);
                return Some(Spans { whole: as_u32(captures.get_match()?.span()), secret: of("secret"), id: of("id") });
            }
            (Matcher::Automaton(_), None) => return None,
        };
        let of = |group: &Option<usize>| group.map(|group| groups[group]).filter(|span| *span != NO_PART);
        Some(Spans { whole: (start as u32, end as u32), secret: of(secret), id: of(id) })
    }

    /// What the groups of these names hold in `matched`, which this matches from its start.
    fn groups<'t>(&self, matched: &'t [u8], names: &[&'static str]) -> Vec<(&'static str, &'t [u8])> {
        match self {
            Matcher::Straight { pattern, .. } => {
                let mut groups = Groups::default();
                let end = pattern.search(matched, 0..matched.len(), &mut groups);
                end.map(|_| held(pattern, &groups, matched, names)).unwrap_or_default()
            }
            Matcher::Context { pattern, .. } => {
                let mut groups = Groups::default();
                let end = pattern.search(matched, 0..matched.len(), &mut groups);
                end.map(|_| held(pattern.tail(), &groups, matched, names)).unwrap_or_default()
            }
            Matcher::Automaton(regex) => {
                let known = regex.group_info().all_names().filter_map(|(_, index, name)| Some((index, name?)));
                let wanted: Vec<_> = known
                    .filter_map(|(index, name)| Some((index, *names.iter().find(|wanted| **wanted == name)?)))
                    .collect();
                let mut captures = regex.create_captures();
                if !wanted.is_empty() {
                    regex.captures(Input::new(matched).anchored(Anchored::Yes), &mut captures);
                }
                let held = |(index, name)| Some((name, &matched[captures.get_group(index)?.range()]));
                wanted.into_iter().filter_map(held).collect()
            }
        }
    }
}

/// What the groups of these names hold.
fn held<'t>(
    pattern: &Straight,
    groups: &Groups,
    matched: &'t [u8],
    names: &[&'static str],
) -> Vec<(&'static str, &'t [u8])> {
    let held = |name: &&'static str| {
        let (start, end) = Some(groups[pattern.group(name)?]).filter(|span| *span != NO_PART)?;
        Some((*name, &matched[start as usize..end as usize]))
    };
    names.iter().filter_map(held).collect()
}

impl Patterns {
    /// What finds the companions of `rule`, whose patterns these are, in its order.
    ///
    /// # Panics
    /// If a pattern is invalid, which those of loaded rules aren't.
    pub fn companions(&self, rule: &Rule) -> &[Regex] {
        self.companions.get_or_init(|| {
            let compiled = rule.companions.iter().map(compile_companion);
            compiled.collect::<Result<_, _>>().expect("patterns are checked when rules are loaded")
        })
    }

    /// What the pattern's groups, other than `secret` and `id`, hold in a match of it.
    pub fn attributes<'t>(&self, matched: &'t [u8]) -> Vec<(&'static str, &'t [u8])> {
        self.pattern.groups(matched, ATTRIBUTE_GROUPS)
    }

    /// Does `rule`, whose patterns these are, list this secret as harmless?
    ///
    /// # Panics
    /// As [`Patterns::companions`].
    pub fn allows(&self, rule: &Rule, secret: &[u8]) -> bool {
        let allow = self.allow.get_or_init(|| compile_allow(rule).expect("patterns are checked when rules are loaded"));
        allow.as_ref().is_some_and(|allow| allow.is_match(secret))
    }
}

/// Compiles the pattern of a companion.
///
/// # Errors
/// As [`compile`].
pub(super) fn compile_companion(companion: &Companion) -> Result<Regex, Box<BuildError>> {
    build(&[&companion.pattern], false, WhichCaptures::All)
}

/// Compiles what tells a rule's harmless secrets, if it has such.
///
/// # Errors
/// As [`compile`].
pub(super) fn compile_allow(rule: &Rule) -> Result<Option<Regex>, Box<BuildError>> {
    (!rule.allow.is_empty()).then(|| build(&rule.allow, rule.ignore_case, WhichCaptures::Implicit)).transpose()
}

/// Compiles a rule's patterns: some microseconds for most, 0.05 to 0.5 ms for those that aren't straight. The engine does so when the rule's first candidate appears.
///
/// # Errors
/// If a pattern is invalid or its automaton is larger than 4 MiB.
pub fn compile(rule: &Rule) -> Result<Patterns, Box<BuildError>> {
    let captures = if rule.has_groups { WhichCaptures::All } else { WhichCaptures::Implicit };
    let until = match &rule.shape {
        Shape::Block { until } => Some(build(&[until], rule.ignore_case, WhichCaptures::Implicit)?),
        _ => None,
    };
    let pattern = match &rule.shape {
        Shape::Context { words, distance } => Matcher::context(rule, words, *distance)?,
        _ => Matcher::new(&rule.pattern, rule.ignore_case, captures)?,
    };
    Ok(Patterns { companions: OnceLock::new(), allow: OnceLock::new(), pattern, until })
}

fn build<P: AsRef<str>>(patterns: &[P], ignore_case: bool, captures: WhichCaptures) -> Result<Regex, Box<BuildError>> {
    // Lazy DFA caches exist per rule and thread: the default of 2 MiB each would add up.
    let config = Config::new()
        .utf8_empty(false)
        .which_captures(captures)
        .nfa_size_limit(Some(4 << 20))
        .hybrid_cache_capacity(256 << 10);
    let syntax = syntax::Config::new().unicode(false).utf8(false).case_insensitive(ignore_case);
    Regex::builder().configure(config).syntax(syntax).build_many(patterns).map_err(Box::new)
}
