//! Where the key of fingerprints may come from: a file, a variable, a program, the kernel's keyring.

use std::process::{Command, Stdio};

use crate::samples;

struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    fn new() -> Home {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.env"), format!("TOKEN={}\n", samples::github_token(1))).unwrap();
        std::fs::write(dir.path().join("the key"), format!("{}\n", "1f".repeat(32))).unwrap();
        Home { dir }
    }

    /// Scans with variables, and returns the exit code, the fingerprint, and what was said.
    fn scan(&self, variables: &[(&str, &str)], args: &[&str]) -> (i32, Option<String>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unleak"));
        command.env_clear().env("HOME", self.dir.path()).env("PATH", "/usr/bin:/bin").envs(variables.iter().copied());
        command.args(["scan", "-f", "json", "a.env"]).args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let fingerprint = report["findings"][0]["fingerprint"].as_str().map(str::to_owned);
        (output.status.code().unwrap_or(-1), fingerprint, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn has_made_a_key(&self) -> bool {
        self.dir.path().join(".config/unleak/fingerprint.key").exists()
    }
}

#[test]
fn a_program_may_print_the_key() {
    let home = Home::new();
    let expected = home.scan(&[], &["--fingerprint-key", "the key"]);
    assert_eq!(expected.0, 1, "{expected:?}");
    let by = |line: &str| home.scan(&[("UNLEAK_FINGERPRINT_KEY_COMMAND", line)], &[]);
    assert_eq!(by(r#"["cat", "the key"]"#).1, expected.1);
    // What is typed outranks what is set, and a key that is set outranks a program.
    let set = [("UNLEAK_FINGERPRINT_KEY_COMMAND", "false"), ("UNLEAK_FINGERPRINT_KEY", &"1f".repeat(32))];
    assert_eq!(home.scan(&set, &[]).1, expected.1);
    assert_eq!(home.scan(&set[..1], &["--fingerprint-key", "the key"]).1, expected.1);
    // Without the key nothing may be fingerprinted: another key would make every finding a new one.
    for (line, said) in [
        ("false", "`false` failed"),
        ("no-such-program-there --x", "can't be started"),
        ("echo hunter2-hunter2", "64 hexadecimal digits"),
        ("yes", "more than a key"),
        (" ", "it is empty"),
        // No shell.
        ("cat the key; echo x", "failed"),
    ] {
        let (code, fingerprint, err) = by(line);
        assert_eq!((code, &fingerprint), (2, &None), "{line}: {err}");
        assert!(err.contains(said) && err.contains("UNLEAK_FINGERPRINT_KEY_COMMAND"), "{line}: {err}");
        assert!(!err.contains("hunter2"), "{err}");
    }
    assert!(!home.has_made_a_key());
}

#[cfg(target_os = "linux")]
#[test]
fn the_key_may_be_in_the_kernels_keyring() {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};

    let home = Home::new();
    let expected = home.scan(&[], &["--fingerprint-key", "the key"]).1;
    let name = format!("unleak-test-{}", std::process::id());
    let by = |name: &str| home.scan(&[("UNLEAK_FINGERPRINT_KEYRING", name)], &[]);
    // That of the user, as a login puts it there, and not that of this session: the program must find its way to it.
    let added = KeyRing::from_special_id(KeyRingIdentifier::User, false)
        .and_then(|ring| ring.add_key(&name, &format!("{}\n", "1f".repeat(32))));
    let Ok(key) = added else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: the kernel has no keyring for us\n");
        return;
    };
    let found = by(&name);
    let raw = key.update(&[0x1f; 32]).map(|()| by(&name));
    key.invalidate().unwrap();
    assert_eq!(found.1, expected, "{found:?}");
    assert_eq!(raw.unwrap().1, expected);
    let (code, fingerprint, err) = by(&name);
    assert_eq!((code, fingerprint), (2, None), "{err}");
    assert!(err.contains(&format!("no key `{name}`")) && err.contains("keyctl padd user"), "{err}");
    assert!(!home.has_made_a_key());
}
