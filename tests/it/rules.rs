//! The built-in rules: every one proves itself.

use std::path::Path;

use unleak::{engine::prove, rule::load};

#[test]
fn every_builtin_rule_proves_itself() {
    let loaded = load(Path::new("rules"));
    let mut files = Vec::new();
    for file in loaded {
        match file {
            Ok(file) => files.push(file),
            Err(unleak::rule::RuleError::Mistakes { path, text, mistakes }) => {
                for m in mistakes { eprintln!("{}:{}: {}; {}", path.display(), 1+text[..m.span.start].matches('\n').count(), m.message, m.help); }
            }
            Err(e) => eprintln!("{e}"),
        }
    }
    let rules: Vec<_> = files.iter().flat_map(|file| file.rules.iter().map(move |rule| (file, rule.clone()))).collect();
    let proven: Vec<_> = rules.iter().map(|(_, rule)| rule.clone()).collect();
    let mistakes = prove(&proven);
    for (index, mistake) in &mistakes {
        let file = rules[*index].0;
        let line = 1 + file.text[..mistake.span.start].matches('\n').count();
        eprintln!("{}:{line}: {}: {}; {}", file.path.display(), proven[*index].rule.meta.id, mistake.message, mistake.help);
    }
    assert!(mistakes.is_empty(), "{} of {} rules", mistakes.len(), proven.len());
}
