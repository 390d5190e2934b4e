use std::io::Write as _;

use unleak::{
    model::{PermalinkBasis, ProblemKind},
    source::export::ExportOptions,
};

use super::plant::{Files, only, scan_export, token, told};

fn base64(bytes: &[u8]) -> String {
    let packed = data_encoding::BASE64.encode(bytes);
    packed.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect()
}

/// Cut by soft line breaks in the middle, as quoted-printable does.
fn quoted(text: &str) -> String {
    let at = text.len() / 2;
    format!("{}=\n{}", &text[..at], &text[at..])
}

fn head(number: u64, who: &str, more: &str) -> String {
    format!(
        "From: {who}\nTo: =?utf-8?Q?t=C3=A9am?= <team@example.com>\nSubject: =?utf-8?B?{}?=\nDate: Mon, 1 Jan 2024 12:0{number}:00 +0200\n\
         Message-ID: <m{number}@example.com>\nMIME-Version: 1.0\n{more}",
        data_encoding::BASE64.encode("schlüssel".as_bytes())
    )
}

const ADA: &str = "\"Ada L\" <ada@example.com>";
const BOB: &str = "Bob B <bob@example.com>";

/// Plain, in a block of code, in a link, in an older message passed on, in an attached file (in an archive).
pub(super) fn messages([plain, code, link, old, attached]: &[String; 5]) -> [String; 5] {
    let mut zip = Files::default();
    zip.add("deep/notes.txt", format!("token={attached}\n"));
    let html = format!(
        "<p>see <a href=3D\"https://git.example.com/x?private_token=3D{}&amp;y=3D1\">here</a></p>",
        quoted(link)
    );
    [
        head(0, ADA, &format!("\n>From here on the key is\n{plain} and works\n")),
        head(
            1,
            BOB,
            &format!(
                "References: <m0@example.com> <x@example.com>\nArchived-At: <https://lists.example.com/m1>\n\
                 Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}",
                base64(format!("<pre>export TOKEN=<b>{}</b>{}</pre>", &code[..9], &code[9..]).as_bytes())
            ),
        ),
        head(
            2,
            BOB,
            &format!(
                "Content-Type: multipart/alternative; boundary=\"=_b\"\n\nignored\n--=_b\nContent-Type: text/plain; charset=iso-8859-1\n\nsee \
                 caf\u{fffd}\n--=_b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{html}\n--=_b--\n"
            ),
        ),
        head(
            3,
            BOB,
            &format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nas said:\n--b\nContent-Type: message/rfc822\n\n{}\n--b--\n",
                head(9, ADA, &format!("\nuse {old} please\n"))
            ),
        ),
        head(
            4,
            BOB,
            &format!(
                "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/zip; name=\"notes.zip\"\n\
                 Content-Transfer-Encoding: base64\nContent-Disposition: attachment;\n filename=\"notes.zip\"\n\n{}\n--b--\n",
                base64(&zip.zip_bytes())
            ),
        ),
    ]
}

fn expected() -> [String; 5] {
    let (ada, bob) = ("- Ada L <ada@example.com>", "- Bob B <bob@example.com>");
    [
        format!("{ada} 2024-01-01T10:00:00Z mid:m0@example.com"),
        format!("{bob} 2024-01-01T10:01:00Z https://lists.example.com/m1"),
        format!("{bob} 2024-01-01T10:02:00Z mid:m2@example.com"),
        format!("{ada} 2024-01-01T10:09:00Z mid:m9@example.com"),
        format!("{bob} 2024-01-01T10:04:00Z mid:m4@example.com"),
    ]
}

fn tokens(from: u64) -> [String; 5] {
    std::array::from_fn(|index| token(from + index as u64))
}

pub(super) fn mailbox(messages: &[String]) -> Vec<u8> {
    let all = messages.iter().enumerate();
    let lines = all.map(|(n, message)| format!("From ada@example.com Mon Jan  1 10:0{n}:00 2024\n{message}\n"));
    // A byte that is no UTF-8, and a character that is allowed nowhere.
    lines.collect::<String>().replace("caf\u{fffd}", "caf\u{1}").replace('\u{1}', "\u{1}\u{0}").into_bytes()
}

