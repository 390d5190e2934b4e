//! The binary as a user has it: exit codes, messages, output files, hostile input.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::samples;

/// The binary in a scrubbed environment with a home of its own.
fn unleak(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
    command.env_clear().env("HOME", home).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    parts(&output)
}

fn parts(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn run_with_stdin(command: &mut Command, input: &[u8]) -> (i32, String, String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    let _ = feeder.join().unwrap();
    parts(&output)
}

#[cfg(feature = "export")]
#[test]
fn exports_are_met_on_a_walk_named_and_grouped() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let secret = format!("{}{}", "glpat-", "x7Qm2Rk9Wp4Tz8Ls3Vn6");
    let slack = home.join("tree/slack");
    fs::create_dir_all(slack.join("general")).unwrap();
    fs::write(home.join("tree/other.txt"), format!("token: {secret}\n")).unwrap();
    fs::write(slack.join("users.json"), r#"[{"id":"U1","profile":{"real_name":"Ada"}}]"#).unwrap();
    fs::write(slack.join("channels.json"), r#"[{"id":"C1","name":"general"}]"#).unwrap();
    let message = format!(r#"[{{"user":"U1","ts":"1704103200.000100","text":"my key {secret} and my words"}}]"#);
    fs::write(slack.join("general/2024-01-01.json"), message).unwrap();
    let (code, out, _) = run(unleak(home).arg("scan").arg(home.join("tree")));
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("by Ada (U1); in channel general (public); 2024-01-01T10:00:00.0001Z"), "{out}");
    assert!(out.contains("is read as Slack export: users.json, channels.json"), "{out}");
    assert!(out.contains("tree/other.txt:1:8") && out.contains("1 secret found in 2 places"), "{out}");
    let mut export = std::ffi::OsString::from("export:");
    export.push(&slack);
    let args = ["--group-by", "author", "--no-snippets"];
    let (code, out, _) = run(unleak(home).arg("scan").args(args).arg(&export));
    assert!(code == 1 && out.contains("== Ada (U1) (1 secret)") && !out.contains("my words"), "{out}");
    let page = format!(
        "<html><body onload=\"CheckLocation();\"><div class=\"page_wrap\"><div class=\"message default\" id=\"message1\"><div class=\"from_name\">Ada</div><div class=\"text\">{secret}</div></div>"
    );
    for stdin in ["-", "export:-"] {
        let (code, out, _) = run_with_stdin(unleak(home).args(["scan", stdin]), page.as_bytes());
        assert!(code == 1 && out.contains("by Ada") && out.contains("<stdin>"), "{out}");
    }
    let (code, out, error) = run_with_stdin(unleak(home).args(["scan", "export:-"]), secret.as_bytes());
    assert!(code == 2 && error.contains("<stdin>: no export that unleak knows"), "{code} {out} {error}");
    let pages = home.join("pages");
    fs::create_dir(&pages).unwrap();
    fs::write(pages.join("messages.html"), &page).unwrap();
    let (code, out, _) = run(unleak(home).arg("scan").arg(&pages));
    assert!(code == 1 && out.contains("is read as Telegram chats") && out.contains("by Ada"), "{out}");
    let (code, _, err) = run(unleak(home).args(["scan", "export:nothing.zip"]));
    assert!(code == 2 && err.contains("nothing.zip"), "{err}");
}

#[test]
fn exit_codes_say_how_it_went() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("clean.txt"), "nothing here\n").unwrap();
    fs::write(dir.path().join("leak.txt"), samples::github_token(1)).unwrap();
    let code = |args: &[&str]| run(unleak(dir.path()).current_dir(dir.path()).arg("scan").args(args)).0;
    assert_eq!(code(&["clean.txt"]), 0);
    assert_eq!(code(&["leak.txt"]), 1);
    assert_eq!(code(&["--no-such-flag"]), 2);
    assert_eq!(code(&["clean.txt", "missing.txt"]), 3);
    assert_eq!(code(&["clean.txt", "missing.txt", "--allow-incomplete"]), 0);
    assert_eq!(code(&["leak.txt", "missing.txt"]), 1);
    assert_eq!(code(&["leak.txt", "--fail-on", "never"]), 0);
    assert_eq!(code(&["leak.txt", "--rule", "no-such-rule"]), 2);
    assert_eq!(code(&["leak.txt", "--rule", "gitlab"]), 0);
    assert_eq!(code(&["-", "leak.txt"]), 2);
}

