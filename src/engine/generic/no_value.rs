//! What stands where a secret would and is none: references, code, hashes and ciphertext.

use super::{
    chance,
    figures::{is_figure, is_number_of_a_type},
    parts::{AnyOf, Starts, WordSet},
    sealed::is_sealed,
    value::{ValueKind, traits_of},
};

/// Why a value is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoValue {
    /// It names where the value is: `${X}`, `get("x")`, `/run/secrets/x`.
    Reference,
    /// It is code, a pattern or a type.
    Code,
    /// It has signs that code has. Where a file of settings gives a line to it they may be a password's.
    Signs,
    /// It is a hash, ciphertext or a public key.
    Sealed,
}

/// Where a value stands, for what its signs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Without quotes.
    Bare,
    /// Without quotes, all of a setting's line.
    Setting,
    /// In quotes.
    Quoted,
    /// In quotes, where a password stands: chance may have put signs into it.
    Password,
}

/// Has a value without quotes signs that code has, and could it be one all the same?
pub(super) fn has_signs(value: &[u8]) -> bool {
    no_value(value, Place::Setting, traits_of(value).kind) == Some(NoValue::Signs)
}

/// Is it a reference, code, or nothing that opens anything?
pub(super) fn no_value(value: &[u8], place: Place, kind: ValueKind) -> Option<NoValue> {
    let is_quoted = matches!(place, Place::Quoted | Place::Password);
    let may_have_signs = matches!(place, Place::Setting | Place::Password) && chance::may_have_signs(value, kind);
    let is_password = may_have_signs && is_quoted;
    if is_sealed(value) {
        return Some(NoValue::Sealed);
    }
    let refers = match may_have_signs {
        true => chance::refers(value, kind),
        false => REFERENCE_PARTS.is_in(value) || is_variable(value) || is_path(value, kind),
    };
    if refers || REFERENCE_STARTS.any(value) || is_put_in(value) {
        return Some(NoValue::Reference);
    }
    // `**required**`, `yes*`, `TYPE_*`: marks of Markdown, of a foot note, of a family of names.
    let stars = value.iter().rev().take_while(|byte| **byte == b'*').count();
    let unmarked = &value[..value.len() - stars];
    let is_code = match is_password {
        true => chance::is_code(value),
        false => is_pattern(value) || is_joined(value),
    };
    if is_code
        || is_constant(unmarked)
        || is_figure(value)
        || !is_text(value)
        || is_negation(value)
        || CONSTANTS.has_folded(unmarked)
    {
        return Some(NoValue::Code);
    }
    let is_wrapped = |open: u8, close: u8| value.first() == Some(&open) && value.last() == Some(&close);
    if is_wrapped(b'<', b'>')
        || is_wrapped(b'[', b']')
        || is_wrapped(b'{', b'}')
        || is_wrapped(b'(', b')') && !(is_password && chance::is_bracketed(value))
        || is_wrapped(b'*', b'*')
        || is_wrapped(b'+', b'+')
    {
        return Some(NoValue::Reference);
    }
    if is_quoted {
        let is_flag = value.starts_with(b"--") && value.get(2).is_some_and(u8::is_ascii_lowercase);
        let is_code = !is_password && QUOTED_CODE_PARTS.is_in(value);
        return (is_flag || is_code || is_selector(value)).then_some(NoValue::Code);
    }
    let unpadded = value.len() - value.iter().rev().take_while(|byte| **byte == b'=').count();
    if is_number_of_a_type(value)
        || is_numbered_constant(value)
        || value.starts_with(b"HTTP/")
        || memchr::memmem::find(&value[..unpadded], b"==").is_some()
        || is_marked_word(value, kind)
        || value.ends_with(b":")
        || value.starts_with(b"**")
        || value.starts_with(b"*.")
        || is_distinguished(value)
        || is_sentence_of_ideographs(value)
        || value.starts_with(b"id=")
        || value.ends_with(b"*/")
    {
        return Some(NoValue::Code);
    }
    let (has_signs, is_pointer, is_dotted) = (CODE_PARTS.is_in(value), is_pointer(value), is_dotted(value, kind));
    if !(has_signs || is_pointer || is_dotted) {
        return None;
    }
    // `*uint16`.
    let least = if is_pointer { 4 } else { 2 };
    let is_setting = may_be_set(value, kind, least) && (!is_dotted || is_word_and_word(value));
    Some(if is_setting { NoValue::Signs } else { NoValue::Code })
}

