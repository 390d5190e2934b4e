//! `unleak hook`: what it does to a repository, and what the hooks do when git runs them.

mod pushes;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use crate::samples;

/// A home with a binary that can be replaced by a stand-in after it has installed itself, and a repository.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk { dir };
        fs::create_dir(desk.path("bin")).unwrap();
        fs::create_dir(desk.path("home")).unwrap();
        desk.bring_back_unleak();
        desk.git(&desk.path(""), &["init", "-q", "repo"]);
        desk
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(relative)
    }

    fn hook(&self, name: &str) -> PathBuf {
        self.path("repo/.git/hooks").join(name)
    }

    fn bring_back_unleak(&self) {
        let (real, here) = (Path::new(env!("CARGO_BIN_EXE_unleak")), self.path("bin/unleak"));
        let _ = fs::remove_file(&here);
        fs::hard_link(real, &here).or_else(|_| fs::copy(real, &here).map(drop)).unwrap();
    }

    /// From now on `unleak` writes down its arguments and its input, and exits with this code.
    fn stand_in(&self, code: u8) {
        let log = self.path("log");
        fs::remove_file(self.path("bin/unleak")).unwrap();
        let script = format!(
            "#!/bin/sh\n{{ echo \"$*\"; case $* in *pre-receive*) cat ;; esac; }} >>'{}'\nexit {code}\n",
            log.display()
        );
        self.write_script("bin/unleak", &script, 0o755);
    }

    fn write_script(&self, relative: &str, text: &str, mode: u32) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn log(&self) -> String {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        let _ = fs::remove_file(self.path("log"));
        text
    }

    fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.path("home"));
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.org");
        }
        command
    }

    fn try_git(&self, dir: &Path, arguments: &[&str]) -> Output {
        self.command(Path::new("git"), dir).args(arguments).output().unwrap()
    }

    fn git(&self, dir: &Path, arguments: &[&str]) -> String {
        let output = self.try_git(dir, arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// `unleak hook …` in the repository: exit code and everything it said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        self.run_in("repo", arguments)
    }

    fn run_in(&self, dir: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(&self.path("bin/unleak"), &self.path(dir));
        said(&command.arg("hook").args(arguments).output().unwrap())
    }

    /// Commits a new file: exit code and everything git said.
    fn commit(&self, name: &str) -> (i32, String) {
        let repo = self.path("repo");
        fs::write(repo.join(name), name).unwrap();
        self.git(&repo, &["add", name]);
        said(&self.try_git(&repo, &["commit", "-q", "-m", name]))
    }
}

fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.ends_with(".sample"));
    names.sort();
    names
}

#[test]
fn a_commit_asks_unleak_and_obeys() {
    let desk = Desk::new();
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("Installed: ")), (0, true), "{out}");
    desk.stand_in(0);
    assert_eq!(desk.commit("a").0, 0);
    assert_eq!(desk.log(), "scan --staged --quiet\n");
    desk.stand_in(1);
    let (code, out) = desk.commit("b");
    assert_eq!((code, out.contains("the commit is stopped")), (1, true), "{out}");
    assert_eq!(desk.git(&desk.path("repo"), &["rev-list", "--count", "HEAD"]), "1");
    desk.bring_back_unleak();
    assert_eq!(desk.run(&["uninstall"]).0, 0);
    assert_eq!(desk.commit("c").0, 0);
    assert_eq!(names(&desk.path("repo/.git/hooks")), [""; 0]);
}

#[test]
fn installing_and_uninstalling_twice_changes_nothing() {
    let desk = Desk::new();
    desk.run(&["install"]);
    let first = fs::read(desk.hook("pre-commit")).unwrap();
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("Already installed")), (0, true), "{out}");
    assert_eq!(fs::read(desk.hook("pre-commit")).unwrap(), first);
    assert_eq!(names(&desk.path("repo/.git/hooks")), ["pre-commit"]);
    assert_eq!(desk.run(&["uninstall"]).0, 0);
    let (code, out) = desk.run(&["uninstall"]);
    assert_eq!((code, out.contains("Not installed")), (0, true), "{out}");
}

