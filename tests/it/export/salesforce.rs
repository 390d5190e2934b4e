use unleak::{
    model::{PermalinkBasis, Revision},
    source::export::ExportOptions,
};

use super::{
    plant::{Files, only, scan_export, token, told},
    raw::row,
};

const ADA: &str = "005A0000001AAAAAA1";
const BOB: &str = "005A0000001BBBBBB2";
const CASE: &str = "500A0000001CCCCCC3";

/// Five secrets: plain, in code, in a link, edited away, in an attached file.
fn export(tokens: &[String; 5]) -> Files {
    let [plain, code, link, old, attached] = tokens;
    let mut files = Files::default();
    files
        .add("Case.csv", format!(
            "\"Id\",\"IsDeleted\",\"MasterRecordId\",\"CaseNumber\",\"Subject\",\"Description\",\"OwnerId\",\"CreatedDate\",\"CreatedById\",\"LastModifiedDate\",\"SystemModstamp\"\r\n\
             \"{CASE}\",\"0\",\"000000000000000AAA\",\"00001026\",\"can't log in\",\"hello,\nour \"\"key\"\" is {plain}\",\"{BOB}\",\"2024-01-01 10:00:00\",\"{ADA}\",\"2024-01-02 10:00:00\",\"2024-01-02 10:00:00\"\r\n"))
        .add("CaseComment.csv", format!(
            "\"Id\",\"ParentId\",\"IsPublished\",\"CommentBody\",\"CreatedById\",\"CreatedDate\",\"SystemModstamp\",\"IsDeleted\"\r\n\
             \"00aA0000001DDDDDD4\",\"{CASE}\",\"0\",\"<pre>export TOKEN=gl&#112;{}</pre>\",\"{BOB}\",\"2024-01-01 10:01:00\",\"2024-01-01 10:01:00\",\"0\"\r\n", &code[3..]))
        .add("FeedItem.csv", format!(
            "\"Id\",\"ParentId\",\"Body\",\"CreatedById\",\"CreatedDate\",\"SystemModstamp\",\"IsDeleted\"\r\n\
             \"0D5A0000001EEEEEE5\",\"{CASE}\",\"<p>see <a href=\"\"https://git.example.com/x?private_token={link}&amp;y=1\"\">here</a></p>\",\"{BOB}\",\"2024-01-01 10:02:00\",\"2024-01-01 10:02:00\",\"0\"\r\n"))
        .add("CaseHistory2.csv", format!(
            "\"Id\",\"CaseId\",\"CreatedById\",\"CreatedDate\",\"Field\",\"OldValue\",\"NewValue\",\"IsDeleted\"\r\n\
             \"017A0000001FFFFFF6\",\"{CASE}\",\"{ADA}\",\"2024-01-01 10:03:00\",\"Description\",\"use {old} please\",\"removed\",\"0\"\r\n"))
        .add("Attachment.csv", format!(
            "\"Id\",\"IsDeleted\",\"ParentId\",\"Name\",\"CreatedDate\",\"CreatedById\",\"SystemModstamp\"\r\n\
             \"00PA0000001GGGGGG7\",\"0\",\"{CASE}\",\"notes.txt\",\"2024-01-01 10:04:00\",\"{BOB}\",\"2024-01-01 10:04:00\"\r\n"))
        .add("User.csv", format!(
            "\"Id\",\"Username\",\"LastName\",\"FirstName\",\"Email\",\"CreatedDate\",\"CreatedById\",\"SystemModstamp\"\r\n\
             \"{ADA}\",\"ada@example.com\",\"L\",\"Ada\",\"ada@example.com\",\"2023-01-01 10:00:00\",\"{ADA}\",\"2023-01-01 10:00:00\"\r\n\
             \"{BOB}\",\"bob@example.com\",\"B\",\"Bob\",\"bob@example.com\",\"2023-01-01 10:00:00\",\"{ADA}\",\"2023-01-01 10:00:00\"\r\n"))
        .add("Attachments/00PA0000001GGGGGG7", format!("token={attached}\n"));
    files
}

#[test]
fn every_secret_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens: [String; 5] = std::array::from_fn(|index| token(200 + index as u64));
    let files = export(&tokens);
    row("salesforce", &files, tokens.each_ref().map(String::as_str));
    let options =
        || ExportOptions { base_url: Some("https://acme.lightning.force.com".to_owned()), ..ExportOptions::default() };
    for path in [files.dir(&dir.path().join("dir")), files.zip(&dir.path().join("WE_00D.zip"))] {
        let report = scan_export(&path, options());
        let url = format!("https://acme.lightning.force.com/lightning/r/Case/{CASE}/view");
        let (ada, bob) = (format!("{ADA} Ada L <ada@example.com>"), format!("{BOB} Bob B <bob@example.com>"));
        for (index, who) in [&ada, &bob, &bob, &ada, &bob].into_iter().enumerate() {
            let place = only(&report, &tokens[index]);
            assert_eq!(told(place), format!("{who} 2024-01-01T10:0{index}:00Z {url}"));
            assert_eq!(place.permalink.as_ref().unwrap().basis, PermalinkBasis::Derived);
            let container = place.container.as_ref().unwrap();
            assert_eq!((container.kind.as_str(), container.name.as_deref()), ("case", Some("00001026")));
            assert_eq!(place.revision, if index == 3 { Revision::Old } else { Revision::Current });
        }
        assert_eq!(only(&report, &tokens[4]).attachment.as_ref().unwrap().name.as_deref(), Some("notes.txt"));
        assert_eq!(only(&report, &tokens[0]).field, "Description");
        assert_eq!((report.exports[0].system.as_str(), report.problems.len()), ("salesforce", 0));
    }
}