/// Could a program or a person have made it up, signs and all: `Kd8;mXw93LpA`, but not `items[10].x2`, `a1->b2`? What isn't random
/// has some digits then.
fn may_be_set(value: &[u8], kind: ValueKind, least_digits: usize) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_made_up = kind == ValueKind::Random || kind == ValueKind::Mixed && digits >= least_digits;
    let closes = |open: u8, close: u8| {
        memchr::memchr(open, value).is_some_and(|at| memchr::memchr(close, &value[at + 1..]).is_some())
    };
    let opens = value.first().is_some_and(|byte| b"[{(<\"'`|>&".contains(byte));
    is_made_up
        && !opens
        && !SYNTAX_PARTS.is_in(value)
        && ![(b'(', b')'), (b'[', b']'), (b'{', b'}'), (b'<', b'>'), (b'"', b'"'), (b'\'', b'\''), (b'`', b'`')]
            .iter()
            .any(|(open, close)| closes(*open, *close))
}

/// `Kettle.copper1434`: two words and a number, none of which says that it names a secret.
fn is_word_and_word(value: &[u8]) -> bool {
    let mut words = value.split(|byte| *byte == b'.');
    let (Some(first), Some(last), None) = (words.next(), words.next(), words.next()) else { return false };
    let letters = last.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let is_numbered = letters >= 3 && last.len() - letters >= 2 && last[letters..].iter().all(u8::is_ascii_digit);
    let names = |word: &[u8]| super::name::traits_of(word).class.is_some();
    first.len() >= 3 && first.iter().all(u8::is_ascii_alphabetic) && is_numbered && !names(first) && !names(last)
}

/// Not the bytes of an archive or a picture that happen to stand after a name.
fn is_text(value: &[u8]) -> bool {
    let high = value.iter().filter(|byte| **byte >= 0x80).count();
    let is_broken = || std::str::from_utf8(value).map_or(true, |text| text.contains(char::REPLACEMENT_CHARACTER));
    !(value.iter().any(u8::is_ascii_control) || high * 4 > value.len() && is_broken())
}

/// `'--password='.$config['password']`: what seems quoted stands between two texts and joins them.
fn is_joined(value: &[u8]) -> bool {
    let opens =
        matches!(value, [b'.' | b'+', b'$' | b' ' | b'(', ..]) || value.starts_with(b" .") || value.starts_with(b" +");
    let closes = value.ends_with(b"[") || value.ends_with(b"(") || value.ends_with(b" .") || value.ends_with(b" +");
    let is_call = memchr::memchr(b'(', value).is_some() || value.contains(&b'$');
    value.len() > 2 && (opens || closes && is_call)
}

/// `*alias`, `&self`, `@user`, `!ref`, `-v`, `--flag=x`: words with a mark in front.
fn is_marked_word(value: &[u8], kind: ValueKind) -> bool {
    let is_flag = |rest: &[u8]| rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'-');
    if value.strip_prefix(b"-").is_some_and(is_flag) && kind != ValueKind::Random {
        return true;
    }
    let is_marked = value.first().is_some_and(|byte| b"*&.,!@|>-".contains(byte));
    let is_word = matches!(kind, ValueKind::Word | ValueKind::Words | ValueKind::OddWord);
    is_marked && (is_word || value[1..].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_'))
}

/// `ou=users,dc=acme`, `uid=%u`: a name in a directory, or an attribute that is mapped.
fn is_distinguished(value: &[u8]) -> bool {
    ["ou=", "dc=", "cn=", "uid=", "sAMAccountName="].iter().any(|start| value.starts_with(start.as_bytes()))
}

/// `#login-password`, `.password`, `input[name=password]`, `//div`, `?/login`: CSS selectors, XPaths and routes.
fn is_selector(value: &[u8]) -> bool {
    let rest = value.strip_prefix(b"#").or_else(|| value.strip_prefix(b"."));
    let names = |rest: &[u8]| rest.iter().all(|byte| byte.is_ascii_alphabetic() || b"-_.#".contains(byte));
    rest.is_some_and(names)
        || memchr::memmem::find(value, b"[").is_some() && value.ends_with(b"]")
        || value.starts_with(b"//")
        || value.starts_with(b"?/")
}

