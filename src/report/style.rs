//! ANSI colours: the only place that knows their codes. There is no global switch; whoever paints holds a [`Paint`].

use std::fmt;

use crate::model::Severity;

/// Paints text, or leaves it as it is.
#[derive(Clone, Copy)]
pub(super) struct Paint {
    is_on: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy)]
pub(super) enum Style {
    Badge(Severity),
    Title,
    Path,
    Secret,
    Faint,
    Warning,
    Good,
}

impl Style {
    /// The parameters of the SGR sequence: only the 8 basic colours, so that a user's palette decides.
    fn codes(self) -> &'static str {
        match self {
            Style::Badge(Severity::Critical) => "1;7;31",
            Style::Badge(Severity::High) => "1;31",
            Style::Badge(Severity::Medium) => "1;33",
            Style::Badge(Severity::Low) => "1;36",
            Style::Title => "1",
            Style::Path => "35",
            Style::Secret => "31",
            Style::Faint => "2",
            Style::Warning => "33",
            Style::Good => "32",
        }
    }
}

impl Paint {
    pub(super) fn new(is_on: bool) -> Paint {
        Paint { is_on }
    }

    /// `text` in its colour, to be written.
    pub(super) fn paint<T: fmt::Display>(self, style: Style, text: T) -> Painted<T> {
        Painted { codes: self.is_on.then(|| style.codes()), text }
    }
}

/// Text with its colour.
pub(super) struct Painted<T> {
    codes: Option<&'static str>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.codes {
            Some(codes) => write!(f, "\x1b[{codes}m{}\x1b[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}
