//! Dates, versions, ports and the like: values that say what they are.

use super::parts::AnyOf;

/// Is it one of those, however it is written?
pub(super) fn is_figure(value: &[u8]) -> bool {
    is_date(value)
        || is_version(value)
        || is_port(value)
        || is_locale(value)
        || is_octal(value)
        || is_bound(value)
        || is_escaped(value)
}

/// `315436u32`, `-1073741716i32`, `0xC000027A_u32`, `0x80UL`: a number in source code, with its type.
pub(super) fn is_number_of_a_type(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"-").unwrap_or(value);
    let (digits, is_digit): (_, fn(&u8) -> bool) = match value.strip_prefix(b"0x") {
        Some(hex) => (hex, |byte| byte.is_ascii_hexdigit() || *byte == b'_'),
        None => (value, |byte| byte.is_ascii_digit() || *byte == b'_'),
    };
    let len = digits.iter().take_while(|byte| is_digit(byte)).count();
    const TYPES: [&[u8]; 16] = [
        b"u8", b"u16", b"u32", b"u64", b"u128", b"usize", b"i8", b"i16", b"i32", b"i64", b"i128", b"isize", b"UL",
        b"ULL", b"U", b"L",
    ];
    len > 0 && TYPES.contains(&&digits[len..])
}

/// `2024-05-06`, alone or with a time.
fn is_date(value: &[u8]) -> bool {
    let is_at = |at: usize, byte: u8| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    value.len() >= 10
        && value[..10].iter().enumerate().all(|(at, byte)| is_at(at, *byte))
        && value.get(10).is_none_or(|byte| matches!(byte, b'T' | b' ' | b't'))
}

/// `v1.2.3`, `npm:^2.0.1`, `1:4.13+dfsg1-1`, `~> 1.4.0-rc1`: a version, of two dots at least or marked as one.
fn is_version(value: &[u8]) -> bool {
    let unnamed = value.strip_prefix(b"npm:").unwrap_or(value);
    let digits = unnamed.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // Debian's epoch.
    let epoch = matches!(digits, 1 | 2) && unnamed.get(digits) == Some(&b':');
    let unmarked = &unnamed[if epoch { digits + 1 } else { 0 }..];
    let marks = unmarked.iter().take_while(|byte| b"^~<>= v".contains(byte)).count();
    let number = &unmarked[marks..];
    let len = number.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let dots = number[..len].iter().filter(|byte| **byte == b'.').count();
    let is_number = number.first().is_some_and(u8::is_ascii_digit) && number[..len].last() != Some(&b'.');
    let is_tail = |byte: &u8| byte.is_ascii_alphanumeric() || b".+~-".contains(byte);
    let is_packaged = PACKAGED.is_in(&number[len..]);
    let is_marked = epoch || marks > 0 || unnamed.len() < value.len() || is_packaged;
    let ends = matches!(number.get(len), None | Some(b'-' | b'+' | b'~')) || epoch || is_packaged;
    is_number && ends && number[len..].iter().all(is_tail) && (dots >= 2 || dots == 1 && is_marked)
}

/// `464/tcp`: a port and its protocol.
fn is_port(value: &[u8]) -> bool {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=5).contains(&digits) && [&b"/tcp"[..], b"/udp", b"/sctp", b"/dccp"].contains(&&value[digits..])
}

/// `sr-Latn-RS`: a language, a script and a region.
fn is_locale(value: &[u8]) -> bool {
    let is = |part: &[u8], byte: fn(&u8) -> bool| part.iter().all(byte);
    let mut parts = value.split(|byte| *byte == b'-');
    let (language, script, region) = (parts.next(), parts.next(), parts.next());
    language.is_some_and(|part| matches!(part.len(), 2 | 3) && is(part, u8::is_ascii_lowercase))
        && script.is_some_and(|part| {
            part.len() == 4 && part[0].is_ascii_uppercase() && is(&part[1..], u8::is_ascii_lowercase)
        })
        && region.is_some_and(|part| part.len() == 2 && is(part, u8::is_ascii_uppercase))
        && parts.next().is_none()
}

/// `\323\006\334\020`: bytes of a packet, as C writes them.
fn is_octal(value: &[u8]) -> bool {
    let is_escape = |part: &&[u8]| part.len() >= 3 && part[..3].iter().all(|digit| (b'0'..=b'7').contains(digit));
    value.split(|byte| *byte == b'\\').skip(1).filter(is_escape).count() >= 3
}

/// `\xd1\x91`: a few characters of another alphabet.
fn is_escaped(value: &[u8]) -> bool {
    let is_escape = |part: &[u8]| matches!(part, [b'\\', b'x', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    value.len() <= 32 && value.chunks(4).all(is_escape)
}

/// `minlen=6`, `max:255`: what a form asks of a field.
fn is_bound(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    let number = value.get(name + 1..).unwrap_or_default();
    matches!(value.get(name), Some(b'=' | b':'))
        && ["min", "max", "len", "length", "size"]
            .iter()
            .any(|word| value[..name].windows(word.len()).any(|w| w.eq_ignore_ascii_case(word.as_bytes())))
        && (1..=4).contains(&number.len())
        && number.iter().all(u8::is_ascii_digit)
}

/// What versions of packages have.
static PACKAGED: AnyOf = AnyOf::new(&["ubuntu", "dfsg", "+deb", "~deb", "~bpo", ".el", ".fc"]);
