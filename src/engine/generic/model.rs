//! From a match to its features.

use super::{
    feature::{Feature, Features},
    name::{self, NameClass, NameTraits},
    no_value::{self, NoValue, Place},
    parts::AnyOf,
    placeholder_words, sealed,
    setting::Setting,
    settled::{BEST, BEST_WORD, Begun, Need, SAMPLE_MOST, SPELLING_MOST, SURROUNDINGS_MOST, key_kind, password_kind},
    value::{self, ValueKind, ValueTraits},
};
use crate::{
    engine::{
        assignment::{Ending, Syntax},
        confirm::Match,
        entropy::{Alphabet, randomness},
        placeholder::Placeholders,
    },
    model::CredentialKind,
    rule::{Rule, Shape},
};

/// How far around a value its surroundings are looked at.
pub(in crate::engine) const AROUND: usize = 160;

/// How far behind a hash its salt is looked for.
const SALT_REACH: usize = 96;

/// What a line with an example has.
static EXAMPLE_WORDS: AnyOf = AnyOf::new(&["xample", "e.g.", "ummy", "ample:", "fake", "not a secret"]);
/// What the address of a picture has that tells how a build went.
static BADGE_WORDS: AnyOf = AnyOf::new(&["badge", "shields.io", ".svg?"]);
/// What stands near a password.
static LOGIN_WORDS: AnyOf = AnyOf::new(&["user", "User", "USER", "login", "host", "HOST", "mail", "uid"]);

/// What a value is judged by.
pub(in crate::engine) struct Subject<'a> {
    pub(in crate::engine) rule: &'a Rule,
    pub(in crate::engine) placeholders: &'a Placeholders,
    pub(in crate::engine) bytes: &'a [u8],
    pub(in crate::engine) found: &'a Match,
}

