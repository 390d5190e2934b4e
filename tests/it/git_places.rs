//! Hiding places that git has beside the usual ones, each with a secret of its own, all of them counted.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    git_scan::{commit, found, head, init, plant_everywhere, rev, scan},
    git_store::repositories::{git, git_with_input},
    samples::github_token,
};

/// Secrets by place.
struct Planted(BTreeMap<String, String>);

impl Planted {
    fn token(&mut self, place: &str) -> String {
        let token = github_token(self.0.len() as u64 + 5_000);
        self.0.insert(token.clone(), place.to_owned());
        token
    }

    /// Every place whose secret is not in the report.
    fn missing(&self, dir: &Path, args: &[&str]) -> Vec<String> {
        let (code, report) = scan(dir, args);
        let found = found(&report);
        assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])), "{args:?}");
        self.0.iter().filter(|(token, _)| !found.contains_key(*token)).map(|(_, place)| place.clone()).collect()
    }
}

fn object(dir: &Path, kind: &str, content: &str) -> String {
    let id = git_with_input(dir, &["hash-object", "--literally", "-w", "-t", kind, "--stdin"], content.as_bytes());
    String::from_utf8(id).unwrap().trim().to_owned()
}

/// Headers of commits and tags, reachable by refs.
fn plant_headers(dir: &Path, planted: &mut Planted) {
    let (tree, tip) = (rev(dir, "HEAD^{tree}"), head(dir));
    let who = "A <a@example.org> 1700000000 +0000";
    let add = |name: &str, headers: &str, message: &str| {
        let text = format!("tree {tree}\nparent {tip}\nauthor {who}\n{headers}\n{message}\n");
        let id = object(dir, "commit", &text);
        git(dir, &["update-ref", &format!("refs/heads/headers/{name}"), &id]);
    };
    add("committer", &format!("committer {} <c@example.org> 1700000000 +0000\n", planted.token("committer name")), "x");
    add("mail", &format!("committer C <{}@example.org> 1700000000 +0000\n", planted.token("committer mail")), "x");
    add("encoding", &format!("committer {who}\nencoding {}\n", planted.token("encoding header")), "x");
    add(
        "latin",
        &format!("committer {who}\nencoding ISO-8859-1\n"),
        &format!("key {}", planted.token("encoded message")),
    );
    let signature = format!("-----BEGIN PGP SIGNATURE-----\n \n {}\n -----END", planted.token("gpgsig header"));
    add("signed", &format!("committer {who}\ngpgsig {signature}\n"), "x");
    let tag = format!("object {tip}\n type commit\n tag v9\n tagger {who}\n \n {}", planted.token("mergetag header"));
    add("mergetag", &format!("committer {who}\nmergetag {tag}\n"), "x");
    add("other", &format!("committer {who}\nHG:extra {}\n", planted.token("unknown header")), "x");
    let tagger = planted.token("tagger name");
    let signature = planted.token("tag signature");
    let text = format!(
        "object {tip}\ntype commit\ntag v8\ntagger {tagger} <t@example.org> 1700000000 +0000\n\nx\n\
         -----BEGIN PGP SIGNATURE-----\n\n{signature}\n-----END PGP SIGNATURE-----\n"
    );
    let tag = object(dir, "tag", &text);
    git(dir, &["update-ref", "refs/tags/v8", &tag]);
    let of_blob = object(dir, "blob", &planted.token("blob that a tag leads to"));
    git(dir, &["tag", "-a", "blob", "-m", "x", &of_blob]);
}

/// Objects that something stands in the way of.
fn plant_replaced(dir: &Path, planted: &mut Planted) {
    let (old, new) = (planted.token("replaced blob"), planted.token("replacing blob"));
    commit(dir, "replaced.txt", &old);
    let (old, new) = (rev(dir, "HEAD:replaced.txt"), object(dir, "blob", &new));
    git(dir, &["replace", &old, &new]);
    // A commit whose parents are others by the graft: what only the true ones have is behind it.
    let base = head(dir);
    commit(dir, "grafted.txt", planted.token("behind a graft"));
    git(dir, &["rm", "-q", "grafted.txt"]);
    let grafted = commit(dir, "after.txt", "x");
    let other = commit(dir, "other.txt", planted.token("in front of a graft"));
    git(dir, &["replace", "--graft", &grafted, &base]);
    fs::create_dir_all(dir.join(".git/info")).unwrap();
    fs::write(dir.join(".git/info/grafts"), format!("{other} {base}\n# {}\n", planted.token("text of grafts")))
        .unwrap();
}

