//! Lines of settings: a name, a sign, and the rest of the line is the value, whatever it looks like.

use crate::engine::{
    assignment::{Ending, Syntax},
    confirm::Match,
};

/// A line that is nothing but a setting, by the files that it can be one in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::engine) enum Setting {
    /// `name: value`, `- NAME=value`: in YAML, too.
    Any,
    /// `name=value`: YAML has such lines in scripts alone.
    Flat,
}

impl Setting {
    /// The setting that an unquoted value is, if its name begins the line and it ends it.
    pub(super) fn of(found: &Match, bytes: &[u8]) -> Option<Setting> {
        let (name, secret) = (found.name(), found.secret());
        let is_line = found.syntax == Syntax::Assign && !found.is_quoted && found.ending == Ending::Line;
        if !is_line || name.is_empty() || secret.start < name.end || !ends_line(&bytes[secret.end..]) {
            return None;
        }
        let is_colon = match bytes[name.end..secret.start].trim_ascii() {
            b":" => true,
            b"=" => false,
            _ => return None,
        };
        let before = &bytes[name.start.saturating_sub(MAX_INDENT)..name.start];
        let lead = match memchr::memrchr(b'\n', before) {
            Some(newline) => &before[newline + 1..],
            None if name.start < MAX_INDENT => before,
            None => return None,
        };
        // YAML's own mark: `*anchor`.
        let is_plain = bytes[secret.start] != b'*';
        match lead.trim_ascii() {
            b"-" if is_plain => Some(Setting::Any),
            b"" | b"#" if is_colon && is_plain => Some(Setting::Any),
            b"" | b"#" | b"export" | b"Environment=" => Some(Setting::Flat),
            _ => None,
        }
    }
}

/// How far from its beginning a setting's line may be indented.
const MAX_INDENT: usize = 48;

/// Nothing follows, or a comment behind a blank.
fn ends_line(rest: &[u8]) -> bool {
    let blanks = rest.iter().take(16).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match rest.get(blanks) {
        None | Some(b'\n' | b'\r') => true,
        Some(b'#') => blanks > 0,
        Some(_) => false,
    }
}