impl Subject<'_> {
    /// All features but those of the path. Linear in the value's length.
    pub(in crate::engine) fn features(&self) -> Features {
        self.features_from(self.begun(name::traits_of(self.name())), Need::All)
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.bytes[self.found.name()]
    }

    /// What is known before anybody looks at how the value is spelled.
    pub(super) fn begun(&self, name: NameTraits) -> Begun {
        let secret = &self.bytes[self.found.secret()];
        let mut features = Features::default();
        let (is_password, signs) = self.add_name(name, &mut features);
        self.syntax(&mut features);
        features.add_if(self.is_sentence(secret, name), Feature::Code);
        let is_said = self.is_said();
        let is_word = value::is_plain_word(secret);
        features.add_if(is_said && is_word, Feature::SyntaxSaidWord);
        features.add(match secret.len() {
            0..6 => Feature::LengthUnder6,
            6..8 => Feature::LengthUnder8,
            8..16 => Feature::LengthUnder16,
            16..=128 => Feature::LengthLong,
            _ => Feature::LengthVeryLong,
        });
        let (password, key) = if is_word { BEST_WORD } else { BEST };
        let of_name = if signs { Features::most_of(&[Feature::NameSigning]) } else { 0 };
        let most = of_name + SPELLING_MOST + SURROUNDINGS_MOST + self.sample_most();
        Begun { features, best: if is_password { password } else { key }, is_password, signs, is_said, most }
    }

    /// Is it a text in quotes that could be a password of several words, and is none by its name or its words?
    fn is_sentence(&self, secret: &[u8], name: NameTraits) -> bool {
        let is_text = self.found.is_quoted && self.found.syntax != Syntax::Pattern && secret.contains(&b' ');
        let is_password = name.class == Some(NameClass::Password) && !name.is_other && !name.is_verb;
        is_text && !(is_password && value::traits_of(secret).coverage < 0.5)
    }

    /// The features that are needed, of a value that isn't settled by those that are known already.
    pub(super) fn features_from(&self, begun: Begun, need: Need) -> Features {
        let Begun { mut features, is_password, signs, is_said, .. } = begun;
        let secret = &self.bytes[self.found.secret()];
        let traits = value::traits_of(secret);
        let is_made_up =
            !matches!(traits.kind, ValueKind::Random | ValueKind::Hex | ValueKind::Uuid | ValueKind::Number);
        features.add_if(signs && is_made_up, Feature::NameSigning);
        features.add_if(is_said && self.is_unlikely(traits.kind), Feature::SyntaxSaidWord);
        features.add(if is_password { password_kind(traits.kind) } else { key_kind(traits.kind) });
        spelling(secret, &traits, &mut features);
        self.no_value(secret, &traits, &mut features);
        // Of several only what looks random: lists of words and of names are as long.
        let is_several = self.found.syntax == Syntax::Item;
        let is_one_of_keys = features.has(Feature::NamePlural) && !features.has(Feature::NameKey);
        let is_listed = is_several && !(traits.kind == ValueKind::Random && is_one_of_keys && !self.is_of_other_key());
        features.add_if(is_listed || names_something(secret, features), Feature::Code);
        // What is code, a reference or a word is settled here.
        if need.is_settled(features, SURROUNDINGS_MOST + self.sample_most()) {
            return features;
        }
        self.surroundings(is_password && need.wants(Feature::ContextLogin), traits.kind, &mut features);
        if !need.is_settled(features, self.sample_most()) {
            self.sample(secret, &traits, &mut features);
        }
        features
    }

    /// The points that a look at the value's words, and at what stands near it, can add.
    fn sample_most(&self) -> i32 {
        let of = |is_possible: bool, feature: Feature| if is_possible { Features::most_of(&[feature]) } else { 0 };
        let len = self.found.secret().len();
        SAMPLE_MOST
            + of(may_be_encoded(len), Feature::UserPassword)
            + of(!self.rule.companions.is_empty(), Feature::ContextPart)
    }

    /// Adds what the name says; is it one of passwords, and one of what signs?
    fn add_name(&self, traits: NameTraits, features: &mut Features) -> (bool, bool) {
        let name = self.name();
        let is_given = !(self.rule.generic && self.rule.shape == Shape::Assignment);
        if is_given {
            features.add(Feature::NameGiven);
            features.add_if(self.rule.shape == Shape::Assignment && traits.is_other, Feature::NameOther);
            return (self.rule.meta.kind == CredentialKind::Password, false);
        }
        let class = match traits.class.unwrap_or(NameClass::Key) {
            NameClass::Key if self.is_option() => NameClass::Password,
            NameClass::Key if self.is_qualified_by_a_word() || self.is_in_query() => NameClass::QualifiedKey,
            class => class,
        };
        // "stored below the key: …".
        let is_said_of = class == NameClass::Key && (self.follows_a_word() || self.is_key_of_a_pair(name));
        features.add(match class {
            NameClass::Password => Feature::NamePassword,
            NameClass::Secret => Feature::NameSecret,
            NameClass::Token => Feature::NameToken,
            NameClass::QualifiedKey => Feature::NameQualifiedKey,
            NameClass::Key => Feature::NameKey,
            NameClass::Auth => Feature::NameAuth,
        });
        // "all checks pass: `lint`", but "user: ann pass: …" and `const pass = "…"`.
        let is_apart = self.found.secret().start > self.found.name().end + 1;
        let is_verb = || {
            name.eq_ignore_ascii_case(b"pass")
                && self.follows_a_word()
                && !self.follows_a_login()
                && !self.is_assigned_text()
        };
        let is_said_of = is_said_of || is_apart && is_verb();
        let is_other = traits.is_other && !self.is_option();
        features.add_if(is_other || traits.class.is_none() || is_said_of, Feature::NameOther);
        features.add_if(traits.is_verb, Feature::NameVerb);
        features.add_if(traits.is_plural, Feature::NamePlural);
        features.add_if(traits.has_owner, Feature::NameOwner);
        (class == NameClass::Password, traits.signs && !traits.is_verb)
    }

    /// Is the name a word of a sentence?
    fn follows_a_word(&self) -> bool {
        let before = &self.bytes[..self.found.name().start];
        matches!(before, [.., last, b' '] if last.is_ascii_lowercase())
    }

    /// Is a user named on the line before the name?
    fn follows_a_login(&self) -> bool {
        let start = self.found.name().start;
        let before = &self.bytes[start.saturating_sub(48)..start];
        let line = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        LOGIN_WORDS.is_in(line)
    }

    /// `const pass = "…"`, `char pass[] = "…"`: not words of a sentence.
    fn is_assigned_text(&self) -> bool {
        let (name, secret) = (self.found.name(), self.found.secret());
        let is_after = self.found.syntax == Syntax::Assign && self.found.is_quoted && name.end < secret.start;
        is_after && self.bytes[name.end..secret.start].contains(&b'=')
    }

    /// `option key '…'`: a Wi-Fi password, as OpenWrt writes it.
    fn is_option(&self) -> bool {
        self.bytes[self.found.name()].starts_with(b"option ")
    }

    /// `https://maps.example/js?v=2&key=…`: what an address is asked with.
    fn is_in_query(&self) -> bool {
        self.bytes[..self.found.name().start].ends_with(b"&") || self.bytes[..self.found.name().start].ends_with(b"?")
    }

    /// "API key", "pre-shared key": the word before it stands apart.
    fn is_qualified_by_a_word(&self) -> bool {
        let before = &self.bytes[self.found.name().start.saturating_sub(12)..self.found.name().start];
        // "chiave API: …".
        let after = &self.bytes[self.found.name().end..];
        if after.get(..4).is_some_and(|after| after.eq_ignore_ascii_case(b" api")) {
            return true;
        }
        let words = [
            "api ",
            "access ",
            "secret ",
            "private ",
            "shared ",
            "auth ",
            "encryption ",
            "signing ",
            "master ",
            "license ",
            "account ",
            "storage ",
            "session ",
            "deploy ",
            "service ",
        ];
        words.iter().any(|word| {
            before.len() >= word.len() && before[before.len() - word.len()..].eq_ignore_ascii_case(word.as_bytes())
        })
    }

    fn syntax(&self, features: &mut Features) {
        if self.found.syntax == Syntax::Pattern {
            return;
        }
        features.add(match self.found {
            found if found.is_quoted => Feature::SyntaxQuoted,
            found if found.ending == Ending::Text => Feature::SyntaxText,
            found if found.ending == Ending::Line => Feature::SyntaxLine,
            _ => Feature::SyntaxInline,
        });
        features.add_if(self.is_statement(), Feature::SyntaxStatement);
        let special = match self.found.syntax {
            Syntax::Assign | Syntax::Item | Syntax::Pattern => return,
            Syntax::Argument => Feature::SyntaxArgument,
            Syntax::Call => Feature::SyntaxCall,
            Syntax::Compare => Feature::SyntaxCompare,
            Syntax::Tag => Feature::SyntaxTag,
            Syntax::Flag => Feature::SyntaxFlag,
            Syntax::Apart | Syntax::Cell => Feature::SyntaxApart,
            Syntax::Prose => Feature::SyntaxProse,
            Syntax::Blank => Feature::SyntaxBlank,
            Syntax::Default => Feature::SyntaxDefault,
        };
        features.add(special);
    }

    /// Does it stand where a sentence or a blank names a value?
    fn is_said(&self) -> bool {
        let after_blank = self.bytes[..self.found.secret().start].ends_with(b" ") && self.found.syntax != Syntax::Flag;
        let is_inline = after_blank && self.found.ending == Ending::Inline;
        self.found.syntax != Syntax::Pattern
            && !self.found.is_quoted
            && (matches!(self.found.syntax, Syntax::Prose | Syntax::Blank) || is_inline)
    }

    /// Where it is said: is it more likely another word than a value?
    fn is_unlikely(&self, kind: ValueKind) -> bool {
        let secret = &self.bytes[self.found.secret()];
        let is_words = matches!(kind, ValueKind::Word | ValueKind::OddWord | ValueKind::Words);
        // `DeviceCredentials credentials2`, `wifi_password eb6b`: a type and a name, a name and the number of its character.
        let is_named = || {
            let ends = ["credentials", "credential", "password", "secret", "token", "key"];
            let end = |word: &&str| secret.len().checked_sub(word.len()).map(|at| &secret[at..]);
            is_identifier(secret)
                && ends.iter().any(|w| end(w).is_some_and(|end| end.eq_ignore_ascii_case(w.as_bytes())))
        };
        let repeats = || !self.found.name().is_empty() && secret.starts_with(self.name());
        is_words || secret.len() < 6 || is_named() || repeats()
    }

    /// `password = other;`: in most languages a name stands there.
    fn is_statement(&self) -> bool {
        let at = self.found.secret();
        self.found.syntax == Syntax::Assign
            && !self.found.is_quoted
            && self.bytes.get(at.end) == Some(&b';')
            && self.bytes[..at.start].ends_with(b" = ")
            && is_identifier(&self.bytes[at])
    }

    /// `secrets = {client_id: "…"}`: does the key of one of several say that it is none of them?
    fn is_of_other_key(&self) -> bool {
        let before = &self.bytes[self.found.name().end..self.found.secret().start];
        let ends = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let end = before.iter().rposition(ends).map_or(0, |at| at + 1);
        let len = before[..end].iter().rev().take_while(|byte| ends(byte)).count();
        name::ends_otherwise(&before[end - len..end])
    }

    /// Where it stands, for what its signs mean.
    fn place(&self, kind: ValueKind, features: Features) -> Place {
        let is_password = features.has(Feature::NamePassword) || features.has(Feature::NameGiven);
        let is_made_up = is_password || kind == ValueKind::Random && !features.has(Feature::NameKey);
        match self.found {
            found if found.syntax == Syntax::Pattern => Place::Quoted,
            found if found.is_quoted && is_made_up => Place::Password,
            found if found.is_quoted => Place::Quoted,
            found if self.bytes[found.secret()].contains(&b'$') && Setting::of(found, self.bytes).is_some() => {
                Place::Setting
            }
            _ => Place::Bare,
        }
    }

    fn no_value(&self, secret: &[u8], traits: &ValueTraits, features: &mut Features) {
        let place = self.place(traits.kind, *features);
        if let Some(why) = no_value::no_value(secret, place, traits.kind) {
            let of_value = match why {
                NoValue::Reference => Some(Feature::Reference),
                // Whether it is a setting its path says.
                NoValue::Signs if Setting::of(self.found, self.bytes).is_some() => None,
                NoValue::Code | NoValue::Signs => Some(Feature::Code),
                NoValue::Sealed => Some(Feature::Sealed),
            };
            of_value.into_iter().for_each(|feature| features.add(feature));
        }
        features.add_if(self.is_in_longer_token() || self.is_anchor(), Feature::Cut);
        features.add_if(self.is_compared_word(traits.kind) || self.is_number(traits.kind), Feature::Code);
        let is_settled = features.has(Feature::Reference) || features.has(Feature::Sealed);
        features.add_if(!is_settled && self.is_key_id(secret), Feature::Reference);
        features.add_if(
            !is_settled && (self.is_salted(secret) || self.is_checksum() || self.is_signed_address()),
            Feature::Sealed,
        );
        let is_digest = traits.kind == ValueKind::Hex && [32, 40, 64, 128].contains(&secret.len());
        features.add_if(is_digest, Feature::Digest);
        let is_key = features.has(Feature::NameKey);
        let is_id = traits.kind == ValueKind::Hex
            && (secret.len() == 16 || secret.len() == 40 && !secret.iter().any(u8::is_ascii_lowercase));
        // `key: "6f96…"` in lists of a page's parts.
        let is_bare = || self.bytes[self.found.name()].eq_ignore_ascii_case(b"key");
        let is_id = is_id || traits.kind == ValueKind::Uuid && is_bare();
        features.add_if(is_key && (is_digest || is_id), Feature::KeyDigest);
    }

    /// `{key: "name", value: …}`: what is called key is a name.
    fn is_key_of_a_pair(&self, name: &[u8]) -> bool {
        let after = &self.bytes[(self.found.secret().end + usize::from(self.found.is_quoted)).min(self.bytes.len())..];
        let after = &after[..after.len().min(12)];
        let next = after.strip_prefix(b",").map(<[u8]>::trim_ascii_start).unwrap_or_default();
        let next = next.strip_prefix(b"\"").unwrap_or(next);
        name.eq_ignore_ascii_case(b"key") && self.found.is_quoted && next.starts_with(b"value")
    }

    /// Is the name part of a URN, an ARN or the user of a URL (`urn:k8s:secret:name`, `//user:secretKey@host`)?
    fn is_in_longer_token(&self) -> bool {
        if self.found.syntax == Syntax::Pattern {
            return false;
        }
        let start = self.found.name().start;
        let before = &self.bytes[start.saturating_sub(32)..start];
        let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || b":/-_.@".contains(byte);
        let len = before.iter().rev().take_while(is_token).count();
        let token = &before[before.len() - len..];
        let separators = token.iter().filter(|byte| b":/".contains(byte)).count();
        // `Smtp:Password` is a name; `//registry/:_authToken=` is npm's way of naming.
        let is_cut = before.ends_with(b":") && !before.ends_with(b"/:") && !before.ends_with(b"::");
        len > 1 && separators > 1 && is_cut
    }

    /// `- &api_key name`, `-p $API_KEY name`: YAML's mark for what stands there, a variable and what comes next.
    fn is_anchor(&self) -> bool {
        let before = &self.bytes[..self.found.name().start];
        let is_mark = self.found.syntax == Syntax::Blank && before.ends_with(b"&");
        let is_said = matches!(self.found.syntax, Syntax::Blank | Syntax::Prose) && !self.found.is_quoted;
        is_mark || is_said && before.ends_with(b" $") && !before.ends_with(b"set $")
    }

    /// `"lock-password": 985077`: a number of JSON, which writes passwords as texts.
    fn is_number(&self, kind: ValueKind) -> bool {
        let is_member = self.bytes[self.found.name().end..].starts_with(b"\":");
        kind == ValueKind::Number && is_member && !self.found.is_quoted
    }

    /// `$pass = word`: where variables have a dollar on both sides of an assignment, texts have quotes.
    fn is_compared_word(&self, kind: ValueKind) -> bool {
        let is_word = matches!(kind, ValueKind::Word | ValueKind::OddWord | ValueKind::Words);
        let has_dollar = self.bytes[..self.found.name().start].ends_with(b"$");
        is_word && has_dollar && !self.found.is_quoted && self.found.syntax == Syntax::Assign
    }

    /// `signingkey = C911513FAF63267A`: which of the keys of OpenPGP git is to sign with.
    fn is_key_id(&self, secret: &[u8]) -> bool {
        let digits = secret.strip_prefix(b"0x").unwrap_or(secret);
        self.bytes[self.found.name()].eq_ignore_ascii_case(b"signingkey")
            && matches!(digits.len(), 8 | 16 | 40)
            && digits.iter().all(u8::is_ascii_hexdigit)
    }

    /// Is it the hash of a password, whose salt stands behind it?
    fn is_salted(&self, secret: &[u8]) -> bool {
        let is_hash = matches!(secret.len(), 32 | 40 | 64 | 128) && secret.iter().all(u8::is_ascii_hexdigit);
        let end = self.found.secret().end;
        let after = &self.bytes[end..(end + SALT_REACH).min(self.bytes.len())];
        let line = memchr::memchr(b'\n', after).map_or(after, |at| &after[..at]);
        is_hash && line.windows(4).any(|word| word.eq_ignore_ascii_case(b"salt"))
    }

    /// `checksum/secret: 9f86…`: Helm's way to see that a secret has changed.
    fn is_checksum(&self) -> bool {
        self.bytes[..self.found.name().start].ends_with(b"checksum/")
    }

    /// `?e=1576142006&token=…`: an address that is signed until a time.
    fn is_signed_address(&self) -> bool {
        let start = self.found.name().start;
        let before = &self.bytes[start.saturating_sub(16)..start];
        let query = before.strip_suffix(b"&").unwrap_or_default();
        let digits = query.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let expiry = &query[..query.len() - digits];
        digits == 10 && (expiry.ends_with(b"?e=") || expiry.ends_with(b"&e="))
    }

    fn sample(&self, secret: &[u8], traits: &ValueTraits, features: &mut Features) {
        let is_random = matches!(traits.kind, ValueKind::Random | ValueKind::Hex | ValueKind::Uuid);
        let least = if is_random { 7 } else { 0 };
        let secret = random_end(secret).unwrap_or(secret);
        let is_sample = |secret: &[u8]| self.placeholders.find_longer(secret, &self.rule.pattern, least).is_some();
        let decoded = decoded_text(secret);
        let decoded = decoded.as_deref();
        features.add_if(decoded.is_some_and(is_user_and_password), Feature::UserPassword);
        features.add_if(decoded.is_some_and(sealed::has_hash), Feature::Sealed);
        // Of a user's name and password the latter counts.
        let decoded = decoded.map(|text| memchr::memchr(b':', text).map_or(text, |at| &text[at + 1..]));
        let is_common = |secret: &[u8]| placeholder_words::is_common(secret);
        let user = self.found.id.map(|(start, end)| &self.bytes[start as usize..end as usize]).unwrap_or_default();
        let names_itself = |secret: &[u8]| {
            let name = &self.bytes[self.found.name()];
            placeholder_words::names_itself(secret, name) || placeholder_words::names_itself(secret, user)
        };
        let is_password = features.has(Feature::NamePassword) || features.has(Feature::NameGiven);
        let (sample, itself) = (is_sample(secret), names_itself(secret));
        let common = !is_random && is_common(secret);
        if is_password {
            // `Password2024!` is what people really use, `password123` what they write in samples.
            if (sample || itself) && placeholder_words::has_own_number(secret) {
                return features.add(Feature::PlaceholderStem);
            }
            // `123456` is set as often as it is written in samples.
            if traits.kind == ValueKind::Number && (6..8).contains(&secret.len()) {
                return;
            }
            let is_weak = sample || common || itself;
            if is_weak && placeholder_words::is_set_by_people(secret) && self.placeholders.is_only_weak(secret) {
                return features.add(Feature::PasswordWeak);
            }
        }
        // `hello:world` is no better for being in base64.
        let is_weak = |text: &[u8]| names_itself(text) || is_common(text) && text.iter().all(u8::is_ascii_lowercase);
        let is_made_up = |text: &[u8]| is_sample(text) || is_weak(text);
        features.add_if(sample || decoded.is_some_and(is_made_up), Feature::Placeholder);
        features.add_if(common || decoded.is_some_and(is_common), Feature::PlaceholderWeak);
        features.add_if(itself, Feature::SameAsName);
    }

    fn surroundings(&self, is_password: bool, kind: ValueKind, features: &mut Features) {
        let at = self.found.secret();
        let start = if self.found.syntax == Syntax::Pattern { at.start } else { self.found.name().start.min(at.start) };
        let before = &self.bytes[start.saturating_sub(AROUND)..start];
        let after = &self.bytes[at.end..(at.end + AROUND).min(self.bytes.len())];
        let line_before = memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]);
        let line_after = memchr::memchr(b'\n', after).map_or(after, |newline| &after[..newline]);
        features.add_if(begins_comment(line_before), Feature::ContextComment);
        let is_example = EXAMPLE_WORDS.is_in(line_before) || EXAMPLE_WORDS.is_in(line_after);
        features.add_if(is_example, Feature::ContextExample);
        // Such addresses are made to be shown.
        features.add_if(BADGE_WORDS.is_in(line_before), Feature::ContextBadge);
        if matches!(kind, ValueKind::Word | ValueKind::OddWord) {
            let secret = &self.bytes[at];
            let secret = secret.strip_suffix(b".").unwrap_or(secret);
            // `user: kuma`, `password: kumapass`.
            let stem = placeholder_words::stem(secret);
            let is_near = |word: &[u8]| is_repeated(word, before) || is_repeated(word, after);
            features.add_if(is_near(secret) || stem.is_some_and(is_near), Feature::ContextRepeated);
        }
        if is_password {
            features.add_if(LOGIN_WORDS.is_in(before) || LOGIN_WORDS.is_in(after), Feature::ContextLogin);
        }
    }
}