#[test]
fn a_hook_that_was_there_runs_first_and_comes_back_as_it_was() {
    let desk = Desk::new();
    let text = format!("#!/bin/sh\necho former \"$@\" >>'{}'\nexit $(cat verdict)\n", desk.path("log").display());
    desk.write_script("repo/.git/hooks/pre-commit", &text, 0o751);
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("runs first")), (0, true), "{out}");
    desk.stand_in(0);
    fs::write(desk.path("repo/verdict"), "0").unwrap();
    assert_eq!(desk.commit("a").0, 0);
    assert_eq!(desk.log(), "former\nscan --staged --quiet\n");
    fs::write(desk.path("repo/verdict"), "7").unwrap();
    assert_eq!(desk.commit("b").0, 1);
    assert_eq!(desk.log(), "former\n");
    desk.bring_back_unleak();
    assert!(desk.run(&["status"]).1.contains("pre-commit:  installed; runs the hook"));
    let set_mode = |mode| fs::set_permissions(desk.hook("pre-commit"), fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o644);
    assert!(desk.run(&["status"]).1.contains("pre-commit:  installed, but git ignores it"));
    set_mode(0o755);
    assert_eq!(desk.run(&["uninstall"]).0, 0);
    assert_eq!(fs::read_to_string(desk.hook("pre-commit")).unwrap(), text);
    assert_eq!(fs::metadata(desk.hook("pre-commit")).unwrap().mode() & 0o7777, 0o751);
    assert_eq!(names(&desk.path("repo/.git/hooks")), ["pre-commit"]);
}

#[test]
fn a_hook_that_git_ignores_stays_ignored() {
    let desk = Desk::new();
    desk.write_script("repo/.git/hooks/pre-commit", "#!/bin/sh\nexit 9\n", 0o644);
    assert!(desk.run(&["status"]).1.contains("git ignores"));
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("not executable")), (0, true), "{out}");
    desk.stand_in(0);
    assert_eq!(desk.commit("a").0, 0);
    desk.bring_back_unleak();
    desk.run(&["uninstall"]);
    assert_eq!(fs::metadata(desk.hook("pre-commit")).unwrap().mode() & 0o7777, 0o644);
}

#[test]
fn a_linked_hook_is_kept_as_the_link_it_is() {
    let desk = Desk::new();
    let text = format!("#!/bin/sh\necho linked >>'{}'\n", desk.path("log").display());
    desk.write_script("repo/tools/check", &text, 0o755);
    fs::create_dir_all(desk.path("repo/.git/hooks")).unwrap();
    std::os::unix::fs::symlink("../../tools/check", desk.hook("pre-commit")).unwrap();
    assert_eq!(desk.run(&["install"]).0, 0);
    assert_eq!(fs::read_to_string(desk.path("repo/tools/check")).unwrap(), text);
    desk.stand_in(0);
    assert_eq!(desk.commit("a").0, 0);
    assert_eq!(desk.log(), "linked\nscan --staged --quiet\n");
    desk.bring_back_unleak();
    assert_eq!(desk.run(&["uninstall"]).0, 0);
    assert_eq!(fs::read_link(desk.hook("pre-commit")).unwrap(), Path::new("../../tools/check"));
}

#[test]
fn nothing_that_was_kept_is_overwritten() {
    let desk = Desk::new();
    desk.write_script("repo/.git/hooks/pre-commit", "#!/bin/sh\n", 0o755);
    desk.write_script("repo/.git/hooks/pre-commit.before-unleak", "precious", 0o644);
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("exists already")), (2, true), "{out}");
    assert_eq!(fs::read_to_string(desk.hook("pre-commit.before-unleak")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(desk.hook("pre-commit")).unwrap(), "#!/bin/sh\n");
    assert_eq!(names(&desk.path("repo/.git/hooks")), ["pre-commit", "pre-commit.before-unleak"]);
}

