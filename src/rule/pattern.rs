use std::sync::OnceLock;

use regex_automata::{
    Anchored, Input,
    meta::{BuildError, Config, Regex},
    nfa::thompson::WhichCaptures,
    util::syntax,
};

use super::{
    analyze::ATTRIBUTE_GROUPS,
    context::expression,
    definition::{Companion, Rule, Shape},
};

/// The compiled patterns of one rule.
#[derive(Debug)]
pub struct Patterns {
    /// What finds the rule's companions: compiled when the first secret is found.
    companions: OnceLock<Vec<Regex>>,
    /// The pattern proper, meant for anchored searches.
    pub pattern: Regex,
    /// What ends a block.
    pub until: Option<Regex>,
    /// Secrets that are never findings, if there are such.
    pub allow: Option<Regex>,
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
    pub fn attributes<'t>(&self, matched: &'t [u8]) -> impl Iterator<Item = (&'static str, &'t [u8])> {
        let names = self.pattern.group_info().all_names().filter_map(|(_, index, name)| Some((index, name?)));
        let known = |name: &str| ATTRIBUTE_GROUPS.iter().find(|known| **known == name).copied();
        let wanted: Vec<_> = names.filter_map(|(index, name)| Some((index, known(name)?))).collect();
        let mut captures = self.pattern.create_captures();
        if !wanted.is_empty() {
            self.pattern.captures(Input::new(matched).anchored(Anchored::Yes), &mut captures);
        }
        wanted.into_iter().filter_map(move |(index, name)| Some((name, &matched[captures.get_group(index)?.range()])))
    }
}

/// Compiles the pattern of a companion.
///
/// # Errors
/// As [`compile`].
pub(super) fn compile_companion(companion: &Companion) -> Result<Regex, Box<BuildError>> {
    build(&[&companion.pattern], false, WhichCaptures::All)
}

/// Compiles a rule's patterns: 0.05 to 0.5 ms for most. The engine does so when the rule's first candidate appears.
///
/// # Errors
/// If a pattern is invalid or its automaton is larger than 4 MiB.
pub fn compile(rule: &Rule) -> Result<Patterns, Box<BuildError>> {
    let captures = if rule.has_groups { WhichCaptures::All } else { WhichCaptures::Implicit };
    let until = match &rule.shape {
        Shape::Block { until } => Some(build(&[until], rule.ignore_case, WhichCaptures::Implicit)?),
        _ => None,
    };
    let allow =
        (!rule.allow.is_empty()).then(|| build(&rule.allow, rule.ignore_case, WhichCaptures::Implicit)).transpose()?;
    let pattern = match &rule.shape {
        Shape::Context { words, distance } => {
            build(&[expression(&rule.keywords, words, *distance, &rule.pattern)], true, captures)?
        }
        _ => build(&[&rule.pattern], rule.ignore_case, captures)?,
    };
    Ok(Patterns { companions: OnceLock::new(), pattern, until, allow })
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
