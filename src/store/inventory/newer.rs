//! Of two exports that speak of one thing the one that was taken later is right, whichever of them is imported first.

/// How an imported row and the one that is there make one.
pub(super) struct Merge {
    /// The table.
    pub(super) table: &'static str,
    /// Its column that says when the thing was seen to be gone.
    pub(super) gone_at: &'static str,
}

impl Merge {
    /// Does the import speak of a later time than what is known of the row? Nothing is of one that no export described.
    pub(super) fn is_newer(&self) -> String {
        let Merge { table, gone_at } = self;
        format!(
            "({table}.last_snapshot_id IS NULL OR excluded.last_seen_at >= CASE WHEN {table}.{gone_at} > {table}.last_seen_at
                THEN {table}.{gone_at} ELSE {table}.last_seen_at END)"
        )
    }

    /// What of these columns is known of the later time; what that doesn't know stays as it was.
    pub(super) fn known(&self, columns: &[&str]) -> String {
        let (table, newer) = (self.table, self.is_newer());
        let known = |column: &&str| {
            format!(
                "{column} = CASE WHEN {newer} THEN coalesce(excluded.{column}, {table}.{column})
                    ELSE coalesce({table}.{column}, excluded.{column}) END"
            )
        };
        columns.iter().map(known).collect::<Vec<_>>().join(",\n")
    }

    /// Of these times the later one: a use that is known has been, whoever doesn't know of it.
    pub(super) fn later(&self, columns: &[&str]) -> String {
        let table = self.table;
        let later = |column: &&str| {
            format!(
                "{column} = CASE WHEN {table}.{column} > excluded.{column} THEN {table}.{column}
                    ELSE coalesce(excluded.{column}, {table}.{column}) END"
            )
        };
        columns.iter().map(later).collect::<Vec<_>>().join(",\n")
    }

    /// Between which times it was seen, and the reading that saw it last.
    pub(super) fn seen(&self) -> String {
        let (table, newer) = (self.table, self.is_newer());
        format!(
            "last_snapshot_id = CASE WHEN {newer} THEN excluded.last_snapshot_id ELSE {table}.last_snapshot_id END,
            first_seen_at = CASE WHEN excluded.first_seen_at < {table}.first_seen_at THEN excluded.first_seen_at
                ELSE {table}.first_seen_at END,
            last_seen_at = CASE WHEN {table}.last_snapshot_id IS NULL OR excluded.last_seen_at > {table}.last_seen_at
                THEN excluded.last_seen_at ELSE {table}.last_seen_at END"
        )
    }
}
