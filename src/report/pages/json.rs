use std::io;

use super::{Page, PageEntry};
use crate::report::json::write_array;

/// An array of pages.
pub(super) fn write(pages: &[Page], out: &mut dyn io::Write) -> io::Result<()> {
    write_array(out, pages.iter())?;
    out.write_all(b"\n")
}

pub(super) fn write_index(pages: &[PageEntry], out: &mut dyn io::Write) -> io::Result<()> {
    write_array(out, pages.iter())?;
    out.write_all(b"\n")
}
