//! The life of findings: rescans update and never duplicate, states change along their edges.

use std::collections::BTreeSet;

use unleak::{
    model::{Severity, StoreChanges},
    store::{
        FindingFilter, FindingState, KeyedDigest, NewSnapshot, Recorder, ScannedFinding, SourceCategory, SourceName,
        StateChange, Store, StoreError,
    },
};

use super::fixture::{Fixture, on_both_engines, place, scanned};

on_both_engines!(
    a_rescan_updates_and_never_duplicates,
    only_a_complete_scan_with_the_same_settings_says_gone,
    a_resolved_finding_regresses_when_it_comes_back,
    states_change_along_their_edges_only,
    exceptions_end_by_themselves,
    lists_are_paged_by_risk,
    filters_choose,
    a_new_key_renames_findings,
    digests_are_kept_once,
);

fn source(scope: &str) -> SourceName {
    SourceName { category: SourceCategory::Scan, kind: "files".to_owned(), scope: scope.to_owned() }
}

fn settings(settings: &str) -> NewSnapshot {
    NewSnapshot { settings: settings.to_owned(), ..NewSnapshot::default() }
}

fn record(store: &mut Store<'_>, scope: &str, findings: &[ScannedFinding], complete: bool) -> StoreChanges {
    let mut recorder = Recorder::begin(store, &source(scope), &settings("s")).unwrap();
    recorder.add(store, findings).unwrap();
    recorder.finish(store, complete, 0).unwrap()
}

fn counts(new: u64, seen: u64, gone: u64, places_gone: u64, regressed: u64) -> StoreChanges {
    StoreChanges { new, seen, gone, places_gone, regressed }
}

fn number(store: &mut Store<'_>, sql: &str) -> i64 {
    store.read(|tx| tx.query_one(sql, &[])?.unwrap().get(0)).unwrap()
}

fn a_rescan_updates_and_never_duplicates(fixture: &Fixture) {
    fixture.with(|store| {
        let first = [scanned(1, &["a", "b"]), scanned(2, &["a"])];
        assert_eq!(record(store, "repo", &first, true), counts(2, 0, 0, 0, 0));
        assert_eq!(record(store, "repo", &first, true), counts(0, 2, 0, 0, 0));
        // The same finding twice in a batch, and a place twice.
        let mut twice = scanned(1, &["a", "a", "b"]);
        twice.occurrences[0].line = 77;
        assert_eq!(record(store, "repo", &[twice.clone(), scanned(2, &["a"]), twice], true), counts(0, 2, 0, 0, 0));
        assert_eq!(number(store, "SELECT count(*) FROM finding"), 2);
        assert_eq!(number(store, "SELECT count(*) FROM occurrence"), 3);
        // Another source has places of its own.
        assert_eq!(record(store, "fork", &[scanned(1, &["a"])], true), counts(0, 1, 0, 0, 0));
        assert_eq!(number(store, "SELECT count(*) FROM finding"), 2);
        assert_eq!(number(store, "SELECT count(*) FROM occurrence"), 4);
        // More than any batch.
        let many: Vec<_> = (100..300).map(|n| scanned(n, &["x", "y"])).collect();
        assert_eq!(record(store, "big", &many, true), counts(200, 0, 0, 0, 0));
        assert_eq!(record(store, "big", &many, true), counts(0, 200, 0, 0, 0));
    });
}

fn only_a_complete_scan_with_the_same_settings_says_gone(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, "repo", &[scanned(1, &["a", "b"]), scanned(2, &["c"])], true);
        record(store, "fork", &[scanned(2, &["c"])], true);
        assert_eq!(record(store, "repo", &[], false), counts(0, 0, 0, 0, 0));
        let other = Recorder::begin(store, &source("repo"), &settings("other")).unwrap();
        assert_eq!(other.finish(store, true, 0).unwrap(), counts(0, 0, 0, 0, 0));
        // One place of the first is left; the second still stands in the fork.
        assert_eq!(record(store, "repo", &[scanned(1, &["a"])], true), counts(0, 1, 0, 2, 0));
        assert_eq!(record(store, "fork", &[], true), counts(0, 0, 1, 1, 0));
        let gone = FindingFilter { present: Some(false), ..FindingFilter::default() };
        let gone = store.read(|tx| tx.findings(&gone, None, 10)).unwrap();
        assert_eq!(gone.iter().map(|f| (f.state, f.places)).collect::<Vec<_>>(), [(FindingState::Open, 0)]);
        // It comes back.
        assert_eq!(record(store, "fork", &[scanned(2, &["c"])], true), counts(0, 1, 0, 0, 0));
        assert_eq!(number(store, "SELECT count(*) FROM finding WHERE gone_at IS NOT NULL"), 0);
    });
}

fn only_id(store: &mut Store<'_>) -> String {
    store.read(|tx| tx.findings(&FindingFilter::default(), None, 10)).unwrap().remove(0).id
}

