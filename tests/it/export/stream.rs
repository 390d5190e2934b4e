//! Exports that come as a stream.

use std::io::{Read as _, Write as _};

use unleak::{
    Scanner,
    source::export::{Export, ExportError, ExportLimits, ExportOptions, Streamed},
};

use super::plant::{Files, only, token, told};

fn read(bytes: &[u8], options: ExportOptions) -> Streamed<'_> {
    Export::from_stream("<stdin>", bytes, options).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

#[test]
fn exports_are_recognised_as_in_a_file() {
    let secret = token(1_600);
    let discord = format!(
        r#"{{"guild":{{"id":"66","name":"Acme"}},"channel":{{"id":"77","name":"general"}},"dateRange":{{}},"messages":[{{"id":"9","timestamp":"2024-01-01T10:00:00Z","content":"key {secret}","author":{{"id":"5","name":"ada"}}}}]}}"#
    );
    let mut slack = Files::default();
    slack.add("users.json", r#"[{"id":"U1","profile":{"real_name":"Ada"}}]"#).add("channels.json", "[]").add(
        "general/2024-01-01.json",
        format!(r#"[{{"type":"message","user":"U1","ts":"1704103200.000100","text":"key {secret}"}}]"#),
    );
    let table =
        format!("AuthorID,Author,Date,Content,Attachments,Reactions\n5,ada,2024-01-01T10:00:00Z,key {secret},,\n");
    let mail = format!(
        "From ada@example.com Mon Jan  1 10:00:00 2024\nFrom: Ada <ada@example.com>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nMessage-ID: <1@example.com>\nSubject: x\n\nkey {secret}\n"
    );
    let rule = "=".repeat(62);
    let text = format!("{rule}\nGuild: Acme\nChannel: general\n{rule}\n\n[1/1/2024 10:00 AM] ada\nkey {secret}\n\n");
    let page = format!(
        "<body onload=\"CheckLocation();\"><div class=\"page_wrap\"><div class=\"history\"><div class=\"message default\" id=\"message1\"><div class=\"from_name\">ada</div><div class=\"text\">key {secret}</div></div>"
    );
    let streams = [
        ("discord", discord.clone().into_bytes()),
        ("discord", gzip(discord.as_bytes())),
        ("slack", slack.zip_bytes()),
        ("slack", slack.tar_gz_bytes()),
        ("discord", table.into_bytes()),
        ("mail", mail.into_bytes()),
        ("discord", text.into_bytes()),
        ("telegram", page.into_bytes()),
    ];
    for (number, (system, bytes)) in streams.iter().enumerate() {
        // In memory, and in a file.
        for spool_bytes in [1 << 20, 16] {
            let limits = ExportLimits { spool_bytes, ..ExportLimits::default() };
            let Streamed::Export(export) = read(bytes, ExportOptions { limits, ..ExportOptions::default() }) else {
                panic!("stream {number} is none");
            };
            let report = crate::engine::scan(&Scanner::builtin(), &*export, 1);
            let place = only(&report, &secret);
            assert_eq!((place.system.as_str(), place.physical.file.to_str()), (*system, Some("<stdin>")));
            assert!(place.author.is_some() && report.exports[0].signs.len() > 1, "{}", told(place));
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
    }
}

#[test]
fn all_else_is_given_back() {
    let mut files = Files::default();
    files.add("a.txt", "key");
    let many = "a,b\n1,2\n".repeat(100_000).into_bytes();
    for bytes in [Vec::new(), b"token = x".to_vec(), many, files.zip_bytes(), gzip(b"text"), b"{\"a\":1}".to_vec()] {
        let Streamed::Other(mut reader) = read(&bytes, ExportOptions::default()) else { panic!("an export?") };
        let mut back = Vec::new();
        reader.read_to_end(&mut back).unwrap();
        assert_eq!(back, bytes);
    }
}

#[test]
fn what_the_user_says_counts() {
    let secret = token(1_601);
    let line = format!("{{\"who\":\"ada\",\"what\":\"key {secret}\"}}\n");
    let map = "text=.what,author=.who".parse().unwrap();
    let options = ExportOptions { map: Some(map), ..ExportOptions::default() };
    let Streamed::Export(export) = read(line.as_bytes(), options) else { panic!("none") };
    let report = crate::engine::scan(&Scanner::builtin(), &*export, 1);
    assert_eq!(only(&report, &secret).author.as_ref().unwrap().name.as_deref(), Some("ada"));
    let options = ExportOptions { format: Some("nonsense".to_owned()), ..ExportOptions::default() };
    assert!(matches!(Export::from_stream("<stdin>", &b""[..], options), Err(ExportError::Format { .. })));
}