#[test]
fn hidden_and_ignored_files_are_scanned_unless_asked_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(".git")).unwrap();
    fs::write(dir.path().join(".gitignore"), ".env\n").unwrap();
    fs::write(dir.path().join(".env"), samples::github_token(1)).unwrap();
    let code = |args: &[&str]| run(unleak(dir.path()).arg("scan").arg(dir.path()).args(args)).0;
    assert_eq!(code(&[]), 1);
    assert_eq!(code(&["--gitignore"]), 0);
    assert_eq!(code(&["--exclude", ".env"]), 0);
    fs::write(dir.path().join(".unleakignore"), "*.env\n.env\n").unwrap();
    assert_eq!(code(&[]), 0);
}

#[test]
fn standard_input_and_path_lists_are_sources() {
    let dir = tempfile::tempdir().unwrap();
    let token = samples::github_token(1);
    let (code, out, _) = run_with_stdin(unleak(dir.path()).args(["scan", "-"]), token.as_bytes());
    assert_eq!(code, 1);
    assert!(out.contains("<stdin>:1:1"), "{out}");
    fs::write(dir.path().join("a b.txt"), &token).unwrap();
    fs::write(dir.path().join("list"), "a b.txt\r\nmissing\n\n").unwrap();
    let mut command = unleak(dir.path());
    let (code, out, _) = run(command.current_dir(dir.path()).args(["scan", "--files-from", "list"]));
    assert_eq!(code, 1);
    assert!(out.contains("a b.txt:1:1") && out.contains("missing"), "{out}");
}

#[test]
fn secrets_are_shown_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let token = samples::github_token(9);
    let place = format!("{}:2", dir.path().join("x.env").display());
    fs::write(dir.path().join("x.env"), format!("a=1\nGITHUB_TOKEN={token}\nPASSWORD={token}x\n")).unwrap();
    for format in ["human", "json", "jsonl", "sarif"] {
        let (code, out, err) = run(unleak(dir.path()).args(["scan", "--stats", "-f", format]).arg(dir.path()));
        assert_eq!(code, 1);
        assert!(!out.contains(&token[8..24]) && !err.contains(&token[8..24]), "{format}: {out}{err}");
        let (_, out, _) = run(unleak(dir.path()).args(["scan", "--show-secrets", "-f", format]).arg(dir.path()));
        assert!(out.contains(&token), "{format}");
    }
    let (code, out, _) = run(unleak(dir.path()).args(["scan", "--explain", &place]));
    assert_eq!(code, 0);
    assert!(out.contains("github.pat-classic: found") && out.contains("checksum"), "{out}");
    assert!(!out.contains(&token[8..24]), "{out}");
}

#[test]
fn an_explanation_hides_what_a_report_hides() {
    let dir = tempfile::tempdir().unwrap();
    let (secret, other) = (samples::github_token(9), samples::github_token(10));
    let text = format!("A_TOKEN={other}\nnote \"{secret}\" {secret}, and token \"{secret}\" not x{other}\n");
    let name = format!("password={}", &samples::github_token(4)[10..24]);
    fs::create_dir(dir.path().join(&name)).unwrap();
    let file = dir.path().join(&name).join("x.env");
    fs::write(&file, text).unwrap();
    let place = format!("{}:2", file.display());
    for args in [vec!["scan", "--explain", &place], vec!["scan", file.to_str().unwrap()]] {
        let (_, out, _) = run(unleak(dir.path()).args(&args));
        assert!(out.contains("github.pat-classic"), "{out}");
        assert!(!out.contains(&secret[8..24]) && !out.contains(&other[8..24]), "{args:?}: {out}");
        assert!(!out.contains(&name) && out.contains("password=***"), "{args:?}: {out}");
    }
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "--explain", &place, "--format", "json"]));
    assert!(code == 2 && err.contains("--format"), "{err}");
}

#[test]
fn messages_about_paths_hide_secrets_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let name = format!("password={}", &samples::github_token(4)[10..24]);
    let path = format!("{name}/nope.toml");
    for args in [
        vec!["scan", &path],
        vec!["scan", &path, "-f", "sarif"],
        vec!["scan", ".", "-o", &path],
        vec!["scan", ".", "--rules", &path],
        vec!["scan", ".", "--config", &path],
        vec!["scan", "--files-from", &path],
        vec!["rules", "check", &path],
        vec!["eval", &name],
    ] {
        let (code, out, err) = run(unleak(dir.path()).args(&args).current_dir(dir.path()));
        assert!(code >= 2, "{args:?}");
        assert!(!out.contains(&name) && !err.contains(&name), "{args:?}: {out}{err}");
        assert!(
            out.contains("password=***") || out.contains("password%3D***") || err.contains("password=***"),
            "{args:?}: {out}{err}"
        );
    }
}

