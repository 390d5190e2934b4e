use std::fmt;

use serde::{Serialize, Serializer};
use zeroize::Zeroize;

/// The bytes of a credential. They exist in no other type, can't be printed by accident, and are wiped when dropped.
///
/// `Debug`, `Display` and `Serialize` all yield `[redacted]`. [`Secret::expose`] is the one way to the bytes, so that
/// a search for that word finds every place where a secret could leave.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Copies `bytes` into a secret.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(bytes.into())
    }

    /// The secret bytes. Every caller must be able to say why it may see them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes, which is not secret.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Is there no byte in it?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const REDACTED: &str = "[redacted]";

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn every_way_of_printing_is_redacted() {
        let secret = Secret::new(b"hunter2");
        let printed = format!("{secret} {secret:?} {:#?} {}", Some(&secret), serde_json::json!({ "s": &secret }));
        assert!(!printed.contains("hunter2"), "{printed}");
        assert_eq!(secret.expose(), b"hunter2");
    }
}
