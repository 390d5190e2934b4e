//! Numbers and texts as people read them.

use std::{borrow::Cow, fmt, path::Path, time::Duration};

use super::group::Exposure;
use crate::model::{
    DisplayPath, GitCommit, GitPlace, ObjectId, ObjectKind, Part, PermalinkBasis, Reach, RecordAuthor, RecordContainer,
    RecordPlace, Revision,
};

/// A text that is safe to print on a terminal, whoever wrote it.
pub(super) fn printable(text: &str) -> impl fmt::Display + '_ {
    DisplayPath(Path::new(text))
}

/// `1 file`, `2 files`, `1,234 files`, `2 identities`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let is_vowel = |letter: char| "aeiou".contains(letter);
    match noun.strip_suffix('y') {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) if !stem.ends_with(is_vowel) => format!("{} {stem}ies", grouped(number)),
        _ => format!("{} {noun}s", grouped(number)),
    }
}

/// Digits in groups of three, separated by commas.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in decimal units, as disks and networks are measured: `999 bytes`, `1.2 kB`, `3.4 GB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return count(bytes, "byte");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would print as 1000.0 of the smaller unit.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time in seconds, to the millisecond.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// Megabytes (10⁶ bytes) per second, or nothing if no time was measured.
pub(super) fn throughput(bytes: u64, time: Duration) -> Option<String> {
    (!time.is_zero()).then(|| format!("{:.1} MB/s", bytes as f64 / 1e6 / time.as_secs_f64()))
}

/// Cuts a text to `columns` characters so that `focus`, if it is in there, stays in sight; `…` stands for what is gone.
/// 0 columns leave it whole.
pub(super) fn cut<'t>(text: &'t str, columns: usize, focus: &str) -> Cow<'t, str> {
    let length = text.chars().count();
    if columns == 0 || length <= columns {
        return Cow::Borrowed(text);
    }
    let focus_end = text.find(focus).map_or(0, |at| text[..at].chars().count() + focus.chars().count());
    // One column is kept for the mark at the end; the start moves only as far as it must.
    let dropped = focus_end.saturating_sub(columns - 1).min(length - columns);
    let marks = [dropped > 0, dropped + columns < length];
    let shown =
        text.chars().skip(dropped + usize::from(marks[0])).take(columns - marks.map(usize::from).iter().sum::<usize>());
    Cow::Owned(marks[0].then_some('…').into_iter().chain(shown).chain(marks[1].then_some('…')).collect())
}

/// Where in a file a secret stands, if not in its content.
pub(super) fn part(part: Part) -> Option<&'static str> {
    match part {
        Part::Content => None,
        Part::Name => Some("in the file's own name"),
        Part::LinkTarget => Some("in the target of this symbolic link"),
    }
}

/// What history says of an occurrence, in parts of a sentence: when it came, when it went, who can see it.
pub(super) fn history(place: &GitPlace) -> Vec<String> {
    let Some(history) = &place.history else { return Vec::new() };
    let mut parts = Vec::new();
    let noun = place.object_kind.as_str();
    parts.push(match (&history.first, place.object_kind) {
        (Some(first), ObjectKind::Commit | ObjectKind::Tag) => by("written", first),
        _ if history.introduced == Some(false) => "was there before this change".to_owned(),
        (Some(first), _) if history.or_earlier => {
            format!("already there in {}, where the history at hand begins", in_commit(first))
        }
        (Some(first), _) => format!("introduced in {}", in_commit(first)),
        (None, _) if history.in_index => "staged".to_owned(),
        (None, _) if history.introduced.is_some() && history.reach > Reach::Nothing => {
            "in no commit: a ref or a tag leads to it".to_owned()
        }
        (None, _) if history.introduced.is_some() => "in the work tree".to_owned(),
        (None, _) => format!("{noun} {} in no commit", short(&place.object)),
    });
    match (&history.last, place.object_kind) {
        (_, ObjectKind::Commit) if history.at_head => parts.push("reachable from HEAD".to_owned()),
        (_, ObjectKind::Commit | ObjectKind::Tag) => {}
        _ if history.introduced.is_some() => {}
        _ if history.at_head => parts.push(format!("still at HEAD, {}", count(history.commits, "commit"))),
        (Some(last), _) => parts.push(format!("last in {}, {}", in_commit(last), count(history.commits, "commit"))),
        (None, _) => {}
    }
    match (history.refs.first(), history.refs_total) {
        (Some(only), 1) => parts.push(format!("in {only}")),
        (Some(one), more) => parts.push(format!("in {one} and {}", count(more - 1, "other ref"))),
        (None, _) if history.reach == Reach::Nothing && history.introduced.is_none() => {
            parts.push("unreachable from any ref".to_owned())
        }
        (None, _) if history.reach == Reach::Logs => parts.push("only reflogs lead to it, no ref".to_owned()),
        (None, _) => {}
    }
    parts
}

