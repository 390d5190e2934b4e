//! Targets that the public interface of unleak is enough for. The others are in `unleak::source::git::fuzz`. The
//! integration tests use this file as well.

use unleak::{decode::Utf16, rule::parse_file};

/// Text in UTF-16: every place in it must lead back to its bytes.
pub fn utf16(data: &[u8]) {
    for encoding in [Utf16::LittleEndian, Utf16::BigEndian] {
        let (text, map) = encoding.decode(data, 2);
        let text = std::str::from_utf8(&text).expect("decoded text is UTF-8");
        let mut stored = 2;
        for (at, character) in text.char_indices() {
            assert_eq!((map.to_stored(at), map.to_text(stored)), (stored, at));
            stored += 2 * character.len_utf16() as u64;
        }
        assert_eq!(stored, 2 + data.len() as u64 / 2 * 2);
    }
    let _ = Utf16::detect(data);
}

/// A rule file: rules or mistakes, whose spans lie in it.
pub fn rules(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_file(text) {
        Ok(rules) => assert!(rules.iter().all(|rule| rule.rule.min_len <= rule.rule.max_span)),
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.iter().all(|mistake| text.get(mistake.span.clone()).is_some()));
        }
    }
}