fn change(store: &mut Store<'_>, id: &str, to: FindingState, until_ms: Option<i64>) -> Result<(), StoreError> {
    store.write(|tx| tx.change_finding(id, &StateChange { to, reason: Some("because".to_owned()), until_ms }))
}

fn a_resolved_finding_regresses_when_it_comes_back(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, "repo", &[scanned(1, &["a"])], true);
        let id = only_id(store);
        change(store, &id, FindingState::Resolved, None).unwrap();
        // It is still where it was: nothing new.
        assert_eq!(record(store, "repo", &[scanned(1, &["a"])], true).regressed, 0);
        record(store, "repo", &[], true);
        assert_eq!(record(store, "repo", &[scanned(1, &["a"])], true).regressed, 1);
        let found = store.read(|tx| tx.findings(&FindingFilter::default(), None, 10)).unwrap();
        assert_eq!(found[0].state, FindingState::Regressed);
        change(store, &id, FindingState::Resolved, None).unwrap();
        // A new place counts as well.
        assert_eq!(record(store, "fork", &[scanned(1, &["z"])], true).regressed, 1);
    });
}

fn states_change_along_their_edges_only(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, "repo", &[scanned(1, &["a"])], true);
        let id = only_id(store);
        let edges =
            store.read(|tx| tx.query("SELECT from_state, to_state FROM state_edge WHERE machine = 'finding'", &[]));
        let edges: BTreeSet<(String, String)> =
            edges.unwrap().iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
        for from in FindingState::ALL {
            for to in FindingState::ALL {
                let is_edge = edges.contains(&(from.as_str().to_owned(), to.as_str().to_owned()));
                assert_eq!(from.may_become(to), is_edge, "{from:?} {to:?}");
            }
        }
        // The table itself refuses as well, whoever asks.
        let set = "UPDATE finding SET state = $1, state_reason = 'x', state_until_at = 1";
        let mut set = |state: &str| store.write(|tx| tx.execute(set, &[state.into()]));
        assert!(matches!(set("regressed"), Err(StoreError::Refused(_))));
        assert!(matches!(set("nonsense"), Err(StoreError::Refused(_))));
        set("resolved").unwrap();
        assert!(matches!(set("dismissed"), Err(StoreError::Refused(_))));
        let refused = change(store, &id, FindingState::Dismissed, None).unwrap_err();
        assert!(refused.to_string().contains("resolved can't become dismissed"), "{refused}");
        let missing = change(store, "nope", FindingState::Open, None).unwrap_err();
        assert!(matches!(missing, StoreError::Missing(_)));
    });
}

fn exceptions_end_by_themselves(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, "repo", &[scanned(1, &["a"]), scanned(2, &["a"])], true);
        let ids: Vec<String> = store
            .read(|tx| tx.findings(&FindingFilter::default(), None, 10))
            .unwrap()
            .into_iter()
            .map(|finding| finding.id)
            .collect();
        let soon = fixture.clock.get() as i64 + 1_000;
        assert!(matches!(change(store, &ids[0], FindingState::Excepted, None), Err(StoreError::Refused(_))));
        change(store, &ids[0], FindingState::Excepted, Some(soon)).unwrap();
        change(store, &ids[1], FindingState::Dismissed, None).unwrap();
        assert_eq!(number(store, "SELECT count(*) FROM exception WHERE state = 'active'"), 1);
        assert_eq!(store.write(|tx| tx.reopen_expired()).unwrap(), 0);
        fixture.pass(1_000);
        assert_eq!(store.write(|tx| tx.reopen_expired()).unwrap(), 1);
        assert_eq!(number(store, "SELECT count(*) FROM exception WHERE state = 'expired'"), 1);
        let states = store.read(|tx| tx.findings(&FindingFilter::default(), None, 10)).unwrap();
        let mut states: Vec<_> = states.into_iter().map(|finding| finding.state).collect();
        states.sort();
        assert_eq!(states, [FindingState::Open, FindingState::Dismissed]);
        assert!(store.read(|tx| tx.broken_invariants()).unwrap().is_empty());
    });
}

fn lists_are_paged_by_risk(fixture: &Fixture) {
    fixture.with(|store| {
        let all: Vec<_> = (0..137).map(|n| scanned(n, &["a"])).collect();
        record(store, "repo", &all, true);
        let filter = FindingFilter::default();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.read(|tx| tx.findings(&filter, after.as_ref(), 10)).unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.cursor());
            seen.extend(page.into_iter().map(|finding| (finding.risk, finding.id)));
        }
        assert_eq!(seen.len(), 137);
        assert!(seen.windows(2).all(|pair| pair[0].0 > pair[1].0 || pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1));
        assert_eq!(store.read(|tx| tx.count_findings(&filter)).unwrap(), 137);
    });
}

