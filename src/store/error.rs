use std::io;

/// Why a store can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store.
    #[error("there is no store at {place} (`unleak store init` makes one; `--store=PLACE` names another)")]
    NotFound {
        /// Where.
        place: String,
    },
    /// There is one already.
    #[error("there is a store at {place} already")]
    Exists {
        /// Where.
        place: String,
    },
    /// Something else is there.
    #[error("{place} is no store of unleak: it was left alone")]
    NotAStore {
        /// Where.
        place: String,
    },
    /// A newer version of unleak made it.
    #[error(
        "the store at {place} is of a newer unleak (schema {found}; this one knows up to {known}): nothing was changed"
    )]
    Newer {
        /// Where.
        place: String,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// An older version of unleak made it.
    #[error("the store at {place} has schema {found}, and {known} is needed: `unleak store migrate` brings it there")]
    Older {
        /// Where.
        place: String,
        /// Its schema.
        found: i64,
        /// The schema that this program needs.
        known: i64,
    },
    /// A migration that was applied reads differently now.
    #[error("migration {number} of this store is not the one that this unleak has: the store is of a foreign build")]
    ForeignMigration {
        /// Its number.
        number: i64,
    },
    /// A place can't be understood.
    #[error("store address: {0}")]
    Location(String),
    /// No space is left.
    #[error("no space is left for the store: nothing of this step was kept")]
    Full,
    /// Another process holds the store.
    #[error("the store is busy: another process has been writing to it for too long")]
    Busy,
    /// Another writer waited for this one while this one waited for it, or was faster.
    #[error("another writer was in the way, several times over: nothing of this step was kept, try again")]
    Conflict,
    /// The connection to the server broke.
    #[error("the connection to the store was lost ({0}): nothing of this step was kept, try again")]
    Lost(String),
    /// The connection to the server broke while it was told to keep a step, and it can't say whether it did.
    #[error(
        "the connection to the store was lost while a step was being kept, and the server can't say whether it was: look \
         at `unleak audit export` before you try again"
    )]
    Uncertain,
    /// A row would break a rule of the schema: an edge of a state machine, a check, a reference.
    #[error("the store refuses it: {0}")]
    Refused(String),
    /// A row with the same key is there.
    #[error("the store has it already: {0}")]
    Duplicate(String),
    /// The row isn't there, or isn't as it was.
    #[error("{0}")]
    Missing(String),
    /// The server can't be reached or refuses the login.
    #[error("can't reach the store at {place}: {reason}")]
    Unreachable {
        /// Where, without password.
        place: String,
        /// The reason in words.
        reason: String,
    },
    /// The files of the database are damaged.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A file can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file, safe to print.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program that the engine needs failed.
    #[error("{program}: {reason}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it said, without passwords.
        reason: String,
    },
    /// A value is not of the type that was asked for.
    #[error("column {column}: {reason}")]
    Column {
        /// Its place among those selected, from 0.
        column: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// JSON that can't be made canonical.
    #[error("audit data: {0}")]
    NotCanonical(&'static str),
    /// Anything else that an engine says.
    #[error("the store failed: {0}")]
    Engine(String),
}

impl StoreError {
    pub(super) fn io(path: &std::path::Path, source: io::Error) -> StoreError {
        StoreError::Io { path: crate::model::DisplayPath(path).to_string(), source }
    }
}

impl From<sqlx::Error> for StoreError {
    /// By the codes of both engines. Only the message is kept: details of the engines quote the values of a row.
    fn from(error: sqlx::Error) -> StoreError {
        let sqlx::Error::Database(error) = error else {
            return match error {
                sqlx::Error::Io(error) => StoreError::Lost(error.kind().to_string()),
                // The server ended it without a word.
                sqlx::Error::Protocol(_) => StoreError::Lost("the server's answer was cut off".to_owned()),
                other => StoreError::Engine(other.to_string()),
            };
        };
        let (code, message) = (error.code().unwrap_or_default().into_owned(), error.message().to_owned());
        if message.contains("unleak: ") {
            return StoreError::Refused(message.trim_start_matches("unleak: ").to_owned());
        }
        if error.is_unique_violation() {
            return StoreError::Duplicate(message);
        }
        if error.is_foreign_key_violation() || error.is_check_violation() {
            return StoreError::Refused(message);
        }
        // SQLite's extended codes keep the plain one in their low byte; those of PostgreSQL have five characters.
        let primary = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff);
        match (primary, code.as_str()) {
            (Some(5 | 6), _) | (_, "55P03") => StoreError::Busy,
            (_, "40P01" | "40001") => StoreError::Conflict,
            // The server is shut down, has crashed, or is starting.
            (_, "57P01" | "57P02" | "57P03" | "57P05" | "08000" | "08003" | "08006") => StoreError::Lost(message),
            (Some(13), _) | (_, "53100") => StoreError::Full,
            (Some(11 | 26), _) | (_, "XX001" | "XX002") => StoreError::Damaged(message),
            (Some(19), _) | (_, "23502" | "23514") => StoreError::Refused(message),
            _ => StoreError::Engine(message),
        }
    }
}