/// `$password`, `%PASSWORD%`, `:password`, `@password`, `%s`: a name with a mark in front.
pub(super) fn is_variable(value: &[u8]) -> bool {
    let is_name = |rest: &[u8]| !rest.is_empty() && rest.iter().all(|b| b.is_ascii_alphabetic() || b"_.>-".contains(b));
    // `$NEWKEY#`: a name in capitals, and what follows it.
    let capitals = |rest: &[u8]| rest.iter().take_while(|b| b.is_ascii_uppercase() || **b == b'_').count();
    match value {
        [b'$', rest @ ..] if capitals(rest) >= 3 => {
            rest[capitals(rest)..].first().is_none_or(|byte| !byte.is_ascii_alphanumeric()) || is_numbered_name(rest)
        }
        [b'$', rest @ ..] => {
            rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.>-[]'\"{}$:/".contains(byte))
                && rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_{$".contains(byte))
        }
        [b'%', b'%', rest @ .., b'%', b'%'] => is_name(rest),
        [b'%', rest @ .., b'%'] => rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)),
        [b'%', _] | [b'%', _, _] => true,
        [b'@', rest @ .., b'@'] => is_name(rest),
        // `@DB_PASSWORD1`, of a template.
        [b'@', first, rest @ ..] if first.is_ascii_uppercase() => {
            rest.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        }
        [b':' | b'@', rest @ ..] => is_name(rest),
        _ => has_variable(value),
    }
}

/// `!password!`, `#password#`, `%{password}`, `'$password'`, `'+password+'`, `$labels.get("password")`: what a template, a batch
/// file or a text that is put together has in a value's place.
fn is_put_in(value: &[u8]) -> bool {
    let is_name = |name: &[u8]| {
        name.len() > 2 && name.iter().all(|b| b.is_ascii_alphabetic() || b"_.-".contains(b)) && name[0] != b'.'
    };
    match value {
        [b'!', name @ .., b'!'] | [b'#', name @ .., b'#'] => is_name(name),
        // Of Swift.
        [b'%', b'{', .., b'}'] | [b'\\', b'(', .., b')'] => true,
        [b'\'' | b'"', b'+', name @ .., b'+', b'\'' | b'"'] => is_name(name.trim_ascii()) || name.ends_with(b")"),
        [b'\'' | b'"', b'$', name @ .., b'\'' | b'"'] => is_name(name),
        [b'$', rest @ ..] => {
            let call = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.:>-".contains(b)).count();
            let is_called = matches!(rest.get(call..), Some([b'(', ..]));
            is_called && rest[0].is_ascii_lowercase() && rest[..call].iter().any(|b| b".>:".contains(b))
        }
        _ => false,
    }
}

/// `!0};f(x);`, `!!value`: true and false, as programs are made small.
fn is_negation(value: &[u8]) -> bool {
    match value {
        [b'!', b'0' | b'1', rest @ ..] => rest.first().is_some_and(|next| !next.is_ascii_alphanumeric()),
        [b'!', b'!', next, ..] => next.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Chinese and Japanese have no blanks between words.
fn is_sentence_of_ideographs(value: &[u8]) -> bool {
    value.iter().filter(|byte| (0xe3..=0xe9).contains(*byte)).count() >= 6
}

/// `MYSQL_PWD1`, `DB_PASS_2`, `S3_KEY`: what variables of a shell are called. Few digits, at the ends of words.
fn is_numbered_name(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'_').all(|word| {
        let letters = word.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        word.len() - letters <= 2 && word[letters..].iter().all(u8::is_ascii_digit)
    })
}

/// `hashed_with_$algorithm`, `$blocked,$other`: a variable behind a separator, in small letters.
fn has_variable(value: &[u8]) -> bool {
    memchr::memchr_iter(b'$', value).any(|at| {
        let name = &value[at + 1..];
        let len = name.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
        let is_apart = at > 0 && b"_-,:/.= ".contains(&value[at - 1]);
        is_apart && len >= 3 && name.get(len).is_none_or(|byte| b"_-,:/.= ".contains(byte))
    })
}

pub(super) fn is_path(value: &[u8], kind: ValueKind) -> bool {
    let has_extension = memchr::memrchr(b'.', value).is_some_and(|dot| EXTENSIONS.has(&value[dot..]));
    if kind == ValueKind::Random || kind == ValueKind::Hex {
        // Base64 has slashes, but no dots, and both cases.
        let is_name = value.first() == Some(&b'/') && !value.iter().any(u8::is_ascii_uppercase);
        return has_extension || is_name || value.contains(&b'.') && value.contains(&b'/');
    }
    let is_windows = matches!(value, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    let slashes = value.iter().filter(|byte| **byte == b'/').count();
    is_windows
        || value.first() == Some(&b'/')
        || slashes >= 2
        || slashes == 1 && kind == ValueKind::Words
        || has_extension
}

/// `DB_PASSWORD`, `ACCESS-TOKEN`: a name in capitals that stands for a value.
fn is_constant(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| b"_-".contains(byte));
    value.iter().any(|byte| b"_-".contains(byte))
        && parts.all(|part| part.len() > 1 && part.iter().all(u8::is_ascii_uppercase))
}

/// `*uint16`, `*authResp.Token`.
fn is_pointer(value: &[u8]) -> bool {
    let name = value.strip_prefix(b"*").unwrap_or_default();
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(byte))
}

