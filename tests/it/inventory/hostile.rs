//! Exports that are cut off, mixed, wrong or huge.

use unleak::{
    fingerprint::KeyRing,
    inventory::{self, ColumnMap, IMPORTERS, ImportOptions},
    model::identity::Record,
};

use super::{
    exports::{fixtures, planted},
    import, options,
};

#[test]
fn truncated_exports_are_problems_and_never_complete() {
    let ring = KeyRing::new([1; 32]);
    for (importer, name, text) in fixtures() {
        let options = ImportOptions { importer: Some(inventory::find(&importer).unwrap()), ..options(&ring) };
        let step = text.len() / 40 + 1;
        for end in (1..text.len() - 1).step_by(step) {
            if !text.is_char_boundary(end) {
                continue;
            }
            let imported = import(&name, &text.as_bytes()[..end], &options).unwrap();
            let snapshot = &imported.snapshot;
            let said = format!("{:?}", snapshot.problems);
            assert!(!said.contains(&planted()[..12]), "{name} cut at {end}: {said}");
            if name.ends_with(".json")
                && text[..end].trim_end().len() < text.trim_end().len()
                && importer != "github-audit-log"
                && importer != "openbao-entities"
            {
                assert!(!snapshot.complete && !snapshot.problems.is_empty(), "{name} cut at {end}");
            }
        }
    }
}

#[test]
fn every_importer_survives_every_export() {
    let ring = KeyRing::new([1; 32]);
    for importer in IMPORTERS {
        for (own, name, text) in fixtures() {
            let options = ImportOptions { importer: Some(importer), ..options(&ring) };
            let imported = import(&name, text.as_bytes(), &options).unwrap();
            let all = imported.json() + &format!("{:?}", imported.snapshot);
            assert!(own != importer.name || !all.contains(&planted()[..12]), "{} reads {name}", importer.name);
        }
    }
}

#[test]
fn two_exports_in_one_are_noticed() {
    let ring = KeyRing::new([1; 32]);
    let (_, name, text) = fixtures().into_iter().find(|(importer, _, _)| importer == "aws-credential-report").unwrap();
    let later = text.replace("2024-05-02T11:00:00", "2024-05-09T11:00:00");
    let imported = import(&name, (text.clone() + &later).as_bytes(), &options(&ring)).unwrap();
    assert!(!imported.snapshot.complete);
    let said = imported.snapshot.problems.join("\n");
    assert!(said.contains("the header again") && said.contains("stands twice and differs"), "{said}");
    // The same export twice is one.
    let rows: String = text.lines().skip(1).map(|line| format!("{line}\n")).collect();
    let imported = import(&name, (text + &rows).as_bytes(), &options(&ring)).unwrap();
    assert!(imported.snapshot.complete, "{:?}", imported.snapshot.problems);
}

#[test]
fn pages_without_the_next_are_not_complete() {
    let ring = KeyRing::new([1; 32]);
    let (_, name, text) = fixtures().into_iter().find(|(importer, _, _)| importer == "entra-applications").unwrap();
    let page = text.replacen('{', "{ \"@odata.nextLink\": \"https://graph.example.org/next\",", 1);
    let of_tenant = ImportOptions { scope: Some("tenant".to_owned()), ..options(&ring) };
    assert!(import(&name, text.as_bytes(), &of_tenant).unwrap().snapshot.complete);
    assert!(!import(&name, page.as_bytes(), &of_tenant).unwrap().snapshot.complete);
    // Of an unnamed tenant the next one may be another: nothing may vanish for that.
    assert!(!import(&name, text.as_bytes(), &options(&ring)).unwrap().snapshot.complete);
    let forced = ImportOptions { complete: Some(true), ..options(&ring) };
    assert!(import(&name, page.as_bytes(), &forced).unwrap().snapshot.complete);
}

#[test]
fn what_nobody_knows_is_an_error_without_its_content() {
    let ring = KeyRing::new([1; 32]);
    for text in ["", "{}", "[]", "hello", "{\"a\":1,\"b\":2}", "a,b\n1,2\n", "\u{0}\u{1}\u{2}", "key: value\n"] {
        let error = import("x.dat", text.as_bytes(), &options(&ring)).err();
        assert!(error.as_ref().is_some_and(|error| error.contains("no importer knows")), "{text:?}: {error:?}");
    }
}

#[test]
fn json_that_ends_in_its_first_record_is_said_to_be_cut_off() {
    let ring = KeyRing::new([1; 32]);
    for text in ["{\"AccessKeyMetadata\": [{\"UserName\": \"hunter2", "[", "{\"a\": 1}\n{\"b\": "] {
        let error = import("x.json", text.as_bytes(), &options(&ring)).err().unwrap();
        assert!(error.contains("cut off") && !error.contains("hunter2"), "{error}");
    }
}