/// `kube-prom-stack-tls-2`, `USDC-ERC20`, `Geheimnis`: what something is called, where a name of machines' secrets stands.
fn names_something(secret: &[u8], features: Features) -> bool {
    let parts = || secret.split(|byte| *byte == b'-');
    let (count, last) = (parts().count(), parts().next_back().unwrap_or_default());
    let is_word = |part: &[u8]| (2..=12).contains(&part.len()) && part.iter().all(u8::is_ascii_lowercase);
    let is_number = (1..=3).contains(&last.len()) && last.iter().all(u8::is_ascii_digit);
    let is_resource = || count >= 4 && is_number && parts().take(count - 1).all(is_word);
    let is_symbol = |part: &[u8]| {
        let letters = part.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        (2..=6).contains(&letters) && part.len() - letters <= 2 && part[letters..].iter().all(u8::is_ascii_digit)
    };
    let is_made_up = features.has(Feature::NamePassword) || features.has(Feature::NameGiven);
    // A label in some language.
    let is_bare = features.has(Feature::NameSecret) && !features.has(Feature::NameOwner);
    let is_label = || {
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || *byte >= 0x80;
        is_bare && secret[0].is_ascii_uppercase() && secret[1..].iter().all(is_letter)
    };
    let is_signing = features.has(Feature::NameSigning);
    !is_made_up && (is_resource() || count == 2 && parts().all(is_symbol) || !is_signing && is_label())
}