#[test]
fn a_hook_edited_by_hand_is_left_alone() {
    let desk = Desk::new();
    desk.run(&["install"]);
    let mut text = fs::read_to_string(desk.hook("pre-commit")).unwrap();
    text.push_str("echo mine\n");
    fs::write(desk.hook("pre-commit"), &text).unwrap();
    for verb in ["install", "uninstall"] {
        let (code, out) = desk.run(&[verb]);
        assert_eq!((code, out.contains("changed since")), (2, true), "{out}");
    }
    assert!(desk.run(&["status"]).1.contains("changed by hand"));
    assert_eq!(fs::read_to_string(desk.hook("pre-commit")).unwrap(), text);
}

#[test]
fn a_missing_unleak_stops_the_commit_and_says_what_to_do() {
    let desk = Desk::new();
    desk.run(&["install"]);
    fs::remove_file(desk.path("bin/unleak")).unwrap();
    let (code, out) = desk.commit("a");
    assert_eq!(code, 1);
    assert!(out.contains("--no-verify") && out.contains("pre-commit") && out.contains("not found"), "{out}");
    assert_eq!(desk.try_git(&desk.path("repo"), &["commit", "-q", "--no-verify", "-m", "x"]).status.code(), Some(0));
}

#[test]
fn an_unleak_on_the_path_does_as_well() {
    let desk = Desk::new();
    desk.run(&["install"]);
    desk.stand_in(0);
    fs::create_dir(desk.path("elsewhere")).unwrap();
    fs::rename(desk.path("bin/unleak"), desk.path("elsewhere/unleak")).unwrap();
    fs::write(desk.path("repo/a"), "a").unwrap();
    desk.git(&desk.path("repo"), &["add", "a"]);
    let path = format!("{}:{}", desk.path("elsewhere").display(), std::env::var("PATH").unwrap());
    let mut commit = desk.command(Path::new("git"), &desk.path("repo"));
    let output = commit.env("PATH", path).args(["commit", "-q", "-m", "a"]).output().unwrap();
    assert_eq!(said(&output), (0, String::new()));
    assert_eq!(desk.log(), "scan --staged --quiet\n");
}

#[test]
fn odd_places_of_the_binary_are_quoted() {
    let desk = Desk::new();
    let odd = desk.path("it's $(touch oops) \"here\"\n");
    fs::rename(desk.path("bin"), &odd).unwrap();
    let mut command = desk.command(&odd.join("unleak"), &desk.path("repo"));
    assert_eq!(command.args(["hook", "install"]).status().unwrap().code(), Some(0));
    fs::rename(&odd, desk.path("bin")).unwrap();
    desk.stand_in(0);
    fs::rename(desk.path("bin"), &odd).unwrap();
    assert_eq!(desk.commit("a"), (0, String::new()));
    assert_eq!(desk.log(), "scan --staged --quiet\n");
    assert!(!desk.path("repo/oops").exists());
}

#[test]
fn a_linked_work_tree_shares_the_hooks_of_its_repository() {
    let desk = Desk::new();
    desk.commit("a");
    desk.git(&desk.path("repo"), &["worktree", "add", "-q", "../linked"]);
    fs::create_dir(desk.path("linked/deep")).unwrap();
    assert_eq!(desk.run_in("linked/deep", &["install"]).0, 0);
    assert!(desk.hook("pre-commit").exists());
    desk.stand_in(1);
    let commit = ["commit", "-q", "--allow-empty", "-m", "x"];
    assert_eq!(desk.try_git(&desk.path("linked"), &commit).status.code(), Some(1));
}

#[test]
fn a_bare_repository_has_no_commits_but_pushes() {
    let desk = Desk::new();
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    let (code, out) = desk.run_in("bare.git", &["install"]);
    assert_eq!((code, out.contains("bare")), (2, true), "{out}");
    assert_eq!(desk.run_in("bare.git", &["install", "--hook", "pre-receive"]).0, 0);
    assert_eq!(names(&desk.path("bare.git/hooks")), ["pre-receive"]);
}

