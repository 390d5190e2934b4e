//! Every reader of exports behind a function that takes any bytes: for the fuzzers in `tests/fuzz`, and for the tests below,
//! which do the same to mutated samples for a moment. Compiled for both alone.
//!
//! What must hold is checked here, so that a fuzzer finds more than panics: what readers hand over stands in order, isn't
//! out of all proportion to the file, and can be placed and looked up.

use std::{cell::RefCell, sync::atomic::AtomicBool};

use super::{
    container::{Store, Tree},
    input::Input,
    limits::ExportLimits,
    record_index::Room,
    sink::{Host, Notices, Parts, Sink},
    system::{Export, Look, Opening, ReadingOptions, SYSTEMS},
};
use crate::{
    model::{Origin, Part, Problem, RecordPlace, Stats},
    source::{Chunk, LargeBlob, Receiver, Record},
};

/// What a target does with an input.
pub type Target = fn(&[u8]);

/// Name and function of each target: one for each form that records come in.
pub const TARGETS: &[(&str, Target)] = &[
    ("export_json", export_json),
    ("export_xml", export_xml),
    ("export_table", export_table),
    ("export_bson", export_bson),
    ("export_page", export_page),
    ("export_mail", export_mail),
];

/// Systems with a file of theirs.
type Files = &'static [(&'static str, &'static str)];

const JSON: Files = &[
    ("slack", "general/2024-01-01.json"),
    ("slackdump-chunks", "C01.json.gz"),
    ("jira-json", "issues.json"),
    ("zendesk", "tickets.json"),
    ("github-json", "issues.json"),
    ("github-migration", "issues_000001.json"),
    ("gitlab", "tree/project/issues.ndjson"),
    ("gitlab", "project.json"),
    ("servicenow", "page.json"),
    ("discord", "chat.json"),
    ("discord-package", "messages/c1/messages.json"),
    ("telegram", "result.json"),
    ("mattermost", "import.jsonl"),
    ("google-chat", "Groups/Space A/messages.json"),
    ("trello", "board.json"),
    ("linear", "issues.json"),
    ("asana", "tasks.json"),
    ("bugzilla", "bugs.json"),
    ("redmine", "issues.json"),
    ("rocketchat-json", "messages.json"),
    ("matrix", "export.json"),
    ("zulip", "messages-000001.json"),
    ("zulip", "realm.json"),
    ("teams", "messages.json"),
    ("teams", "chatMessages.json"),
    ("records", "records.json"),
];
const XML: Files = &[
    ("jira-rss", "issues.xml"),
    ("jira-backup", "entities.xml"),
    ("confluence-xml", "entities.xml"),
    ("servicenow", "unload.xml"),
    ("bugzilla", "bugs.xml"),
    ("redmine", "issues.xml"),
];
const TABLE: Files = &[
    ("salesforce", "Case.csv"),
    ("discord", "Acme - general [77].csv"),
    ("jira-csv", "issues.csv"),
    ("servicenow", "incident.csv"),
    ("linear", "issues.csv"),
    ("asana", "tasks.csv"),
    ("redmine", "issues.csv"),
    ("notion", "List 0123456789abcdef0123456789abcdef.csv"),
    ("records", "records.csv"),
];
const BSON: Files = &[
    ("rocketchat", "rocketchat_message.bson"),
    ("rocketchat", "rocketchat_uploads.chunks.bson"),
    ("rocketchat", "users.bson"),
];
const PAGE: Files = &[
    ("notion", "Page 0123456789abcdef0123456789abcdef.html"),
    ("notion", "Page 0123456789abcdef0123456789abcdef.md"),
    ("confluence-html", "Page_123.html"),
    ("telegram", "messages.html"),
    ("discord", "Acme - general [77].html"),
    ("discord", "Acme - general [77].txt"),
    ("teams", "chat.html"),
];
const MAIL: Files = &[("mail", "inbox.mbox"), ("mail", "letter.eml"), ("mail", "letter.msg"), ("mail", "box.pst")];

