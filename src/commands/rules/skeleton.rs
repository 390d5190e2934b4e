/// A rule file that passes its own proof as it is, with what is to be changed marked; `None` if `id` is no rule id.
pub(super) fn of(id: &str) -> Option<String> {
    let (provider, credential) = id.split_once('.')?;
    let is_word = |word: &str| {
        let is_inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !word.is_empty() && word.bytes().all(is_inside) && !word.starts_with('-') && !word.ends_with('-')
    };
    if !is_word(provider) || !is_word(credential) {
        return None;
    }
    let prefix = format!("{}_", provider.replace('-', "_"));
    let variable = format!("{provider}_{credential}").replace('-', "_").to_uppercase();
    let name = format!("{} {}", title(provider), credential.replace('-', " "));
    let filled = TEMPLATE
        .replace("PROVIDER", &title(provider))
        .replace("RULE_ID", id)
        .replace("RULE_NAME", &name)
        .replace("PREFIX", &prefix)
        .replace("VARIABLE", &variable);
    Some(filled)
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect::<String>()
        .replace('-', " ")
}

const TEMPLATE: &str = r##"# docs/rules.md explains every key. Prove the file with: unleak rules check FILE
provider = "PROVIDER"

[[rule]]
id = "RULE_ID"
name = "RULE_NAME"
# Harm of a live one: low, medium, high or critical.
severity = "high"
kind = "api-key"
identity = "api-key"
# What every one begins with. Without such a beginning, use shape = "context" and the provider's name.
keywords = ["PREFIX"]
# Exact: the alphabet and the length that the provider's documentation gives.
pattern = '''PREFIX[A-Za-z0-9]{32}'''
entropy = 3.0
references = []
# The secret stands between « and »; {{alnum:32}} becomes 32 random characters, so that no secret stands here.
positives = [
  "export VARIABLE=«PREFIX{{alnum:32}}»",
  '{"token": "«PREFIX{{alnum:32}}»"}',
]
# Near misses: one too short, one too long.
negatives = [
  "export VARIABLE=PREFIX{{alnum:31}}",
  "export VARIABLE=PREFIX{{alnum:33}}",
]
"##;