fn filters_choose(fixture: &Fixture) {
    fixture.with(|store| {
        let mut slack = scanned(7, &["conf_g/x"]);
        slack.rule_id = "slack.bot-token".to_owned();
        slack.public_id = Some("T123".to_owned());
        let mut near = scanned(9, &["config/y"]);
        near.rule_id = "slackers.token".to_owned();
        record(store, "repo", &[scanned(1, &["a"]), slack, near], true);
        record(store, "fork", &[scanned(1, &["b"])], true);
        fixture.pass(10);
        record(store, "late", &[scanned(4, &["b"])], true);
        let base = FindingFilter::default;
        let late = fixture.clock.get() as i64;
        for (filter, expected) in [
            (base(), 4),
            (FindingFilter { rule: Some("slack".to_owned()), ..base() }, 1),
            (FindingFilter { rule: Some("slack.bot-token".to_owned()), ..base() }, 1),
            (FindingFilter { rule: Some("sl%".to_owned()), ..base() }, 0),
            (FindingFilter { public_id: Some("T123".to_owned()), ..base() }, 1),
            (FindingFilter { path: Some("conf_g".to_owned()), ..base() }, 1),
            (FindingFilter { source: Some("fork".to_owned()), ..base() }, 1),
            (FindingFilter { source: Some("repo".to_owned()), present: Some(true), ..base() }, 3),
            (FindingFilter { states: vec![FindingState::Open, FindingState::Linked], ..base() }, 4),
            (FindingFilter { states: vec![FindingState::Resolved], ..base() }, 0),
            (FindingFilter { min_severity: Some(Severity::Critical), ..base() }, 1),
            (FindingFilter { min_severity: Some(Severity::Low), ..base() }, 4),
            (FindingFilter { first_seen_from: Some(late), ..base() }, 1),
        ] {
            assert_eq!(store.read(|tx| tx.count_findings(&filter)).unwrap(), expected, "{filter:?}");
            assert_eq!(store.read(|tx| tx.findings(&filter, None, 100)).unwrap().len() as i64, expected, "{filter:?}");
        }
        let find = |store: &mut Store<'_>, name: &str| store.read(|tx| tx.find_findings(name)).unwrap().len();
        assert_eq!(find(store, &scanned(7, &[]).fp), 1);
        assert_eq!(find(store, &scanned(7, &[]).fp["v1:".len()..]), 1);
        assert_eq!(find(store, "v1:000000"), 2);
        assert_eq!(find(store, "v1:"), 0);
        assert_eq!(find(store, "%%%%%%%%"), 0);
        let places = store.read(|tx| tx.find_findings(&scanned(1, &[]).fp)).unwrap();
        let places = store.read(|tx| tx.occurrences(&places[0].id, None)).unwrap();
        assert_eq!(places.iter().map(|p| p.source.as_str()).collect::<Vec<_>>(), ["fork", "repo"]);
        let next = store.read(|tx| tx.find_findings(&scanned(1, &[]).fp)).unwrap();
        let after = (places[0].source.as_str(), places[0].locator_key.as_str());
        assert_eq!(store.read(|tx| tx.occurrences(&next[0].id, Some(after))).unwrap(), places[1..]);
    });
}

fn a_new_key_renames_findings(fixture: &Fixture) {
    fixture.with(|store| {
        record(store, "repo", &[scanned(1, &["a"]), scanned(2, &["b"])], true);
        let id = store.read(|tx| tx.find_findings(&scanned(1, &[]).fp)).unwrap().remove(0).id;
        let mut renamed = scanned(0xabc, &["a"]);
        renamed.former_fps = vec![scanned(1, &[]).fp];
        renamed.fp_key_id = "ffffffff".to_owned();
        for _ in 0..2 {
            assert_eq!(record(store, "repo", &[renamed.clone(), scanned(2, &["b"])], true), counts(0, 2, 0, 0, 0));
        }
        let found = store.read(|tx| tx.find_findings(&renamed.fp)).unwrap().remove(0);
        assert_eq!((found.id, found.fingerprint_key.as_str()), (id, "ffffffff"));
        assert_eq!(number(store, "SELECT count(*) FROM finding"), 2);
    });
}

fn digests_are_kept_once(fixture: &Fixture) {
    fixture.with(|store| {
        let digest = |key: &str, value: &str| KeyedDigest {
            scheme: "v1".to_owned(),
            key_id: key.to_owned(),
            value: value.to_owned(),
        };
        let mut finding = scanned(1, &[]);
        finding.occurrences = vec![place("a")];
        finding.digests = vec![digest("k1", "aa"), digest("k2", "bb")];
        record(store, "repo", &[finding.clone()], true);
        finding.digests.push(digest("k2", "cc"));
        record(store, "repo", &[finding], true);
        assert_eq!(number(store, "SELECT count(*) FROM finding_fp"), 3);
    });
}