#[test]
fn explain_names_the_reason_of_a_rejection() {
    let dir = tempfile::tempdir().unwrap();
    let mut token = samples::github_token(9).into_bytes();
    let last = token.len() - 1;
    token[last] = if token[last] == b'a' { b'b' } else { b'a' };
    let file = dir.path().join("x");
    fs::write(&file, token).unwrap();
    let (code, out, _) = run(unleak(dir.path()).args(["scan", "--explain", &format!("{}:1", file.display())]));
    assert_eq!(code, 0);
    assert!(out.contains("rejected: failed its check"), "{out}");
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "--explain", &format!("{}:7", file.display())]));
    assert_eq!((code, err.contains("it has 1 line, not 7")), (2, true), "{err}");
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "--explain", "x"]));
    assert_eq!((code, err.contains("write FILE:LINE")), (2, true), "{err}");
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_called_one() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere/at/all", dir.path().join("report.json")).unwrap();
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "-o", "report.json"]).current_dir(dir.path()));
    assert!(code == 2 && err.contains("report.json: it is a symbolic link to what isn't there"), "{err}");
}

#[test]
fn all_values_of_fail_on_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "--fail-on", "bogus"]));
    assert!(code == 2 && err.contains("use low, medium, high or critical, or never"), "{err}");
}