/// `MD5_ARISTA`, `KEYWORD2`: a name in capitals that has a number in it.
fn is_numbered_constant(value: &[u8]) -> bool {
    let is_part = |part: &[u8]| {
        let letters = part.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        letters >= 2 && part.len() - letters <= 3 && part[letters..].iter().all(u8::is_ascii_digit)
    };
    let letters = value.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    letters >= 6 && value.iter().any(u8::is_ascii_digit) && value.split(|byte| *byte == b'_').all(is_part)
}

/// A regular expression.
fn is_pattern(value: &[u8]) -> bool {
    value.first() == Some(&b'^') && value.len() > 2 || PATTERN_PARTS.is_in(value)
}

/// `config.database.password`, `Oauth2.token`: words joined by dots.
fn is_dotted(value: &[u8], kind: ValueKind) -> bool {
    let is_word = |part: &[u8]| {
        part.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
            && part.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-')
    };
    let last = value.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let is_named = || super::name::traits_of(last).class.is_some() && traits_of(last).kind != ValueKind::Random;
    value.contains(&b'.') && value.split(|byte| *byte == b'.').all(is_word) && (kind != ValueKind::Random || is_named())
}

#[rustfmt::skip]
static REFERENCE_STARTS: Starts = Starts::new(&[
    "arn:", "vault:", "env:", "env(", "file:", "ssm:", "secret:", "secrets.", "urn:", "op://", "ref+", "kms:",
    "projects/", "<%", "process.env", "os.environ", "ENV[", "self.", "this.", "data.", "var.", "local.",
    "/etc/", "/usr/", "/var/", "/home/", "/opt/", "/root/", "params.", "config.", "settings.", "resource:", "classpath:", "aws_", "http:", "https:", "./", "../", "~/",
    "credentials(", "system.", "${", "$(", "{{", "<<",
]);
static REFERENCE_PARTS: AnyOf = AnyOf::new(&[
    "${", "{{", "}}", "$(", "<%", "%>", "#{", "%(", "%[", "@{", "://", "%s", "{0}", "$$", ":$", "...", "…", "<?", "[[",
    "***",
]);
static CODE_PARTS: AnyOf = AnyOf::new(&[
    "(", "[", ")", "]", "{", "}", "->", "::", "=>", "&&", "||", "\"", "'", "`", ";", "<", ">", "\\", "+=", "?:", "!=",
    "?.",
]);
/// Of those the ones that no chance puts into a password, as they are several.
#[rustfmt::skip]
static SYNTAX_PARTS: AnyOf = AnyOf::new(&[
    "->", "::", "=>", "&&", "||", "+=", "?:", "!=", "?.", "()", "[]", "{}", "(\"", "('", "[\"", "['", "=\"", "='", "</", "/>", ");",
    "\\n", "\\r", "\\t", "\\\"",
]);
/// In quotes much may stand that is code elsewhere.
#[rustfmt::skip]
static QUOTED_CODE_PARTS: AnyOf = AnyOf::new(&[
    "()", "required|", "|required", "|min:", "|max:", "between:", "digits:", "|confirmed", "confirmed|", "exists:", "unique:", "regex:", "=>", "&&", "||", "</", "\\n", "\\t", "=\\\"", "?.", "::", ":\"", "[-1]", "[*]",
]);
/// What regular expressions have.
#[rustfmt::skip]
static PATTERN_PARTS: AnyOf = AnyOf::new(&[
    ".*", ".+", "(?", "[a-z", "[A-Z", "[0-9", "[^", "\\w", "\\d", "\\s", "\\b", "]{", "]+", "]*",
]);
#[rustfmt::skip]
static CONSTANTS: WordSet = WordSet::new(&[
    "true", "false", "null", "nil", "none", "undefined", "void", "string", "str", "bool", "boolean", "number", "int",
    "integer", "float", "object", "bytes", "byte", "char", "text", "varchar", "any", "self", "this", "required",
    "confirmed", "optional", "enabled", "disabled", "default", "yes", "no", "on", "off", "empty", "unset", "nullable", "readonly",
    "hidden", "auto", "always", "never", "unknown", "n/a", "tbd", "todo", "password", "passwd", "secret", "token",
    "apikey", "key", "symbol", "function", "array", "list", "dict", "map", "file", "uuid", "email", "username",
    "user", "name", "value", "input", "output", "and", "the", "for", "was", "has", "with", "from", "that", "this",
    "will", "not", "sensitive", "writeonly", "opaque", "plain", "hash", "hashed", "encrypted", "basic", "bearer",
    "getpwnam", "getpwuid", "jwt", "oauth", "oauth2", "saml", "ldap", "utf-8", "utf8", "latin1",
    "int2", "int4", "int8", "varchar2", "nvarchar", "bytea", "jsonb", "longtext", "mediumtext", "tinytext", "timestamptz",
    // What is said of fields, in the languages that names are known in.
    "forgotten", "erforderlich", "vergessen", "ungültig", "falsch", "obligatoire", "requis", "requise", "oublié", "incorrect",
    "obligatoria", "obligatorio", "requerida", "requerido", "olvidada", "incorrecta", "obrigatória", "obrigatório", "esquecida",
    "incorreta", "obbligatoria", "dimenticata", "verplicht", "vergeten", "wymagane", "обязательно", "неверный", "必填", "错误",
    "必須", "필수", "مطلوبة", "आवश्यक", "wajib", "zorunlu",
]);
#[rustfmt::skip]
static EXTENSIONS: WordSet = WordSet::new(&[
    ".pem", ".key", ".crt", ".cer", ".p12", ".jks", ".pfx", ".pub", ".json", ".yml", ".yaml", ".txt", ".html", ".js",
    ".ts", ".py", ".php", ".java", ".xml", ".png", ".svg", ".jpg", ".md", ".sh", ".conf", ".env", ".go", ".rb",
    ".css", ".vue", ".gpg", ".asc", ".ini", ".toml", ".properties", ".com", ".org", ".net", ".io", ".local", ".csv",
    ".log", ".cfg", ".rs", ".tpl", ".erb", ".j2", ".enc", ".age", ".keytab", ".ipynb",
]);

