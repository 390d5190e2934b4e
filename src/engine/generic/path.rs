//! What a path takes from a score.

use std::path::Path;

use super::{
    feature::{Feature, Features},
    setting::Setting,
};

/// What a blob is, by its path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an observation of its own")]
struct PathTraits {
    is_code: bool,
    is_test: bool,
    is_example: bool,
    is_translation: bool,
    is_markup: bool,
    is_lock: bool,
    /// Settings, a line each: properties, INI, environment files.
    is_flat: bool,
    is_yaml: bool,
    is_android: bool,
}

/// How a value is written, for what it means in source code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) enum Writing {
    /// Quoted, found by a pattern, or said by a command or a sentence.
    Literal,
    /// Not quoted.
    Bare,
    /// Not quoted, in no comment, and as a variable may be named.
    Identifier,
    /// Not quoted, with signs that code has, where the line of a setting would have a value.
    Signs(Setting),
    /// Between tags, and no words.
    Element,
}

/// The features of a value that a path adds. Each can only take from the score: blobs in history are judged before
/// their paths are known.
pub(super) fn features_of(path: &Path, writing: Writing) -> Features {
    let traits = traits_of(path);
    let mut features = Features::default();
    features.add_if(traits.is_test, Feature::PathTest);
    features.add_if(traits.is_example, Feature::PathExample);
    let of_code = match writing {
        Writing::Literal | Writing::Element => Feature::PathCode,
        Writing::Bare | Writing::Signs(_) => Feature::PathCodeUnquoted,
        Writing::Identifier => Feature::PathIdentifier,
    };
    features.add_if(traits.is_code, of_code);
    if let Writing::Signs(setting) = writing {
        let is_setting = traits.is_flat || traits.is_yaml && setting == Setting::Any;
        features.add_if(!is_setting, Feature::Code);
    }
    // Android's apps have their keys where their texts are.
    let is_of_app = traits.is_android && writing == Writing::Element;
    features.add_if(traits.is_translation && !is_of_app, Feature::PathTranslation);
    features.add_if(traits.is_markup, Feature::PathStyle);
    features.add_if(traits.is_lock, Feature::PathLock);
    features
}

