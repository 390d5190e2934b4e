//! The direction of imports, as `docs/design.md` has it: each module uses only what stands in its row.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Module, and the modules it may use. `build` is the build script.
const USES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("rule", &["model"]),
    ("source", &["model"]),
    ("decode", &["model"]),
    ("engine", &["model", "rule", "decode", "source"]),
    ("report", &["model"]),
    ("config", &["model", "rule"]),
    ("eval", &["model", "rule", "engine", "source"]),
    ("store", &["model"]),
    ("link", &["model", "store"]),
    ("rotate", &["model", "store"]),
    ("fingerprint", &["model", "decode"]),
    ("inventory", &["model", "fingerprint"]),
    (
        "commands",
        &[
            "model",
            "rule",
            "decode",
            "engine",
            "source",
            "report",
            "config",
            "eval",
            "store",
            "link",
            "rotate",
            "fingerprint",
            "inventory",
        ],
    ),
    ("cli", &["model", "rule", "engine", "config", "source", "report", "store", "rotate", "commands"]),
    ("main", &["cli"]),
    ("lib", &["engine"]),
    ("build", &["model", "rule"]),
];

/// Of `source` the engine knows the traits alone.
const ENGINE_MAY_NAME: &[&str] = &[
    "Base",
    "CHUNK_BYTES",
    "Chunk",
    "Known",
    "LargeBlob",
    "Lost",
    "Memory",
    "Met",
    "NAME_BYTES",
    "Op",
    "Overlap",
    "Plan",
    "Receiver",
    "Record",
    "RefSet",
    "Segment",
    "Since",
    "Source",
    "Trace",
    "Traces",
    "Version",
    "View",
    "Wanted",
    "path_of",
];

fn rust_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Names after `crate::` (also inside `use crate::{…}`), each with what is named of it up to the end of the item.
fn imports(code: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut add = |text: &str| {
        let name: String = text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        let rest = text[name.len()..].to_owned();
        if !name.is_empty() {
            found.entry(name).or_default().push_str(&rest);
        }
    };
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            add(rest.split([';', '\n']).next().unwrap_or_default());
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for character in group.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => add(std::mem::take(&mut item).trim()),
                _ => {}
            }
            if !(character == ',' && depth == 0) {
                item.push(character);
            }
        }
        add(item.trim());
    }
    found
}

#[test]
fn imports_point_one_way() {
    let mut files = Vec::new();
    rust_files(Path::new("src"), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let relative = file.strip_prefix("src").unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        let allowed = USES.iter().find(|(name, _)| *name == module);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{}: `{module}` is not in the table", file.display()));
            continue;
        };
        let code = fs::read_to_string(&file).unwrap();
        for (name, items) in imports(&code) {
            let is_module = USES.iter().any(|(module, _)| *module == name);
            if is_module && name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}: {module} may not use {name}", file.display()));
            }
            if module == "engine" && name == "source" {
                let words = items.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty());
                wrong.extend(
                    words
                        .filter(|word| !ENGINE_MAY_NAME.contains(word))
                        .map(|word| format!("{}: engine may not use source::{word}", file.display())),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_seen_in_every_notation() {
    let code = "use crate::{model::{A, B}, rule::C, report};\nfn f() { crate::engine::x() }";
    let found: Vec<_> = imports(code).into_keys().collect();
    assert_eq!(found, ["engine", "model", "report", "rule"]);
}