/// A second repository with the files of the first.
#[test]
fn a_git_directory_beside_another_gets_its_own_hooks() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    desk.git(&repo, &["--git-dir=.public", "--work-tree=.", "init", "-q"]);
    assert_eq!(desk.run(&["install", ".public"]).0, 0);
    assert_eq!(names(&desk.path("repo/.git/hooks")), [""; 0]);
    assert_eq!(names(&desk.path("repo/.public/hooks")), ["pre-commit"]);
    desk.git(&repo, &["--git-dir=.public", "config", "core.hooksPath", "own"]);
    assert_eq!(desk.run(&["install", ".public"]).0, 0);
    assert_eq!(names(&desk.path("repo/own")), ["pre-commit"]);
}

#[test]
fn no_repository_is_an_error() {
    let desk = Desk::new();
    let (code, out) = desk.run_in("home", &["install"]);
    assert_eq!((code, out.contains("not a git repository")), (2, true), "{out}");
    assert_eq!(desk.run_in("home", &["status", "no/such/place"]).0, 2);
}

#[test]
fn the_configured_hooks_directory_counts() {
    let desk = Desk::new();
    desk.git(&desk.path("repo"), &["config", "core.hooksPath", "tools/hooks"]);
    fs::create_dir(desk.path("repo/deep")).unwrap();
    let (code, out) = desk.run_in("repo/deep", &["install"]);
    assert_eq!((code, out.contains("in the work tree")), (0, true), "{out}");
    desk.stand_in(1);
    assert!(desk.path("repo/tools/hooks/pre-commit").exists());
    assert_eq!(desk.commit("a").0, 1);
}

#[test]
fn a_hooks_directory_of_many_repositories_needs_a_word() {
    let desk = Desk::new();
    let global = desk.path("home/hooks");
    desk.git(&desk.path("repo"), &["config", "--global", "core.hooksPath", "~/hooks"]);
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("--global-hooks")), (2, true), "{out}");
    assert!(!global.exists());
    assert_eq!(desk.run(&["install", "--global-hooks"]).0, 0);
    assert_eq!(names(&global), ["pre-commit"]);
    assert_eq!(desk.run(&["uninstall"]).0, 2);
    assert_eq!(desk.run(&["uninstall", "--global-hooks"]).0, 0);
    // A link out of the repository leads to the same.
    desk.git(&desk.path("repo"), &["config", "--global", "--unset", "core.hooksPath"]);
    let _ = fs::remove_dir_all(desk.path("repo/.git/hooks"));
    std::os::unix::fs::symlink(&global, desk.path("repo/.git/hooks")).unwrap();
    assert_eq!(desk.run(&["install"]).0, 2);
}