#[test]
fn every_secret_once_in_a_mailbox_a_directory_and_a_maildir() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(400);
    let messages = messages(&tokens);
    let mut path = dir.path().join("team.mbox");
    let mut bytes = mailbox(&messages);
    bytes.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = 0xe9);
    std::fs::write(&path, bytes).unwrap();
    let mut paths = vec![path.clone()];
    let (mut letters, mut maildir) = (Files::default(), Files::default());
    for (index, message) in messages.iter().enumerate() {
        letters.add(&format!("team/{index}.eml"), message.replace('\n', "\r\n").replace("\r\n>From", "\r\nFrom"));
        maildir.add(&format!("team/cur/17040{index}.M1.host:2,S"), message.clone());
    }
    letters.add("team/readme.txt", "nothing");
    paths.push(letters.zip(&dir.path().join("letters.zip")));
    paths.push(maildir.dir(&dir.path().join("maildir")));
    path = dir.path().join("mail.tar.gz");
    std::fs::write(&path, maildir.tar_gz_bytes()).unwrap();
    paths.push(path);
    for path in paths {
        let report = scan_export(&path, ExportOptions::default());
        for (index, token) in tokens.iter().enumerate() {
            let place = only(&report, token);
            assert_eq!(told(place), expected()[index], "{}", path.display());
            assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("team"));
            let basis = if index == 1 { PermalinkBasis::Exact } else { PermalinkBasis::Derived };
            assert_eq!(place.permalink.as_ref().unwrap().basis, basis);
            let thread = [None, Some("m0@example.com"), None, Some("m3@example.com"), None][index];
            assert_eq!(place.thread.as_deref(), thread);
        }
        let attachment = only(&report, &tokens[4]).attachment.clone().unwrap();
        assert_eq!(
            (attachment.name.as_deref(), attachment.path.as_deref()),
            (Some("notes.zip"), Some("deep/notes.txt"))
        );
        // The way to it leads through the message.
        let way = &only(&report, &tokens[4]).physical.member;
        let (archive, file) = way.rsplit_once('!').unwrap();
        assert!(archive.rsplit('!').next().unwrap().starts_with("notes.zip@") && file == "deep/notes.txt", "{way}");
        assert_eq!((report.exports[0].system.as_str(), report.exports.len()), ("mail", 1));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
}

#[test]
fn offsets_lead_to_the_field() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(410);
    let path = dir.path().join("team.mbox");
    let bytes = mailbox(&messages(&tokens));
    std::fs::write(&path, &bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    let place = only(&report, &tokens[0]);
    assert!(bytes[place.physical.offset as usize..].starts_with(b">From here on"));
    let line = bytes[..place.physical.offset as usize].iter().filter(|byte| **byte == b'\n').count() as u64;
    assert!(place.physical.line > 0 && place.physical.line <= line);
    let link = only(&report, &tokens[2]);
    assert!(bytes[link.physical.offset as usize..].starts_with(b"<p>see <a href"));
}

#[test]
fn damage_and_bombs_cost_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(420);
    let mut messages = messages(&tokens).to_vec();
    let parts: String = (0..500).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    messages.insert(1, head(5, ADA, &parts));
    messages.insert(2, head(6, ADA, &"Content-Type: message/rfc822\n\n".repeat(20_000)));
    // No headers, no sender, and one that is cut off within base64.
    messages.insert(3, "Subject: x\n\n".to_owned());
    let (cut, late) = (token(430), token(431));
    let packed = base64(format!("password list\ntoken={cut}\n{}", "nothing\n".repeat(20)).as_bytes());
    messages.push(head(
        7,
        BOB,
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment; filename=a.txt\nContent-Transfer-Encoding: base64\n\n{}",
            &packed[..packed.len() - 5]
        ),
    ));
    let mut bytes = mailbox(&messages);
    bytes.truncate(bytes.len() - 1);
    // The name promises nothing.
    let path = dir.path().join("dump.dat");
    std::fs::write(&path, &bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    for (index, token) in tokens.iter().enumerate() {
        assert_eq!(told(only(&report, token)), expected()[index]);
    }
    assert_eq!(told(only(&report, &cut)), "- Bob B <bob@example.com> 2024-01-01T10:07:00Z mid:m7@example.com");
    let kinds: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::Malformed, ProblemKind::Limit, ProblemKind::Limit], "{:?}", report.problems);
    // A message that is larger than is held costs what is packed in it, not the next one.
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "From a Mon Jan  1 10:00:00 2024\n{}\n", head(8, ADA, "\nlong")).unwrap();
    let line = format!("{}\n", "x".repeat(999));
    (0..70_000).for_each(|_| file.write_all(line.as_bytes()).unwrap());
    writeln!(file, "key {late}\n").unwrap();
    file.write_all(&bytes).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    only(&report, &late);
    assert_eq!(told(only(&report, &tokens[3])), expected()[3]);
}

