//! Exports that come as a stream, such as standard input.

use std::{io::Read, path::PathBuf};

use super::{
    Export, ExportError, ExportLimits, ExportOptions,
    container::{Magic, Store, Tree},
    detect::{self, Found},
    scan,
    system::{HEAD_BYTES, Look},
};
use crate::model::Problem;

/// What a stream turned out to be.
pub enum Streamed<'r> {
    /// An export. It was read to its end: records with findings are looked at a second time.
    Export(Box<Export>),
    /// None that is known: all of its bytes, the first ones included.
    Other(Box<dyn Read + Send + 'r>),
}

impl Export {
    /// Finds out whether a stream, called `name` in reports, is an export, by its first bytes; an archive by its files. If it may
    /// be, all of it is taken in: up to 16 MiB into memory, more into a file without a name in the directory for temporary files.
    ///
    /// # Errors
    /// If it can't be read or kept, or if there is no format of the name that was given.
    pub fn from_stream<'r>(
        name: &str,
        mut reader: impl Read + Send + 'r,
        options: ExportOptions,
    ) -> Result<Streamed<'r>, ExportError> {
        let candidates = Export::candidates(&options)?;
        let failed = |source| ExportError::Open { path: name.to_owned(), source };
        let mut head = Vec::new();
        (&mut reader).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        let is_named = options.format.is_some() || options.map.is_some();
        let whole = std::io::Cursor::new(head.clone()).chain(reader);
        if !is_named && !may_be(&head) {
            return Ok(Streamed::Other(Box::new(whole)));
        }
        let mut problems = Vec::new();
        let (tree, store) = take_in(name, whole, options.limits, &mut problems)?;
        let found = Export::recognised(&tree, &candidates, &options);
        if found.is_empty() {
            return Ok(Streamed::Other(Box::new(store)));
        }
        Ok(Streamed::Export(Box::new(Export::of(tree, found, candidates, options, problems))))
    }

    /// Takes in all of a stream that is an export, as [`Export::open`] opens a file.
    ///
    /// # Errors
    /// If it can't be read or kept, or nothing known is in it and no format was named.
    pub fn read(name: &str, reader: impl Read + Send, options: ExportOptions) -> Result<Export, ExportError> {
        let mut problems = Vec::new();
        let candidates = Export::candidates(&options)?;
        let (tree, _) = take_in(name, reader, options.limits, &mut problems)?;
        Export::of_tree(tree, candidates, options, problems)
    }
}

/// All of a stream, as a file or an archive, and as bytes.
fn take_in(
    name: &str,
    mut reader: impl Read + Send,
    limits: ExportLimits,
    problems: &mut Vec<Problem>,
) -> Result<(Tree, Store), ExportError> {
    let failed = |source| ExportError::Open { path: name.to_owned(), source };
    let store = Store::spool(&mut reader, limits.spool_bytes).map_err(failed)?;
    let tree = Tree::of_stream(PathBuf::from(name), store.clone(), limits, &mut |problem| problems.push(problem));
    Ok((tree.map_err(failed)?, store))
}

/// May it be an export, going by its first bytes? Of an archive nothing is known before all of it is there.
fn may_be(head: &[u8]) -> bool {
    let inner = match Magic::of(head) {
        Magic::Zip | Magic::Tar => return true,
        Magic::Gzip => {
            let mut inner = Vec::new();
            // What there is of it: the rest isn't at hand.
            let _ = scan::unpacked(Box::new(head)).take(HEAD_BYTES as u64).read_to_end(&mut inner);
            inner
        }
        Magic::Other => head.to_vec(),
    };
    if Magic::of(&inner) == Magic::Tar {
        return true;
    }
    // It has no name: that of a table is as good as any.
    let tree = Tree::of_bytes("stream.csv", &inner);
    let found: Vec<Found> = detect::detect(&Look::new(&tree), &detect::candidates(None));
    detect::may_be_file("stream.csv", &inner) && !found.is_empty()
}