#[test]
fn a_report_file_is_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("leak.txt"), samples::github_token(1)).unwrap();
    let report = dir.path().join("report.json");
    let mut command = unleak(dir.path());
    let (code, out, _) = run(command.args(["scan", "-f", "json", "-o"]).arg(&report).arg(dir.path().join("leak.txt")));
    assert_eq!((code, out.as_str()), (1, ""));
    let parsed: serde_json::Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(parsed["summary"]["findings"], 1);
    let nowhere = dir.path().join("no/such/dir/report.json");
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "-o"]).arg(&nowhere).arg(dir.path().join("leak.txt")));
    assert_eq!((code, err.contains("can't write")), (2, true), "{err}");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".part")), "{left:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_error_and_a_closed_pipe_is_not() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("leak.txt"), samples::github_token(1)).unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output =
        unleak(dir.path()).args(["scan"]).arg(dir.path()).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let (code, _, err) = parts(&output);
    assert_eq!((code, err.contains("No space left")), (2, true), "{err}");
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "-o", "/dev/full"]).arg(dir.path()));
    assert_eq!((code, err.contains("No space left")), (2, true), "{err}");

    let mut child =
        unleak(dir.path()).args(["scan", "-f", "json"]).arg(dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_scan_with_130() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = unleak(dir.path())
        .args(["scan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"waiting for more\n").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let started = std::time::Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(started.elapsed().as_secs() < 20);
}

#[cfg(unix)]
#[test]
fn an_interrupt_during_a_clone_ends_with_130_and_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let child = unleak(dir.path())
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_SSH_COMMAND", "sleep 50 #")
        .args(["scan", "-f", "json", "git@localhost:x"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["problems"][0]["kind"], "interrupted", "{report}");
}

#[test]
fn the_key_is_made_once_and_only_when_needed() {
    let home = tempfile::tempdir().unwrap();
    let key = home.path().join(".config/unleak/fingerprint.key");
    let scan =
        |home: &Path, input: &str| run_with_stdin(unleak(home).args(["scan", "-f", "json", "-"]), input.as_bytes());
    let _ = scan(home.path(), "clean");
    assert!(!key.exists());
    let token = samples::github_token(3);
    let fingerprint = |out: &str| {
        let report: serde_json::Value = serde_json::from_str(out).unwrap();
        report["findings"][0]["fingerprint"].as_str().unwrap().to_owned()
    };
    let first = fingerprint(&scan(home.path(), &token).1);
    assert_eq!(fingerprint(&scan(home.path(), &format!("\n{token}")).1), first);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(fingerprint(&scan(other.path(), &token).1), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    fs::write(&key, "not a key").unwrap();
    let (code, _, err) = scan(home.path(), &token);
    assert_eq!((code, err.contains("64 hexadecimal digits")), (2, true), "{err}");
}

#[test]
fn a_directory_of_broken_rules_is_refused_with_carets() {
    let dir = tempfile::tempdir().unwrap();
    let rule = |body: &str| {
        format!(
            "provider = 'Acme'\n[[rule]]\nid = 'acme.token'\nname = 'x'\nseverity = 'high'\nkind = 'api-key'\nidentity = 'api-key'\nkeywords = ['acme_']\n{body}"
        )
    };
    let proofs = "positives = ['«acme_{{hex:20}}»', '=«acme_{{hex:20}}»']\nnegatives = ['acme_', 'acm']\n";
    let cases = [
        ("a.toml", rule(&format!("pattern = 'acme_(?!x)[0-9a-f]{{20}}'\n{proofs}")), "look-around"),
        ("b.toml", rule(&format!("patern = 'acme_[0-9a-f]{{20}}'\n{proofs}")), "unknown field `patern`"),
        ("c.toml", rule(&format!("pattern = 'acme_[0-9a-f]{{21}}'\n{proofs}")), "not found"),
        ("d.toml", "[[rule]\n".to_owned(), "-->"),
        ("e.toml", rule("pattern = 'acme_[0-9a-f]{20}'\npositives = []\nnegatives = []\n"), "at least two positives"),
    ];
    for (name, text, message) in &cases {
        let file = dir.path().join(name);
        fs::write(&file, text).unwrap();
        let (code, out, err) = run(unleak(dir.path()).args(["rules", "check"]).arg(&file));
        assert_eq!(code, 2, "{name}: {out}{err}");
        assert!(out.contains(message) && out.contains("^") && out.contains("help:"), "{name}: {out}{err}");
    }
    let (code, out, _) = run(unleak(dir.path()).args(["rules", "check", "--keep-going"]).arg(dir.path()));
    assert_eq!(code, 2);
    assert!(cases.iter().all(|(name, ..)| out.contains(name)), "one mistake hides another: {out}");
    let (code, _, err) = run(unleak(dir.path()).args(["scan", "--rules"]).arg(dir.path()).arg(dir.path()));
    assert_eq!((code, err.contains('^')), (2, true), "{err}");
}

#[test]
fn users_rules_are_used_beside_the_builtin_ones() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("acme.toml");
    fs::write(
        &rules,
        "provider = 'Acme'\n[[rule]]\nid = 'acme.token'\nname = 'Acme token'\nseverity = 'low'\nkind = 'api-key'\n\
         identity = 'api-key'\nkeywords = ['acme_']\npattern = 'acme_[0-9a-f]{20}'\n\
         positives = ['«acme_{{hex:20}}»', '=«acme_{{hex:20}}»']\nnegatives = ['acme_', 'acm']\n",
    )
    .unwrap();
    let token = format!("acme_{}", "7d1f0a9c3e5b2846f0d7");
    let mut command = unleak(dir.path());
    let (code, out, _) = run_with_stdin(command.args(["scan", "--rules"]).arg(&rules).arg("-"), token.as_bytes());
    assert_eq!((code, out.contains("Acme token")), (1, true), "{out}");
    let (code, ..) = run_with_stdin(
        unleak(dir.path()).args(["scan", "--fail-on", "high", "--rules"]).arg(&rules).arg("-"),
        token.as_bytes(),
    );
    assert_eq!(code, 0);
    let (code, out, _) = run(unleak(dir.path()).args(["rules", "check"]).arg(&rules));
    assert_eq!((code, out.contains("1 rule in 1 file: proven")), (0, true), "{out}");
    let (code, out, _) = run(unleak(dir.path()).args(["rules", "list", "--no-builtin-rules", "--rules"]).arg(&rules));
    assert_eq!((code, out.contains("acme.token")), (0, true), "{out}");
    let (code, out, _) = run(unleak(dir.path()).args(["rules", "show", "github.pat-classic", "--format", "json"]));
    assert_eq!((code, out.contains("\"pattern\"")), (0, true), "{out}");
}

#[cfg(target_os = "linux")]
#[test]
fn hostile_names_and_files_are_reported_and_survived() {
    use std::os::unix::ffi::OsStringExt as _;
    let dir = tempfile::tempdir().unwrap();
    let token = samples::github_token(1);
    let name = std::ffi::OsString::from_vec(b"new\nline\x1b[31m\xff".to_vec());
    fs::write(dir.path().join(name), &token).unwrap();
    assert!(Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
    let (code, out, _) = run(unleak(dir.path()).args(["scan", "--color", "never"]).arg(dir.path()));
    assert_eq!(code, 1);
    assert!(out.contains("new\\u{a}line\\u{1b}[31m\\xff") && out.contains("pipe"), "{out}");
    assert!(!out.contains('\x1b'));
}

/// Help texts and messages that hold nothing random, as transcripts. `TRYCMD=overwrite cargo test` renews them.
#[cfg(target_os = "linux")]
#[test]
fn transcripts() {
    trycmd::TestCases::new().env("NO_COLOR", "1").env("COLUMNS", "100").case("tests/cmd/*.trycmd");
}
