use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{model::DisplayPath, rule::Mistake};

/// A mistake in a rule file, with its line, a caret under the span, and what to do.
pub(super) fn render(path: &Path, text: &str, mistake: &Mistake) -> String {
    let path = DisplayPath(path).to_string();
    let span = mistake.span.start.min(text.len())..mistake.span.end.min(text.len());
    let snippet =
        Snippet::source(text).path(path).annotation(AnnotationKind::Primary.span(span)).line_start(1).fold(true);
    let group = Level::ERROR.primary_title(&mistake.message).element(snippet);
    Renderer::plain().render(&[group.element(Level::HELP.message(&mistake.help))])
}
