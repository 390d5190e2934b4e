use serde_json::{Value, json};
use unleak::model::{
    Revision::{Current, Old},
    Visibility,
};

use super::{
    plant::{Files, check, five, in_code, in_link, only, scan_all},
    raw::row,
};

const BASE: &str = "https://chat.example.com";

fn at(minute: u64) -> u64 {
    (1_704_103_200 + 60 * minute) * 1000
}

fn line(kind: &str, value: Value) -> String {
    let mut line = json!({"type": kind});
    line[kind] = value;
    format!("{line}\n")
}

#[test]
fn lines_with_their_files() {
    let [plain, code, link, old, attached] = &five(1040);
    let direct = super::plant::token(1046);
    let lines = [
        line("version", json!(1)).replace(
            "{\"type\":\"version\",\"version\":1}",
            "{\"type\":\"version\",\"version\":1,\"info\":{\"generator\":\"mattermost-server\"}}",
        ),
        line("team", json!({"name": "acme", "display_name": "Acme", "type": "O"})),
        line("channel", json!({"team": "acme", "name": "general", "display_name": "General", "type": "O"})),
        line(
            "user",
            json!({"username": "ada", "email": "ada@example.com", "nickname": "", "first_name": "Ada", "last_name": "L"}),
        ),
        line(
            "user",
            json!({"username": "bob", "email": "bob@example.com", "nickname": "Bob B", "first_name": "", "last_name": ""}),
        ),
        line(
            "post",
            json!({"team": "acme", "channel": "general", "user": "ada", "message": format!("the key is {plain}"), "create_at": at(0), "edit_at": 0,
            "replies": [{"user": "bob", "message": in_code(code), "create_at": at(1)}, {"user": "bob", "message": in_link(link), "create_at": at(2)}]}),
        ),
        line(
            "post",
            json!({"team": "acme", "channel": "general", "user": "bob", "message": format!("use {old} please"), "create_at": at(3), "delete_at": at(5)}),
        ),
        line(
            "post",
            json!({"team": "acme", "channel": "general", "user": "bob", "message": "a file", "create_at": at(4), "attachments": [{"path": "20240101/teams/noteam/notes.txt"}]}),
        ),
        line(
            "direct_post",
            json!({"channel_members": ["ada", "bob"], "user": "ada", "message": format!("psst {direct}"), "create_at": at(6)}),
        ),
    ];
    let mut files = Files::default();
    files
        .add("import.jsonl", lines.concat())
        .add("data/20240101/teams/noteam/notes.txt", format!("token={attached}\n"));
    let (ada, bob) = ("ada Ada L <ada@example.com>", "bob Bob B <bob@example.com>");
    let told = |who: &str, minute: u64| format!("{who} 2024-01-01T10:0{minute}:00Z {BASE}/acme/channels/general");
    row("mattermost", &files, [plain, code, link, old, attached]);
    scan_all(&files, Some(BASE), &|report| {
        check(
            report,
            "mattermost",
            &[
                (plain, &told(ada, 0), Current),
                (code, &told(bob, 1), Current),
                (link, &told(bob, 2), Current),
                (old, &told(bob, 3), Old),
                (attached, &told(bob, 4), Current),
                (&direct, &format!("{ada} 2024-01-01T10:06:00Z -"), Current),
            ],
        );
        assert_eq!(only(report, code).thread.as_deref(), Some(at(0).to_string().as_str()));
        assert_eq!(only(report, &direct).visibility, Some(Visibility::Direct));
    });
}

#[test]
fn regression_channels_of_one_name_in_two_teams() {
    let [open, closed] = [super::plant::token(1047), super::plant::token(1048)];
    let channel = |team: &str, title: &str, kind: &str| {
        line("channel", json!({"team": team, "name": "general", "display_name": title, "type": kind}))
    };
    let post = |team: &str, secret: &str| {
        line(
            "post",
            json!({"team": team, "channel": "general", "user": "ada", "message": format!("use {secret}"), "create_at": at(0)}),
        )
    };
    let lines = [
        line("version", json!(1)),
        channel("acme", "General", "O"),
        channel("beta", "Ours", "P"),
        post("acme", &open),
        post("beta", &closed),
    ];
    let mut files = Files::default();
    files.add("import.jsonl", lines.concat());
    scan_all(&files, None, &|report| {
        for (secret, name, visibility) in
            [(&open, "General", Visibility::Public), (&closed, "Ours", Visibility::Private)]
        {
            let place = only(report, secret);
            assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some(name));
            assert_eq!(place.visibility, Some(visibility));
        }
    });
}