/// Documents and lines of JSON.
pub fn export_json(data: &[u8]) {
    read_each(JSON, data);
}

/// Elements of XML.
pub fn export_xml(data: &[u8]) {
    read_each(XML, data);
}

/// Tables.
pub fn export_table(data: &[u8]) {
    read_each(TABLE, data);
}

/// Dumps of MongoDB.
pub fn export_bson(data: &[u8]) {
    read_each(BSON, data);
}

/// Pages of HTML and Markdown, and texts.
pub fn export_page(data: &[u8]) {
    read_each(PAGE, data);
}

/// Mail.
pub fn export_mail(data: &[u8]) {
    read_each(MAIL, data);
}

fn read_each(files: Files, data: &[u8]) {
    files.iter().for_each(|(system, path)| read(system, path, data));
}

/// Recognises, reads and looks up a file as a system does.
fn read(name: &str, path: &str, data: &[u8]) {
    let Some(system) = SYSTEMS.iter().find(|system| system.name() == name) else { return };
    system.may_be_file(path, &data[..data.len().min(4096)]);
    let tree = Tree::of_file(path, Store::of_bytes(data));
    let look = Look::new(&tree);
    system.detect(&look);
    let options = ReadingOptions { base_url: Some("https://example.com/".to_owned()), map: None };
    let reader = system.open(&Opening { look: &look, root: "", options: &options, room: &Room::default() });
    let never = AtomicBool::new(false);
    let mut input = Input::new(Box::new(data), &never);
    let mut seen = Seen { limit: data.len() * MOST_TIMES + (1 << 16), ..Seen::default() };
    let (template, notices) = (RecordPlace::default(), Notices::default());
    reader.read(path, &mut input, &mut Sink::new(&mut seen, &template, &notices, &mut Parts::default()));
    // As if something had been found in all of them.
    let mut places: Vec<&mut RecordPlace> = seen.places.iter_mut().collect();
    let problems = RefCell::default();
    reader.resolve(&Export { trees: vec![(&tree, "")], interrupt: &never, problems: &problems }, &mut places);
}

/// How many times as long as the file all texts may be: a field has three views, and some texts are told with their keys.
const MOST_TIMES: usize = 64;

#[derive(Default)]
struct Seen {
    places: Vec<RecordPlace>,
    bytes: usize,
    limit: usize,
    stats: Stats,
}

impl Host for Seen {
    fn receiver(&mut self) -> &mut dyn Receiver {
        self
    }

    fn file(&mut self, bytes: &[u8], _: RecordPlace) {
        self.bytes += bytes.len();
        assert!(self.bytes <= self.limit, "{} bytes of text", self.bytes);
    }
}

impl Receiver for Seen {
    fn blob(&mut self, _: Origin<'_>, _: Part, bytes: &[u8]) {
        self.bytes += bytes.len();
    }

