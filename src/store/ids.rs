use ulid::Ulid;

use super::{Context, StoreError};

/// Makes ULIDs that grow, also within a millisecond and when the clock steps back.
#[derive(Debug, Default)]
pub(super) struct Ids {
    last: Option<Ulid>,
}

impl Ids {
    pub(super) fn next(&mut self, now_ms: i64, context: &Context<'_>) -> Result<String, StoreError> {
        let now = u64::try_from(now_ms).unwrap_or(0);
        let next = match self.last {
            // Random bits overflow after 2^80 ids at most, and then the next millisecond is as good.
            Some(last) if last.timestamp_ms() >= now => {
                last.increment().unwrap_or_else(|_| Ulid::from_parts(last.timestamp_ms() + 1, 0))
            }
            _ => {
                let mut bytes = [0; 16];
                let failed = |source| StoreError::Io { path: "random bytes".to_owned(), source };
                (context.random)(&mut bytes[6..]).map_err(failed)?;
                // The top bit stays free, so that there is room to count upwards.
                bytes[6] &= 0x7f;
                Ulid::from_parts(now, u128::from_be_bytes(bytes))
            }
        };
        self.last = Some(next);
        Ok(next.to_string())
    }
}
