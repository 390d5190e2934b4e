//! The built-in rules: every one proves itself, and what is embedded is what stands in the files.

use std::collections::BTreeSet;

use unleak::{
    engine::prove,
    rule::{builtin, parse_file},
};

use crate::samples;

#[test]
fn every_builtin_rule_proves_itself() {
    let files = samples::rule_files();
    let of_file: Vec<_> = files.iter().flat_map(|file| file.rules.iter().map(move |rule| (file, rule))).collect();
    let rules: Vec<_> = of_file.iter().map(|(_, rule)| (*rule).clone()).collect();
    let failed: Vec<_> = prove(&rules, &[])
        .into_iter()
        .map(|(index, mistake)| {
            let (file, rule) = of_file[index];
            let line = 1 + file.text[..mistake.span.start].matches('\n').count();
            format!("{}:{line}: {}: {}; {}", file.path.display(), rule.rule.meta.id, mistake.message, mistake.help)
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_embedded_rules_are_those_of_the_files() {
    let loaded: BTreeSet<_> = samples::proven_rules().iter().map(|proven| format!("{:?}", proven.rule)).collect();
    let embedded: BTreeSet<_> = builtin().iter().map(|rule| format!("{rule:?}")).collect();
    assert_eq!(loaded.len(), samples::proven_rules().len(), "an id stands twice");
    assert!(embedded == loaded, "the build script and the loader disagree");
    assert!(builtin().len() >= 150, "{}", builtin().len());
    assert!(builtin().is_sorted_by(|a, b| a.meta.id < b.meta.id));
}

#[test]
fn superseded_rules_exist() {
    let ids: BTreeSet<_> = builtin().iter().map(|rule| rule.meta.id.as_ref()).collect();
    for rule in builtin() {
        for other in rule.supersedes.iter() {
            assert!(ids.contains(other.as_ref()), "{} supersedes {other}, which does not exist", rule.meta.id);
        }
    }
}

#[test]
fn companions_name_rules_that_identify() {
    let identifiers: BTreeSet<_> =
        builtin().iter().filter(|rule| rule.identifier).map(|rule| rule.meta.id.as_ref()).collect();
    let companions = builtin().iter().flat_map(|rule| rule.companions.iter().map(move |part| (rule, part)));
    for (rule, companion) in companions {
        if let Some(other) = &companion.rule {
            assert!(identifiers.contains(other.as_ref()), "{}: {other} is no identifier", rule.meta.id);
        }
    }
    assert!(identifiers.contains("aws.access-key-id"));
}

/// A rule file around one changed line.
fn mistakes_with(line: &str, replacement: &str) -> Vec<(String, String)> {
    let good = r"provider = 'Acme'
[[rule]]
id = 'acme.token'
name = 'Acme token'
severity = 'high'
kind = 'api-key'
identity = 'api-key'
keywords = ['acme_']
pattern = 'acme_[a-z0-9]{20}'
positives = ['x=«acme_{{lowernum:20}}»', '«acme_{{lowernum:20}}»;']
negatives = ['acme_{{lowernum:19}}', 'acme_{{lowernum:21}}']
";
    let text = good.replace(line, replacement);
    assert!(line.is_empty() || text != good, "{line} is not in the file");
    match parse_file(&text) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.into_iter().map(|m| (m.message, text[m.span].to_owned())).collect(),
    }
}

#[test]
fn mistakes_in_a_rule_file_are_named_with_their_span() {
    assert_eq!(mistakes_with("", ""), []);
    for (line, replacement, message, span) in [
        ("severity = 'high'", "severity = 'huge'", "unknown variant `huge`", "'huge'"),
        ("severity = 'high'", "severity = 'high'\ncolour = 'red'", "unknown field `colour`", "colour"),
        ("'acme.token'", "'Acme token'", "not a rule id", "'Acme token'"),
        ("['acme_']", "['ac']", "3 to 64 bytes", "'ac'"),
        ("['acme_']", "['acme-']", "begin with `acme_", "'acme_[a-z0-9]{20}'"),
        ("{20}'\npos", "+'\npos", "any length", "'acme_[a-z0-9]+'"),
        ("acme_[a-z0-9]{20}'\npos", "acme_(?=a)[a-z]{20}'\npos", "look-around", "(?="),
        ("acme_[a-z0-9]{20}'\npos", "acme_[a-z'\npos", "unclosed character class", "["),
        ("acme_[a-z0-9]{20}'\npos", "acme_(?<who>[a-z]{20})'\npos", "unknown group `who`", "'acme_(?<who>[a-z]{20})'"),
        ("['x=«acme_{{lowernum:20}}»', ", "[", "at least two positives", "['«acme_{{lowernum:20}}»;']"),
        ("'«acme_{{lowernum:20}}»;'", "'acme_{{lowernum:20}}'", "no secret marked", "'acme_{{lowernum:20}}'"),
        ("pattern =", "near = 4\npattern =", "no meaning for this shape", "4"),
        ("pattern =", "words = ['x']\npattern =", "no meaning for this shape", "['x']"),
        ("pattern =", "shape = 'context'\nignore_case = true\npattern =", "`ignore_case` has no", "'acme.token'"),
        ("negatives", "companion = [{ name = 'id', pattern = 'x+' }]\nnegatives", "any length", "'x+'"),
        ("negatives", "companion = [{ name = 'Id', pattern = 'xyz' }]\nnegatives", "not a name", "'Id'"),
        ("negatives", "companion = [{ name = 'id', pattern = 'xyz', near = 4 }]\nnegatives", "unknown field", "near"),
        ("pattern =", "shape = 'block'\npattern =", "needs `until`", "'acme.token'"),
    ] {
        let mistakes = mistakes_with(line, replacement);
        let hit = mistakes.iter().any(|(found, at)| found.contains(message) && at == span);
        assert!(hit, "{replacement}: expected `{message}` at `{span}`, got {mistakes:?}");
    }
}

/// Reports, baselines and users' settings name rules by id: an id that was once released stays.
#[test]
fn no_rule_id_disappears() {
    let ids: BTreeSet<_> = builtin().iter().map(|rule| rule.meta.id.as_ref()).collect();
    let released = include_str!("../fixtures/rule-ids.txt");
    let gone: Vec<_> = released.lines().filter(|id| !ids.contains(id)).collect();
    assert!(gone.is_empty(), "{gone:?}: keep the id, or take it out of tests/fixtures/rule-ids.txt before a release");
    let new: Vec<_> = ids.into_iter().filter(|id| !released.lines().any(|line| line == *id)).collect();
    assert!(new.is_empty(), "add to tests/fixtures/rule-ids.txt: {}", new.join(" "));
}