/// Stores and files beside the main ones.
fn plant_stores(dir: &Path, beside: &Path, format: &[&str], planted: &mut Planted) {
    // A pack that is kept.
    let kept = object(dir, "blob", &planted.token("kept pack"));
    let name = git_with_input(dir, &["pack-objects", "-q", ".git/objects/pack/pack"], format!("{kept}\n").as_bytes());
    let name = String::from_utf8(name).unwrap();
    fs::write(dir.join(format!(".git/objects/pack/pack-{}.keep", name.trim())), planted.token("text of .keep"))
        .unwrap();
    git(dir, &["prune-packed", "-q"]);
    // Alternates.
    let lender = beside.join("lender");
    git(beside, &[&["init", "-q", "lender"], format].concat());
    commit(&lender, "lent.txt", planted.token("alternate"));
    let list = format!("{}\n", lender.join(".git/objects").display());
    fs::write(dir.join(".git/objects/info/alternates"), list).unwrap();
    // A submodule with a history of its own.
    let module = beside.join("module");
    git(beside, &[&["init", "-q", "module"], format].concat());
    commit(&module, "old.txt", planted.token("submodule history"));
    commit(&module, "old.txt", "x");
    let url = module.display().to_string();
    git(dir, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--name", "sub", &url, "sub"]);
    git(dir, &["commit", "-qm", "submodule"]);
    // A linked work tree: its index, and the log of its HEAD.
    let linked = beside.join("linked");
    git(dir, &["worktree", "add", "-q", "--detach", &linked.display().to_string()]);
    fs::write(linked.join("staged.txt"), planted.token("index of a linked work tree")).unwrap();
    git(&linked, &["add", "staged.txt"]);
    fs::remove_file(linked.join("staged.txt")).unwrap();
    git(&linked, &["update-ref", "-m", &planted.token("log of a linked work tree"), "HEAD", "HEAD~1"]);
    // Git LFS: the object is here.
    let digest = "c".repeat(64);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 40\n");
    commit(dir, "large.bin", pointer);
    fs::create_dir_all(dir.join(".git/lfs/objects/cc/cc")).unwrap();
    fs::write(dir.join(".git/lfs/objects/cc/cc").join(digest), planted.token("LFS object")).unwrap();
    for file in ["hooks/pre-push", "credentials", "COMMIT_EDITMSG", "rebase-merge/message", "description"] {
        let path = dir.join(".git").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, planted.token(file)).unwrap();
    }
}

/// What nothing leads to.
fn plant_unreachable(dir: &Path, planted: &mut Planted) {
    let blob = object(dir, "blob", &planted.token("dangling blob"));
    let mut tree = format!("100644 {}\0", planted.token("name in a dangling tree")).into_bytes();
    tree.extend((0..blob.len()).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()));
    let tree = String::from_utf8(git_with_input(dir, &["hash-object", "-w", "-t", "tree", "--stdin"], &tree)).unwrap();
    let who = "A <a@example.org> 1700000000 +0000";
    let text = format!("tree {}\nauthor {who}\ncommitter {who}\n\n{}\n", tree.trim(), planted.token("dangling commit"));
    let id = object(dir, "commit", &text);
    let text = format!("object {id}\ntype commit\ntag x\ntagger {who}\n\n{}\n", planted.token("dangling tag"));
    object(dir, "tag", &text);
}

#[test]
fn every_hiding_place_is_counted() {
    for format in [&[][..], &["--object-format=sha256"], &["--ref-format=reftable"]] {
        let (dir, beside) = (init(format), tempfile::tempdir().unwrap());
        let dir = dir.path();
        let mut planted = Planted(BTreeMap::new());
        let usual = plant_everywhere(dir);
        // What is staged goes into a commit of its own: the rest needs a clean index.
        git(dir, &["add", "-A"]);
        git(dir, &["commit", "-q", "--allow-empty", "-m", "staged"]);
        plant_headers(dir, &mut planted);
        plant_replaced(dir, &mut planted);
        plant_stores(dir, beside.path(), format, &mut planted);
        plant_unreachable(dir, &mut planted);
        planted.0.extend(usual.into_iter().map(|(token, place)| (token, place.to_owned())));
        assert_eq!(planted.0.len(), 51, "places");
        let none: [&str; 0] = [];
        assert_eq!(planted.missing(dir, &["."]), none, "{format:?}");
        // The same in packs, with what nothing leads to in a cruft pack; then from the linked work tree.
        git(dir, &["repack", "--cruft", "-dq"]);
        assert_eq!(planted.missing(dir, &[".", "--history-only", "--paranoid"]), none, "{format:?}, cruft");
        assert_eq!(planted.missing(&beside.path().join("linked"), &["."]), none, "{format:?}, linked");
    }
}

mod regression {
    use super::{commit, fs, git, github_token, init, scan};
    use crate::git_scan::found;

