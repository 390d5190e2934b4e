use std::time::Duration;

use serde::Serialize;

use super::{Finding, Problem};

/// Everything a scan has to say.
#[derive(Clone, Debug, Default)]
pub struct ScanReport {
    /// Sorted by severity (highest first), then rule id, then first place.
    pub findings: Vec<Finding>,
    /// What was not scanned, sorted by place.
    pub problems: Vec<Problem>,
    /// What was done.
    pub stats: Stats,
}

/// Counts of one scan. Sums over threads; never dependent on the number of them, times apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Files and other blobs scanned.
    pub blobs: u64,
    /// Their bytes as stored.
    pub bytes: u64,
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
    /// Time by stage, summed over threads; zero unless asked for.
    #[serde(skip)]
    pub times: StageTimes,
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
    /// The whole scan, wall clock.
    pub wall: Duration,
}

impl Stats {
    /// Adds what another thread counted.
    pub fn add(&mut self, other: &Stats) {
        self.blobs += other.blobs;
        self.bytes += other.bytes;
        self.links_not_followed += other.links_not_followed;
        self.ignored += other.ignored;
        self.candidates += other.candidates;
        self.regex_calls += other.regex_calls;
        self.matches += other.matches;
        self.allowed += other.allowed;
        self.rejected += other.rejected;
        self.times.read += other.times.read;
        self.times.prefilter += other.times.prefilter;
        self.times.confirm += other.times.confirm;
    }
}
