//! Pages of HTML whose records have layouts.

use super::{
    super::{
        html::{Node, Tag, Told, read_pieces},
        input::Input,
        sink::{Rest, Sink},
    },
    Facts, Layout, Scope, Treat, Value, first,
};

/// What a page is made of.
pub(in crate::source::export) struct Page {
    /// Its records.
    pub(in crate::source::export) kinds: &'static [Kind],
    /// What stands before the first of them says of all: names of facts, and paths.
    pub(in crate::source::export) about: &'static [(&'static str, &'static str)],
    /// Classes of elements that quote another record: what is in them is found by a path that begins with their class.
    pub(in crate::source::export) closed: &'static [&'static str],
}

/// A kind of record.
pub(in crate::source::export) struct Kind {
    /// Is it the first tag of one?
    pub(in crate::source::export) starts: fn(&Tag<'_>) -> bool,
    /// Does it go on with what the one before it said of author and time, where it says nothing itself?
    pub(in crate::source::export) keeps: fn(&Tag<'_>) -> bool,
    pub(in crate::source::export) layout: &'static Layout,
}

/// Facts that a record may leave to the one before it.
const KEPT: [&str; 4] = ["author_id", "author", "email", "time"];

/// Takes a record, and its size and line.
type EachPiece<'e> = &'e mut dyn FnMut(&Scope<'_, Node<'_>>, (usize, u64));

/// Tells each record of a page, and what stands before the first.
pub(super) fn each_piece(page: &'static Page, mut about: Facts, input: &mut Input<'_>, each: EachPiece<'_>) {
    let mut kept = Facts::default();
    let mut layout = &Layout::NONE;
    let starts = |tag: &Tag<'_>| page.kinds.iter().any(|kind| (kind.starts)(tag));
    read_pieces(input, page.closed, &starts, &mut |piece| {
        let node = Node::Piece(piece);
        if piece.goes_on {
            // All that its beginning said.
            each(&Scope::new(&kept, node, layout), (piece.html.len(), piece.line));
            return;
        }
        let kind = piece.first_tag().and_then(|tag| {
            let kind = page.kinds.iter().find(|kind| (kind.starts)(&tag))?;
            Some((kind.layout, (kind.keeps)(&tag)))
        });
        let mut known = about.clone();
        layout = &Layout::NONE;
        match kind {
            Some((own, keeps)) => {
                layout = own;
                for name in KEPT.into_iter().filter(|_| keeps) {
                    if let Some(value) = kept.get(name) {
                        known.set(name, value);
                    }
                }
            }
            None => {
                for (name, paths) in page.about {
                    if let Some(value) = first(node, paths) {
                        known.set(name, value.clone());
                        about.set(name, value);
                    }
                }
            }
        }
        let scope = Scope::new(&known, node, layout);
        each(&scope, (piece.html.len(), piece.line));
        kept = scope.facts();
    });
}

/// Adds all texts and attributes of a piece that aren't told yet.
pub(super) fn rest(node: Node<'_>, sink: &mut Sink<'_>, treat: Treat<'_>) {
    let Node::Piece(piece) = node else { return };
    piece.each_text(&|path, key| treat(path, key, true) == Rest::Skip, &mut |told, offset| match told {
        Told::Text(name, text) => sink.field(name, text, offset, super::Markup::Html),
        Told::Attribute("class" | "style" | "id" | "onclick", _) => {}
        Told::Attribute("href" | "src" | "data-source", address) if is_address(address) => {
            sink.link("href", address, offset);
        }
        Told::Attribute(name, text) => sink.cell(name, text, offset),
    });
    if piece.is_cut {
        sink.field("page", &piece.html, piece.offset, super::Markup::Html);
    }
}

/// Is it more than a place on the page, or a picture that stands in it?
fn is_address(address: &str) -> bool {
    !address.starts_with('#') && !address.starts_with("data:image")
}

impl Value for Node<'_> {
    fn each_element(self, each: &mut dyn FnMut(Self)) {
        each(self);
    }

    fn each_of(self, key: &str, each: &mut dyn FnMut(Self)) {
        Node::each_of(self, key, each);
    }

    fn text(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(std::borrow::Cow::Borrowed(self.html()))
    }

    fn id(&self) -> Option<String> {
        let line = self.line();
        (!line.is_empty()).then_some(line)
    }

    fn offset(&self) -> u64 {
        Node::offset(self)
    }

    fn rest(self, sink: &mut Sink<'_>, treat: Treat<'_>) {
        rest(self, sink, treat);
    }
}