/// What an export says of a record, in lines: who, where, when; then its address.
pub(super) fn record(place: &RecordPlace) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(author) = &place.author {
        parts.push(format!("by {}", person(author)));
    }
    if let Some(container) = &place.container {
        parts.push(within(container, place));
    }
    if let Some(time) = &place.time {
        parts.push(time.utc.clone().unwrap_or_else(|| format!("{} (zone unknown)", time.raw)));
    }
    if let Some(edited) = &place.edited {
        parts.push(format!("edited {}", edited.utc.as_deref().unwrap_or(&edited.raw)));
    }
    if place.revision == Revision::Old {
        parts.push("old text, no longer shown".to_owned());
    }
    if !place.field.is_empty() {
        parts.push(format!("field {}", place.field));
    }
    if let Some(attachment) = &place.attachment {
        let name = attachment.name.as_deref().or(attachment.id.as_deref()).unwrap_or_default();
        let path = attachment.path.as_deref().map_or(String::new(), |path| format!(", in it {path}"));
        parts.push(format!("attachment {name}{path}"));
    }
    let mut lines = Vec::new();
    if !parts.is_empty() {
        lines.push(parts.join("; "));
    }
    if let Some(link) = &place.permalink {
        lines.push(match link.basis {
            PermalinkBasis::Exact => link.url.clone(),
            basis => format!("{} ({})", link.url, basis.as_str()),
        });
    }
    lines
}

/// A person: name, address, id, as far as they are known.
pub(super) fn person(author: &RecordAuthor) -> String {
    let name = author.name.as_deref().or(author.email.as_deref()).or(author.id.as_deref()).unwrap_or_default();
    let email = author.email.as_deref().filter(|email| *email != name);
    let email = email.map_or(String::new(), |email| format!(" <{email}>"));
    let id = author.id.as_deref().filter(|id| *id != name).map_or(String::new(), |id| format!(" ({id})"));
    format!("{name}{email}{id}")
}

/// How widely a secret was posted, in words.
pub(super) fn exposure(exposure: &Exposure) -> String {
    let mut text = format!("posted in {}", count(exposure.records, "record"));
    if exposure.authors > 0 {
        text.push_str(&format!(" by {}", count(exposure.authors, "author")));
    }
    if exposure.containers > 0 {
        text.push_str(&format!(" in {}", count(exposure.containers, "place")));
    }
    match (&exposure.first, &exposure.last) {
        (Some(first), Some(last)) if first == last => text.push_str(&format!(", {first}")),
        (Some(first), Some(last)) => text.push_str(&format!(", first {first}, last {last}")),
        _ => {}
    }
    match exposure.public {
        Some(true) => text.push_str("; public"),
        Some(false) => text.push_str("; not public"),
        None => {}
    }
    if let Some(readers) = exposure.readers {
        text.push_str(&format!("; up to {}", count(readers, "reader")));
    }
    text
}

fn within(container: &RecordContainer, place: &RecordPlace) -> String {
    let name = container.name.as_deref().or(container.id.as_deref()).unwrap_or_default();
    let mut text = format!("in {} {name}", container.kind);
    let visibility = place.visibility.map(|visibility| visibility.as_str().to_owned());
    // What is public can be read by others, too.
    let what = if place.visibility == Some(crate::model::Visibility::Public) { "member" } else { "reader" };
    let readers = place.readers.map(|readers| count(readers, what));
    let known: Vec<String> = visibility.into_iter().chain(readers).collect();
    if !known.is_empty() {
        text.push_str(&format!(" ({})", known.join(", ")));
    }
    text
}

fn in_commit(commit: &GitCommit) -> String {
    by(&short(&commit.id), commit)
}

fn by(what: &str, commit: &GitCommit) -> String {
    let day = commit.author.time.to_string();
    format!("{what} by {} <{}> on {}", commit.author.name, commit.author.email, &day[..10])
}

fn short(id: &ObjectId) -> String {
    id.to_string()[..10].to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{count, cut, grouped, size, throughput};

    #[test]
    fn numbers() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!([0, 12, 123, 1_234, 123_456, 1_234_567].map(grouped).join(" "), "0 12 123 1,234 123,456 1,234,567");
    }

    #[test]
    fn sizes() {
        let sizes = [1, 999, 1_000, 999_949, 999_950, 1_500_000, u64::MAX].map(size);
        assert_eq!(sizes.join(" | "), "1 byte | 999 bytes | 1.0 kB | 999.9 kB | 1.0 MB | 1.5 MB | 18.4 EB");
        assert_eq!(throughput(3_000_000, Duration::from_millis(1_500)).as_deref(), Some("2.0 MB/s"));
        assert_eq!(throughput(3_000_000, Duration::ZERO), None);
    }

    #[test]
    fn cutting_counts_characters_and_keeps_the_focus() {
        assert_eq!(cut("äöü", 3, ""), "äöü");
        assert_eq!(cut("äöüß", 3, ""), "äö…");
        assert_eq!(cut("äöüß", 0, ""), "äöüß");
        assert_eq!(cut("0123456789", 5, "45"), "…345…");
        assert_eq!(cut("0123456789", 5, "789"), "…6789");
        assert_eq!(cut("0123456789", 5, "12"), "0123…");
        assert_eq!(cut("0123456789", 3, "123456"), "…6…");
    }
}