fn begins_comment(line: &[u8]) -> bool {
    let comments: [&[u8]; 6] = [b"#", b"//", b"*", b"--", b";", b"<!--"];
    let line = line.trim_ascii_start();
    comments.iter().any(|comment| line.starts_with(comment))
}

/// Does a comment begin the line?
pub(super) fn is_in_comment(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[at.saturating_sub(AROUND)..at];
    begins_comment(memchr::memrchr(b'\n', before).map_or(before, |newline| &before[newline + 1..]))
}

/// Could it be the name of a variable?
pub(super) fn is_identifier(value: &[u8]) -> bool {
    value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn spelling(secret: &[u8], traits: &ValueTraits, features: &mut Features) {
    features.add_if(traits.randomness >= 0.92, Feature::EntropyHigh);
    features.add_if(traits.randomness < 0.75, Feature::EntropyLow);
    features.add_if(traits.rarity >= 6.0, Feature::SpellingRare);
    features.add_if(traits.rarity < 4.2, Feature::SpellingCommon);
    features.add_if(traits.coverage >= 0.7, Feature::WordsMost);
    features.add_if(secret.iter().any(|byte| b"!@#$%^&*+~?".contains(byte)), Feature::Marks);
}

/// Does the word stand there too: `user: keycloak`, `password: keycloak`?
fn is_repeated(word: &[u8], text: &[u8]) -> bool {
    let is_letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    memchr::memmem::find_iter(text, word).any(|at| !is_letter(at.checked_sub(1)) && !is_letter(Some(at + word.len())))
}

/// `user:password`, as Basic authorization and Docker's configuration have it.
fn is_user_and_password(text: &[u8]) -> bool {
    memchr::memchr(b':', text)
        .is_some_and(|at| at > 0 && text.len() - at > 4 && !text.contains(&b' ') && !text.contains(&b'/'))
}

/// `AcmeSecretKey7f3d905ab2c618e4f0d7a93b`: what stands behind the words, if that is long and looks random.
fn random_end(secret: &[u8]) -> Option<&[u8]> {
    let is_digit = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    let len = secret.iter().rev().take_while(is_digit).count();
    let end = &secret[secret.len() - len..];
    let letters = end.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let is_mixed = letters >= 4 && len - letters >= 4;
    (len < secret.len() && len >= 24 && is_mixed && randomness(end) >= 0.9).then_some(end)
}

/// Has text in base64 that is worth a look this length?
fn may_be_encoded(len: usize) -> bool {
    (8..=256).contains(&len) && len.is_multiple_of(4)
}

/// The text that base64 stands for, if it does: `cGFzc3dvcmQ=` is no better than `password`.
fn decoded_text(secret: &[u8]) -> Option<Vec<u8>> {
    if !may_be_encoded(secret.len()) || Alphabet::of(secret) > Alphabet::Base64 {
        return None;
    }
    let decoded = data_encoding::BASE64.decode(secret).ok()?;
    let decoded = decoded.strip_suffix(b"\n").map(<[u8]>::to_vec).unwrap_or(decoded);
    decoded.iter().all(|byte| (b' '..=b'~').contains(byte)).then_some(decoded)
}