#[test]
fn mail_among_other_files_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = tokens(440);
    let mut files = Files::default();
    files.add("src/main.rs", "fn main() {}").add("src/lib.rs", "x").add("src/a.rs", "y");
    files.add("src/leak.eml", messages(&tokens)[1].clone());
    let root = files.dir(dir.path());
    let report = scan_export(&root, ExportOptions::default());
    assert_eq!(told(only(&report, &tokens[1])), expected()[1]);
}

/// A message of Outlook's: texts by their number, times, files, messages in it.
struct Msg {
    file: cfb::CompoundFile<std::io::Cursor<Vec<u8>>>,
}

impl Msg {
    fn new() -> Msg {
        Msg { file: cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap() }
    }

    fn stream(&mut self, path: &str, bytes: &[u8]) {
        self.file.create_stream(path).unwrap().write_all(bytes).unwrap();
    }

    fn text(&mut self, at: &str, number: &str, text: &str) {
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.stream(&format!("{at}/__substg1.0_{number}001F"), &wide);
    }

    /// Sent at 10:00 and so many minutes.
    fn message(&mut self, at: &str, minute: u64, who: (&str, &str), body: &str) {
        let ticks = (1_704_103_200 + 60 * minute + 11_644_473_600) * 10_000_000;
        let mut list = vec![0_u8; if at.is_empty() { 32 } else { 24 }];
        list.extend([0x40, 0, 0x39, 0, 6, 0, 0, 0]);
        list.extend(ticks.to_le_bytes());
        self.stream(&format!("{at}/__properties_version1.0"), &list);
        self.text(at, "0037", "subject");
        self.text(at, "0C1A", who.0);
        self.text(at, "5D01", who.1);
        self.text(at, "1035", &format!("<o{minute}@example.com>"));
        self.text(at, "1000", body);
    }

    fn bytes(self) -> Vec<u8> {
        self.file.into_inner().into_inner()
    }
}