    fn chunk(&mut self, _: &LargeBlob, _: Chunk<'_>) {}

    fn record(&mut self, record: &Record<'_>) {
        let mut end = 0;
        for segment in record.segments {
            assert!(segment.text.start >= end && segment.text.end <= record.text.len(), "segments out of order");
            assert!(record.names.get(segment.name.clone()).is_some(), "a name that isn't there");
            end = segment.text.end;
        }
        self.bytes += record.text.len() + record.names.len();
        assert!(self.bytes <= self.limit, "{} bytes of text", self.bytes);
        if self.places.len() < 64 {
            self.places.push((record.place)());
        }
    }

    fn problem(&mut self, _: Problem) {}

    fn stats(&mut self) -> &mut Stats {
        &mut self.stats
    }
}

impl Tree {
    fn of_file(path: &str, store: Store) -> Tree {
        let mut tree = Tree::empty(path.into(), String::new(), ExportLimits::default());
        tree.hold_file_of(path, store);
        tree
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{TARGETS, Target};

    /// A sample of each system; what is the same in all is left out.
    const SEEDS: &[(&str, &str)] = &[
        (
            "export_json",
            r#"[{"type":"message","user":"U1","ts":"1704103200.000100","text":"a &amp; <https://x.y|b>","blocks":[{"type":"rich_text","elements":[{"type":"text","text":"c"}]}],"files":[{"id":"F1"}]}]"#,
        ),
        ("export_json", r#"{"t":1,"ts":1,"id":"C01","m":[{"type":"message","text":"a","ts":"1704103200.000100"}]}"#),
        (
            "export_json",
            r#"{"issues":[{"key":"A-1","self":"https://x.y/rest/api/2/issue/1","fields":{"summary":"a","description":{"type":"doc","content":[{"type":"text","text":"b"}]},"comment":{"comments":[{"id":"1","body":"c"}]}}}]}"#,
        ),
        (
            "export_json",
            r#"{"tickets":[{"id":1,"url":"https://a.zendesk.com/api/v2/tickets/1.json","description":"a","comments":[{"id":2,"html_body":"<p>b"}],"audits":[{"events":[{"previous_value":"c"}]}]}]}"#,
        ),
        (
            "export_json",
            r#"{"iid":7,"title":"a","description":"[f](/uploads/0/f)","author_id":1,"notes":[{"id":1,"note":"{-a-}{+b+}","system":true,"author":{"name":"c"}}]}"#,
        ),
        (
            "export_json",
            r#"{"result":[{"sys_id":{"value":"1"},"sys_created_by":"a","sys_created_on":"2024-01-01 10:00:00","work_notes":"2024-01-01 10:00:00 - A (Work notes)\nb"}]}"#,
        ),
        (
            "export_json",
            r#"{"guild":{"id":"0","name":"a"},"channel":{"id":"1","name":"b"},"dateRange":{},"messages":[{"id":"2","timestamp":"2024-01-01T10:00:00+02:00","content":"c","author":{"id":"3","name":"d"},"attachments":[{"url":"e\\f"}]}]}"#,
        ),
        (
            "export_json",
            r#"{"chats":{"list":[{"name":"a","type":"private_supergroup","id":1,"messages":[{"id":2,"date_unixtime":"1704103200","from":"b","text":["c",{"type":"text_link","text":"d","href":"https://x.y"}]}]}]}}"#,
        ),
        (
            "export_json",
            "{\"type\":\"version\",\"version\":1}\n{\"type\":\"post\",\"post\":{\"team\":\"a\",\"channel\":\"b\",\"user\":\"c\",\"message\":\"d\",\"create_at\":1704103200000,\"replies\":[{\"user\":\"e\",\"message\":\"f\"}]}}\n",
        ),
        (
            "export_json",
            r#"{"messages":[{"creator":{"name":"a"},"created_date":"Monday, January 1, 2024 at 10:00:00 AM UTC","text":"b","topic_id":"c","message_id":"d/e/f","previous_message_versions":[{"text":"g"}],"attached_files":[{"export_name":"h"}]}]}"#,
        ),
        (
            "export_json",
            r#"{"id":"6592c0000000000000000001","name":"a","shortLink":"b","shortUrl":"https://x.y","actions":[{"id":"1","type":"updateCard","date":"2024-01-01T10:00:00Z","data":{"old":{"desc":"c"},"card":{"shortLink":"d"}}}],"cards":[{"id":"é5928b200","desc":"e"}]}"#,
        ),
        ("export_json", r#"{"bugs":{"7":{"comments":[{"id":1,"text":"a","count":0,"bug_id":7}]}}}"#),
        (
            "export_json",
            r#"{"bugs":[{"id":7,"summary":"a","history":[{"who":"b","changes":[{"removed":"c"}]}],"attachments":[{"data":"YWJj","file_name":"d"}]}]}"#,
        ),
        (
            "export_json",
            r#"{"room_name":"a","exported_by":"b","messages":[{"event_id":"1","content":{"body":"c","m.new_content":{"body":"d"},"m.relates_to":{"rel_type":"m.replace","event_id":"0"}}}]}"#,
        ),
        (
            "export_json",
            r#"{"zerver_message":[{"id":1,"sender":2,"recipient":3,"content":"a","date_sent":1704103200.5,"edit_history":"[{\"prev_content\":\"b\\nc\"}]"}],"zerver_stream":[{"id":4,"name":"d"}],"zerver_recipient":[{"id":3,"type":2,"type_id":4}]}"#,
        ),
        (
            "export_xml",
            "<!--RSS generated by JIRA--><rss version=\"0.92\"><item><key id=\"1\">A-1</key><description>a &lt;p&gt;</description><comments><comment id=\"1\" author=\"b\">c</comment></comments></item></rss>",
        ),
        (
            "export_xml",
            "<unload unload_date=\"x\"><incident action=\"INSERT_OR_UPDATE\"><sys_id>1</sys_id><work_notes>2024-01-01 10:00:00 - A (B)\nc</work_notes></incident><sys_attachment_doc><data>H4sIAAAAAAAA</data><sys_attachment>f</sys_attachment></sys_attachment_doc></unload>",
        ),
        (
            "export_xml",
            "<bugzilla urlbase=\"https://x.y/\"><bug><bug_id>7</bug_id><long_desc isprivate=\"1\"><who name=\"a\">b</who><thetext>c &#65;<![CDATA[d]]></thetext></long_desc><attachment><data>YWJj</data></attachment></bug></bugzilla>",
        ),
        (
            "export_xml",
            "<issues type=\"array\"><issue><id>7</id><author id=\"1\" name=\"a\"/><journals><journal id=\"1\"><notes>b</notes><details><detail><old_value>c</old_value></detail></details></journal></journals></issue></issues>",
        ),
        ("export_table", "Issue key,Summary,Comment\nA-1,\"a\nb\",\"01/Jan/24;c;d\"\n"),
        (
            "export_table",
            "number;short_description;sys_created_on;work_notes\nINC1;\"a\"\"b\";2024-01-01 10:00:00;\"2024-01-01 10:00:00 - A (B)\nc\"\n",
        ),
        ("export_bson", "\u{1b}\0\0\0\x02_id\0\x02\0\0\0a\0\x02msg\0\x02\0\0\0b\0\0"),
        (
            "export_bson",
            "\u{2d}\0\0\0\x02_id\0\x02\0\0\0a\0\x04x\0\x0e\0\0\0\x020\0\x02\0\0\0b\0\0\x09ts\0\0\0\0\0\0\0\0\0\0",
        ),
        (
            "export_page",
            "<html><article id=\"x\"><p>a&nbsp;<b>b</b></p><pre class=\"code\"><code>c</code></pre><a href=\"https://x.y/z\">d</a></article>",
        ),
        (
            "export_page",
            "<body onload=\"CheckLocation();\"><div class=\"page_wrap\"><div class=\"page_header\"><div class=\"text bold\">a</div></div><div class=\"history\"><div class=\"message default clearfix\" id=\"message1\"><div class=\"pull_right date details\" title=\"01.01.2024 10:00:00 UTC+02:00\">b</div><div class=\"from_name\">c</div><div class=\"media_wrap\"><a href=\"files/d.txt\">e</a></div><div class=\"text\">f <b>g</b></div></div><div class=\"message default clearfix joined\" id=\"message2\"><div class=\"forwarded body\"><div class=\"text\">h",
        ),
        (
            "export_page",
            "<style>.chatlog__message-group{}</style><div class=preamble__entry>a</div><div class=chatlog__message-group><div id=b class=chatlog__message-container data-message-id=1191319289856000000><span class=chatlog__author data-user-id=5>c</span><div class=chatlog__content>d<a href=https://x.y/z>e</a></div><div class=chatlog__attachment><a href=f%20g.txt>h",
        ),
        (
            "export_page",
            "<style>.message--author .message--responder .message__author .message__content</style><h1>a</h1><div class='message message--author'><span class=message__author>b &lt;c@d.e&gt;</span><span class=message__date-item-wrapper>1/1/202410:00 AM</span><div class=message__content><p>f<a href='g.txt'>h</div><!-- i -->",
        ),
        (
            "export_page",
            "==============================================================\nGuild: a\nChannel: b / c\n==============================================================\n\n[1/1/2024 10:00 AM] d\ne\n\n{Attachments}\nf\\g.txt\n\n[1/1/2024 10:01 AM] h\ni\n\n==============================================================\n",
        ),
        (
            "export_mail",
            "From a@b Mon Jan  1 10:00:00 2024\nFrom: A <a@b.c>\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nMessage-ID: <1@b.c>\n\
             MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html; charset=utf-8\n\
             Content-Transfer-Encoding: quoted-printable\n\n<b>=41</b>\n--x\nContent-Type: application/zip; name=a.zip\n\
             Content-Transfer-Encoding: base64\n\nUEsDBA==\n--x--\n\n>From c\n\nFrom d@e Mon Jan  1 10:00:00 2024\n\nf\n",
        ),
        ("export_page", "# Title\n\n```\na\n```\n[b](https://x.y)\n"),
    ];

    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % limit.max(1) as u64) as usize
        }
    }

    fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
        const ODD: &[u8] = b"\"\\{}[]:,<>&;/!\n\0\xe9\xff 0";
        let mut bytes = seed.to_vec();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            match random.below(6) {
                0 => bytes.truncate(at),
                1 => drop(bytes.drain(at..(at + random.below(20)).min(bytes.len()))),
                2 => {
                    let piece: Vec<u8> = seed[random.below(seed.len())..].iter().take(40).copied().collect();
                    drop(bytes.splice(at..at, piece));
                }
                _ if bytes.is_empty() => {}
                3 => bytes[at] ^= 1 << random.below(8),
                _ => bytes[at] = ODD[random.below(ODD.len())],
            }
        }
        bytes
    }

    fn target(name: &str) -> Target {
        TARGETS.iter().find(|(found, _)| *found == name).expect("a target of that name").1
    }

    /// `UNLEAK_FUZZ_ROUNDS` sets the number of mutations of each seed; with `UNLEAK_FUZZ_SEEDS` the seeds are written to
    /// that directory, for a fuzzer to begin with.
    #[test]
    fn samples_are_survived_in_any_mutation() {
        let rounds = std::env::var("UNLEAK_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40_u64);
        for (number, (name, seed)) in SEEDS.iter().enumerate() {
            let seed = seed.as_bytes();
            if let Some(dir) = std::env::var_os("UNLEAK_FUZZ_SEEDS") {
                let dir = Path::new(&dir).join(name);
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join(number.to_string()), seed).unwrap();
            }
            target(name)(seed);
            let mut random = Random(number as u64 + 1);
            (0..rounds).for_each(|_| target(name)(&mutated(seed, &mut random)));
        }
    }

    /// A long key before very many values must not be told with each of them.
    #[test]
    fn long_keys_cost_no_more_than_their_length() {
        let key = "k".repeat(100_000);
        let values = "\"abcd\",".repeat(20_000);
        target("export_json")(format!("[{{\"{key}\":[{values}\"\"]}}]").as_bytes());
    }

    #[test]
    fn crashers_stay_harmless() {
        let crashers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/crashers");
        for (name, run) in TARGETS {
            for entry in fs::read_dir(crashers.join(name)).into_iter().flatten() {
                run(&fs::read(entry.unwrap().path()).unwrap());
            }
        }
    }
}
