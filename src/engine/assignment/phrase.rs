//! Passwords of several words, told from sentences by what they are made of.

/// Could it be a password of several words: a few with a number and a mark, groups with digits in them, or the four groups of
/// four letters that Google makes? Looks at nothing but its signs and digits; what its words are is for others to say.
pub(in crate::engine) fn is_phrase(text: &[u8]) -> bool {
    if is_app_password(text) {
        return true;
    }
    let words = || text.split(|byte| *byte == b' ');
    let count = words().count();
    // What a command, a path or code has.
    let is_code = |byte: &u8| byte.is_ascii_control() || b"=<>{}[]()\"'`|/\\$;,".contains(byte);
    let is_word = |word: &[u8]| !word.is_empty() && word[0] != b'-';
    let is_stop = |word: &[u8]| matches!(word.last(), Some(b'.' | b':'));
    (2..=5).contains(&count)
        && (8..=48).contains(&text.len())
        && text[0] != b'#'
        && words().all(|word| is_word(word) && !is_stop(word))
        && !text.iter().any(is_code)
        && (words().any(is_mixed) || is_numbered(text))
}

/// Is it one whose last word has a digit? Behind that nothing else follows.
pub(super) fn ends_phrase(text: &[u8]) -> bool {
    let last = text.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    last.iter().any(u8::is_ascii_digit) && is_phrase(text)
}

/// Four groups of four small letters: a password that Google gives to an app.
pub(in crate::engine) fn is_app_password(text: &[u8]) -> bool {
    let is_part = |(at, byte): (usize, &u8)| if at % 5 == 4 { *byte == b' ' } else { byte.is_ascii_lowercase() };
    text.len() == 19 && text.iter().enumerate().all(is_part)
}

/// `Horse7`, `32Violet`, `x9Lm`: not `1st`, `v2` or `64bit`.
fn is_mixed(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let lower = word.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let upper = word.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let changes = word.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let is_name = upper > 0 && lower >= 3;
    digits > 0 && lower > 0 && word.len() >= 4 && (is_name || changes >= 2 && upper > 0)
}

/// `Wald weg 77!`, `Pfeil-Bogen 77`: a number comes last, and there is a mark in the words or behind it.
fn is_numbered(text: &[u8]) -> bool {
    let last = text.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let digits = last.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let marks = &last[digits..];
    let is_mark = |byte: &u8| b"!?#*+&%@~".contains(byte);
    let joins = |three: &[u8]| three[0].is_ascii_alphabetic() && three[2].is_ascii_alphabetic();
    let has_joint = text.windows(3).any(|three| joins(three) && (is_mark(&three[1]) || b"-:_.".contains(&three[1])));
    (2..=4).contains(&digits)
        && marks.len() <= 2
        && marks.iter().all(is_mark)
        && (!marks.is_empty() || has_joint)
        && text[0].is_ascii_alphabetic() | (text[0] >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::{ends_phrase, is_phrase};

    #[test]
    fn passwords_of_several_words_have_numbers_or_marks() {
        for text in [
            "wqkz ynfe hdta upom",
            "Wald weg 77!",
            "Hobel!bank 2019",
            "Pfeil-Bogen 77",
            "Eis:Vogel 90",
            "Kt7 x9Lm Qr2v",
            "Blau Horse7 Tram",
            "Meadow 32Violet",
        ] {
            assert!(is_phrase(text.as_bytes()), "{text}");
        }
        assert!(ends_phrase(b"Wald weg 77!") && !ends_phrase(b"Blau Horse7 Tram"));
        for text in [
            "Enter your password",
            "Wrong password: 3 attempts left!",
            "Name of my 1st pet",
            "At least 8 characters!",
            "Kapitel 12",
            "bcrypt-12 rounds",
            "a 64bit key",
            "run --user x77!",
            "psql -h db1",
            "Please wait...",
            "Kapitel 42",
            "12 Zeichen 14!",
        ] {
            assert!(!is_phrase(text.as_bytes()), "{text}");
        }
    }
}