#[test]
fn what_the_system_refuses_is_said_plainly() {
    let desk = Desk::new();
    let _ = fs::remove_dir_all(desk.path("repo/.git/hooks"));
    fs::write(desk.path("repo/.git/hooks"), "").unwrap();
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("can't") && out.contains("/.git/hooks")), (2, true), "{out}");
    fs::remove_file(desk.path("repo/.git/hooks")).unwrap();
    fs::create_dir_all(desk.hook("pre-commit")).unwrap();
    let (code, out) = desk.run(&["install"]);
    assert_eq!((code, out.contains("is not a file")), (2, true), "{out}");
    fs::remove_dir(desk.hook("pre-commit")).unwrap();
    fs::set_permissions(desk.path("repo/.git/hooks"), fs::Permissions::from_mode(0o555)).unwrap();
    // Permissions don't hold root back.
    if fs::write(desk.hook("probe"), "").is_err() {
        let (code, out) = desk.run(&["install"]);
        assert_eq!((code, out.contains("Permission denied")), (2, true), "{out}");
    }
    fs::set_permissions(desk.path("repo/.git/hooks"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_git_the_configuration_is_read() {
    let desk = Desk::new();
    desk.git(&desk.path("repo"), &["config", "core.hooksPath", "tools/hooks"]);
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    let install = |dir: &str| {
        let mut command = desk.command(&desk.path("bin/unleak"), &desk.path(dir));
        said(&command.env("PATH", "/nonexistent").args(["hook", "install"]).output().unwrap())
    };
    let (code, out) = install("repo");
    assert_eq!((code, out.contains("git was not found")), (0, true), "{out}");
    assert_eq!(names(&desk.path("repo/tools/hooks")), ["pre-commit"]);
    assert!(install("bare.git").1.contains("bare repository"));
    let (code, out) = install("home");
    assert_eq!((code, out.contains("not a git repository")), (2, true), "{out}");
}

#[test]
fn what_is_committed_is_scanned_and_nothing_else() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    desk.commit("base");
    desk.run(&["install"]);
    let commit = |arguments: &[&str]| said(&desk.try_git(&repo, &[&["commit", "-q", "-m", "x"], arguments].concat()));
    fs::write(repo.join("leak"), samples::github_token(1)).unwrap();
    desk.git(&repo, &["add", "leak"]);
    let (code, out) = commit(&[]);
    assert_eq!((code, out.contains("leak@") && out.contains("the commit is stopped")), (1, true), "{out}");
    // The commit of one file has an index of its own: the leak isn't in it.
    fs::write(repo.join("base"), "changed").unwrap();
    assert_eq!(commit(&["--only", "base"]).0, 0);
    // Staged, and overwritten in the work tree since.
    fs::write(repo.join("leak"), "nothing").unwrap();
    assert_eq!(commit(&[]).0, 1);
    assert_eq!(commit(&["-a"]).0, 0);
    fs::write(repo.join("leak"), samples::github_token(1)).unwrap();
    assert_eq!(commit(&["-a"]).0, 1);
    // In a linked work tree.
    desk.git(&repo, &["worktree", "add", "-q", "../linked"]);
    let linked = desk.path("linked");
    fs::write(linked.join("other"), samples::github_token(2)).unwrap();
    desk.git(&linked, &["add", "other"]);
    assert_eq!(desk.try_git(&linked, &["commit", "-q", "-m", "x"]).status.code(), Some(1));
}

/// Settings in the home directory are a second repository with the same files, or one with files and none of its own.
#[test]
fn a_hook_scans_the_repository_that_is_committed_to() {
    let desk = Desk::new();
    desk.commit("base");
    fs::create_dir(desk.path("files")).unwrap();
    fs::write(desk.path("repo/leak"), samples::github_token(1)).unwrap();
    fs::write(desk.path("files/leak"), samples::github_token(1)).unwrap();
    desk.git(&desk.path("repo"), &["add", "leak"]);
    desk.git(&desk.path("repo"), &["commit", "-q", "-m", "to the other one"]);
    for (files, git_dir) in [("repo", "repo/.public"), ("files", "dot.git")] {
        let (dir, git_dir) = (desk.path(files), desk.path(git_dir));
        let option = format!("--git-dir={}", git_dir.display());
        let try_git =
            |arguments: &[&str]| said(&desk.try_git(&dir, &[&[&*option, "--work-tree=."], arguments].concat()));
        desk.git(&dir, &["init", "-q", "--bare", git_dir.to_str().unwrap()]);
        desk.git(&dir, &[&*option, "config", "core.bare", "false"]);
        let hook = format!("#!/bin/sh\nexec '{}' scan --staged --quiet\n", desk.path("bin/unleak").display());
        fs::create_dir_all(git_dir.join("hooks")).unwrap();
        fs::write(git_dir.join("hooks/pre-commit"), hook).unwrap();
        fs::set_permissions(git_dir.join("hooks/pre-commit"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(dir.join("clean"), "nothing").unwrap();
        assert_eq!(try_git(&["add", "clean"]).0, 0);
        assert_eq!(try_git(&["commit", "-q", "-m", "clean"]), (0, String::new()), "{files}");
        assert_eq!(try_git(&["add", "leak"]).0, 0);
        let (code, out) = try_git(&["commit", "-q", "-m", "leak"]);
        assert!(code == 1 && out.contains("leak"), "{files}: {out}");
    }
}

/// Variables that git sets for a hook are about the repository that it runs for.
#[test]
fn variables_of_one_repository_say_nothing_of_another() {
    let desk = Desk::new();
    let (repo, other) = (desk.path("repo"), desk.path("other"));
    desk.git(&desk.path(""), &["init", "-q", "other"]);
    for (dir, name) in [(&repo, "mine"), (&other, "others")] {
        fs::write(dir.join(name), samples::github_token(name.len() as u64)).unwrap();
        desk.git(dir, &["add", "."]);
    }
    let scan = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = desk.command(&desk.path("bin/unleak"), &repo);
        command.envs(variables.iter().copied()).args(["scan", "-q"]).args(arguments);
        said(&command.output().unwrap())
    };
    let own = [("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index")];
    for (variables, arguments, file) in [
        (&own[..], &["--staged"][..], "mine"),
        (&own[1..], &["--staged"], "mine"),
        (&own, &["--staged", "../other"], "others"),
        (&own[1..], &["--staged", "../other"], "others"),
        (&[("GIT_DIR", "../other/.git"), ("GIT_WORK_TREE", "../other")], &["--staged"], "others"),
        (&[("GIT_DIR", "../other/.git"), ("GIT_WORK_TREE", "../other")], &["--staged", "mine"], "mine"),
    ] {
        let (code, out) = scan(variables, arguments);
        assert!(code == 1 && out.contains(&format!("{file}@")), "{variables:?} {arguments:?}: {out}");
    }
    fs::write(other.join("others"), samples::github_token(9)).unwrap();
    let (code, out) = scan(&[("GIT_DIR", "../other/.git"), ("GIT_WORK_TREE", "../other")], &["--unstaged"]);
    assert!(code == 1 && out.contains("others@"), "{out}");
    let (code, out) = scan(&[("GIT_DIR", "nowhere")], &["--staged"]);
    assert!(code == 2 && out.contains("GIT_DIR"), "{out}");
}

#[test]
fn every_shell_at_hand_can_read_the_hooks() {
    let desk = Desk::new();
    for hook in ["pre-commit", "pre-push", "pre-receive"] {
        assert_eq!(desk.run(&["install", "--hook", hook]).0, 0);
        for shell in ["sh", "dash", "bash", "busybox", "ksh", "zsh"] {
            let mut command = desk.command(Path::new(shell), &desk.path("repo"));
            if shell == "busybox" {
                command.arg("sh");
            }
            // Not every machine has every shell.
            if let Ok(output) = command.arg("-n").arg(desk.hook(hook)).output() {
                assert_eq!(said(&output), (0, String::new()), "{shell} {hook}");
            }
        }
    }
}

/// What the real scan says through the hooks: nothing, or the message of a tag.
#[test]
fn hooks_are_silent_until_there_is_something_to_say() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    desk.git(&repo, &["remote", "add", "origin", "../bare.git"]);
    assert_eq!(desk.run(&["install"]).0, 0);
    assert_eq!(desk.run(&["install", "--hook", "pre-push"]).0, 0);
    assert_eq!(desk.commit("a"), (0, String::new()));
    let push = |what: &str| said(&desk.try_git(&repo, &["push", "-q", "origin", what]));
    assert_eq!(push("HEAD:refs/heads/main"), (0, String::new()));
    desk.git(&repo, &["tag", "-a", "v1", "-m", "first"]);
    assert_eq!(push("v1"), (0, String::new()));
    desk.git(&repo, &["tag", "-a", "v2", "-m", &samples::github_token(8)]);
    let (code, out) = push("v2");
    assert_eq!((code, out.contains("the push is stopped")), (1, true), "{out}");
}
