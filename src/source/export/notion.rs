//! Notion's exports: a page per file, as HTML or Markdown, databases as tables, often in archives inside of an archive.
//!
//! Format: notion.so, "Export your content"; files that it made (read 2026-11).

use std::collections::HashMap;

use super::{
    described::has,
    input::Input,
    layout::{Files, Form, Layout, Records},
    markup::Markup,
    sink::Sink,
    system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
};
use crate::model::{Permalink, PermalinkBasis, ProblemKind, RecordAttachment, RecordContainer, RecordPlace};

/// Notion's exports.
pub(super) struct Notion;

/// Bytes of a page that are read at once; what is longer is told in parts.
const PART_BYTES: usize = 32 << 20;

impl System for Notion {
    fn name(&self) -> &'static str {
        "notion"
    }

    fn title(&self) -> &'static str {
        "Notion export"
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let pages: Vec<&str> = look.paths().filter(|path| page_id(path).is_some()).collect();
        let Some(first) = pages.first() else { return Vec::new() };
        let mut signs = vec![format!("{} files whose names end with an id", pages.len())];
        let made = pages.iter().take(4).find(|path| is_made_by_notion(path, &look.head(path)));
        signs.extend(made.map(|path| format!("{} is laid out as Notion does", split(path).1)));
        if first.starts_with("Export-") || look.container_name().contains("Export-") || look.has("index.html") {
            signs.push("the name of an export".to_owned());
        }
        vec![Detection { root: String::new(), signs }]
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        let pages = opening.look.paths().filter(|path| page_id(path).is_some()).flat_map(|path| {
            let (folder, name) = split(path);
            let stem = stem(name);
            [format!("{folder}{stem}"), format!("{folder}{}", title(stem))].map(|of| (of, path.to_owned()))
        });
        Box::new(NotionReader { rows: Records::new(&TABLES, None, None), pages: pages.collect() })
    }
}

/// Markdown has its title on the first line, HTML an article with the page's id.
fn is_made_by_notion(path: &str, head: &[u8]) -> bool {
    if path.ends_with(".md") { head.starts_with(b"# ") } else { has(head, "<article id=\"") }
}

/// The 32 digits at the end of a page's or database's name.
fn page_id(path: &str) -> Option<&str> {
    let name = split(path).1;
    id_in(stem(name)).filter(|_| stem(name) != name)
}

/// A name without its end.
fn stem(name: &str) -> &str {
    let stem = [".html", ".md", ".csv"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    stem.strip_suffix("_all").unwrap_or(stem)
}

/// A stem without its id.
fn title(stem: &str) -> &str {
    id_in(stem).map_or(stem, |id| stem[..stem.len() - id.len()].trim_end())
}

fn id_in(stem: &str) -> Option<&str> {
    let at = stem.len().checked_sub(32)?;
    let id = stem.get(at..)?;
    let is_id = id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (is_id && (at == 0 || stem[..at].ends_with([' ', '-', '_']))).then_some(id)
}

static TABLES: Files =
    Files { form: |path, _| path.ends_with(".csv").then_some(Form::Table(&Layout::NONE)), ..Files::NONE };

struct NotionReader {
    rows: Records,
    /// Pages by the directory that holds what is attached to them: it has the page's name, with or without the id.
    pages: HashMap<String, String>,
}

impl NotionReader {
    /// The page that a file is attached to.
    fn owner(&self, path: &str) -> Option<&String> {
        let mut folder = split(path).0.trim_end_matches('/');
        while !folder.is_empty() {
            if let Some(page) = self.pages.get(folder) {
                return Some(page);
            }
            folder = split(folder).0.trim_end_matches('/');
        }
        None
    }
}

impl Reader for NotionReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if path.ends_with(".csv") {
            return match page_id(path) {
                Some(_) => self.rows.read(path, input, sink),
                None => Reading::NotMine,
            };
        }
        let is_html = path.ends_with(".html");
        if !is_html && !path.ends_with(".md") {
            return match self.owner(path) {
                Some(_) => Reading::Attachment(RecordAttachment {
                    id: Some(path.to_owned()),
                    name: Some(split(path).1.to_owned()),
                    path: None,
                }),
                None => Reading::NotMine,
            };
        }
        let markup = if is_html { Markup::Html } else { Markup::Plain };
        input.decode_text();
        let mut parts = 0;
        while !input.peek(PART_BYTES).is_empty() {
            if parts == 1 {
                sink.problem(ProblemKind::Limit, input.offset(), "a page of more than 32 MiB, read in parts");
            }
            parts += 1;
            let (offset, line) = (input.offset(), input.line());
            let part = input.peek(PART_BYTES);
            let length = part.len();
            sink.field("body", &String::from_utf8_lossy(part), offset, markup);
            input.consume(length);
            sink.finish(length, line, &|place| fill(path, place));
        }
        Reading::Records
    }

    fn resolve(&self, _: &Export<'_>, places: &mut [&mut RecordPlace]) {
        for place in places {
            if let Some(path) =
                place.attachment.as_ref().and_then(|of| of.id.clone()).filter(|_| place.record.is_none())
            {
                fill(self.owner(&path).map_or("", String::as_str), place);
            } else if place.record.is_none() {
                let member = place.physical.member.clone();
                let file = place.physical.file.to_string_lossy().into_owned();
                fill(if member.is_empty() { &file } else { &member }, place);
            }
        }
    }
}

/// What a path says of a page: its id and title, and the pages around it.
fn fill(path: &str, place: &mut RecordPlace) {
    let stem = stem(split(path).1);
    let Some(id) = id_in(stem) else { return };
    let title = title(stem);
    place.record = Some(id.to_owned());
    let name = (!title.is_empty()).then(|| title.to_owned());
    place.container = Some(RecordContainer { kind: "page".to_owned(), id: Some(id.to_owned()), name });
    let url = format!("https://www.notion.so/{id}");
    place.permalink = Some(Permalink { url, basis: PermalinkBasis::Derived });
}
