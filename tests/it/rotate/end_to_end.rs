//! The second example of README.md, word for word, against real servers: from two leaks of one key to one signed event, a new
//! key, and a proof that the old one is dead.
//!
//! Needs UNLEAK_TEST_PROGRAMS, where `.ci/run` has installed an emulator of AWS, OpenBao and the package standardwebhooks.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::store::fixture::skip;

/// The lines of the example, which stand behind a remark that names this file.
fn example() -> String {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, rest) = readme.split_once(concat!("<!-- Run by ", "tests/it/rotate/end_to_end.rs. -->")).unwrap();
    let (_, rest) = rest.split_once("```bash\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// Every file below `dir` with what is in it.
fn contents(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            contents(&path, found)
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()))
        }
    }
}

#[test]
fn the_second_example_of_the_readme_runs_word_for_word() {
    let Some(programs) = std::env::var_os("UNLEAK_TEST_PROGRAMS").filter(|place| !place.is_empty()) else {
        skip("UNLEAK_TEST_PROGRAMS is not set");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_unleak"), bin.join("unleak")).unwrap();
    // The world ends with the shell: what is looked at is copied before.
    let script = format!("{}\nkill \"${{services_pids[@]}}\"; cp -r \"$DEMO\" \"$KEPT\"", example());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let kept = dir.path().join("kept");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir.path())
        .env("USER", "ann")
        .env("TMPDIR", dir.path())
        .env("UNLEAK_TEST_PROGRAMS", programs)
        .env("KEPT", &kept)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");

    // One event, however many places and runs; whoever received it could verify it.
    let received = fs::read_to_string(kept.join("received.jsonl")).unwrap();
    let received: Vec<Value> = received.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(
        (&received[0]["verified"], &received[0]["event"]["type"]),
        (&true.into(), &"nhi.rotation.requested".into())
    );
    let subject = &received[0]["event"]["data"]["plan"]["subject"];
    assert_eq!((&subject["principal"], &subject["account"]), (&"svc-billing".into(), &"123456789012".into()));
    assert!(subject["owner"].as_str().unwrap().contains("@acme/payments"), "{subject}");
    assert!(out.contains("1 event taken, 0 to be sent again, 0 given up"), "{out}");
    assert!(out.contains("done, the old credential is proven dead"), "{out}");
    assert!(out.contains("the audit log is whole"), "{out}");
    let pages = fs::read_dir(kept.join("pages")).unwrap().count();
    assert_eq!(pages, 2, "a page for the team, and the list");

    // The key works at the emulator, and stands nowhere but where it was planted.
    let planted =
        Command::new("git").args(["-C", "billing", "show", "HEAD~1:deploy/prod.env"]).current_dir(&kept).output();
    let planted = String::from_utf8(planted.unwrap().stdout).unwrap();
    let secret = planted.lines().find_map(|line| line.strip_prefix("AWS_SECRET_ACCESS_KEY=")).unwrap();
    assert_eq!(secret.len(), 40);
    assert!(!out.contains(secret) && !err.contains(secret));
    let mut files = Vec::new();
    contents(&kept, &mut files);
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    let leaks: Vec<&str> = files
        .iter()
        .filter(|(name, bytes)| !name.contains("/kept/slack/") && !name.ends_with(".log") && holds(bytes))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(leaks.is_empty(), "{leaks:?}");
}
