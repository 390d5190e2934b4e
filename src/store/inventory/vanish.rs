//! What a complete reading no longer has.

use super::{
    super::{Store, StoreError, Transaction},
    ImportCounts, Importer, ItemCursor, Reading, entity,
};

impl Importer {
    /// Lets vanish what the source said before that reading and not in it, in batches.
    pub(super) fn vanish_all(&mut self, store: &mut Store<'_>, lacking: &Reading) -> Result<(), StoreError> {
        let mut after = ItemCursor::default();
        // Nothing outside of a transaction changes before it is kept: it may be tried more than once.
        while let Some((last, counts)) = store.write(|tx| self.vanish(tx, lacking, &after))? {
            (after, self.counts) = (last, counts);
        }
        Ok(())
    }

    /// Lets a batch of it behind a place vanish. Where it ended, and what that makes of the counts; `None` if there was nothing.
    fn vanish(
        &self,
        tx: &mut Transaction<'_>,
        lacking: &Reading,
        after: &ItemCursor,
    ) -> Result<Option<(ItemCursor, ImportCounts)>, StoreError> {
        let gone = tx.query(
            "SELECT i.noun, i.item_key, i.entity_id FROM inventory_item AS i JOIN snapshot AS s ON s.id = i.last_snapshot_id
             WHERE i.source_id = $1 AND i.last_snapshot_id <> $2 AND i.vanished_snapshot_id IS NULL
                AND (s.taken_at < $3 OR s.taken_at = $3 AND s.id < $2) AND (i.noun, i.item_key) > ($4, $5)
             ORDER BY i.noun, i.item_key LIMIT 500",
            &[
                (&self.source_id).into(),
                (&lacking.id).into(),
                lacking.taken_at.into(),
                (&after.noun).into(),
                (&after.key).into(),
            ],
        )?;
        let mut counts = self.counts;
        for row in &gone {
            let (noun, key): (String, String) = (row.get(0)?, row.get(1)?);
            tx.execute(
                "UPDATE inventory_item SET vanished_snapshot_id = $4
                 WHERE source_id = $1 AND noun = $2 AND item_key = $3",
                &[(&self.source_id).into(), (&noun).into(), (&key).into(), (&lacking.id).into()],
            )?;
            counts.vanished += 1;
            let Some(entity) = row.get::<Option<String>>(2)? else { continue };
            let others = tx.query_one(
                "SELECT 1 FROM inventory_item AS i JOIN snapshot AS s ON s.id = i.last_snapshot_id
                 WHERE i.entity_id = $1 AND i.noun = $2 AND i.vanished_snapshot_id IS NULL AND s.taken_at >= $3 LIMIT 1",
                &[(&entity).into(), (&noun).into(), lacking.taken_at.into()],
            )?;
            if others.is_none() && entity::vanish(tx, &noun, &entity, (&self.kind, lacking.taken_at))? {
                counts.tombstones += 1;
            }
        }
        let Some(last) = gone.last() else { return Ok(None) };
        let last = ItemCursor { source_id: self.source_id.clone(), noun: last.get(0)?, key: last.get(1)? };
        Ok(Some((last, counts)))
    }
}

impl Transaction<'_> {
    /// When the newest finished reading of a source was taken.
    pub(super) fn newest_reading(&mut self, source_id: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT max(taken_at) FROM snapshot WHERE source_id = $1 AND finished_at IS NOT NULL";
        self.query_one(sql, &[source_id.into()])?.map_or(Ok(None), |row| row.get(0))
    }

    /// The first complete reading of a source that was taken after a time.
    pub(super) fn next_complete(&mut self, source_id: &str, after: i64) -> Result<Option<Reading>, StoreError> {
        let row = self.query_one(
            "SELECT id, taken_at FROM snapshot WHERE source_id = $1 AND complete AND taken_at > $2
             ORDER BY taken_at, id LIMIT 1",
            &[source_id.into(), after.into()],
        )?;
        row.map(|row| Ok(Reading { id: row.get(0)?, taken_at: row.get(1)? })).transpose()
    }
}
