//! Remote repositories: clones by real git, from a path and from a server on the loopback that wants a password; what
//! is left behind, and what is seen of the password.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    num::NonZeroU32,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use unleak::source::remote::{CloneOptions, CloneRefs, ClonedRepository, Remote, RemoteError, clone};

/// A directory with a repository, a place for clones, and a git that knows nothing of this machine's settings.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { dir: tempfile::tempdir().unwrap() };
        for folder in ["clones", "home"] {
            fs::create_dir(desk.path(folder)).unwrap();
        }
        let settings = "GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=\"$HOME/.gitconfig\"";
        desk.write_git(&format!("{settings} exec git \"$@\"\n"));
        desk.git("", &["init", "-q", "-b", "main", "origin"]);
        for number in 1..=3 {
            fs::write(desk.path("origin/file"), format!("version {number}\n{}", "x".repeat(number * 1000))).unwrap();
            desk.git("origin", &["add", "file"]);
            desk.git("origin", &["commit", "-q", "-m", &number.to_string()]);
        }
        desk.git("origin", &["branch", "other", "HEAD~1"]);
        desk.git("origin", &["notes", "add", "-m", "a note"]);
        desk.git("origin", &["update-ref", "refs/pull/1/head", "HEAD~2"]);
        desk
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(relative)
    }

    /// The program that is run as git: a shell script with this body, which has a home of its own.
    fn write_git(&self, body: &str) {
        let script = format!("#!/bin/sh\nHOME='{}'; export HOME\n{body}", self.path("home").display());
        fs::write(self.path("git"), script).unwrap();
        fs::set_permissions(self.path("git"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn git(&self, dir: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.path(dir)).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.org");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn options(&self) -> CloneOptions {
        CloneOptions {
            parent: Some(self.path("clones")),
            git: self.path("git"),
            time_limit: Some(Duration::from_secs(60)),
            ..CloneOptions::default()
        }
    }

    fn clone(&self, url: &str, options: &CloneOptions) -> Result<ClonedRepository, RemoteError> {
        let remote = Remote::parse(OsStr::new(url)).expect("an address").expect("a good one");
        clone(&remote, options, &AtomicBool::new(false))
    }

    fn file_url(&self) -> String {
        format!("file://{}", self.path("origin").display())
    }

    fn refs(&self, clone: &ClonedRepository) -> BTreeSet<String> {
        let refs = self.git("", &["-C", clone.path().to_str().unwrap(), "for-each-ref", "--format=%(refname)"]);
        refs.lines().map(str::to_owned).collect()
    }

    fn objects(&self, repository: &Path) -> BTreeSet<String> {
        let list = ["-C", repository.to_str().unwrap(), "cat-file", "--batch-all-objects", "--batch-check"];
        self.git("", &list).lines().map(str::to_owned).collect()
    }

    fn nothing_is_left(&self) {
        let left: Vec<_> = fs::read_dir(self.path("clones")).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_clone_has_every_ref_and_is_gone_afterwards() {
    let desk = Desk::new();
    let clone = desk.clone(&desk.file_url(), &desk.options()).unwrap();
    let refs = desk.refs(&clone);
    let expected = ["refs/heads/main", "refs/heads/other", "refs/notes/commits", "refs/pull/1/head"];
    assert_eq!(refs, expected.map(str::to_owned).into());
    assert_eq!(desk.objects(clone.path()), desk.objects(&desk.path("origin")));
    assert_eq!(clone.display_url(), desk.file_url());
    assert!(!clone.path().join("hooks").exists());
    let parent = clone.path().parent().unwrap();
    assert_eq!(fs::metadata(parent).unwrap().permissions().mode() & 0o777, 0o700);
    drop(clone);
    desk.nothing_is_left();
}

#[test]
fn a_panic_leaves_nothing() {
    let desk = Desk::new();
    let clone = desk.clone(&desk.file_url(), &desk.options()).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _clone = clone;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err());
    desk.nothing_is_left();
}

#[test]
fn less_can_be_asked_for() {
    let desk = Desk::new();
    let count = |clone: &ClonedRepository, from: &str| {
        desk.git("", &["-C", clone.path().to_str().unwrap(), "rev-list", "--count", from])
    };
    let one = CloneOptions { depth: NonZeroU32::new(1), ..desk.options() };
    let clone = desk.clone(&desk.file_url(), &one).unwrap();
    assert_eq!((count(&clone, "main"), desk.refs(&clone).len()), ("1".to_owned(), 4));
    let branch = CloneOptions { branch: Some("other".to_owned()), refs: CloneRefs::OneBranch, ..desk.options() };
    let clone = desk.clone(&desk.file_url(), &branch).unwrap();
    assert_eq!(desk.refs(&clone), ["refs/heads/other".to_owned()].into());
    assert_eq!(count(&clone, "other"), "2");
    desk.git("origin", &["config", "uploadpack.allowFilter", "true"]);
    let small = CloneOptions { max_blob_bytes: Some(1500), ..desk.options() };
    let clone = desk.clone(&desk.file_url(), &small).unwrap();
    let whole = desk.objects(&desk.path("origin"));
    let missing: Vec<_> = whole.difference(&desk.objects(clone.path())).cloned().collect();
    assert_eq!(missing.len(), 2, "{missing:?}");
}

#[test]
fn an_option_as_branch_is_a_branch() {
    let desk = Desk::new();
    let oops = desk.path("oops");
    let branch = format!("--upload-pack=touch {}", oops.display());
    let options = CloneOptions { branch: Some(branch), ..desk.options() };
    let error = desk.clone(&desk.file_url(), &options).unwrap_err().to_string();
    assert!(error.contains("Remote branch --upload-pack"), "{error}");
    assert!(!oops.exists());
    desk.nothing_is_left();
}

#[test]
fn failures_say_why_and_leave_nothing() {
    let desk = Desk::new();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, why) in [
        ("file:///no/such/repository".to_owned(), "does not appear to be a git repository"),
        (format!("http://{unused}/x"), "Failed to connect"),
        (format!("git://{unused}/x"), "unable to connect"),
    ] {
        let error = desk.clone(&url, &desk.options()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, RemoteError::Git { .. }) && text.contains(why) && text.contains(&url), "{text}");
    }
    let nowhere = CloneOptions { parent: Some(desk.path("no such")), ..desk.options() };
    let error = desk.clone(&desk.file_url(), &nowhere).unwrap_err().to_string();
    assert!(error.contains("can't make a directory"), "{error}");
    let no_git = CloneOptions { git: PathBuf::from("no-such-git"), ..desk.options() };
    assert!(matches!(desk.clone(&desk.file_url(), &no_git), Err(RemoteError::NoGit(_))));
    desk.nothing_is_left();
}