#[test]
fn hostile_catalogues_end_as_problems() {
    let ring = KeyRing::new([1; 32]);
    let head = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n";
    let mut bomb = format!("{head}spec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("  a{level}: &a{level} [{aliases}]\n"));
    }
    let deep = format!("{head}spec: {}{}\n", "[".repeat(3000), "]".repeat(3000));
    let huge = format!("{head}spec:\n  owner: {}\n", "x".repeat(17 << 20));
    for text in [bomb, deep, huge] {
        let began = std::time::Instant::now();
        let imported = import("catalog-info.yaml", text.as_bytes(), &options(&ring)).unwrap();
        assert!(
            !imported.snapshot.complete && imported.snapshot.problems.len() == 1,
            "{:?}",
            imported.snapshot.problems
        );
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}

#[test]
fn columns_can_be_named() {
    let ring = KeyRing::new([1; 32]);
    let columns = ColumnMap::parse("id = \"Asset Tag\"\nowner_technical = \"Team\"\nkind = \"Sort\"\n").unwrap();
    let generic = inventory::find("generic").unwrap();
    let options = ImportOptions { columns: Some(&columns), importer: Some(generic), ..options(&ring) };
    let imported =
        import("x.csv", b"Asset Tag;Team;Sort;Passwd\n7;@acme/ops;Service Account;hunter2\n", &options).unwrap();
    assert!(imported.snapshot.problems.is_empty(), "{:?}", imported.snapshot.problems);
    let json = imported.json();
    assert!(json.contains("\"kind\":\"service-account\"") && json.contains("@acme/ops"), "{json}");
    assert!(ColumnMap::parse("nonsense = \"x\"").is_err() && ColumnMap::parse("[").is_err());
    assert_eq!(ColumnMap::parse("{\"id\": \"x\"}").unwrap(), ColumnMap::parse("id = 'x'").unwrap());
}

#[test]
fn exports_of_windows_are_read_like_others() {
    let ring = KeyRing::new([1; 32]);
    for (importer, name, text) in fixtures() {
        let options = ImportOptions { scope: Some("scope".to_owned()), ..options(&ring) };
        let expected = import(&name, text.as_bytes(), &options).unwrap();
        let utf16 = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(order).collect()
        };
        let lines = text.replace('\n', "\r\n");
        for (what, bytes) in [
            ("a mark", format!("\u{feff}{text}").into_bytes()),
            ("UTF-16", utf16(u16::to_le_bytes)),
            ("UTF-16 the other way round", utf16(u16::to_be_bytes)),
            ("CRLF", lines.into_bytes()),
        ] {
            let found = import(&name, &bytes, &options).unwrap();
            assert_eq!(found.snapshot.source.kind, expected.snapshot.source.kind, "{importer} with {what}");
            assert_eq!(found.json(), expected.json(), "{importer} with {what}");
            assert_eq!(found.snapshot.problems, expected.snapshot.problems, "{importer} with {what}");
            assert_eq!(found.snapshot.complete, expected.snapshot.complete, "{importer} with {what}");
        }
    }
}

#[test]
fn a_table_that_ends_within_quotes_is_not_complete() {
    let ring = KeyRing::new([1; 32]);
    let whole = "id,kind,name,credential_id\na,bot,A,ca\nb,bot,B,cb\nc,bot,C,\"cc\"\n";
    let complete = ImportOptions { complete: Some(true), ..options(&ring) };
    let import = |text: &str| import("x.csv", text.as_bytes(), &complete).unwrap();
    assert!(import(whole).snapshot.complete);
    let cut = import(&whole.replacen("b,bot", "b,\"bot", 1));
    assert_eq!((cut.snapshot.complete, cut.snapshot.problems.len()), (false, 1), "{:?}", cut.snapshot.problems);
    assert!(cut.json().contains("\"ca\"") && !cut.json().contains("\"cb\""), "{}", cut.json());
}

#[test]
fn lists_of_yaml_and_selected_fields_are_known() {
    let ring = KeyRing::new([1; 32]);
    let list = "- id: y1\n  kind: ai-agent\n  name: agent\n  owner_technical: a@example.org\n- id: y2\n  kind: bot\n";
    let imported = import("g.yaml", list.as_bytes(), &options(&ring)).unwrap();
    assert_eq!((imported.snapshot.source.kind.as_str(), imported.snapshot.counts.identities), ("generic", 2));
    let app = r#"{"value":[{"id":"1","appId":"2","displayName":"app","passwordCredentials":[],"keyCredentials":[]}]}"#;
    let imported = import("a.json", app.as_bytes(), &options(&ring)).unwrap();
    assert_eq!(imported.snapshot.source.kind, "entra-applications");
}

/// Rows on the fly, so that the file itself takes no memory.
struct Rows {
    next: u64,
    end: u64,
    pending: Vec<u8>,
}

impl std::io::Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.pending.is_empty() && self.next < self.end {
            self.pending = match self.next {
                0 => b"[".to_vec(),
                row => format!(
                    "{}{{\"id\":\"svc-{row}\",\"kind\":\"service-account\",\"owner_technical\":\"@acme/t{}\",\"name\":\"n{row}\"}}",
                    if row == 1 { "" } else { "," },
                    row % 50
                )
                .into_bytes(),
            };
            self.next += 1;
            if self.next == self.end {
                self.pending.push(b']');
            }
        }
        let read = self.pending.len().min(buffer.len());
        buffer[..read].copy_from_slice(&self.pending[..read]);
        self.pending.drain(..read);
        Ok(read)
    }
}

#[test]
fn many_identities_stream_through() {
    let ring = KeyRing::new([1; 32]);
    let count = std::env::var("UNLEAK_TEST_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(10_000);
    let mut identities = 0_u64;
    let rows = Rows { next: 0, end: count + 1, pending: Vec::new() };
    let snapshot = inventory::import("x.json", rows, &options(&ring), &mut |record| {
        identities += u64::from(matches!(record, Record::Identity(_)));
        Ok(())
    });
    let snapshot = snapshot.unwrap();
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
    assert_eq!((identities, snapshot.counts.owners), (count, 50));
}

#[test]
fn whoever_takes_the_records_can_stop() {
    let ring = KeyRing::new([1; 32]);
    let rows = Rows { next: 0, end: 1000, pending: Vec::new() };
    let result = inventory::import("x.json", rows, &options(&ring), &mut |_| {
        Err(inventory::InventoryError::Taker("full".to_owned()))
    });
    assert_eq!(result.unwrap_err().to_string(), "full");
}
