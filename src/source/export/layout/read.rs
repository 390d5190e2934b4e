//! Reads files whose records have a layout.

use super::{
    super::{
        detect,
        element::read_elements,
        html::Node,
        input::{Input, head_as_text},
        json::{Descend, Json, JsonEvent, Path, is_element, keys, read_json, string_end, top_list},
        sink::{Sink, Why},
        system::{Export, HEAD_BYTES, Reader, Reading},
        table::{look_up, read_table},
    },
    Cells, Facts, Fields, Layout, Lookup, Page, Part, Scope,
    page::each_piece,
    resolve, visit,
};
use crate::model::{RecordAttachment, RecordPlace};

/// Where in a document of JSON its records are.
pub(in crate::source::export) struct Document {
    /// Paths to lists of records. An empty one is the list at the top, or lines of records.
    pub(in crate::source::export) lists: &'static [(&'static str, &'static Layout)],
    /// What the document says of all records that come after it, by its path.
    pub(in crate::source::export) about: &'static [(&'static str, &'static str)],
    /// What everything else is.
    pub(in crate::source::export) other: &'static Layout,
}

/// How a file stores records.
#[derive(Clone, Copy)]
pub(in crate::source::export) enum Form {
    /// A document, or lines.
    Json(&'static Document),
    /// Elements by their name; those that aren't listed are records of the last layout, if it has an empty name.
    Xml(&'static [(&'static str, &'static Layout)]),
    /// Rows.
    Table(&'static Layout),
    /// A page of HTML.
    Html(&'static Page),
    /// Anything else that has records: told one by one, their parts by name.
    Text(ReadText, &'static Layout),
}

/// Reads records whose parts have names. Facts that hold for all records from there on are added to those at hand.
pub(in crate::source::export) type ReadText = fn(&mut Input<'_>, &mut Facts, EachText<'_>);

/// Takes what is known of a record, its parts, and its size and line.
pub(in crate::source::export) type EachText<'e> = &'e mut dyn FnMut(&Facts, Fields<'_>, (usize, u64));

/// The files of an export whose records have layouts.
pub(in crate::source::export) struct Files {
    /// How a file stores its records, by its path and first bytes; `None` if it has none.
    pub(in crate::source::export) form: fn(&str, &[u8]) -> Option<Form>,
    /// Is it a file that records refer to?
    pub(in crate::source::export) is_attached: fn(&str) -> bool,
    /// What path and first bytes of a file say of its records.
    pub(in crate::source::export) about: fn(&str, &[u8], &mut Facts),
    /// What is looked up for findings.
    pub(in crate::source::export) lookups: &'static [Lookup],
    /// What else there is to be looked up.
    pub(in crate::source::export) finish: fn(&Export<'_>, &mut [&mut RecordPlace]),
}

impl Files {
    /// None.
    pub(in crate::source::export) const NONE: Files =
        Files { form: |_, _| None, is_attached: |_| false, about: |_, _, _| {}, lookups: &[], finish: |_, _| {} };
}

/// What a file's first bytes say that it is.
type SignsOf = fn(&[u8]) -> Vec<String>;

/// The root of the export that a file of such a name would be recognised as a part of.
type RootOf = fn(&str) -> Option<&str>;

/// Reads such files.
pub(in crate::source::export) struct Records {
    pub(super) files: &'static Files,
    signs: Option<SignsOf>,
    known_by: Option<(RootOf, SignsOf)>,
    base_url: Option<String>,
}

impl Records {
    /// With `signs`, only files that have two of them are read.
    pub(in crate::source::export) fn new(
        files: &'static Files,
        signs: Option<SignsOf>,
        base_url: Option<String>,
    ) -> Records {
        Records { files, signs, known_by: None, base_url }
    }

    /// Those files are its own that have such a name or two of the signs.
    pub(in crate::source::export) fn known_by(self, root: RootOf, signs: SignsOf) -> Records {
        Records { known_by: Some((root, signs)), ..self }
    }

    /// Is it a file of the kind?
    pub(in crate::source::export) fn is_one(&self, input: &mut Input<'_>) -> bool {
        self.signs.is_none_or(|signs| detect::is_one(input, signs))
    }

    /// What is known of all records.
    pub(in crate::source::export) fn about(&self) -> Facts {
        let mut facts = Facts::default();
        if let Some(base) = &self.base_url {
            facts.set("base", base.clone());
        }
        facts
    }

    /// How the file stores its records, and what is known of all of them.
    pub(super) fn form(&self, path: &str, input: &mut Input<'_>) -> Option<(Form, Facts)> {
        if !self.is_one(input) {
            return None;
        }
        let head = head_as_text(input.peek(HEAD_BYTES));
        let form = (self.files.form)(path, &head)?;
        let mut facts = Facts::default();
        (self.files.about)(path, &head, &mut facts);
        if let Some(base) = &self.base_url {
            facts.set("base", base.clone());
        }
        Some((form, facts))
    }
}

impl Reader for Records {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let Some((form, about)) = self.form(path, input) else {
            if (self.files.is_attached)(path) {
                let name = path.rsplit('/').next().map(str::to_owned);
                return Reading::Attachment(RecordAttachment { id: Some(path.to_owned()), name, path: None });
            }
            return Reading::NotMine;
        };
        match form {
            Form::Json(document) => read_document(document, about, input, sink),
            Form::Xml(layouts) => {
                let reach = read_elements(input, &|name| layout_of(layouts, name).is_some(), &mut |element| {
                    let layout = layout_of(layouts, &element.name).unwrap_or(&Layout::NONE);
                    Scope::new(&about, Part::Element(element), layout).tell((element.bytes, element.line), sink);
                });
                reach.tell(input.offset(), sink);
            }
            Form::Table(layout) => {
                input.decode_text();
                read_table(input, sink, &mut |header, row, sink| {
                    let cells = Cells { header, row, cell: None };
                    Scope::new(&about, cells, layout).tell((row.bytes(), row.line), sink);
                });
            }
            Form::Html(page) => each_piece(page, about, input, &mut |scope, size| scope.tell(size, sink)),
            Form::Text(read, layout) => {
                let mut about = about;
                read(input, &mut about, &mut |about, fields, size| Scope::new(about, fields, layout).tell(size, sink));
            }
        }
        Reading::Records
    }

    fn is_own(&self, path: &str, input: &mut Input<'_>) -> bool {
        self.known_by.is_none_or(|(root, signs)| root(path).is_some() || detect::is_one(input, signs))
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        resolve::resolve(self, export, places);
    }
}

fn layout_of(layouts: &'static [(&'static str, &'static Layout)], name: &str) -> Option<&'static Layout> {
    // The elements around all records.
    const ROOTS: [&str; 5] = ["unload", "xml", "response", "issues", "bugzilla"];
    let is_it = |own: &str| own == name || own.is_empty() && !ROOTS.contains(&name);
    layouts.iter().find(|(own, _)| is_it(own)).map(|(_, layout)| *layout)
}

/// Is a list or object on the way to one of these lists?
pub(in crate::source::export) fn enter(wanted: &[&str], path: &Path, is_list: bool) -> Descend {
    if top_list(path, is_list) == Descend::Enter {
        return Descend::Enter;
    }
    let here: Vec<&str> = keys(path).collect();
    let is_itself = is_list && !is_element(path);
    // An element of a wanted list is a record.
    if is_element(path) && wanted.iter().any(|wanted| is_path(wanted, &here.join("."))) {
        return Descend::Whole;
    }
    let is_on_the_way = wanted.iter().any(|wanted| {
        let mut steps = wanted.split('.').filter(|step| !step.is_empty());
        let is_above = here.iter().all(|key| steps.next().is_some_and(|step| step == *key || step == "*"));
        is_above && (steps.next().is_some() || is_itself)
    });
    if is_on_the_way { Descend::Enter } else { Descend::Whole }
}

fn read_document(document: &'static Document, mut about: Facts, input: &mut Input<'_>, sink: &mut Sink<'_>) {
    each_record(document, &mut about, input, &mut |event| match event {
        Told::Record(scope, size) => scope.tell(size, sink),
        // What path and document say of all records goes for the rest of one, too.
        Told::Broken((bytes, offset), why, about) => sink.broken_in((bytes, offset, 0), why, &|place| {
            let layout = document.lists.first().map_or(document.other, |(_, layout)| layout);
            about.place(layout, place);
        }),
    });
}

/// What a document has.
pub(super) enum Told<'t, 'e> {
    Record(&'t Scope<'t, Json<'e>>, (usize, u64)),
    /// Bytes that are no record and where they stand, why they aren't one, and what is known of all records.
    Broken((&'e [u8], u64), Option<Why>, &'t Facts),
}

pub(super) fn each_record(
    document: &'static Document,
    about: &mut Facts,
    input: &mut Input<'_>,
    each: &mut dyn FnMut(Told<'_, '_>),
) {
    let mut wanted: Vec<&str> = document.lists.iter().map(|(path, _)| *path).collect();
    if wanted.contains(&"") && wanted.len() > 1 {
        let is_page = is_page(&wanted, input);
        wanted.retain(|list| list.is_empty() != is_page);
    }
    read_json(input, &|path, is_list| enter(&wanted, path, is_list), &mut |event| match event {
        JsonEvent::Value { path, json, bytes, line } => {
            let here = keys(path).collect::<Vec<_>>().join(".");
            note(document, about, &here, json);
            let is_record = is_element(path) || path.is_empty();
            let listed = document.lists.iter().find(|(list, _)| is_record && is_path(list, &here));
            let layout = listed.map_or(document.other, |(_, layout)| layout);
            each(Told::Record(&Scope::new(about, json, layout), (bytes.len(), line)));
        }
        JsonEvent::Broken { bytes, offset, why } => each(Told::Broken((bytes, offset), why, about)),
        // What was said of one chat isn't so of the next, nor of what stands behind all of them.
        JsonEvent::Enter { path } | JsonEvent::Leave { path } => {
            let here = keys(path).collect::<Vec<_>>().join(".");
            let is_below = |path: &str| path.strip_prefix(here.as_str()).is_some_and(|rest| rest.starts_with('.'));
            let below = document.about.iter().filter(|(_, paths)| !here.is_empty() && paths.split('|').any(is_below));
            let gone: Vec<&str> = below.map(|(name, _)| *name).collect();
            about.remove(|name| gone.contains(&name));
        }
    });
}

/// Is it a page with one of these lists, not a record or lines of them? Told by the keys of its first object, as far as they
/// stand in the first bytes.
fn is_page(lists: &[&str], input: &mut Input<'_>) -> bool {
    input.decode_text();
    let head = input.peek(HEAD_BYTES);
    let (mut depth, mut at) = (0_u32, 0);
    while let Some(byte) = head.get(at) {
        match byte {
            b'{' => depth += 1,
            b'[' if depth > 0 => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let Some((end, _)) = string_end(head, at + 1) else { return false };
                let key = &head[at + 1..end];
                let behind = head[end + 1..].trim_ascii_start();
                let is_key = depth == 1 && behind.first() == Some(&b':');
                let holds = behind.get(1..).map(<[u8]>::trim_ascii_start).and_then(<[u8]>::first);
                let is_list = |list: &&str| !list.is_empty() && list.split('.').next().map(str::as_bytes) == Some(key);
                if is_key && matches!(holds, Some(b'[' | b'{')) && lists.iter().any(is_list) {
                    return true;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// Is it that path, where `*` stands for any key?
fn is_path(pattern: &str, path: &str) -> bool {
    let mut steps = path.split('.');
    pattern.split('.').all(|wanted| steps.next().is_some_and(|step| step == wanted || wanted == "*"))
        && steps.next().is_none()
}

/// Takes in what a value on the way says of all records after it.
fn note(document: &Document, about: &mut Facts, here: &str, json: Json<'_>) {
    for (name, paths) in document.about {
        for path in paths.split('|') {
            let Some(rest) = path.strip_prefix(here) else { continue };
            if !rest.is_empty() && !rest.starts_with('.') {
                continue;
            }
            let mut value = None;
            visit(json, rest.trim_start_matches('.'), &mut |found: Json<'_>| value = value.take().or(found.id()));
            if let Some(value) = value {
                about.set(name, value);
            }
        }
    }
}

/// Tells the records of a file again, for what is in them.
pub(super) fn again(records: &Records, path: &str, input: &mut Input<'_>, each: &mut dyn Again) {
    let Some((form, mut about)) = records.form(path, input) else { return };
    match form {
        Form::Json(document) => each_record(document, &mut about, input, &mut |event| {
            if let Told::Record(scope, _) = event {
                each.json(scope);
            }
        }),
        Form::Xml(layouts) => {
            read_elements(input, &|name| layout_of(layouts, name).is_some(), &mut |element| {
                let layout = layout_of(layouts, &element.name).unwrap_or(&Layout::NONE);
                each.element(&Scope::new(&about, Part::Element(element), layout));
            });
        }
        Form::Table(layout) => look_up(input, &mut |header, row| {
            each.row(&Scope::new(&about, Cells { header, row, cell: None }, layout));
        }),
        Form::Html(page) => each_piece(page, about, input, &mut |scope, _| each.node(scope)),
        Form::Text(read, layout) => {
            read(input, &mut about, &mut |about, fields, _| each.fields(&Scope::new(about, fields, layout)));
        }
    }
}

/// What looks at records a second time.
pub(super) trait Again {
    fn json(&mut self, scope: &Scope<'_, Json<'_>>);
    fn element(&mut self, scope: &Scope<'_, Part<'_>>);
    fn row(&mut self, scope: &Scope<'_, Cells<'_>>);
    fn node(&mut self, scope: &Scope<'_, Node<'_>>);
    fn fields(&mut self, scope: &Scope<'_, Fields<'_>>);
}
