use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Attribution, ExportSummary, Finding, Fingerprint, Notice, ObjectKind, Problem, Secret};

/// Everything a scan has to say.
#[derive(Clone, Debug, Default)]
pub struct ScanReport {
    /// Sorted by severity (highest first), then rule id, then first place.
    pub findings: Vec<Finding>,
    /// What was not scanned, sorted by place.
    pub problems: Vec<Problem>,
    /// Exports that were met, sorted by path.
    pub exports: Vec<ExportSummary>,
    /// What is to be known about them beside findings, sorted by path.
    pub notices: Vec<Notice>,
    /// What was done.
    pub stats: Stats,
    /// The configuration in use, if there was one.
    pub config: Option<ConfigUse>,
    /// What else is to be hidden wherever it stands: secrets in names that the user gave, and other notations of those found.
    pub hidden: Vec<Secret>,
    /// Whose findings are, where a store knows it.
    pub attributions: BTreeMap<Fingerprint, Attribution>,
}

/// A configuration that had a say in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigUse {
    /// Its file, safe to print.
    pub path: String,
    /// Did it stand in the repository, where whoever can commit can write it?
    pub found: bool,
    /// How many findings it hid.
    pub silenced: u64,
    /// Of how many it lowered the severity.
    pub lowered: u64,
}

/// Counts of one scan. Sums over threads; never dependent on the number of them, times apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Files and other blobs scanned.
    pub blobs: u64,
    /// Their bytes as stored.
    pub bytes: u64,
    /// Of them, bytes that stand as they were in a version scanned before, and were not looked at again.
    pub bytes_carried: u64,
    /// Symbolic links whose target was not followed (the target's name was scanned as text).
    pub links_not_followed: u64,
    /// Directory entries left out because an ignore file or flag said so.
    pub ignored: u64,
    /// Places where a keyword stood.
    pub candidates: u64,
    /// Regex searches made.
    pub regex_calls: u64,
    /// Matches before the verdict.
    pub matches: u64,
    /// Matches that an inline `unleak:allow` silenced.
    pub allowed: u64,
    /// Matches that the verdict rejected (entropy, checksum, placeholder, score).
    pub rejected: u64,
    /// Records of exports scanned: messages, comments, issues, rows.
    pub records: u64,
    /// Objects of git repositories.
    pub objects: ObjectCounts,
    /// What the scan changed in the store, if it was recorded in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreChanges>,
    /// Time by stage, summed over threads; zero unless asked for.
    #[serde(skip)]
    pub times: StageTimes,
}

/// What a scan changed in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StoreChanges {
    /// Findings that no scan had found before.
    pub new: u64,
    /// Findings that were known.
    pub seen: u64,
    /// Known findings that stand nowhere any more.
    pub gone: u64,
    /// Places that are gone, of whatever findings.
    pub places_gone: u64,
    /// Resolved findings that came back, or came to a new place.
    pub regressed: u64,
}

impl StoreChanges {
    /// Adds the changes of another source.
    pub fn add(&mut self, other: StoreChanges) {
        self.new += other.new;
        self.seen += other.seen;
        self.gone += other.gone;
        self.places_gone += other.places_gone;
        self.regressed += other.regressed;
    }
}

impl std::fmt::Display for StoreChanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let StoreChanges { new, seen, gone, places_gone, regressed } = self;
        write!(f, "{new} new, {seen} seen again, {gone} gone ({places_gone} places), {regressed} regressed")
    }
}

/// Objects of git repositories, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectCounts {
    /// Commits.
    pub commits: ObjectCount,
    /// Directories: their entries' names were scanned.
    pub trees: ObjectCount,
    /// File contents.
    pub blobs: ObjectCount,
    /// Annotated tags.
    pub tags: ObjectCount,
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectCount {
    /// How many there were.
    pub found: u64,
    /// How many were scanned. For each that was neither scanned nor known there is a problem.
    pub scanned: u64,
    /// How many a cache knew to hold nothing.
    pub known: u64,
}

impl ObjectCounts {
    /// The counts of a kind.
    pub fn of(&mut self, kind: ObjectKind) -> &mut ObjectCount {
        match kind {
            ObjectKind::Commit => &mut self.commits,
            ObjectKind::Tree => &mut self.trees,
            ObjectKind::Blob => &mut self.blobs,
            ObjectKind::Tag => &mut self.tags,
        }
    }

    /// Objects of all kinds that a cache knew to hold nothing.
    #[must_use]
    pub fn known(&self) -> u64 {
        self.commits.known + self.trees.known + self.blobs.known + self.tags.known
    }

    fn add(&mut self, mut other: ObjectCounts) {
        for kind in ObjectKind::ALL {
            self.of(kind).found += other.of(kind).found;
            self.of(kind).scanned += other.of(kind).scanned;
            self.of(kind).known += other.of(kind).known;
        }
    }
}

/// Where the time went, summed over threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Walking, opening and reading.
    pub read: Duration,
    /// Looking for keywords.
    pub prefilter: Duration,
    /// Regexes and verdicts.
    pub confirm: Duration,
    /// Finding out where in history secrets stand, wall clock.
    pub history: Duration,
    /// Decoding every object of the scanned repositories once and looking at nothing, wall clock; measured apart, after the
    /// scan. Zero where there is no repository.
    pub floor: Duration,
    /// The whole scan, wall clock, without measuring the floor.
    pub wall: Duration,
}

impl Stats {
    /// Adds what another thread counted.
    pub fn add(&mut self, other: &Stats) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.bytes_carried += other.bytes_carried;
        self.links_not_followed += other.links_not_followed;
        self.ignored += other.ignored;
        self.candidates += other.candidates;
        self.regex_calls += other.regex_calls;
        self.matches += other.matches;
        self.allowed += other.allowed;
        self.rejected += other.rejected;
        self.records += other.records;
        self.objects.add(other.objects);
        if let Some(changes) = other.store {
            self.store.get_or_insert_default().add(changes);
        }
        self.times.read += other.times.read;
        self.times.prefilter += other.times.prefilter;
        self.times.confirm += other.times.confirm;
        self.times.history += other.times.history;
        self.times.floor += other.times.floor;
    }
}
