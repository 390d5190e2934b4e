use std::{fmt, path::Path, path::PathBuf, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{DisplayPath, Escaped, ObjectId, ObjectKind};

/// A place in the history of a git repository: an object, under one of the paths that it had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitPlace {
    /// The repository, as the user could open it.
    pub repository: Arc<Path>,
    /// Path of the file in the repository. `None` for commits and tags, and where no tree names the object.
    pub path: Option<PathBuf>,
    /// What the object is.
    pub object_kind: ObjectKind,
    /// The object: of several versions of a file that hold a secret, the first.
    pub object: ObjectId,
    /// When it came and where it still is. `None` until it is asked for, and where it isn't known.
    pub history: Option<Arc<GitHistory>>,
}

impl GitPlace {
    /// An object of which nothing else is known yet.
    #[must_use]
    pub fn of_object(repository: &Arc<Path>, object: ObjectId, object_kind: ObjectKind) -> GitPlace {
        GitPlace { repository: Arc::clone(repository), path: None, object_kind, object, history: None }
    }
}

impl fmt::Display for GitPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => DisplayPath(path).fmt(f)?,
            None => write!(f, "{} {}", self.object_kind.as_str(), self.object)?,
        }
        let commit = self.history.as_ref().and_then(|history| history.first.as_ref()).map(|first| first.id);
        match commit.filter(|_| self.path.is_some()) {
            Some(commit) => write!(f, "@{}", &commit.to_string()[..SHORT_ID]),
            None if self.path.is_some() => write!(f, "@{}", &self.object.to_string()[..SHORT_ID]),
            None => Ok(()),
        }
    }
}

/// Digits of an id that are shown where the whole one would be too long.
const SHORT_ID: usize = 10;

/// What history says of a secret at one path (or in one commit or tag).
///
/// A scan of changes doesn't look at the rest of history: what it can't know is `null` where this is serialised.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitHistory {
    /// The commit that introduced it: the first, parents before children, whose tree has it.
    pub first: Option<Arc<GitCommit>>,
    /// Was it perhaps there before? History doesn't reach behind `first`: a parent of it, or the tree of one, is missing.
    pub or_earlier: bool,
    /// The last commit that has it.
    pub last: Option<Arc<GitCommit>>,
    /// How many commits have it.
    pub commits: u64,
    /// How many versions of the file have it.
    pub versions: u64,
    /// Does the commit at `HEAD` have it?
    pub at_head: bool,
    /// Refs whose newest commit has it, sorted; of a commit's own text, those that lead to the commit. At most
    /// [`GitHistory::MAX_REFS`] of them.
    pub refs: Vec<String>,
    /// How many refs there are of that kind.
    pub refs_total: u64,
    /// What leads to it. What is staged is as good as on a branch.
    pub reach: Reach,
    /// Is it staged, other than `HEAD` has it? In an index of any work tree.
    pub in_index: bool,
    /// Of a scan of changes: do they bring it, or was it there before? `None` where all of history was scanned.
    pub introduced: Option<bool>,
}

/// What leads to a commit, or to what stands in one; the weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// No ref and no log.
    #[default]
    Nothing,
    /// Only what git keeps for undoing things: logs of refs, `ORIG_HEAD` and the like. No branch or tag has it, and a clone
    /// gets no copy.
    Logs,
    /// A ref, or the `HEAD` of a work tree.
    Refs,
}

impl Serialize for GitHistory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Of what was there before, the commit at hand is not the first.
        let first = self.first.as_ref().filter(|_| self.introduced != Some(false));
        let is_whole = self.introduced.is_none();
        let mut fields = serializer.serialize_struct("GitHistory", 12)?;
        fields.serialize_field("first", &first)?;
        fields.serialize_field("or_earlier", &(first.is_some() && self.or_earlier))?;
        fields.serialize_field("last", &self.last)?;
        fields.serialize_field("commits", &is_whole.then_some(self.commits))?;
        fields.serialize_field("versions", &is_whole.then_some(self.versions))?;
        fields.serialize_field("at_head", &is_whole.then_some(self.at_head))?;
        fields.serialize_field("refs", &is_whole.then_some(&self.refs))?;
        fields.serialize_field("refs_total", &is_whole.then_some(self.refs_total))?;
        fields.serialize_field("reachable", &(self.reach > Reach::Nothing))?;
        fields.serialize_field("only_logs", &(self.reach == Reach::Logs))?;
        fields.serialize_field("in_index", &self.in_index)?;
        fields.serialize_field("introduced", &self.introduced)?;
        fields.end()
    }
}

impl GitHistory {
    /// The commit that introduced it, if that is certain.
    #[must_use]
    pub fn introduction(&self) -> Option<&GitCommit> {
        self.first.as_deref().filter(|_| !self.or_earlier)
    }

    /// More refs than this are counted, not listed: some repositories have a hundred thousand.
    pub const MAX_REFS: usize = 20;
}

/// A commit (or tag) that a finding is traced to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GitCommit {
    /// Its id.
    pub id: ObjectId,
    /// Who wrote the change, and when.
    pub author: GitSignature,
    /// Who made the commit, and when.
    pub committer: GitSignature,
}

/// A person and a time as a commit holds them: anybody can write anything there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GitSignature {
    /// Name; control characters and bytes that aren't UTF-8 are escaped.
    pub name: String,
    /// E-mail address, likewise.
    pub email: String,
    /// When, by the clock of that person.
    pub time: GitTime,
}

impl GitSignature {
    /// A signature from the bytes in an object.
    #[must_use]
    pub fn new(name: &[u8], email: &[u8], time: GitTime) -> GitSignature {
        GitSignature { name: Escaped(name).to_string(), email: Escaped(email).to_string(), time }
    }
}

/// A time as git keeps it. Printed and serialised by RFC 3339, such as `2024-05-02T13:37:00+02:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitTime {
    /// Seconds since 1970-01-01T00:00:00Z; may be negative.
    pub seconds: i64,
    /// Offset of the clock from UTC, east positive.
    pub offset_minutes: i16,
}

impl fmt::Display for GitTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years beyond four digits have no form in RFC 3339.
        const LAST: i64 = 253_402_300_799;
        let offset = i64::from(self.offset_minutes.clamp(-1439, 1439));
        let local = (self.seconds.clamp(-62_135_596_800, LAST) + offset * 60).clamp(-62_135_596_800, LAST);
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match offset {
            0 => f.write_str("Z"),
            _ => write!(f, "{}{:02}:{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 60, offset.abs() % 60),
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar: eras of 400 years that
/// begin on a 1st of March, so that the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + carry, month, day)
}

impl Serialize for GitTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::GitTime;

    #[test]
    fn times_are_those_of_date() {
        // Each from `date -u -d @N +%FT%TZ`.
        for (seconds, offset_minutes, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (1_714_649_820, 120, "2024-05-02T13:37:00+02:00"),
            (1_714_649_820, -330, "2024-05-02T06:07:00-05:30"),
            (-1, 0, "1969-12-31T23:59:59Z"),
            (4_102_444_799, 0, "2099-12-31T23:59:59Z"),
            (i64::MAX, 0, "9999-12-31T23:59:59Z"),
            (i64::MIN, 0, "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(GitTime { seconds, offset_minutes }.to_string(), text);
        }
    }
}
