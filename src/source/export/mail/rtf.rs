//! Rich text as Outlook packs it, and what people saw of it.
//!
//! Format: MS-OXRTFCP, MS-OXRTFEX (read 2026-11).

/// What the window of the packing holds at the beginning.
const START: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Bytes of the window.
const WINDOW: usize = 4096;

/// Largest text that is unpacked.
const MAX_BYTES: usize = 64 << 20;

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 256;

/// The text that a packed one stands for; `None` if it is none. What is cut off gives what is there.
pub(super) fn decompressed(packed: &[u8]) -> Option<Vec<u8>> {
    let (head, packed) = packed.split_at_checked(16)?;
    match &head[8..12] {
        b"MELA" => return Some(packed.to_vec()),
        b"LZFu" => {}
        _ => return None,
    }
    let mut window = [0_u8; WINDOW];
    window[..START.len()].copy_from_slice(START);
    let mut at = START.len();
    let mut out = Vec::new();
    let mut bytes = packed.iter().copied();
    'all: while let Some(control) = bytes.next() {
        for bit in 0..8 {
            if out.len() > MAX_BYTES {
                break 'all;
            }
            let Some(byte) = bytes.next() else { break 'all };
            if control >> bit & 1 == 0 {
                window[at % WINDOW] = byte;
                out.push(byte);
                at += 1;
                continue;
            }
            let Some(low) = bytes.next() else { break 'all };
            let pair = usize::from(byte) << 8 | usize::from(low);
            let (from, length) = (pair >> 4, (pair & 15) + 2);
            if from == at % WINDOW {
                break 'all;
            }
            for step in 0..length {
                let byte = window[(from + step) % WINDOW];
                window[at % WINDOW] = byte;
                out.push(byte);
                at += 1;
            }
        }
    }
    Some(out)
}

/// A group that is open.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Is nothing in it seen?
    is_hidden: bool,
    /// Is it a part of the page from which the text was made?
    is_page: bool,
}

/// The text that people saw; `true` if it is HTML that was wrapped in rich text.
pub(super) fn flat(rtf: &[u8]) -> (String, bool) {
    let is_html = memchr::memmem::find(&rtf[..rtf.len().min(1024)], b"\\fromhtml").is_some();
    let mut out = String::new();
    let mut groups = vec![Group::default()];
    // Of wrapped HTML, what is only there for readers of rich text.
    let mut is_for_rtf = false;
    let mut at = 0;
    while at < rtf.len() {
        let group = groups.last().copied().unwrap_or_default();
        let is_shown = !group.is_hidden && (!is_for_rtf || group.is_page);
        match rtf[at] {
            b'{' => {
                if groups.len() < MAX_DEPTH {
                    groups.push(group);
                }
                at += 1;
            }
            b'}' => {
                if groups.len() > 1 {
                    groups.pop();
                }
                at += 1;
            }
            b'\\' => {
                let (word, number, length) = control(&rtf[at..]);
                at += length;
                match word {
                    b"htmlrtf" => is_for_rtf = number != Some(0),
                    b"*" => set(&mut groups, |group| group.is_hidden = true),
                    b"htmltag" => set(&mut groups, |group| *group = Group { is_hidden: false, is_page: true }),
                    b"fonttbl" | b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"listtable" => {
                        set(&mut groups, |group| group.is_hidden = true);
                    }
                    // Addresses of links.
                    b"fldinst" => set(&mut groups, |group| group.is_hidden = false),
                    _ if is_shown => push(word, number, &mut out),
                    _ => {}
                }
                // What stands in place of a character for those who can't show it.
                if word == b"u" && rtf.get(at) == Some(&b'?') {
                    at += 1;
                }
            }
            b'\r' | b'\n' => at += 1,
            _ => {
                let length = rtf[at..].iter().position(|byte| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n'));
                let end = length.map_or(rtf.len(), |length| at + length.max(1));
                if is_shown {
                    out.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(&rtf[at..end]).0);
                }
                at = end;
            }
        }
    }
    (out, is_html)
}

fn set(groups: &mut [Group], change: impl FnOnce(&mut Group)) {
    if let Some(group) = groups.last_mut() {
        change(group);
    }
}

/// Word, number and length of the control at hand.
fn control(rtf: &[u8]) -> (&[u8], Option<i32>, usize) {
    let letters = rtf[1..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    if letters == 0 {
        return match rtf.get(1) {
            Some(b'\'') => {
                let digits = rtf.get(2..4).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| i32::from_str_radix(digits, 16).ok());
                (b"'", byte, if byte.is_some() { 4 } else { 2 })
            }
            Some(_) => (&rtf[1..2], None, 2),
            None => (b"", None, 1),
        };
    }
    let behind = &rtf[1 + letters..];
    let sign = usize::from(behind.first() == Some(&b'-'));
    let digits = behind[sign..].iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    let digits = if digits > 0 { sign + digits } else { 0 };
    let number = std::str::from_utf8(&behind[..digits]).ok().and_then(|digits| digits.parse().ok());
    let space = usize::from(behind.get(digits) == Some(&b' '));
    (&rtf[1..=letters], number, 1 + letters + digits + space)
}

fn push(word: &[u8], number: Option<i32>, out: &mut String) {
    match (word, number) {
        (b"par" | b"line" | b"row" | b"\n" | b"\r", _) => out.push('\n'),
        (b"tab" | b"cell", _) => out.push('\t'),
        (b"{" | b"}" | b"\\", _) => out.push(char::from(word[0])),
        (b"~", _) => out.push(' '),
        (b"_", _) => out.push('-'),
        (b"'", Some(byte)) => {
            let bytes = [byte as u8];
            out.push_str(&encoding_rs::WINDOWS_1252.decode_without_bom_handling(&bytes).0);
        }
        (b"u", Some(code)) => {
            // Numbers beyond 32,767 are written as negative ones.
            let code = if code < 0 { code + 65_536 } else { code };
            out.extend(u32::try_from(code).ok().and_then(char::from_u32));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{decompressed, flat};

    #[test]
    fn packed_text() {
        // The example of MS-OXRTFCP: what is repeated is taken from the window.
        let packed = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72,
            0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62,
            0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let text = decompressed(&packed).unwrap();
        assert_eq!(text, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(flat(&text), ("hello world".to_owned(), false));
    }

    #[test]
    fn wrapped_pages() {
        let rtf = br"{\rtf1\ansi\fromhtml1 {\fonttbl x;}{\*\htmltag64 <p>}\htmlrtf {\b \htmlrtf0 key\'3dab\u233?\htmlrtf }\htmlrtf0{\*\htmltag <br>}c}";
        assert_eq!(flat(rtf), ("<p>key=abé<br>c".to_owned(), true));
    }

    proptest! {
        #[test]
        fn survives_anything(bytes in vec(prop_oneof![any::<u8>(), Just(b'{'), Just(b'}'), Just(b'\\'), Just(b'u'), Just(b'\'')], 0..100)) {
            flat(&bytes);
            let mut packed = b"\0\0\0\0\0\0\0\0LZFu\0\0\0\0".to_vec();
            packed.extend(&bytes);
            decompressed(&packed);
        }
    }
}
