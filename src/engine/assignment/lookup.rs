//! Looked up in the environment, with a default: `os.environ.get("PW", "…")`, `process.env.PW || "…"`. Of use where the variable's name
//! tells less than the one that it is assigned to.

use super::is_blank;

/// Calls that look a variable up by the name that is their first argument.
const CALLS: &[&str] = &[
    "os.environ.get(",
    "os.getenv(",
    "os.environ.setdefault(",
    "environ.get(",
    "getenv(",
    "config(",
    "env(",
    "env.str(",
    "env.get(",
    "ENV.fetch(",
    "ENV[",
    "System.getenv(",
    "System.getProperty(",
    "Environment.GetEnvironmentVariable(",
    "Deno.env.get(",
    "process.env[",
    "process.env.",
    "import.meta.env.",
];
/// What stands between a lookup and a default behind it.
const ELSE: &[&str] = &["|| ", "or ", "?? ", "?: "];
/// How an argument that is the default may be called.
const DEFAULT_NAMES: &[&str] = &["default=", "default_value=", "fallback=", "defaultValue: ", "default: "];
const MAX_VARIABLE: usize = 64;

/// Where the quote of the default stands, if a lookup that has one begins at `at`.
pub(super) fn default_at(bytes: &[u8], at: usize) -> Option<usize> {
    if !matches!(bytes.get(at)?, b'o' | b'e' | b'g' | b'c' | b'E' | b'S' | b'D' | b'p' | b'i') {
        return None;
    }
    let rest = &bytes[at..(at + 160).min(bytes.len())];
    let call = CALLS.iter().find(|call| rest.starts_with(call.as_bytes()))?;
    let variable = &rest[call.len()..];
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let default = if call.ends_with('.') {
        let len = variable.iter().take(MAX_VARIABLE).take_while(is_part).count();
        behind(&variable[len..])
    } else {
        let quote = variable.first().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let len = variable[1..].iter().take(MAX_VARIABLE).take_while(is_part).count();
        let rest = variable[1 + len..].strip_prefix(&[*quote])?;
        match rest.first()? {
            b',' => argument(&rest[1..], *call == "config("),
            b')' | b']' => behind(&rest[1..]),
            _ => None,
        }
    }?;
    matches!(default.first(), Some(b'"' | b'\'')).then(|| at + rest.len() - default.len())
}

fn without_blanks(rest: &[u8]) -> &[u8] {
    &rest[rest.iter().take(4).take_while(|byte| is_blank(**byte)).count()..]
}

/// The default behind a lookup.
fn behind(rest: &[u8]) -> Option<&[u8]> {
    let rest = without_blanks(rest);
    ELSE.iter().find_map(|or| rest.strip_prefix(or.as_bytes()))
}

/// The default that is the next argument. What isn't said to be one may be a part of the lookup.
fn argument(rest: &[u8], must_be_named: bool) -> Option<&[u8]> {
    let rest = without_blanks(rest);
    let named = DEFAULT_NAMES.iter().find_map(|name| rest.strip_prefix(name.as_bytes()));
    named.or((!must_be_named).then_some(rest))
}

#[cfg(test)]
mod tests {
    use super::default_at;

    #[test]
    fn defaults_of_lookups_are_found() {
        for text in [
            "os.environ.get('PW', 'v')",
            "os.getenv(\"PW\",\"v\")",
            "os.environ.get('PW') or 'v'",
            "config('PW', default='v')",
            "env.str('PW', 'v')",
            "process.env.PW || \"v\"",
            "process.env['PW'] ?? 'v'",
            "System.getenv(\"PW\") ?: \"v\"",
            "ENV['PW'] || 'v'",
        ] {
            let default = default_at(text.as_bytes(), 0).map(|at| &text[at + 1..at + 2]);
            assert_eq!(default, Some("v"), "{text}");
        }
        for text in [
            "os.environ.get('PW')",
            "os.environ.get('PW', x)",
            "config('section', 'PW')",
            "config['PW'] || 'v'",
            "process.env.PW",
            "process.env.PW || x",
            "get('PW', 'v')",
            "os.getenv(\"PW",
            "env(",
            "e",
        ] {
            assert_eq!(default_at(text.as_bytes(), 0), None, "{text}");
        }
    }
}
