//! Exports of any size: speed and memory, against a scan of the same bytes as files.
//!
//! `cargo bench --bench export -- [MEGABYTES] [DIR]` makes a seeded export of that size (64 by default) in each kind of
//! container below DIR (or the system's directory for temporary files), scans it on one thread, and says how long that took
//! and how much memory was in use at most so far. One secret per megabyte or so is planted, and must be found.

use std::{
    env, fs,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use unleak::{
    Scanner,
    engine::{FingerprintKey, Progress, ScanOptions},
    model::ScanReport,
    source::{
        FileOptions, Files, Source,
        export::{Export, ExportOptions},
    },
};

/// Words, numbers and now and then a token, always the same.
struct Generator {
    state: u64,
    planted: u64,
}

impl Generator {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.state >> 33
    }

    fn text(&mut self) -> String {
        let mut out = String::new();
        // As chats and tickets have them: of a few hundred words one is the like of `token`.
        const WORDS: &str = "the a to and of is it that for on you we this be with have can not are will at as was but do \
            if there your just from our or so all about when what they has me an get use how out one need new more like \
            by think up see now would them make also then should no time here know any want which some work been good \
            only had were than could after into other let sure still over way did where fix test run before first back \
            same using working right issue change release branch merge review meeting tomorrow yesterday today server \
            client request response error log line file build deploy deployed staging production customer customers \
            ticket update updated please thanks thank great ok yes maybe looks looking check checked help question \
            someone team again later really something anything version service user users page data table query slow \
            fast restart restarted failed fails failing passed green red down team's it's don't can't doesn't i'll";
        let words: Vec<&str> = WORDS.split_ascii_whitespace().collect();
        for _ in 0..12 + self.next() % 30 {
            out.push_str(match self.next() % 600 {
                0 => "token",
                1..6 => "https:\\/\\/example.com\\/a",
                number => words[number as usize % words.len()],
            });
            out.push(' ');
        }
        if self.next().is_multiple_of(2_048) {
            self.planted += 1;
            out.push_str("glpat-");
            for _ in 0..20 {
                out.push(char::from(
                    b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[self.next() as usize % 56],
                ));
            }
        }
        out
    }

    /// A message as Slack writes it.
    fn message(&mut self, number: u64) -> String {
        let text = self.text();
        format!(
            r#"{{"client_msg_id":"{:08x}-{number:08x}","type":"message","user":"U{:05}","ts":"{}.{:06}","team":"T01","text":"{text}","blocks":[{{"type":"rich_text","elements":[{{"type":"rich_text_section","elements":[{{"type":"text","text":"{text}"}}]}}]}}]}}"#,
            self.next(),
            self.next() % 5_000,
            1_700_000_000 + number,
            self.next() % 1_000_000
        )
    }
}

/// Writes a day of a channel.
fn day(generator: &mut Generator, bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let (mut written, mut number) = (0, 0);
    out.write_all(b"[")?;
    while written < bytes {
        let message = generator.message(number);
        if number > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(message.as_bytes())?;
        (written, number) = (written + message.len() as u64, number + 1);
    }
    out.write_all(b"]")
}

const LISTS: [(&str, &str); 2] =
    [("users.json", r#"[{"id":"U00001","name":"ada"}]"#), ("channels.json", r#"[{"id":"C01","name":"general"}]"#)];

/// Bytes of a day: a busy channel's.
const DAY_BYTES: u64 = 8 << 20;

fn slack_dir(root: &Path, bytes: u64) -> io::Result<u64> {
    let mut generator = Generator { state: 1, planted: 0 };
    fs::create_dir_all(root.join("general"))?;
    LISTS.iter().try_for_each(|(name, content)| fs::write(root.join(name), content))?;
    for index in 0..bytes.div_ceil(DAY_BYTES) {
        let mut file = BufWriter::new(File::create(root.join(day_name(index)))?);
        day(&mut generator, DAY_BYTES.min(bytes), &mut file)?;
        file.flush()?;
    }
    Ok(generator.planted)
}

fn day_name(index: u64) -> String {
    format!("general/{:04}-{:02}-{:02}.json", 2000 + index / 336, 1 + index / 28 % 12, 1 + index % 28)
}

fn slack_zip(path: &Path, dir: &Path) -> io::Result<()> {
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path)?));
    let options = zip::write::SimpleFileOptions::default().large_file(true);
    for name in names(dir)? {
        zip.start_file(name.as_str(), options)?;
        io::copy(&mut File::open(dir.join(&name))?, &mut zip)?;
    }
    zip.finish()?.flush()
}

