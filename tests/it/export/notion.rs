use unleak::model::Revision::Current;

use super::plant::{Files, check, five, in_code, only, scan_all};

const IDS: [&str; 3] =
    ["0123456789abcdef0123456789abcdef", "1123456789abcdef0123456789abcdef", "2123456789abcdef0123456789abcdef"];

#[test]
fn pages_in_an_archive_inside_of_another() {
    let [plain, code, link, row, attached] = &five(1240);
    let [page, markdown, table] = IDS;
    let (a, b) = code.split_at(9);
    let mut inner = Files::default();
    inner
        .add(
            &format!("Ops/Keys {page}.html"),
            format!("<html><body><article id=\"x\" class=\"page\"><h1>Keys</h1><p>the key is {plain}</p><pre class=\"code\"><code>TOKEN=<b>{a}</b>{b}</code></pre>\
                <a href=\"https://git.example.com/x?private_token={link}&amp;y=1\">here</a><a href=\"Keys/notes.txt\">notes.txt</a></article></body></html>"),
        )
        .add("Ops/Keys/notes.txt", format!("token={attached}\n"))
        .add(&format!("Ops/List {table}.csv"), format!("Name,Notes\nx,\"{}\"\n", in_code(row)))
        .add(&format!("Ops/Other {markdown}.md"), "# Other\n\nnothing\n");
    let url = |id: &str| format!("- - <-> - https://www.notion.so/{id}");
    let expected: [(&str, &str, _); 5] = [
        (plain, &url(page), Current),
        (code, &url(page), Current),
        (link, &url(page), Current),
        (row, &url(table), Current),
        (attached, &url(page), Current),
    ];
    let look = |report: &unleak::model::ScanReport| {
        check(report, "notion", &expected);
        let place = only(report, plain);
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("Keys"));
        assert_eq!(only(report, attached).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
    };
    super::raw::row("notion", &inner, [plain, code, link, "", attached]);
    scan_all(&inner, None, &look);
    let mut outer = Files::default();
    outer.add("Export-0a1b2c3d-Part-1.zip", inner.zip_bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = outer.zip(&dir.path().join("export.zip"));
    look(&super::plant::scan_export(&path, unleak::source::export::ExportOptions::default()));
}
