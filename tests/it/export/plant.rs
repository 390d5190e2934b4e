//! Secrets made at run time, exports made of them, and what is expected of a scan.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use unleak::{
    Scanner,
    model::{Finding, Provenance, RecordPlace, ScanReport},
    source::export::{Export, ExportOptions},
};

use crate::engine::scan;

/// A token of GitLab's form; each number gives another one.
pub(super) fn token(number: u64) -> String {
    const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF0;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(ALPHABET[(state >> 33) as usize % ALPHABET.len()])
    };
    let body: String = (0..20).map(|_| next()).collect();
    format!("{}{body}", "glpat-")
}

/// Files of an export, by path.
#[derive(Default)]
pub(super) struct Files(pub(super) Vec<(String, Vec<u8>)>);

impl Files {
    pub(super) fn add(&mut self, path: &str, content: impl Into<Vec<u8>>) -> &mut Files {
        self.0.push((path.to_owned(), content.into()));
        self
    }

    pub(super) fn dir(&self, root: &Path) -> PathBuf {
        for (path, content) in &self.0 {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root.to_owned()
    }

    pub(super) fn zip_bytes(&self) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (path, content) in &self.0 {
            zip.start_file(path.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    pub(super) fn zip(&self, path: &Path) -> PathBuf {
        fs::write(path, self.zip_bytes()).unwrap();
        path.to_owned()
    }

    pub(super) fn tar_gz_bytes(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (path, content) in &self.0 {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, content.as_slice()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }
}

/// Scans an export with all rules.
pub(super) fn scan_export(path: &Path, options: ExportOptions) -> ScanReport {
    let export = Export::open(path, options).unwrap_or_else(|error| panic!("{error}"));
    scan(&Scanner::builtin(), &export, 1)
}

/// The finding of a token, which must be the only one of it, in one place; the place.
pub(super) fn only<'r>(report: &'r ScanReport, token: &str) -> &'r RecordPlace {
    let of_it: Vec<&Finding> =
        report.findings.iter().filter(|finding| finding.secret.expose() == token.as_bytes()).collect();
    assert_eq!(of_it.len(), 1, "findings of a planted secret in {:#?}", report.findings);
    let occurrences = &of_it[0].occurrences;
    assert_eq!(occurrences.len(), 1, "places of a planted secret: {occurrences:#?}");
    match &occurrences[0].provenance {
        Provenance::Record(place) => place,
        other => panic!("{other:?} is no record"),
    }
}

/// `id name <email> time url` of a place, for comparison at a glance.
pub(super) fn told(place: &RecordPlace) -> String {
    let author = place.author.clone().unwrap_or_default();
    let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} <{}> {} {}",
        text(&author.id),
        text(&author.name),
        text(&author.email),
        place.time.as_ref().map_or("-".to_owned(), |time| text(&time.utc)),
        place.permalink.as_ref().map_or("-", |link| &link.url)
    )
}