/// The zip in another one, as mail and file shares pass exports on.
fn nested_zip(path: &Path, inner: &Path) -> io::Result<()> {
    let mut zip = zip::ZipWriter::new(BufWriter::new(File::create(path)?));
    let options =
        zip::write::SimpleFileOptions::default().large_file(true).compression_method(zip::CompressionMethod::Stored);
    zip.start_file("slack.zip", options)?;
    io::copy(&mut File::open(inner)?, &mut zip)?;
    zip.finish()?.flush()
}

fn slack_tar(path: &Path, dir: &Path) -> io::Result<()> {
    let gz = flate2::write::GzEncoder::new(BufWriter::new(File::create(path)?), flate2::Compression::fast());
    let mut tar = tar::Builder::new(gz);
    for name in names(dir)? {
        tar.append_path_with_name(dir.join(&name), &name)?;
    }
    tar.into_inner()?.finish()?.flush()
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = LISTS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for entry in fs::read_dir(dir.join("general"))? {
        names.push(format!("general/{}", entry?.file_name().to_string_lossy()));
    }
    names.sort();
    Ok(names)
}

/// One file with all messages in one list, as Telegram and Discord have it.
fn one_document(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut generator = Generator { state: 2, planted: 0 };
    let mut file = BufWriter::new(File::create(path)?);
    day(&mut generator, bytes, &mut file)?;
    file.flush()?;
    Ok(generator.planted)
}

/// Writes numbered rows between a head and a tail until there are so many bytes; how many secrets are in them.
fn rows(
    path: &Path,
    (state, bytes): (u64, u64),
    (head, tail): (&str, &str),
    row: impl Fn(&mut Generator, u64) -> String,
) -> io::Result<u64> {
    let mut generator = Generator { state, planted: 0 };
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(head.as_bytes())?;
    let (mut written, mut number) = (0, 0);
    while written < bytes {
        let row = row(&mut generator, number);
        file.write_all(row.as_bytes())?;
        (written, number) = (written + row.len() as u64, number + 1);
    }
    file.write_all(tail.as_bytes())?;
    file.flush()?;
    Ok(generator.planted)
}

fn table(path: &Path, bytes: u64) -> io::Result<u64> {
    rows(path, (3, bytes), ("Id,Owner,Created,Subject,Description\n", ""), |generator, number| {
        let (user, text) = (number % 5_000, generator.text());
        format!("500{number:015},U{user},2024-01-01T10:00:00Z,a case,\"{text}\nand \"\"more\"\"\"\r\n")
    })
}

