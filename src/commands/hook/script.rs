//! What a hook says: POSIX shell, and a digest by which it is known as ours and unchanged.

use std::path::Path;

use super::HookKind;

/// Beginning of the line that makes a file ours; a digest of all lines after it follows.
const MARK: &str = "# unleak hook v1 ";
const SHEBANG: &str = "#!/bin/sh\n";

/// Whose script is it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Ours,
    Changed,
    Other,
}

/// The name under which a hook that was there is kept.
pub(super) fn backup_name(kind: HookKind) -> String {
    format!("{}.before-unleak", kind.as_str())
}

/// Recognises what [`text`] made.
pub(super) fn recognise(script: &[u8]) -> Origin {
    let marked = script.strip_prefix(SHEBANG.as_bytes()).and_then(|rest| rest.strip_prefix(MARK.as_bytes()));
    let Some(marked) = marked else { return Origin::Other };
    let Some(end) = marked.iter().position(|&byte| byte == b'\n') else { return Origin::Changed };
    if marked[..end] == *digest(&marked[end + 1..]).as_bytes() { Origin::Ours } else { Origin::Changed }
}

/// The hook's script; the same for the same hook and binary.
pub(super) fn text(kind: HookKind, binary: &Path) -> Vec<u8> {
    let mut body = INTRODUCTION.to_owned().into_bytes();
    if kind != HookKind::PreCommit {
        body.extend_from_slice(INPUT.as_bytes());
    }
    let previous = if kind == HookKind::PreCommit { PREVIOUS } else { PREVIOUS_WITH_INPUT };
    body.extend_from_slice(previous.replace("BACKUP", &backup_name(kind)).as_bytes());
    body.extend_from_slice(b"\nunleak=");
    body.extend_from_slice(&quoted(binary.as_os_str().as_encoded_bytes()));
    let (stopped, way_out) = match kind {
        HookKind::PreCommit => ("commit", "git commit --no-verify"),
        HookKind::PrePush => ("push", "git push --no-verify"),
        HookKind::PreReceive => ("push", ""),
    };
    let template = if way_out.is_empty() { MISSING_ON_SERVER } else { MISSING };
    body.extend_from_slice(template.replace("STOPPED", stopped).replace("WAY_OUT", way_out).as_bytes());
    body.extend_from_slice(match kind {
        HookKind::PreCommit => PRE_COMMIT.as_bytes(),
        HookKind::PrePush => PRE_PUSH.as_bytes(),
        HookKind::PreReceive => PRE_RECEIVE.as_bytes(),
    });
    let mut script = format!("{SHEBANG}{MARK}{}\n", digest(&body)).into_bytes();
    script.append(&mut body);
    script
}

fn digest(body: &[u8]) -> String {
    blake3::hash(body).to_hex()[..16].to_owned()
}

/// A word of the shell that stands for exactly these bytes.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut word = vec![b'\''];
    for &byte in bytes {
        if byte == b'\'' { word.extend_from_slice(b"'\\''") } else { word.push(byte) }
    }
    word.push(b'\'');
    word
}

const INTRODUCTION: &str = "\
# Written by `unleak hook install`. `unleak hook uninstall` removes it and brings back what it replaced; both refuse
# when this file was changed.

";

