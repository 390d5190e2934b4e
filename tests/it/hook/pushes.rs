//! Hooks of pushes, on both sides.

use super::*;

#[test]
fn a_push_is_scanned_from_what_the_remote_has() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    desk.git(&repo, &["remote", "add", "origin", "../bare.git"]);
    assert_eq!(desk.run(&["install", "--hook", "pre-push"]).0, 0);
    desk.stand_in(0);
    desk.commit("a");
    let id = |name: &str| desk.git(&repo, &["rev-parse", name]);
    let push = |arguments: &[&str]| said(&desk.try_git(&repo, &[&["push", "-q", "origin"], arguments].concat()));
    let first = id("HEAD");
    assert_eq!(push(&["HEAD:refs/heads/main"]), (0, String::new()));
    assert_eq!(desk.log(), format!("scan --quiet --range {first}\n"), "the remote has nothing");
    desk.commit("b");
    let second = id("HEAD");
    assert_eq!(push(&["HEAD:refs/heads/main"]).0, 0);
    assert_eq!(desk.log(), format!("scan --quiet --range {first}..{second}\n"));
    desk.commit("c");
    assert_eq!(push(&["HEAD:refs/heads/topic"]).0, 0);
    assert_eq!(desk.log(), format!("scan --quiet --range {second}..{}\n", id("HEAD")), "a new branch");
    assert_eq!(push(&["HEAD:refs/heads/same"]).0, 0);
    assert_eq!(push(&[":refs/heads/same"]).0, 0);
    assert_eq!(desk.log(), "", "nothing new, and a branch removed");
    desk.git(&repo, &["tag", "-a", "v1", "-m", "v1"]);
    let tag = id("v1");
    assert_eq!(push(&["v1"]).0, 0);
    assert_eq!(desk.log(), format!("scan --quiet --range {tag}^{{commit}}..{tag}\n"), "a tag's message is new");
    desk.stand_in(1);
    desk.commit("d");
    let (code, out) = push(&["HEAD:refs/heads/topic", "HEAD:refs/heads/main"]);
    assert_eq!((code, out.contains("the push is stopped")), (1, true), "{out}");
    assert_eq!(desk.log().lines().count(), 2, "every ref is scanned");
}

#[test]
fn only_refs_of_the_place_that_is_pushed_to_count_as_known() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    for remote in ["one", "two"] {
        desk.git(&desk.path(""), &["init", "-q", "--bare", &format!("{remote}.git")]);
    }
    desk.git(&repo, &["remote", "add", "a", "../one.git"]);
    desk.git(&repo, &["remote", "add", "a/b", "../two.git"]);
    desk.commit("x");
    assert_eq!(desk.run(&["install", "--hook", "pre-push"]).0, 0);
    desk.stand_in(0);
    let id = desk.git(&repo, &["rev-parse", "HEAD"]);
    let push = |remote: &str, branch: &str| {
        let target = format!("HEAD:refs/heads/{branch}");
        assert_eq!(said(&desk.try_git(&repo, &["push", "-q", remote, &target])), (0, String::new()));
        desk.log()
    };
    let whole = format!("scan --quiet --range {id}\n");
    assert_eq!(push("a/b", "main"), whole);
    assert_eq!(push("a", "main"), whole, "what the other remote has is not known to be here");
    assert_eq!(push("a", "known"), "");
    desk.git(&repo, &["config", "remote.a.pushUrl", "../two.git"]);
    assert_eq!(push("a", "elsewhere"), whole, "nothing was fetched from there");
}

#[test]
fn a_server_hands_the_list_to_both_hooks() {
    let desk = Desk::new();
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    let text = format!("#!/bin/sh\nsed 's/^/former /' >>'{}'\n", desk.path("log").display());
    desk.write_script("bare.git/hooks/pre-receive", &text, 0o755);
    assert_eq!(desk.run_in("bare.git", &["install", "--hook", "pre-receive"]).0, 0);
    desk.stand_in(0);
    desk.commit("a");
    let repo = desk.path("repo");
    let id = desk.git(&repo, &["rev-parse", "HEAD"]);
    let push = || said(&desk.try_git(&repo, &["push", "-q", "../bare.git", "HEAD:refs/heads/main"]));
    assert_eq!(push(), (0, String::new()));
    let line = format!("{} {id} refs/heads/main", "0".repeat(40));
    assert_eq!(desk.log(), format!("former {line}\nscan --pre-receive --quiet\n{line}\n"));
    desk.commit("b");
    desk.stand_in(3);
    let (code, out) = push();
    assert_eq!((code, out.contains("the push is refused")), (1, true), "{out}");
    assert_eq!(desk.git(&desk.path("bare.git"), &["rev-parse", "main"]), id);
    fs::remove_file(desk.path("bin/unleak")).unwrap();
    let (code, out) = push();
    assert_eq!((code, out.contains("administrator")), (1, true), "{out}");
}

#[test]
fn what_is_pushed_is_scanned_and_nothing_else() {
    let desk = Desk::new();
    let repo = desk.path("repo");
    desk.git(&desk.path(""), &["init", "-q", "--bare", "bare.git"]);
    desk.git(&repo, &["remote", "add", "origin", "../bare.git"]);
    let commit = |name: &str, text: &str| {
        fs::write(repo.join(name), text).unwrap();
        desk.git(&repo, &["add", name]);
        desk.git(&repo, &["commit", "-q", "-m", name]);
    };
    let push =
        |target: &str| said(&desk.try_git(&repo, &["push", "-q", "origin", &format!("HEAD:refs/heads/{target}")]));
    commit("old", &samples::github_token(1));
    assert_eq!(push("main").0, 0, "before there were hooks");
    assert_eq!(desk.run_in("bare.git", &["install", "--hook", "pre-receive"]).0, 0);
    commit("clean", "nothing");
    assert_eq!(push("main").0, 0);
    commit("new", &samples::github_token(2));
    commit("gone", "nothing");
    desk.git(&repo, &["rm", "-q", "new"]);
    desk.git(&repo, &["commit", "-q", "-m", "removed again"]);
    let (code, out) = push("topic");
    assert_eq!(
        (code, out.contains("the push is refused") && out.contains("new@") && !out.contains("old@")),
        (1, true),
        "{out}"
    );
    assert_eq!(desk.run(&["install", "--hook", "pre-push"]).0, 0);
    let (code, out) = push("topic");
    assert_eq!((code, out.contains("the push is stopped") && !out.contains("old@")), (1, true), "{out}");
    desk.git(&repo, &["reset", "-q", "--hard", "origin/main"]);
    commit("better", "nothing");
    let (code, out) = push("topic");
    assert_eq!(code, 0, "{out}");
}
