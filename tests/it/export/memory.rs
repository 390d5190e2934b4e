//! Memory has a bound, whatever a record is made of: what is beyond is told in parts or reported, and costs no other record.

use std::{
    fs::File,
    io::{BufWriter, Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::plant::token;

/// What a run of the program may take. Of the cases below it took 36 to 116 MiB (test profile, 2026-11-28).
const MOST_KIB: u64 = 256 << 10;

/// A scan by one thread: its report, and the most memory that it took.
fn measure(path: &Path) -> (Value, u64) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_unleak"))
        .args(["scan", "--no-config", "-j1", "--format", "json", "--show-secrets"])
        .arg(format!("export:{}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut report = String::new();
        stdout.read_to_string(&mut report).unwrap();
        report
    });
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    }
    (serde_json::from_str(&reader.join().unwrap()).unwrap(), peak)
}

/// A file with a record that is made of one text, again and again, between two that have the secrets.
struct Large {
    name: &'static str,
    head: String,
    begin: &'static str,
    part: &'static str,
    bytes: usize,
    end: &'static str,
    tail: String,
    /// What is reported, if anything is.
    problem: Option<&'static str>,
}

impl Large {
    fn check(&self, secrets: [&String; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(self.name);
        let mut out = BufWriter::new(File::create(&path).unwrap());
        out.write_all(self.head.as_bytes()).unwrap();
        out.write_all(self.begin.as_bytes()).unwrap();
        (0..self.bytes / self.part.len()).for_each(|_| out.write_all(self.part.as_bytes()).unwrap());
        out.write_all(self.end.as_bytes()).unwrap();
        out.write_all(self.tail.as_bytes()).unwrap();
        out.into_inner().unwrap();
        let (report, peak) = measure(&path);
        assert!(peak < MOST_KIB, "{} of {:?}…: {} MiB", self.name, self.part, peak >> 10);
        let text = report["findings"].to_string();
        secrets.iter().for_each(|secret| assert!(text.contains(secret.as_str()), "{}: {:?}", self.name, self.part));
        let told: Vec<&str> =
            report["problems"].as_array().unwrap().iter().map(|told| told["message"].as_str().unwrap()).collect();
        match self.problem {
            Some(problem) => assert!(told.iter().any(|told| told.contains(problem)), "{told:?}"),
            None => assert!(told.is_empty(), "{told:?}"),
        }
    }
}

/// What one repeats, how many bytes of it, and what is told of it.
type Case = (&'static str, &'static str, &'static str, usize, Option<&'static str>);

#[test]
fn elements_of_xml() {
    let [first, last] = [token(6_100), token(6_101)];
    let record = |secret: &str| {
        format!(
            "<incident action=\"INSERT_OR_UPDATE\"><sys_id>a7</sys_id><description>key {secret}</description></incident>\n"
        )
    };
    let cases: [Case; 5] = [
        ("<incident>", "<x>abcdefgh</x>", "</incident>", 24 << 20, None),
        ("<incident>", "<x y=\"abcd\" z=''/>", "</incident>", 16 << 20, None),
        ("<incident>", "<x><y>abcd</y></x>", "</incident>", 16 << 20, None),
        ("<incident", " a='abcd'", "/>", 12 << 20, None),
        ("<incident><description>", "a &lt;b&gt; word\n", "</description></incident>", 80 << 20, None),
    ];
    for (begin, part, end, bytes, problem) in cases {
        let head = format!("<unload unload_date=\"2024-01-01 10:00:00\">{}", record(&first));
        let tail = format!("{}</unload>", record(&last));
        Large { name: "incident.xml", head, begin, part, bytes, end, tail, problem }.check([&first, &last]);
    }
}

#[test]
fn a_file_in_a_record_that_is_too_large_is_told() {
    let [first, last] = [token(6_130), token(6_131)];
    let head = format!(
        "<bugzilla version=\"5\" urlbase=\"https://x.y/\"><bug><bug_id>7</bug_id><short_desc>key {first}</short_desc></bug><bug>"
    );
    let begin = "<attachment><attachid>5</attachid><filename>a.bin</filename><data encoding=\"base64\">";
    let (part, end) =
        ("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5e\n", "</data></attachment>");
    let tail = format!("<long_desc><thetext>key {last}</thetext></long_desc></bug></bugzilla>");
    let problem = Some("an attached file that is cut off");
    Large { name: "bugs.xml", head, begin, part, bytes: 40 << 20, end, tail, problem }.check([&first, &last]);
}

#[test]
fn cells_of_tables() {
    let [first, last] = [token(6_110), token(6_111)];
    let head = "Id,IsDeleted,OwnerId,Description,CreatedById,CreatedDate";
    let row = |secret: &str| {
        format!("500A0000001CCCCCC3,0,005A0000001AAAAAA1,key {secret},005A0000001AAAAAA1,2024-01-01 10:00:00\n")
    };
    let (cells, large) = (Some("131,072 cells"), Some("16 MiB"));
    let cases: [Case; 3] = [
        ("x", ",", "\n", 24 << 20, cells),
        ("x,0,1,\"", "word <b> \"\"\n", "\"\n", 40 << 20, large),
        ("x,0,1,\"", "a <b>word</b> &amp; \u{201c}\n", "\"\n", 15 << 20, None),
    ];
    for (begin, part, end, bytes, problem) in cases {
        let head = format!("{head}\n{}", row(&first));
        Large { name: "Case.csv", head, begin, part, bytes, end, tail: row(&last), problem }.check([&first, &last]);
    }
    let (begin, part, end, bytes) = (",", "abc,", "\n", 24 << 20);
    let tail = format!("{}{}", row(&first), row(&last));
    Large { name: "Case.csv", head: head.to_owned(), begin, part, bytes, end, tail, problem: cells }
        .check([&first, &last]);
}

#[test]
fn values_of_json() {
    let [first, last] = [token(6_120), token(6_121)];
    let head = r#"{"guild":{"id":"1","name":"a"},"channel":{"id":"2","name":"b"},"dateRange":{},"messages":["#;
    let record = |secret: &str| format!(r#"{{"id":"9","content":"key {secret}","author":{{"id":"3"}}}}"#);
    let (values, large) = (Some("half a million values"), Some("16 MiB"));
    let cases: [Case; 5] = [
        (r#"{"id":"8","a":["#, "1,", "1]},", 24 << 20, values),
        (r#"{"id":"8","a":["#, "\"abcd\",", "1]},", 12 << 20, values),
        (
            r#"{"id":"8","a_long_key_that_stands_before_each_of_the_texts_in_a_list":["#,
            "\"a word or two more\",",
            "1]},",
            7 << 20,
            None,
        ),
        (r#"{"id":"8","content":""#, "some text &amp; \\u003cb> word \u{2019}", "\"},", 40 << 20, large),
        (r#"{"id":"8","content":""#, "some text &amp; \\u003cb> word \u{2019}", "\"},", 15 << 20, None),
    ];
    for (begin, part, end, bytes, problem) in cases {
        let head = format!("{head}{},", record(&first));
        let tail = format!("{}]}}", record(&last));
        Large { name: "a.json", head, begin, part, bytes, end, tail, problem }.check([&first, &last]);
    }
}
