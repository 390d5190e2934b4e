//! Jira's issues as a table: a row per issue, and a column for each comment and attachment that any of them has.

use super::{
    super::{
        csv::Row,
        detect,
        input::Input,
        markup::Markup,
        sink::Sink,
        system::{Detection, Export, Look, Opening, Reader, Reading, System},
        table::{Header, read_table},
        time,
    },
    author, base_of, link, place_of_key,
};
use crate::model::{PermalinkBasis, RecordPlace};

/// Jira's issues as a table.
pub(in crate::source::export) struct Sheet;

impl System for Sheet {
    fn name(&self) -> &'static str {
        "jira-csv"
    }

    fn title(&self) -> &'static str {
        "Jira issues (CSV)"
    }

    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        name.ends_with(".csv") && signs_of(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        detect::files(look, &|path| path.ends_with(".csv"), &|_, head| signs_of(head))
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        let is_only = opening.look.only().is_some();
        Box::new(SheetReader { base_url: opening.options.base_url.clone(), is_only })
    }
}

/// Its columns, if the key of an issue is among them.
fn signs_of(head: &[u8]) -> Vec<String> {
    let header = Header::in_head(head);
    let found = header.among(&["Issue key", "Issue id", "Issue Type", "Project key", "Summary"]);
    let is_it = found.first() == Some(&"Issue key");
    found.into_iter().filter(|_| is_it).map(|name| format!("column {name}")).collect()
}

struct SheetReader {
    base_url: Option<String>,
    /// Is it one file, which the user may have named as such?
    is_only: bool,
}

impl Reader for SheetReader {
    fn read(&self, _: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        input.decode_text();
        if !self.is_only && !detect::is_one(input, signs_of) {
            return Reading::NotMine;
        }
        read_table(input, sink, &mut |header, row, sink| self.issue(header, row, sink));
        Reading::Records
    }

    fn resolve(&self, _: &Export<'_>, _: &mut [&mut RecordPlace]) {}
}

impl SheetReader {
    fn issue(&self, header: &Header, row: &Row<'_>, sink: &mut Sink<'_>) {
        let key = header.get(row, "Issue key");
        let base = self.base(header, row);
        let place_issue = |place: &mut RecordPlace| {
            let Some(key) = &key else { return };
            place_of_key(key, place);
            place.permalink = base.as_ref().map(|base| link(base, key, None, PermalinkBasis::Derived));
        };
        let mut notes = Vec::new();
        for index in 0..row.len() {
            let (name, text, offset) = (header.name(index), row.text(index), row.offset_of(index));
            match name {
                "Comment" | "Attachment" | "Log Work" if row.is_sure && Note::of(name, &text).is_some() => {
                    notes.push(index);
                }
                _ => sink.cell(name, &text, offset),
            }
        }
        sink.finish(row.bytes(), row.line, &|place| {
            place_issue(place);
            place.author = author(
                header.get(row, "Creator Id").or_else(|| header.get(row, "Reporter Id")),
                header.get(row, "Creator").or_else(|| header.get(row, "Reporter")),
                None,
            );
            place.time = header.get(row, "Created").map(|raw| time::parse(&raw));
            place.edited = header.get(row, "Updated").map(|raw| time::parse(&raw));
        });
        for index in notes {
            let text = row.text(index);
            let Some(note) = Note::of(header.name(index), &text) else { continue };
            let (field, offset) = (header.name(index).to_lowercase(), row.offset_of(index));
            sink.field(&field, note.said, offset, Markup::Wiki);
            // Mostly a time and a person, but a cell may look so by chance.
            sink.field(&field, note.about, offset, Markup::Wiki);
            if !note.address.is_empty() {
                sink.link(&field, note.address, offset);
            }
            // Counted with the row.
            sink.finish(0, row.line, &|place| {
                place_issue(place);
                place.author = author(Some(note.who.to_owned()), None, None);
                place.time = Some(time::parse(note.when));
            });
        }
    }

    /// The site: as told, or as the addresses of files have it.
    fn base(&self, header: &Header, row: &Row<'_>) -> Option<String> {
        self.base_url.clone().or_else(|| {
            let file = header.get(row, "Attachment")?;
            let address = file.rsplit_once(';')?.1;
            base_of(address).map(str::to_owned)
        })
    }
}

/// A cell that is a record of its own: `time;person;text` of a comment, `time;person;name;address` of a file,
/// `text;time;person;seconds` of a log of work.
struct Note<'c> {
    when: &'c str,
    who: &'c str,
    said: &'c str,
    /// Time and person, and what a log of work has behind them.
    about: &'c str,
    /// Of a file; else empty.
    address: &'c str,
}

impl<'c> Note<'c> {
    /// Anything may be in a text; a cell that isn't introduced so is only a text.
    fn of(column: &str, cell: &'c str) -> Option<Note<'c>> {
        let note =
            if column == "Log Work" { Note::log(cell)? } else { Note::introduced(column == "Attachment", cell)? };
        let is_person = !note.who.is_empty() && note.who.trim() == note.who && note.who.len() < 256;
        (is_time(note.when) && is_person && !note.about.contains('\n')).then_some(note)
    }

    fn introduced(is_file: bool, cell: &'c str) -> Option<Note<'c>> {
        let (when, rest) = cell.split_once(';')?;
        let (who, said) = rest.split_once(';')?;
        let about = &cell[..cell.len() - said.len() - 1];
        let (said, address) = said.rsplit_once(';').filter(|_| is_file).unwrap_or((said, ""));
        Some(Note { when, who, said, about, address })
    }

    fn log(cell: &'c str) -> Option<Note<'c>> {
        let (rest, seconds) = cell.rsplit_once(';')?;
        let (rest, who) = rest.rsplit_once(';')?;
        let (said, when) = rest.rsplit_once(';').unwrap_or(("", rest));
        let about = &cell[cell.len() - seconds.len() - who.len() - when.len() - 2..];
        seconds.bytes().all(|byte| byte.is_ascii_digit()).then_some(Note { when, who, said, about, address: "" })
    }
}

/// Is it a day, mostly with a time of day? Everybody writes days in another way.
fn is_time(text: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let has_clock = || text.as_bytes().windows(3).any(|at| is_digit(&at[0]) && at[1] == b':' && is_digit(&at[2]));
    let is_day = || !text.contains(' ') && text.matches(['/', '-', '.']).count() == 2;
    text.len() < 40 && text.as_bytes().first().is_some_and(is_digit) && (is_day() || has_clock())
}
