//! Embeds `rules/*.toml` without their samples, analysed and checked, as one constant table: loading the built-in
//! rules at run time costs nothing.

#[path = "model"]
#[allow(dead_code, unreachable_pub, reason = "the library's own files, of which the build script uses a part")]
mod model {
    mod rule_meta;
    mod severity;
    pub use rule_meta::{CredentialKind, IdentityKind};
    pub use severity::Severity;
}
#[path = "rule"]
#[allow(dead_code, unreachable_pub, reason = "the library's own files, of which the build script uses a part")]
mod rule {
    pub mod analyze;
    pub mod byte_set;
    pub mod context;
    pub mod follows;
    pub mod schema;
    pub mod straight;
}

use std::{collections::BTreeMap, env, error::Error, fmt::Write as _, fs, path::Path};

use rule::{
    analyze::{Analysis, DEFAULT_WITHIN, Mistake, analyze},
    context::DISTANCE,
    schema::{CompanionEntry, RuleEntry, RuleFile, ShapeName},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/rule");
    let mut paths: Vec<_> = fs::read_dir("rules")?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut rules = BTreeMap::new();
    for path in &paths {
        embed_file(path, &mut rules)?;
    }
    let mut code = format!("pub(super) static RULES: [Rule; {}] = [\n", rules.len());
    code.extend(rules.into_values());
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("builtin_rules.rs"), code)?;
    Ok(())
}

fn embed_file(path: &Path, rules: &mut BTreeMap<String, String>) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let file: RuleFile = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in &file.rules {
        let analysis = analyze(entry, &text).map_err(|mistakes| describe(path, &text, &mistakes))?;
        let id = entry.id.get_ref().clone();
        if rules.insert(id.clone(), embed_rule(&file.provider, entry, &analysis)?).is_some() {
            return Err(format!("{}: rule id `{id}` stands twice", path.display()).into());
        }
    }
    Ok(())
}

fn describe(path: &Path, text: &str, mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(String::new(), |mut all, mistake| {
        let line = 1 + text[..mistake.span.start.min(text.len())].matches('\n').count();
        let _ = writeln!(all, "{}:{line}: {}; {}", path.display(), mistake.message, mistake.help);
        all
    })
}

fn embed_rule(provider: &str, entry: &RuleEntry, analysis: &Analysis) -> Result<String, std::fmt::Error> {
    let mut code = String::new();
    let strings = |list: Vec<&String>| {
        let items: String = list.iter().map(|text| format!("Cow::Borrowed({text:?}),")).collect();
        format!("Cow::Borrowed(&[{items}])")
    };
    let shape = match entry.shape {
        ShapeName::Prefix => format!("Prefix {{ offset: {} }}", entry.offset.as_ref().map_or(0, |o| *o.get_ref())),
        ShapeName::Near => format!("Near {{ distance: {} }}", entry.near.as_ref().map_or(0, |n| *n.get_ref())),
        ShapeName::Context => {
            let words = entry.words.as_ref().map_or(&[][..], |words| words.get_ref());
            let words = strings(words.iter().map(toml::Spanned::get_ref).collect());
            let distance = entry.near.as_ref().map_or(DISTANCE, |near| *near.get_ref());
            format!("Context {{ words: {words}, distance: {distance} }}")
        }
        ShapeName::Assignment => "Assignment".to_owned(),
        ShapeName::Block => {
            let until = entry.until.as_ref().map_or("", |until| until.get_ref());
            format!("Block {{ until: Cow::Borrowed({until:?}) }}")
        }
    };
    writeln!(code, "Rule {{ meta: RuleMeta {{ id: Cow::Borrowed({:?}),", entry.id.get_ref())?;
    writeln!(code, "name: Cow::Borrowed({:?}), provider: Cow::Borrowed({provider:?}),", entry.name)?;
    writeln!(code, "severity: Severity::{:?}, kind: CredentialKind::{:?},", entry.severity, entry.kind)?;
    writeln!(code, "identity: IdentityKind::{:?},", entry.identity)?;
    writeln!(code, "references: {} }},", strings(entry.references.iter().collect()))?;
    writeln!(code, "keywords: {},", strings(entry.keywords.get_ref().iter().map(toml::Spanned::get_ref).collect()))?;
    let ignore_case = entry.ignore_case || entry.shape == ShapeName::Context;
    writeln!(code, "ignore_case: {ignore_case}, shape: Shape::{shape},")?;
    writeln!(code, "pattern: Cow::Borrowed({:?}),", entry.pattern.get_ref())?;
    writeln!(code, "has_groups: {}, max_span: {},", analysis.has_groups, analysis.max_span)?;
    writeln!(code, "min_len: {}, alphabet: {:?},", analysis.min_len, analysis.alphabet)?;
    writeln!(code, "follows: {:?},", analysis.follows)?;
    writeln!(code, "boundary: {:?}, entropy: {:?},", analysis.boundary, entry.entropy.unwrap_or(0.0))?;
    let checksum = entry.checksum.map_or("None".to_owned(), |checksum| format!("Some(Checksum::{checksum:?})"));
    writeln!(code, "min_digits: {}, checksum: {checksum}, decoded_bytes: {},", entry.min_digits, entry.decoded_bytes)?;
    writeln!(code, "allow: {},", strings(entry.allow.iter().map(toml::Spanned::get_ref).collect()))?;
    writeln!(
        code,
        "generic: {}, identifier: {}, supersedes: {},",
        entry.generic,
        entry.identifier,
        strings(entry.supersedes.iter().map(toml::Spanned::get_ref).collect())
    )?;
    writeln!(
        code,
        "companions: Cow::Borrowed(&[{}]) }},",
        entry.companion.iter().map(embed_companion).collect::<String>()
    )?;
    Ok(code)
}

fn embed_companion(entry: &CompanionEntry) -> String {
    let rule =
        entry.rule.as_ref().map_or("None".to_owned(), |rule| format!("Some(Cow::Borrowed({:?}))", rule.get_ref()));
    format!(
        "Companion {{ name: Cow::Borrowed({:?}), pattern: Cow::Borrowed({:?}), within: {}, required: {}, rule: {rule} }},",
        entry.name.get_ref(),
        entry.pattern.get_ref(),
        entry.within.as_ref().map_or(DEFAULT_WITHIN, |within| *within.get_ref()),
        entry.required,
    )
}