#[test]
fn a_silent_failure_is_one_too() {
    let desk = Desk::new();
    desk.write_git("exit 77\n");
    let error = desk.clone(&desk.file_url(), &desk.options()).unwrap_err().to_string();
    assert!(error.contains("77"), "{error}");
}

/// A git that writes into the clone, ignores polite signals, and has a child that does the same.
const STUBBORN: &str = "trap '' TERM INT HUP
for directory do :; done
mkdir -p \"$directory\"
(trap '' TERM INT HUP; while :; do echo x >\"$directory/$$.$(date +%N)\"; sleep 0.01; done) &
echo $$ $! >\"$HOME/pids\"
while :; do sleep 0.1; done
";

fn pids(desk: &Desk) -> Vec<String> {
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(desk.path("home/pids")).unwrap_or_default();
        if text.ends_with('\n') {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "git never started");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn runs(pid: &str) -> bool {
    // A process that nobody waited for yet is dead nevertheless.
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}

#[test]
fn an_interrupt_ends_git_and_all_it_started() {
    let desk = Desk::new();
    desk.write_git(STUBBORN);
    let interrupt = AtomicBool::new(false);
    let remote = Remote::parse(OsStr::new(&desk.file_url())).unwrap().unwrap();
    let outcome = std::thread::scope(|scope| {
        let options = desk.options();
        let clone = scope.spawn(|| clone(&remote, &{ options }, &interrupt).map(drop));
        let pids = pids(&desk);
        interrupt.store(true, Ordering::Relaxed);
        let asked = Instant::now();
        let outcome = clone.join().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(2), "the process ends by force after two seconds");
        (outcome, pids)
    });
    assert!(matches!(outcome.0, Err(RemoteError::Interrupted)));
    desk.nothing_is_left();
    assert!(!outcome.1.iter().any(|pid| runs(pid)), "{:?}", outcome.1);
}

/// Ctrl-\ ended the process where it stood: the clone stayed, and git went on.
#[test]
fn signals_end_git_and_all_it_started() {
    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let desk = Desk::new();
        desk.write_git(STUBBORN);
        let path = format!("{}:{}", desk.path("").display(), std::env::var("PATH").unwrap());
        let mut child = Command::new(env!("CARGO_BIN_EXE_unleak"))
            .args(["scan", &desk.file_url()])
            .env_clear()
            .envs([("PATH", path), ("HOME", desk.path("home").display().to_string())])
            .env("TMPDIR", desk.path("clones"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pids = pids(&desk);
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        desk.nothing_is_left();
        assert!(!pids.iter().any(|pid| runs(pid)), "{signal}: {pids:?}");
    }
}

/// What a run left behind that was killed is removed by a later one, if nobody can need it.
#[test]
fn clones_that_a_killed_run_left_are_removed() {
    let desk = Desk::new();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3 * 60 * 60);
    let left = |name: &str, mode: u32, changed: std::time::SystemTime| {
        let path = desk.path("clones").join(name);
        fs::create_dir_all(path.join("repository.git")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let opened = fs::File::open(&path).unwrap();
        opened.set_modified(changed).unwrap();
        opened
    };
    drop(left("unleak-clone-stale", 0o700, long_ago));
    let held = left("unleak-clone-held", 0o700, long_ago);
    held.lock().unwrap();
    drop(left("unleak-clone-young", 0o700, std::time::SystemTime::now()));
    drop(left("unleak-clone-open", 0o755, long_ago));
    drop(left("other", 0o700, long_ago));
    std::os::unix::fs::symlink(desk.path("origin"), desk.path("clones/unleak-clone-link")).unwrap();
    drop(desk.clone(&desk.file_url(), &desk.options()).unwrap());
    let mut names: Vec<_> = fs::read_dir(desk.path("clones"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["other", "unleak-clone-held", "unleak-clone-link", "unleak-clone-open", "unleak-clone-young"];
    assert_eq!(names, expected);
    assert!(desk.path("origin/file").exists());
}

#[test]
fn time_is_limited() {
    let desk = Desk::new();
    desk.write_git(STUBBORN);
    let options = CloneOptions { time_limit: Some(Duration::from_millis(300)), ..desk.options() };
    let error = desk.clone(&desk.file_url(), &options).unwrap_err();
    assert!(matches!(error, RemoteError::TimeLimit { .. }), "{error}");
    assert!(!pids(&desk).iter().any(|pid| runs(pid)));
    desk.nothing_is_left();
}

#[test]
fn who_keeps_the_pipe_open_is_not_waited_for() {
    let desk = Desk::new();
    // As SSH's shared connections do: in a session of its own.
    desk.write_git("setsid sleep 20 &\necho sorry >&2\nexit 1\n");
    let started = Instant::now();
    let error = desk.clone(&desk.file_url(), &desk.options()).unwrap_err().to_string();
    assert!(error.contains("sorry"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_repository_around_the_working_directory_and_a_callers_variables_have_no_say() {
    let desk = Desk::new();
    desk.write_git("env >\"$HOME/env\"\npwd >\"$HOME/pwd\"\nexit 1\n");
    let _ = desk.clone(&desk.file_url(), &desk.options());
    let env = fs::read_to_string(desk.path("home/env")).unwrap();
    assert!(env.contains("GIT_TERMINAL_PROMPT=0") && env.contains("GIT_ALLOW_PROTOCOL=file\n"), "{env}");
    assert!(!env.contains("GIT_DIR=") && !env.contains("GIT_INDEX_FILE="), "{env}");
    let pwd = fs::read_to_string(desk.path("home/pwd")).unwrap();
    assert!(pwd.contains("unleak-clone-"), "{pwd}");
}

#[test]
fn settings_cant_lead_to_programs() {
    let desk = Desk::new();
    let oops = desk.path("oops");
    let helper = format!("ext::sh -c touch% {}", oops.display());
    desk.git("", &["config", "--global", &format!("url.{helper}.insteadOf"), "http://127.0.0.1:1/x"]);
    desk.git("", &["config", "--global", "protocol.ext.allow", "always"]);
    let error = desk.clone("http://127.0.0.1:1/x", &desk.options()).unwrap_err().to_string();
    assert!(error.contains("transport 'ext' not allowed"), "{error}");
    assert!(!oops.exists());
}

/// A server of git repositories on the loopback that wants a password. Ends with its last client.
struct Server {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    logins: Vec<Option<String>>,
    processes_with_password: Vec<String>,
}

/// What the server does with clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Serve,
    /// Doesn't ask who they are.
    Open,
    /// Says aloud what it was sent.
    Echo,
    /// Sends them to another server.
    Redirect(u16),
    /// Sends those to another server who say who they are.
    AskAndRedirect(u16),
}

impl Server {
    fn start(root: &Path, password: &str, manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (root, password, record) = (root.to_owned(), password.to_owned(), Arc::clone(&seen));
        std::thread::spawn(move || {
            // Bounded: no test asks a hundred times.
            for stream in listener.incoming().take(100) {
                let _ = answer(stream.unwrap(), &root, &password, manner, &record);
            }
        });
        Server { address, seen }
    }

    fn port(&self) -> u16 {
        self.address.rsplit(':').next().unwrap().parse().unwrap()
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> std::io::Result<Request> {
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut request = Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        reader.take(length).read_to_end(&mut request.body)?;
        Ok(request)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

fn answer(
    mut stream: TcpStream,
    root: &Path,
    password: &str,
    manner: Manner,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let request = Request::read(&stream)?;
    let login = request.header("authorization").map(str::to_owned);
    {
        let mut seen = seen.lock().unwrap();
        seen.logins.push(login.clone());
        seen.processes_with_password.extend(processes_with(password));
    }
    let target = match manner {
        Manner::Redirect(port) => Some(port),
        Manner::AskAndRedirect(port) => login.as_ref().map(|_| port),
        _ => None,
    };
    if let Some(port) = target {
        let target = format!("http://127.0.0.1:{port}{}?{}", request.path, request.query);
        return write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let expected = format!("Basic {}", data_encoding::BASE64.encode(format!("me:{password}").as_bytes()));
    let echoes = manner == Manner::Echo && login.is_some();
    if manner != Manner::Open && (echoes || login.as_deref() != Some(&*expected)) {
        let body = if echoes { format!("no to {password} as {login:?}\n") } else { "who?\n".to_owned() };
        let status = if echoes { "403 Forbidden" } else { "401 Unauthorized" };
        return write!(
            stream,
            "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    let output = backend(&request, root)?;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(0) + 4;
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n", output.len() - end)?;
    stream.write_all(&output)
}

fn backend(request: &Request, root: &Path) -> std::io::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", root.join("home"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", &request.path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", request.header("git-protocol").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().unwrap().write_all(&request.body)?;
    Ok(child.wait_with_output()?.stdout)
}

/// Command lines that anybody could see while the request is made.
fn processes_with(password: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let lines = entries.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(password)).collect()
}

/// Nobody's password, different in every run, with a byte that addresses write with a percent sign.
fn password() -> (String, String) {
    let random = format!("{:016x}", std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1));
    (format!("pa/{random}"), format!("pa%2F{random}"))
}

#[test]
fn command_lines_can_be_seen() {
    let (word, _) = password();
    let mut child = Command::new("sh").args(["-c", "sleep 20; :", &word]).spawn().unwrap();
    let started = Instant::now();
    while processes_with(&word).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_password_opens_the_server_and_is_seen_nowhere() {
    let desk = Desk::new();
    let (password, written) = password();
    let server = Server::start(&desk.path(""), &password, Manner::Serve);
    let clone = desk.clone(&format!("http://me:{written}@{}/origin", server.address), &desk.options()).unwrap();
    assert_eq!(desk.objects(clone.path()), desk.objects(&desk.path("origin")));
    assert_eq!(clone.display_url(), format!("http://{}/origin", server.address));
    let config = fs::read_to_string(clone.path().join("config")).unwrap();
    assert!(!config.contains(&password) && !config.contains(&written) && !config.contains("Basic"), "{config}");
    let seen = server.seen.lock().unwrap();
    // It is said when the server asks.
    assert!(seen.logins.len() >= 3 && seen.logins[1..].iter().all(Option::is_some), "{:?}", seen.logins);
    assert!(seen.processes_with_password.is_empty(), "{:?}", seen.processes_with_password);
}

#[test]
fn a_wrong_password_fails_at_once_and_is_not_printed() {
    let desk = Desk::new();
    let helper = format!("!f() {{ echo asked >>'{}'; }}; f", desk.path("helper.log").display());
    desk.git("", &["config", "--global", "credential.helper", &helper]);
    let (password, written) = password();
    let server = Server::start(&desk.path(""), "another", Manner::Serve);
    let url = format!("http://me:{written}@{}/origin", server.address);
    let error = desk.clone(&url, &desk.options()).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(matches!(error, RemoteError::Refused { .. }) && text.contains("password in the address"), "{text}");
    assert!(!text.contains(&password) && !text.contains(&written) && !text.contains("me:"), "{text}");
    assert!(!desk.path("helper.log").exists(), "helpers neither learn of it nor forget anything");
    desk.nothing_is_left();
}

#[test]
fn a_server_that_repeats_the_password_is_not_quoted() {
    let desk = Desk::new();
    let (password, written) = password();
    let server = Server::start(&desk.path(""), &password, Manner::Echo);
    let url = format!("http://me:{written}@{}/origin", server.address);
    let error = desk.clone(&url, &desk.options()).unwrap_err().to_string();
    assert!(error.contains("no to ***"), "git shows what the server says: {error}");
    let encoded = data_encoding::BASE64.encode(format!("me:{password}").as_bytes());
    assert!(!error.contains(&password) && !error.contains(&written) && !error.contains(&encoded), "{error}");
}

#[test]
fn another_server_does_not_get_the_password() {
    let desk = Desk::new();
    let (password, written) = password();
    for other_manner in [Manner::Open, Manner::Serve] {
        let other = Server::start(&desk.path(""), &password, other_manner);
        for manner in [Manner::Redirect(other.port()), Manner::AskAndRedirect(other.port())] {
            let first = Server::start(&desk.path(""), &password, manner);
            let url = format!("http://me:{written}@{}/origin", first.address);
            let outcome = desk.clone(&url, &desk.options());
            if other_manner == Manner::Open && manner == Manner::Redirect(other.port()) {
                assert_eq!(desk.objects(outcome.unwrap().path()), desk.objects(&desk.path("origin")));
            } else {
                assert!(outcome.is_err());
            }
            let is_told = first.seen.lock().unwrap().logins.iter().any(Option::is_some);
            assert_eq!(is_told, matches!(manner, Manner::AskAndRedirect(_)));
        }
        let logins = &other.seen.lock().unwrap().logins;
        assert!(!logins.is_empty() && logins.iter().all(Option::is_none), "{other_manner:?}: {logins:?}");
    }
}

#[test]
fn what_a_shell_would_read_in_a_password_is_a_password() {
    let desk = Desk::new();
    let password = "a\\nb $HOME `id` 'c' \"d\" %s\u{e4}";
    let written: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let server = Server::start(&desk.path(""), password, Manner::Serve);
    desk.clone(&format!("http://me:{written}@{}/origin", server.address), &desk.options()).unwrap();
}

#[test]
fn the_users_own_helpers_work() {
    let desk = Desk::new();
    let (password, _) = password();
    let server = Server::start(&desk.path(""), &password, Manner::Serve);
    let helper = format!("!f() {{ echo username=me; echo 'password={password}'; }}; f");
    desk.git("", &["config", "--global", "credential.helper", &helper]);
    for user in ["", "me@"] {
        desk.clone(&format!("http://{user}{}/origin", server.address), &desk.options()).unwrap();
    }
}

#[test]
fn a_token_as_user_is_hidden_as_well() {
    let desk = Desk::new();
    let (token, written) = password();
    let server = Server::start(&desk.path(""), "another", Manner::Serve);
    let url = format!("http://{written}@{}/origin", server.address);
    let error = desk.clone(&url, &desk.options()).unwrap_err().to_string();
    assert!(error.contains("could not read Password") && error.contains("https://token:@host/"), "{error}");
    assert!(!error.contains(&token[4..]), "{error}");
    assert!(server.seen.lock().unwrap().processes_with_password.is_empty());
}

#[test]
fn who_is_asked_and_says_nothing_is_told_what_to_say() {
    let desk = Desk::new();
    let server = Server::start(&desk.path(""), "another", Manner::Serve);
    let error = desk.clone(&format!("http://{}/origin", server.address), &desk.options()).unwrap_err().to_string();
    assert!(error.contains("wants a user and a password"), "{error}");
    desk.git("", &["config", "--global", "credential.helper", "!f() { echo username=me; echo password=x; }; f"]);
    let error = desk.clone(&format!("http://{}/origin", server.address), &desk.options()).unwrap_err().to_string();
    assert!(error.contains("git's settings"), "{error}");
    for (said, told) in [
        ("git@h: Permission denied (publickey).", "SSH keys"),
        ("Host key verification failed.", "known_hosts"),
        ("fatal: the requested URL returned error: 403", "forbids"),
    ] {
        desk.write_git(&format!("echo '{said}' >&2\nexit 128\n"));
        let error = desk.clone("git@127.0.0.1:x", &desk.options()).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains(said), "{error}");
    }
}
