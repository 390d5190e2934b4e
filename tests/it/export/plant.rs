//! Secrets made at run time, exports made of them, and what is expected of a scan.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use unleak::{
    Scanner,
    model::{Finding, Provenance, RecordPlace, Revision, ScanReport},
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

/// What is expected of one secret: the secret, what is [`told`] of its place, and what the text is of.
pub(super) type Expected<'e> = (&'e str, &'e str, Revision);

/// Checks that each secret is found once, with who, when and where, and that nothing else went wrong.
pub(super) fn check(report: &ScanReport, system: &str, expected: &[Expected<'_>]) {
    for (token, expected, revision) in expected {
        let place = only(report, token);
        assert_eq!((told(place).as_str(), place.revision), (*expected, *revision));
    }
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let systems: Vec<&str> = report.exports.iter().map(|export| export.system.as_str()).collect();
    assert_eq!(systems, [system]);
    assert!(report.exports[0].signs.len() >= 2);
}

/// Five secrets, by a number: plain, in a code block, in a link, edited away, in an attached file.
pub(super) fn five(number: u64) -> [String; 5] {
    std::array::from_fn(|index| token(number + index as u64))
}

/// How a secret stands in a code block and in a link of Markdown.
pub(super) fn in_code(token: &str) -> String {
    format!("try this\n```\nexport GITLAB_TOKEN={token}\n```\nand say")
}

pub(super) fn in_link(token: &str) -> String {
    format!("see [here](https://git.example.com/x?private_token={token}&y=1) for more")
}

/// Scans one file with a site's address.
pub(super) fn scan_file(name: &str, content: impl AsRef<[u8]>, base: Option<&str>) -> ScanReport {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    scan_export(&path, options(base))
}

/// Scans one file with a site's address: by itself, and in a directory and an archive beside a file that is none of its system's,
/// which must be scanned as a file.
pub(super) fn scan_each(name: &str, content: impl AsRef<[u8]>, base: Option<&str>) -> [ScanReport; 3] {
    let dir = tempfile::tempdir().unwrap();
    let other = token(9_999);
    let mut files = Files::default();
    files.add(&format!("dump/{name}"), content.as_ref()).add("dump/notes.txt", format!("token={other}\n"));
    let among_others = |path: PathBuf| {
        let report = scan_export(&path, options(base));
        let found = report.findings.iter().filter(|finding| finding.secret.expose() == other.as_bytes());
        assert_eq!(found.count(), 1, "what is none of the system's is a file: {:#?}", report.findings);
        report
    };
    let zip = among_others(files.zip(&dir.path().join("dump.zip")));
    [scan_file(name, content, base), among_others(files.dir(&dir.path().join("dir"))), zip]
}

/// Scans files as a directory and as an archive of each kind, and has each report checked.
pub(super) fn scan_all(files: &Files, base: Option<&str>, each: &dyn Fn(&ScanReport)) {
    let dir = tempfile::tempdir().unwrap();
    let tar = dir.path().join("export.tar.gz");
    fs::write(&tar, files.tar_gz_bytes()).unwrap();
    let zip = files.zip(&dir.path().join("export.zip"));
    for path in [files.dir(&dir.path().join("dir")), zip, tar] {
        each(&scan_export(&path, options(base)));
    }
}

fn options(base: Option<&str>) -> ExportOptions {
    ExportOptions { base_url: base.map(str::to_owned), ..ExportOptions::default() }
}
