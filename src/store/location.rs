use std::{fmt, path::PathBuf, str::FromStr as _};

use sqlx::postgres::PgConnectOptions;

use super::StoreError;
use crate::model::{DisplayPath, Escaped};

/// Where a store is. Prints without passwords.
#[derive(Clone)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL server and database.
    Server(Box<PgConnectOptions>),
}

impl Location {
    /// From a path, `sqlite:PATH`, or `postgres://user@host:port/database`. What an address leaves out comes from the
    /// variables and the password file of PostgreSQL (`PGPASSWORD`, `~/.pgpass`).
    ///
    /// # Errors
    /// [`StoreError::Location`] for any other scheme, and for an address that can't be understood. Doesn't repeat it: it may
    /// hold a password.
    pub fn parse(text: &str) -> Result<Location, StoreError> {
        if text.is_empty() {
            return Err(StoreError::Location("it is empty".to_owned()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            // The parser's message may quote the address.
            let options = PgConnectOptions::from_str(text)
                .map_err(|_| StoreError::Location("write postgres://user@host:port/database".to_owned()))?;
            return Ok(Location::Server(Box::new(options.application_name("unleak"))));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        if path.contains("://") || path.is_empty() {
            return Err(StoreError::Location("write a path, or postgres://user@host:port/database".to_owned()));
        }
        Ok(Location::File(PathBuf::from(path)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => DisplayPath(path).fmt(f),
            Location::Server(options) => {
                let address = match options.get_socket() {
                    Some(socket) => format!("{}@{}", options.get_username(), socket.display()),
                    None => format!("{}@{}:{}", options.get_username(), options.get_host(), options.get_port()),
                };
                write!(f, "postgres://{}/", Escaped(address.as_bytes()))?;
                write!(f, "{}", Escaped(options.get_database().unwrap_or_default().as_bytes()))
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn addresses_print_without_passwords() {
        let parsed = Location::parse("postgres://ann:s3cr3t%40x@db.example:5433/leaks?sslmode=require").unwrap(); // unleak:allow
        assert_eq!(parsed.to_string(), "postgres://ann@db.example:5433/leaks");
        assert!(!format!("{parsed:?}").contains("s3cr3t"));
        assert_eq!(Location::parse("sqlite:/var/x.db").unwrap().to_string(), "/var/x.db");
        assert_eq!(Location::parse("x.db").unwrap().to_string(), "x.db");
        let wrong = ["", "sqlite:", "mysql://u:s3cr3t@h/d", "postgres://u:s3cr3t@h:notaport/d"]; // unleak:allow
        for wrong in wrong {
            let message = Location::parse(wrong).unwrap_err().to_string();
            assert!(!message.contains("s3cr3t"), "{message}");
        }
    }
}