#[test]
fn messages_of_outlook() {
    let dir = tempfile::tempdir().unwrap();
    let [plain, code, link, old, attached] = tokens(450);
    let (ada, bob) = (("Ada L", "ada@example.com"), ("Bob B", "bob@example.com"));
    let mut msg = Msg::new();
    msg.message("", 0, bob, &format!("the key is {plain}"));
    let html = format!(
        "<pre>TOKEN=<b>{}</b>{}</pre><a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a>",
        &code[..9],
        &code[9..]
    );
    msg.stream("/__substg1.0_10130102", html.as_bytes());
    for (number, name) in [(0, "notes.txt"), (1, "old.msg")] {
        let at = format!("/__attach_version1.0_#0000000{number}");
        msg.file.create_storage(&at).unwrap();
        msg.text(&at, "3707", name);
    }
    msg.stream("/__attach_version1.0_#00000000/__substg1.0_37010102", format!("token={attached}\n").as_bytes());
    let inner = "/__attach_version1.0_#00000001/__substg1.0_3701000D";
    msg.file.create_storage(inner).unwrap();
    msg.message(inner, 9, ada, &format!("use {old} please"));
    let bytes = msg.bytes();
    let path = dir.path().join("leak.msg");
    std::fs::write(&path, &bytes).unwrap();
    // The same attached to a message.
    let eml = head(
        5,
        BOB,
        &format!(
            "Content-Type: application/vnd.ms-outlook; name=leak.msg\nContent-Transfer-Encoding: base64\n\n{}",
            base64(&bytes)
        ),
    );
    let outer = dir.path().join("outer.eml");
    std::fs::write(&outer, eml).unwrap();
    for path in [path, outer] {
        let report = scan_export(&path, ExportOptions::default());
        for token in [&plain, &code, &link, &attached] {
            assert_eq!(told(only(&report, token)), "- Bob B <bob@example.com> 2024-01-01T10:00:00Z mid:o0@example.com");
        }
        assert_eq!(told(only(&report, &old)), "- Ada L <ada@example.com> 2024-01-01T10:09:00Z mid:o9@example.com");
        assert_eq!(only(&report, &old).thread.as_deref(), Some("o0@example.com"));
        assert_eq!(only(&report, &attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }
    // Cut off, and not one at all.
    let path = dir.path().join("cut.msg");
    for length in [bytes.len() / 2, 600, 100] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        assert!(!report.problems.is_empty());
    }
}

#[test]
fn a_mailbox_of_outlook_that_is_none_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = b"!BDN\0\0\0\0SM\x17\0\x13\0\x01\x01".to_vec();
    bytes.extend((0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    for length in [16, 600, bytes.len()] {
        let path = dir.path().join("archive.pst");
        std::fs::write(&path, &bytes[..length]).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        let kinds: Vec<_> = report.problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds, [ProblemKind::Malformed], "{:?}", report.problems);
    }
}

#[test]
fn regression_folded_lines_of_calendars() {
    let secret = token(390);
    let calendar = format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDESCRIPTION:see you\\nwith {}\r\n {}\\nbye\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        &secret[..9],
        &secret[9..]
    );
    let text = head(0, ADA, &format!("Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\n{calendar}"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("invitation.eml");
    std::fs::write(&path, text).unwrap();
    assert_eq!(only(&scan_export(&path, ExportOptions::default()), &secret).field, "body");
}

#[test]
fn regression_a_damaged_line_before_a_message_costs_no_attribution() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.mbox");
    for line in ["From bob@example.com", "From bob@example.com Mon Jan \u{1}\u{1}", "From \u{fffd}"] {
        let [first, second] = [token(8_200), token(8_201)];
        let packed =
            format!("Content-Transfer-Encoding: base64\n\n{}", base64(format!("the key is {second}\n").as_bytes()));
        let messages = [head(0, ADA, &format!("\nthe key is {first}\n")), head(1, BOB, &packed)];
        for before in ["From ada@example.com Mon Jan  1 10:00:00 2024", line] {
            std::fs::write(&path, format!("{before}\n{}\n{line}\n{}", messages[0], messages[1])).unwrap();
            let report = scan_export(&path, ExportOptions::default());
            assert_eq!(
                told(only(&report, &first)),
                "- Ada L <ada@example.com> 2024-01-01T10:00:00Z mid:m0@example.com"
            );
            assert_eq!(
                told(only(&report, &second)),
                "- Bob B <bob@example.com> 2024-01-01T10:01:00Z mid:m1@example.com"
            );
            assert!(report.problems.is_empty(), "{line}: {:?}", report.problems);
        }
    }
}

#[test]
fn regression_folded_lines_of_attached_calendars_are_made_whole() {
    let secret = token(8_210);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("invitation.eml");
    for end in ["\n", "\r\n"] {
        let calendar = [
            "BEGIN:VCALENDAR",
            "BEGIN:VEVENT",
            &format!("DESCRIPTION:token {}", &secret[..11]),
            &format!(" {}", &secret[11..]),
            "END:VEVENT",
            "",
        ];
        let parts = format!(
            "Content-Type: multipart/mixed; boundary=\"=_b\"\n\n--=_b\nContent-Type: text/calendar; name=a.ics\nContent-Disposition: attachment; filename=a.ics\nContent-Transfer-Encoding: base64\n\n{}--=_b--\n",
            base64(calendar.join(end).as_bytes())
        );
        std::fs::write(&path, head(0, ADA, &parts)).unwrap();
        let report = scan_export(&path, ExportOptions::default());
        let place = only(&report, &secret);
        assert_eq!(place.attachment.as_ref().unwrap().name.as_deref(), Some("a.ics"));
        assert_eq!(told(place), "- Ada L <ada@example.com> 2024-01-01T10:00:00Z mid:m0@example.com");
    }
}