#[cfg(test)]
mod tests {
    use super::{NoValue, Place, no_value, traits_of};

    #[test]
    fn references_and_code_are_no_values() {
        let judged = |value: &str, quoted| {
            let place = if quoted { Place::Quoted } else { Place::Bare };
            no_value(value.as_bytes(), place, traits_of(value.as_bytes()).kind)
        };
        for value in [
            "${DB_PASSWORD}",
            "$password",
            "{{ x }}",
            "%s",
            "/run/secrets/db",
            "<token>",
            "process.env.X",
            "https://a/b",
            "key.pem",
            "+password+",
            "%%DB_PASS%%",
        ] {
            assert_eq!(judged(value, true), Some(NoValue::Reference), "{value}");
        }
        for value in ["get_token()", "config2.password", "foo[0]", "&self", "null", "string"] {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        for value in ["#login-password", "^[a-z]+$", "() => x", "password"] {
            assert_eq!(judged(value, true), Some(NoValue::Code), "{value}");
        }
        for value in ["*LOCKED*", "user:$apr1$abc$def", "ops:$2y$10$abcdefghij"] {
            assert!(judged(value, true).is_some(), "{value}");
        }
        assert_eq!(judged("\u{fffd}\u{fffd}x=\u{fffd}R/", true), Some(NoValue::Code));
        for value in [
            "v7.4.0",
            "npm:^2.0.1",
            "1:4.13+dfsg1-1+deb12u1",
            "2.0.0-rc1",
            "^1.2",
            "sr-Latn-RS",
            "INT4",
            "5.0+dfsg-2",
            "0.16-0ubuntu1",
            "1:6.6p1-2ubuntu1",
            "8.56+14.04.20140307-0ubuntu2",
        ] {
            assert_eq!(judged(value, true), Some(NoValue::Code), "{value}");
        }
    }

    #[test]
    fn what_is_put_in_is_none() {
        let judged = |value: &str| no_value(value.as_bytes(), Place::Quoted, traits_of(value.as_bytes()).kind);
        for value in [
            "!password!",
            "#password#",
            "%{screenshots_password}",
            "'$password'",
            "'+password+'",
            "'+ password +'",
            "$l10n.get(\"install.simple.passwd",
            "$this->get(x",
        ] {
            assert_eq!(judged(value), Some(NoValue::Reference), "{value}");
        }
        assert_eq!(judged("\\323\\006\\334\\020\\236%\\004Z"), Some(NoValue::Code));
        for value in ["!Kettle9!", "#copper1#", "$copper(Kettle", "Kett\\123le9", "'$Kd8mXw93LpA'"] {
            assert_eq!(judged(value), None, "{value}");
        }
    }

    #[test]
    fn signs_and_numbers_are_judged_by_what_they_make() {
        let judged = |value: &str, quoted| {
            let place = if quoted { Place::Quoted } else { Place::Bare };
            no_value(value.as_bytes(), place, traits_of(value.as_bytes()).kind)
        };
        for value in
            ["Kd8;mXw93LpA", "Kd8]mXw93LpA", "Harbor.kettle1434", "*Kd82mXw93LpA", "Kd8\"mXw93LpA", "Kd8\\mXw93LpA"]
        {
            assert_eq!(judged(value, false), Some(NoValue::Signs), "{value}");
        }
        for value in
            ["items[10].x2", "a12->b2", "get(x1,y2)", "foo.bar2.Baz34", "(Kd8mXw93LpA", "secret.token1434", "*int64"]
        {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        for value in ["$MYSQL_PWD1", "$DB_PASS_2", "$S3_CACHE_PW", "$LDAP_PW1"] {
            assert_eq!(judged(value, true), Some(NoValue::Reference), "{value}");
        }
        for value in ["464/tcp", "88/udp"] {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        for value in ["**CHANGE", "*.pw", "ou=users", "uid=user"] {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        assert_eq!(judged("/etc/pki/RPM-GPG-KEY-X7", true), Some(NoValue::Reference));
        assert_eq!(judged("MIGfMA0GCSqGSIb3DQEBAQUAA4", true), Some(NoValue::Sealed));
        for value in ["1.5kettle", "7.Winter.2019", "v8Kettle", "1.2.3kettle", "4:kettle9", "copper-Kett-LE"] {
            assert_eq!(judged(value, true), None, "{value}");
        }
        for value in ["2014-10-10T14:37:51Z", ".$config[", ".preg_quote($this->x["] {
            assert_eq!(judged(value, true), Some(NoValue::Code), "{value}");
        }
        for value in
            ["*uint16", "*resp.Token", "315436u32", "-1073741716i32", "0xC000027A_u32", "MD5_ARISTA", "HTTP/1.1"]
        {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        for value in ["-vm=my-vm", "--auto-approve=false", "c.OIDCClientSecret", "wtsapi32.WTSQueryUserToken"] {
            assert_eq!(judged(value, false), Some(NoValue::Code), "{value}");
        }
        let bcrypt = ["$2b$", "12$abcdefghijklmnopqrstuu"].concat();
        assert_eq!(judged(&bcrypt, true), Some(NoValue::Sealed));
        for value in
            ["$KETTLE2019x", "$K8XQ2ZP7RT4M!", "4649/tcpx", "tr0ub4dor&3", "P@ssw0rd!x", "a.b.c3!", "$ecret2019!"]
        {
            assert_eq!(judged(value, true), None, "{value}");
        }
    }
}