/// A backup as Jira writes it: comments, issues, changes.
fn backup(path: &Path, bytes: u64) -> io::Result<u64> {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<entity-engine-xml date=\"2024-01-01\">\n";
    rows(path, (4, bytes), (HEAD, "</entity-engine-xml>\n"), |generator, number| {
        let (user, time) = (number % 5_000, "2024-01-01 10:00:00.0");
        let text = generator.text();
        let mut rows = format!(
            "    <Action id=\"{number}\" issue=\"{}\" author=\"u{user}\" type=\"comment\" created=\"{time}\" updateauthor=\"u{user}\" \
             updated=\"{time}\">\n        <body><![CDATA[{text}\nand more]]></body>\n    </Action>\n",
            number / 3
        );
        if number % 3 == 0 {
            let text = generator.text();
            rows += &format!(
                "    <Issue id=\"{number}\" key=\"OPS-{number}\" project=\"1\" reporter=\"u{user}\" creator=\"u{user}\" type=\"1\" summary=\"cannot log in\" \
                 priority=\"3\" status=\"1\" created=\"{time}\" updated=\"{time}\" votes=\"0\" watches=\"1\" description=\"{text}\"/>\n"
            );
        }
        if number % 4 == 0 {
            rows += &format!(
                "    <ChangeItem id=\"{number}\" group=\"{number}\" fieldtype=\"jira\" field=\"status\" oldvalue=\"1\" oldstring=\"Open\" newvalue=\"3\" newstring=\"Done\"/>\n"
            );
        }
        rows
    })
}

/// What ServiceNow unloads of incidents and their notes: two thirds of the elements are empty.
fn unload(path: &Path, bytes: u64) -> io::Result<u64> {
    const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><unload unload_date=\"2024-02-01 10:00:00\">\n";
    const EMPTY: &str = "activity_due additional_assignee_list approval_history business_duration business_service calendar_duration \
        caused_by close_code close_notes closed_at closed_by cmdb_ci comments_and_work_notes company contract \
        correlation_display correlation_id delivery_plan delivery_task due_date expected_start follow_up group_list \
        hold_reason location order origin_id origin_table parent parent_incident problem_id reopened_by reopened_time \
        resolved_at resolved_by rfc route_reason service_offering sla_due subcategory time_worked universal_request \
        user_input watch_list work_end work_notes work_notes_list work_start";
    let empty: String = EMPTY.split_ascii_whitespace().map(|name| format!("<{name}/>\n")).collect();
    rows(path, (5, bytes), (HEAD, "</unload>\n"), |generator, number| {
        let (user, time) = (number % 5_000, "2024-01-01 10:00:00");
        let text = generator.text();
        let mut rows = format!(
            "<incident action=\"INSERT_OR_UPDATE\">\n<active>true</active>\n<approval>not requested</approval>\n\
             <assigned_to display_value=\"Ada L\">{:032x}</assigned_to>\n<caller_id display_value=\"Bob B\">{:032x}</caller_id>\n\
             <category>inquiry</category>\n<contact_type>phone</contact_type>\n<description>{text}</description>\n{empty}\
             <impact>3</impact>\n<incident_state>1</incident_state>\n<knowledge>false</knowledge>\n<made_sla>true</made_sla>\n\
             <number>INC{number:07}</number>\n<opened_at>{time}</opened_at>\n<priority>5</priority>\n<severity>3</severity>\n\
             <short_description>cannot log in</short_description>\n<state>1</state>\n<sys_class_name>incident</sys_class_name>\n\
             <sys_created_by>u{user}</sys_created_by>\n<sys_created_on>{time}</sys_created_on>\n<sys_domain>global</sys_domain>\n\
             <sys_id>{number:032x}</sys_id>\n<sys_mod_count>2</sys_mod_count>\n<sys_updated_by>admin</sys_updated_by>\n\
             <sys_updated_on>{time}</sys_updated_on>\n<upon_approval>proceed</upon_approval>\n<urgency>3</urgency>\n</incident>\n",
            generator.next(),
            generator.next()
        );
        let text = generator.text();
        rows += &format!(
            "<sys_journal_field action=\"INSERT_OR_UPDATE\"><element>work_notes</element><element_id>{number:032x}</element_id>\
             <name>incident</name><sys_created_by>u{user}</sys_created_by><sys_created_on>{time}</sys_created_on>\
             <sys_id>{:032x}</sys_id><value>{text}</value></sys_journal_field>\n",
            generator.next()
        );
        rows
    })
}