fn traits_of(path: &Path) -> PathTraits {
    let mut traits = PathTraits::default();
    // Only the innermost components: a checkout below a directory `tests` is not a test.
    for component in path.components().rev().take(4) {
        let name = component.as_os_str().to_string_lossy().to_ascii_lowercase();
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        traits.is_translation |= words.clone().any(|word| TRANSLATION.contains(&word));
        traits.is_test |= words.clone().any(|word| TEST.contains(&word.strip_suffix('s').unwrap_or(word)));
        traits.is_example |= words.any(|word| EXAMPLE.contains(&word.strip_suffix('s').unwrap_or(word)));
        traits.is_test |= name.ends_with("test.java")
            || name.ends_with("tests.cs")
            || name.ends_with("test.php")
            || name.ends_with("it.java");
    }
    traits.is_translation |= is_of_a_language(path);
    traits.is_android = is_android(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    traits.is_code = CODE.contains(&extension);
    traits.is_example |= DOCUMENT.contains(&extension);
    traits.is_markup = MARKUP.contains(&extension) || name.contains(".min.") || name.contains(".bundle.");
    traits.is_translation |= ["po", "pot", "arb", "resx", "strings", "xlf", "xliff"].contains(&extension);
    traits.is_flat = FLAT.contains(&extension) || FLAT_NAMES.contains(&name.as_str()) || name.starts_with(".env.");
    traits.is_yaml = ["yml", "yaml"].contains(&extension);
    traits.is_lock =
        LOCK.contains(&name.as_str()) || ["lock", "sum", "sha256", "sha512", "md5", "asc"].contains(&extension);
    traits
}

/// `resources/de/common.json`: texts in the language that the directory is named after; `de.properties`, `labels_de_AT.properties`: in
/// that of the file.
fn is_of_a_language(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_language = |part: &str| LANGUAGES.contains(&part);
    let mut parts = stem.rsplit('_');
    let is_named = match (parts.next(), parts.next(), parts.next()) {
        (Some(last), before, _) if is_language(last) => before.is_none_or(|name| name.len() > 2),
        (Some(region), Some(language), _) if region.len() == 2 => {
            is_language(language) && region.bytes().all(|byte| byte.is_ascii_uppercase())
        }
        _ => false,
    };
    if is_named && path.extension().is_some_and(|extension| extension == "properties") {
        return true;
    }
    let is_text = path.extension().is_some_and(|extension| extension == "json");
    let mut directories = path.components().rev().skip(1).map(|component| component.as_os_str().to_string_lossy());
    let is_language =
        directories.next().is_some_and(|name| LANGUAGES.contains(&name.split(['-', '_']).next().unwrap_or("")));
    is_text && is_language && directories.take(2).any(|name| TEXTS.contains(&&*name))
}

/// `res/values/strings.xml`, `res/values-de/strings.xml`: what an Android app shows, and what it is set up with.
fn is_android(path: &Path) -> bool {
    let mut components = path.components().rev().map(|component| component.as_os_str().to_string_lossy());
    components.next().is_some_and(|name| name.ends_with(".xml"))
        && components.next().is_some_and(|name| name == "values" || name.starts_with("values-"))
        && components.next().is_some_and(|name| name == "res")
}

/// Languages that programs are translated to most often.
const LANGUAGES: &[&str] = &[
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hr", "hu", "it", "ja", "ka",
    "ko", "lt", "lv", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh",
];
/// Directories that texts lie below.
const TEXTS: &[&str] = &["resources", "public", "assets", "themes", "theme", "static"];
const CODE: &[&str] = &[
    "c", "cc", "cpp", "cs", "dart", "erl", "ex", "exs", "go", "h", "hpp", "java", "js", "jsx", "kt", "kts", "lua", "m",
    "mm", "mjs", "cjs", "php", "pl", "pm", "py", "r", "rb", "rs", "scala", "swift", "ts", "tsx", "vue", "svelte",
    "css", "scss", "less", "html", "htm", "ipynb", "proto", "gradle", "groovy", "mod", "tt", "jsp", "erb", "ejs", "vb",
    "fs", "clj", "hs", "ml", "pas", "sol", "zig", "nim", "cshtml", "razor", "twig", "pug", "hbs", "graphql", "tf", "d",
    "cxx", "hh", "inc", "tcl", "elm", "jl", "coffee", "psm1", "ps1", "rego", "bicep",
];
/// Extensions of files that have a setting a line and no code.
const FLAT: &[&str] = &["env", "properties", "ini", "cfg", "cnf", "conf", "service"];
const FLAT_NAMES: &[&str] = &["credentials", ".npmrc", ".pypirc", ".s3cfg", ".boto"];
const TEST: &[&str] = &[
    "test", "testing", "spec", "fixture", "mock", "e2e", "testdata", "stub", "fake", "cypress", "unittest", "testcase",
    "snapshot",
];
#[rustfmt::skip]
const EXAMPLE: &[&str] = &[
    "example", "sample", "demo", "doc", "tutorial", "readme", "changelog", "docsite", "template", "dist",
    "quickstart",
];
const DOCUMENT: &[&str] =
    &["md", "rst", "adoc", "asciidoc", "mdx", "txt", "tex", "org", "textile", "1", "8", "man", "pod"];
const MARKUP: &[&str] =
    &["html", "htm", "css", "scss", "less", "svg", "map", "ejs", "hbs", "pug", "twig", "jsp", "cshtml", "erb", "vue"];
#[rustfmt::skip]
const TRANSLATION: &[&str] = &[
    "i18n", "l10n", "locale", "locales", "lang", "langs", "languages", "translation", "translations", "messages",
    "lproj", "strings", "intl", "localization", "localisation", "localizations",
];
#[rustfmt::skip]
const LOCK: &[&str] = &[
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "cargo.lock", "composer.lock",
    "poetry.lock", "gemfile.lock", "go.sum", "packages.lock.json", "podfile.lock", "pipfile.lock", "mix.lock",
    "uv.lock", "flake.lock", "sha256sums", "md5sums", ".terraform.lock.hcl", "known_hosts", "authorized_keys",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::traits_of;

    #[test]
    fn paths_say_what_a_file_is() {
        let is = |path: &str| traits_of(Path::new(path));
        assert!(is("a/tests/x.yml").is_test && is("src/FooTest.java").is_test && !is("src/latest.yml").is_test);
        assert!(is("README.md").is_example && is(".env.example").is_example);
        assert!(is("app/i18n/de.json").is_translation && is("x/app_de.po").is_translation);
        assert!(is("admin/resources/zh-CN/users.json").is_translation && !is("config/de/users.json").is_translation);
        assert!(is("a/de.properties").is_translation && is("a/shop_pt_BR.properties").is_translation);
        assert!(!is("application.properties").is_translation && !is("db_x.properties").is_translation);
        assert!(is("app/res/values-de/strings.xml").is_android && !is("values/strings.xml").is_android);
        assert!(is(".env").is_flat && is("prod.env").is_flat && is(".env.prod").is_flat && !is("env.sh").is_flat);
        assert!(is("package-lock.json").is_lock && is("src/main.rs").is_code && !is("config.yml").is_code);
    }
}