const INPUT: &str = "\
# Both the hook that was here before and unleak read the list of refs.
input=$(cat)
list() {
    if [ -n \"$input\" ]; then printf '%s\\n' \"$input\"; fi
}

";

const PREVIOUS: &str = "\
previous=${0%/*}/BACKUP
if [ -f \"$previous\" ] && [ -x \"$previous\" ]; then
    \"$previous\" \"$@\" || exit
fi
";

const PREVIOUS_WITH_INPUT: &str = "\
previous=${0%/*}/BACKUP
if [ -f \"$previous\" ] && [ -x \"$previous\" ]; then
    list | \"$previous\" \"$@\" || exit
fi
";

const MISSING: &str = "
if [ ! -x \"$unleak\" ] && ! unleak=$(command -v unleak); then
    cat >&2 <<HELP
unleak: not found, neither where it was installed nor on PATH: nothing was scanned, so the STOPPED is stopped.
  Install unleak again, or
  go on without it this once: WAY_OUT
  or remove the hook: $0
HELP
    exit 1
fi
";

const MISSING_ON_SERVER: &str = "
if [ ! -x \"$unleak\" ] && ! unleak=$(command -v unleak); then
    cat >&2 <<HELP
unleak: not found on this server: nothing was scanned, so the STOPPED is refused.
  Its administrator can install unleak again, or remove the hook: $0
HELP
    exit 1
fi
";

const PRE_COMMIT: &str = "
\"$unleak\" scan --staged --quiet
code=$?
if [ \"$code\" -ne 0 ]; then
    echo 'unleak: the commit is stopped (`git commit --no-verify` commits without asking).' >&2
fi
exit \"$code\"
";

// A ref that is new to the remote has no old commit to start from, and the old commit of a forced push may not be here.
// Then the newest commit that the remote is known to have is the start; without any, everything counts. The pattern of
// `--remotes=a` takes branches of a remote `a/b`, too, which is another place.
const PRE_PUSH: &str = "
# Options for the refs that tell what the place of the push has: none, unless the remote is fetched from there.
known() {
    [ \"$(git remote get-url \"$1\" 2>/dev/null)\" = \"$2\" ] || return 0
    git remote | while read -r name; do
        case $name in \"$1\"/*) printf '%s\\n' \"--exclude=$name/*\" ;; esac
    done
    printf '%s\\n' \"--remotes=$1\"
}

# Lines: local_ref local_oid remote_ref remote_oid. The id of what isn't there is all zeros.
scan() {
    worst=0
    # The options have no blanks, but asterisks.
    set -f
    known=$(known \"$1\" \"$2\")
    while read -r _ local_oid _ remote_oid; do
        case $local_oid in *[!0]*) ;; *) continue ;; esac
        case $remote_oid in *[!0]*) base=$remote_oid ;; *) base= ;; esac
        if [ -z \"$base\" ] || ! git cat-file -e \"$base\" 2>/dev/null; then
            base=
            if git cat-file -e \"$local_oid^{commit}\" 2>/dev/null; then
                if [ -n \"$(git rev-list --max-count=1 \"$local_oid\" --not $known)\" ]; then
                    base=$(git rev-list --boundary \"$local_oid\" --not $known | sed -n '/^-/{s///p;q;}')
                elif [ \"$(git cat-file -t \"$local_oid\")\" = tag ]; then
                    # The commit is there; the tag and its message are not.
                    base=$local_oid^{commit}
                else
                    continue
                fi
            fi
        fi
        \"$unleak\" scan --quiet --range \"${base:+$base..}$local_oid\" </dev/null
        code=$?
        if [ \"$code\" -ne 0 ] && [ \"$worst\" -ne 1 ]; then worst=$code; fi
    done
    return \"$worst\"
}

list | scan \"$1\" \"$2\"
code=$?
if [ \"$code\" -ne 0 ]; then
    echo 'unleak: the push is stopped (`git push --no-verify` pushes without asking).' >&2
fi
exit \"$code\"
";

const PRE_RECEIVE: &str = "
list | \"$unleak\" scan --pre-receive --quiet
code=$?
if [ \"$code\" -ne 0 ]; then
    echo 'unleak: the push is refused.' >&2
fi
exit \"$code\"
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{HookKind, Origin, quoted, recognise, text};

    #[test]
    fn a_script_knows_whether_it_was_changed() {
        for kind in HookKind::ALL {
            let mut script = text(kind, Path::new("/opt/it's/unleak"));
            assert_eq!(recognise(&script), Origin::Ours);
            script.push(b'\n');
            assert_eq!(recognise(&script), Origin::Changed);
            assert_eq!(recognise(&script[..40]), Origin::Changed);
        }
        assert_eq!(recognise(b"#!/bin/sh\nexit 0\n"), Origin::Other);
        assert_eq!(recognise(b""), Origin::Other);
    }

    #[test]
    fn quotes_are_quoted() {
        assert_eq!(quoted(b"a'b $c"), b"'a'\\''b $c'");
    }
}
