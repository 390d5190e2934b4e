//! Confluence's pages: the XML export of a space or site, and the HTML export.
//!
//! Format: confluence.atlassian.com, "Export Content to Word, PDF, HTML and XML", and exports of Confluence 3 to 8 (read 2026-11).

pub(super) mod page;
pub(super) mod space;
mod storage;

use crate::model::{Permalink, PermalinkBasis};

/// The page of a content by its id; of a comment, on the page that it is on.
fn link(base: &str, page: &str, comment: Option<&str>, basis: PermalinkBasis) -> Permalink {
    let base = base.trim_end_matches('/');
    let url = match comment {
        Some(comment) => {
            format!("{base}/pages/viewpage.action?pageId={page}&focusedCommentId={comment}#comment-{comment}")
        }
        None => format!("{base}/pages/viewpage.action?pageId={page}"),
    };
    Permalink { url, basis }
}