fn scan(scanner: &Scanner, source: &dyn Source) -> (ScanReport, Duration) {
    let (interrupt, progress) = (AtomicBool::new(false), Progress::default());
    let key = || FingerprintKey::new([7; 32]);
    let options = ScanOptions {
        threads: 1,
        timed: false,
        paranoid: false,
        key: &key,
        interrupt: &interrupt,
        progress: &progress,
    };
    let started = Instant::now();
    let report = scanner.scan(source, &options);
    (report, started.elapsed())
}

/// Most memory that this process had so far, in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|kib| kib.parse::<u64>().ok())
        .map_or(0, |kib| kib >> 10)
}

fn say(what: &str, report: &ScanReport, time: Duration) {
    let speed = report.stats.bytes as f64 / 1e6 / time.as_secs_f64();
    let _ = writeln!(
        io::stdout(),
        "{what:<28} {:>8.2} s {speed:>8.0} MB/s {:>9} records {:>6} findings {:>4} problems, peak {} MiB",
        time.as_secs_f64(),
        report.stats.records,
        report.findings.len(),
        report.problems.len(),
        peak()
    );
}

fn measure(scanner: &Scanner, what: &str, path: &Path, options: ExportOptions, planted: u64) {
    let export = Export::open(path, options).expect("an export of our own making");
    let (report, time) = scan(scanner, &export);
    say(what, &report, time);
    assert_eq!(report.findings.len() as u64, planted, "{what}: every planted secret is found");
    let files = Files::new(vec![path.to_owned()], FileOptions::default()).expect("no globs");
    let (report, time) = scan(scanner, &files);
    say("  as raw files", &report, time);
}

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let bytes = args.next().and_then(|arg| arg.parse::<u64>().ok()).unwrap_or(64) * 1_000_000;
    let parent = args.next().map_or_else(env::temp_dir, PathBuf::from);
    let root = tempfile::Builder::new().prefix("unleak-bench").tempdir_in(parent)?;
    let at = |name: &str| root.path().join(name);
    let scanner = Scanner::builtin();
    let records =
        || ExportOptions { map: "text=.text,author_id=.user,time=.ts".parse().ok(), ..ExportOptions::default() };
    let columns =
        || ExportOptions { map: "text=Description,author=Owner,time=Created".parse().ok(), ..ExportOptions::default() };
    let planted = slack_dir(&at("slack"), bytes)?;
    measure(&scanner, "slack, directory", &at("slack"), ExportOptions::default(), planted);
    slack_zip(&at("slack.zip"), &at("slack"))?;
    measure(&scanner, "slack, zip", &at("slack.zip"), ExportOptions::default(), planted);
    nested_zip(&at("nested.zip"), &at("slack.zip"))?;
    measure(&scanner, "slack, zip in a zip", &at("nested.zip"), ExportOptions::default(), planted);
    fs::remove_file(at("nested.zip"))?;
    slack_tar(&at("slack.tar.gz"), &at("slack"))?;
    measure(&scanner, "slack, tar.gz", &at("slack.tar.gz"), ExportOptions::default(), planted);
    fs::remove_dir_all(at("slack"))?;
    for name in ["slack.zip", "slack.tar.gz"] {
        fs::remove_file(at(name))?;
    }
    let planted = one_document(&at("one.json"), bytes)?;
    measure(&scanner, "one document of JSON", &at("one.json"), records(), planted);
    fs::remove_file(at("one.json"))?;
    let planted = table(&at("cases.csv"), bytes)?;
    measure(&scanner, "table", &at("cases.csv"), columns(), planted);
    fs::remove_file(at("cases.csv"))?;
    fs::create_dir(at("jira"))?;
    let planted = backup(&at("jira/entities.xml"), bytes)?;
    measure(&scanner, "jira's backup (XML)", &at("jira"), ExportOptions::default(), planted);
    fs::remove_dir_all(at("jira"))?;
    let planted = unload(&at("incident.xml"), bytes)?;
    measure(&scanner, "servicenow's unload (XML)", &at("incident.xml"), ExportOptions::default(), planted);
    Ok(())
}