#[test]
fn regression_tables_with_other_separators() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(215);
    for (index, (separator, said)) in
        [("\t", ""), (";", ""), (";", "sep=;\r\n"), (",", "\"sep=,\"\n"), ("\t", "sep=\t\n"), ("|", "\u{feff}sep=|\n")]
            .iter()
            .enumerate()
    {
        let table = format!(
            "Id,CaseNumber,Description,CreatedById,CreatedDate,OwnerId\r\n{CASE},7,key {secret},{ADA},2024-01-01 10:00:00,{ADA}\r\n"
        );
        let table = format!("{said}{}", table.replace(',', separator));
        let dir = dir.path().join(index.to_string());
        let mut files = Files::default();
        files.add("Case.csv", table.as_str()).add("notes.txt", "x");
        let path = files.dir(&dir);
        for path in [path.join("Case.csv"), path] {
            let report = scan_export(&path, ExportOptions::default());
            let place = only(&report, &secret);
            assert_eq!((place.system.as_str(), place.field.as_str()), ("salesforce", "Description"), "{table}");
            assert_eq!(told(place), format!("{ADA} - <-> 2024-01-01T10:00:00Z -"), "{table}");
        }
    }
}

#[test]
fn a_single_table_is_recognised() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(210);
    let path = dir.path().join("cases.csv");
    std::fs::write(&path, format!("Id,CaseNumber,Description,CreatedById,CreatedDate\n{CASE},7,key {secret},{ADA},2024-01-01T10:00:00.000Z\n\"unclosed,{CASE}\n")).unwrap();
    assert!(unleak::source::export::Export::open(&path, ExportOptions::default()).is_err(), "one sign is not enough");
    std::fs::write(&path, format!("Id,CaseNumber,Description,CreatedById,CreatedDate,OwnerId\n{CASE},7,key {secret},{ADA},2024-01-01T10:00:00.000Z,{ADA}\n\"unclosed,{CASE}\n")).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    assert_eq!(told(only(&report, &secret)), format!("{ADA} - <-> 2024-01-01T10:00:00Z -"));
    assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
}

#[test]
fn regression_tables_are_read_whatever_they_are_called() {
    let table = |secret: &str| {
        format!(
            "Id,CaseNumber,Description,CreatedById,CreatedDate,OwnerId\n{CASE},7,key {secret},{ADA},2024-01-01T10:00:00.000Z,{ADA}\n"
        )
    };
    for name in ["cases.dat", "cases.txt", "CASE.CSV"] {
        let dir = tempfile::tempdir().unwrap();
        let (secret, beside) = (token(220), token(221));
        let mut files = Files::default();
        files.add(name, table(&secret)).add("Case.csv", table(&beside));
        let alone = dir.path().join(name);
        std::fs::write(&alone, table(&secret)).unwrap();
        for path in [alone, files.dir(&dir.path().join("dir"))] {
            let report = scan_export(&path, ExportOptions::default());
            let place = only(&report, &secret);
            assert_eq!(told(place), format!("{ADA} - <-> 2024-01-01T10:00:00Z -"), "{name}");
            let container = place.container.as_ref().unwrap();
            assert_eq!((container.kind.as_str(), container.name.as_deref()), ("case", Some("7")), "{name}");
        }
    }
}

/// Salesforce cuts its export into archives; names in one are for the records in all.
#[test]
fn regression_archives_of_one_export_are_read_together() {
    let tokens: [String; 5] = std::array::from_fn(|index| token(230 + index as u64));
    let (mut cases, mut others) = (Files::default(), Files::default());
    for (path, content) in export(&tokens).0 {
        let is_first = matches!(path.as_str(), "Case.csv" | "CaseComment.csv");
        if is_first { &mut cases } else { &mut others }.add(&path, content);
    }
    let dir = tempfile::tempdir().unwrap();
    cases.zip(&dir.path().join("WE_00D_1.ZIP"));
    others.zip(&dir.path().join("WE_00D_2.ZIP"));
    let report = scan_export(dir.path(), ExportOptions::default());
    for token in &tokens {
        let place = only(&report, token);
        assert!(told(place).contains(".com>"), "{}", told(place));
        assert_eq!(place.container.as_ref().unwrap().name.as_deref(), Some("00001026"));
    }
    assert_eq!((report.exports.len(), report.problems.len()), (2, 0));
}

#[test]
fn regression_mails_without_a_date_of_creation_have_that_of_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let secret = token(240);
    let path = dir.path().join("EmailMessage.csv");
    std::fs::write(&path, format!("Id,ParentId,TextBody,FromAddress,MessageDate,SystemModstamp,IsDeleted\n02sA0000001HHHHHH8,{CASE},key {secret},ada@example.com,2024-01-01T10:00:00.000Z,2024-01-02T10:00:00.000Z,0\n")).unwrap();
    let report = scan_export(&path, ExportOptions::default());
    assert_eq!(told(only(&report, &secret)), "- - <ada@example.com> 2024-01-01T10:00:00Z -");
}