    /// Where `.git` is a file, the history was not scanned, and nothing said so.
    #[test]
    fn linked_work_trees_and_submodules_have_a_history() {
        let (dir, beside) = (init(&[]), tempfile::tempdir().unwrap());
        commit(dir.path(), "a.txt", github_token(1));
        commit(dir.path(), "a.txt", "x");
        let linked = beside.path().join("linked");
        git(dir.path(), &["worktree", "add", "-q", "--detach", &linked.display().to_string()]);
        let (code, report) = scan(&linked, &["."]);
        assert_eq!((code, found(&report).len(), &report["problems"]), (1, 1, &serde_json::json!([])));
        let path = linked.display().to_string();
        assert_eq!(scan(dir.path(), &[&path]).0, 1);
        // From further up it is said and not followed: the file could lead anywhere.
        let (code, report) = scan(beside.path(), &["."]);
        assert_eq!((code, &report["problems"][0]["kind"]), (3, &"history-not-scanned".into()));
        assert_eq!(scan(beside.path(), &[".", "--no-history"]).0, 0);
        // Both together: once.
        let main = dir.path().display().to_string();
        let (code, report) = scan(beside.path(), &[".", &main]);
        assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])));
        assert_eq!(report["stats"]["objects"]["commits"]["scanned"], 2);
        // A submodule that has its repository within, as old ones have.
        let inner = dir.path().join("old/module");
        fs::create_dir_all(&inner).unwrap();
        git(&inner, &["init", "-q"]);
        commit(&inner, "b.txt", github_token(2));
        commit(&inner, "b.txt", "x");
        git(dir.path(), &["-c", "advice.addEmbeddedRepo=false", "add", "old/module"]);
        let (code, report) = scan(dir.path(), &[".", "--history-only"]);
        assert_eq!((code, found(&report).len(), &report["problems"]), (1, 2, &serde_json::json!([])));
        // A file that only looks like it.
        fs::create_dir(dir.path().join("fixture")).unwrap();
        fs::write(dir.path().join("fixture/.git"), "gitdir: ../nowhere\n").unwrap();
        assert_eq!(scan(dir.path(), &["."]).1["problems"], serde_json::json!([]));
    }

    fn pointer(digit: &str, size: u64) -> String {
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {size}\n", digit.repeat(64))
    }

    fn keep_lfs(dir: &std::path::Path, digit: &str, content: String) {
        let place = dir.join(".git/lfs/objects").join(digit.repeat(2)).join(digit.repeat(2));
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join(digit.repeat(64)), content).unwrap();
    }

    /// What Git LFS keeps was a file of the git directory, which says neither who committed it nor under which name.
    #[test]
    fn content_that_git_lfs_keeps_has_a_history() {
        let dir = init(&[]);
        let dir = dir.path();
        let (small, large, lonely) = (github_token(1), github_token(2), github_token(3));
        keep_lfs(dir, "a", format!("x\nkey: {small}\n"));
        keep_lfs(dir, "b", format!("{}key: {large}\n", "x\n".repeat(1 << 20)));
        keep_lfs(dir, "c", lonely.clone());
        commit(dir, "readme", "x");
        let came = commit(dir, "a/small.bin", pointer("a", 12));
        commit(dir, "large.bin", pointer("b", 12));
        // Another pointer to the same.
        let again = commit(dir, "again.bin", pointer("a", 13));
        git(dir, &["rm", "-q", "a/small.bin"]);
        git(dir, &["commit", "-qm", "away"]);
        for args in [&["."][..], &[".", "--history-only"], &[".", "--history-only", "--cache=c"]] {
            let (code, report) = scan(dir, args);
            assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])), "{args:?}");
            let found = found(&report);
            let places = |token: &str| found[token].iter().map(|it| it["provenance"].clone()).collect::<Vec<_>>();
            let [first, second] = &places(&small)[..] else { panic!("{args:?} {:?}", found[&small]) };
            assert_eq!((&first["path"], &second["path"]), (&"a/small.bin".into(), &"again.bin".into()));
            assert_eq!(
                (&first["history"]["first"]["id"], &first["history"]["at_head"]),
                (&came.clone().into(), &false.into())
            );
            assert_eq!(second["history"]["first"]["id"], again);
            assert_eq!(second["history"]["refs"], serde_json::json!(["refs/heads/main"]));
            assert_eq!(found[&small][0]["place"]["line"], 2, "in the content");
            let [place] = &places(&large)[..] else { panic!("{args:?} {:?}", found[&large]) };
            assert_eq!((&place["path"], &place["history"]["at_head"]), (&"large.bin".into(), &true.into()));
            // Nothing points to it any more: it is the file that it is.
            let [place] = &places(&lonely)[..] else { panic!("{args:?} {:?}", found[&lonely]) };
            assert!(place["kind"] == "file" && place["path"].as_str().unwrap().contains("lfs/objects/cc/cc"));
        }
        assert_eq!(scan(dir, &[".", "--no-history"]).0, 0);
    }

    /// It was taken to be here, and nobody read it.
    #[cfg(unix)]
    #[test]
    fn content_behind_a_linked_lfs_directory_is_scanned() {
        let (dir, beside) = (init(&[]), tempfile::tempdir().unwrap());
        let dir = dir.path();
        keep_lfs(dir, "a", github_token(1));
        keep_lfs(dir, "b", github_token(2));
        commit(dir, "here.bin", pointer("a", 12));
        fs::rename(dir.join(".git/lfs"), beside.path().join("lfs")).unwrap();
        std::os::unix::fs::symlink(beside.path().join("lfs"), dir.join(".git/lfs")).unwrap();
        let (code, report) = scan(dir, &["."]);
        assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])));
        // What no pointer names may be another repository's.
        assert_eq!(found(&report).into_keys().collect::<Vec<_>>(), [github_token(1)]);
    }
}
