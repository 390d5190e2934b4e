//! What may come in as a dependency: `deny.toml`, held against `cargo metadata` without a tool to be installed.

use std::{collections::BTreeSet, env, fs, process::Command};

use serde_json::Value;

/// The packages of the lock file that are at hand: those of all platforms after `cargo fetch`, which `.ci/run` makes;
/// else those of this one.
fn packages() -> Vec<Value> {
    let host = host();
    let all_platforms: &[&str] = &[];
    let mut errors = String::new();
    for platforms in [all_platforms, &["--filter-platform", &host]] {
        let output = cargo()
            .args(["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"])
            .args(platforms)
            .output()
            .expect("cargo runs");
        if output.status.success() {
            let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
            return serde_json::from_value(metadata["packages"].take()).expect("metadata has packages");
        }
        errors.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    panic!("cargo metadata failed: {errors}");
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The target triple of the compiler, as `cargo -vV` says it.
fn host() -> String {
    let output = cargo().arg("-vV").output().expect("cargo runs");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
    triple.expect("cargo names its host").to_owned()
}

fn policy() -> toml::Table {
    fs::read_to_string("deny.toml").expect("deny.toml is there").parse().expect("deny.toml is TOML")
}

fn strings(value: &toml::Value) -> BTreeSet<String> {
    let list = value.as_array().expect("a list");
    list.iter().map(|item| item.as_str().expect("a string").to_owned()).collect()
}

fn text<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().unwrap_or_default()
}

#[test]
fn every_licence_is_allowed() {
    let allowed = strings(&policy()["licenses"]["allow"]);
    let packages = packages();
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !Expression::of(text(package, "license")).accepts(&allowed))
        .map(|package| format!("{} {}: `{}`", package["name"], package["version"], text(package, "license")))
        .collect();
    assert!(packages.len() > 1 && refused.is_empty(), "of {} packages: {refused:#?}", packages.len());
}

#[test]
fn every_source_is_known_and_no_crate_is_banned() {
    let policy = policy();
    let registries = strings(&policy["sources"]["allow-registry"]);
    let banned: BTreeSet<&str> = policy["bans"]["deny"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|ban| ban["crate"].as_str().expect("a crate's name"))
        .collect();
    for package in packages() {
        // Only this crate itself has no source.
        let name = text(&package, "name");
        let is_known = match package["source"].as_str() {
            Some(source) => source.strip_prefix("registry+").is_some_and(|registry| registries.contains(registry)),
            None => name == env!("CARGO_PKG_NAME"),
        };
        assert!(is_known, "{name}: from {}", package["source"]);
        assert!(!banned.contains(name), "{name} is banned by deny.toml");
    }
}

#[test]
fn expressions_are_read_as_spdx_has_them() {
    let allowed = BTreeSet::from(["MIT", "Zlib", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned));
    for (expression, is_met) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-2.0/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("MIT AND Zlib OR GPL-3.0-only", true),
        ("GPL-3.0-only AND MIT OR Zlib", true),
        ("GPL-3.0-only AND (MIT OR Zlib)", false),
        ("(MIT OR GPL-3.0-only) AND Zlib", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT Zlib", false),
    ] {
        assert_eq!(Expression::of(expression).accepts(&allowed), is_met, "`{expression}`");
    }
}

/// A licence expression, read from left to right. What can't be read is met by nothing.
struct Expression {
    /// In reverse order.
    tokens: Vec<String>,
}

impl Expression {
    /// Splits an expression; the old `A/B` means `A OR B`.
    fn of(text: &str) -> Expression {
        let spaced = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        Expression { tokens: spaced.split_whitespace().rev().map(str::to_owned).collect() }
    }

    fn accepts(mut self, allowed: &BTreeSet<String>) -> bool {
        self.any(allowed) == Some(true) && self.tokens.is_empty()
    }

    fn accept(&mut self, word: &str) -> bool {
        let is_next = self.tokens.last().is_some_and(|token| token == word);
        if is_next {
            self.tokens.pop();
        }
        is_next
    }

    fn any(&mut self, allowed: &BTreeSet<String>) -> Option<bool> {
        let mut is_met = self.all(allowed)?;
        while self.accept("OR") {
            is_met |= self.all(allowed)?;
        }
        Some(is_met)
    }

    fn all(&mut self, allowed: &BTreeSet<String>) -> Option<bool> {
        let mut is_met = self.one(allowed)?;
        while self.accept("AND") {
            is_met &= self.one(allowed)?;
        }
        Some(is_met)
    }

    fn one(&mut self, allowed: &BTreeSet<String>) -> Option<bool> {
        if self.accept("(") {
            let is_met = self.any(allowed)?;
            return self.accept(")").then_some(is_met);
        }
        let mut licence = self.tokens.pop().filter(|token| !matches!(token.as_str(), "OR" | "AND" | "WITH" | ")"))?;
        if self.accept("WITH") {
            licence = format!("{licence} WITH {}", self.tokens.pop()?);
        }
        Some(allowed.contains(&licence))
    }
}
