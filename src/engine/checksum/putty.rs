//! PuTTY's private keys. Source: PuTTY's manual, appendix C, "PPK file format".

use zeroize::Zeroizing;

use super::{Facts, Failure, armor, openssh};

/// Checks the text of a key, from its first line to its MAC.
pub(super) fn verify(secret: &[u8]) -> Result<Facts, Failure> {
    let text = String::from_utf8_lossy(secret);
    let lines: Vec<Zeroizing<String>> = armor::lines(&text).collect();
    let field = |name: &str| {
        lines
            .iter()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .filter(|v| !v.is_empty())
    };
    let kind = lines.first().and_then(|line| line.split_once(": ")).ok_or("it names no algorithm")?.1;
    let public = block(&lines, "Public-Lines")?;
    let private = block(&lines, "Private-Lines")?;
    let mut facts = Facts::proven();
    openssh::describe_public(&public, &mut facts).ok_or("its public part is cut short")?;
    if facts.attributes.get("key-type").map(String::as_str) != Some(kind) {
        return Err("its public part is of another algorithm");
    }
    if private.len() < 8 {
        return Err("its private part is cut short");
    }
    if let Some(comment) = field("Comment") {
        facts.add("comment", comment);
    }
    match field("Encryption") {
        None => Err("it does not say how it is encrypted"),
        Some("none") => Ok(facts),
        Some(_) if !private.len().is_multiple_of(16) => Err("its encrypted part is not made of whole blocks"),
        Some(cipher) => {
            facts.encrypted_with(cipher);
            Ok(facts)
        }
    }
}

/// The lines that a count stands before, decoded.
fn block(lines: &[Zeroizing<String>], name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let counted = lines.iter().enumerate().find_map(|(index, line)| {
        let count: usize = line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok()?;
        lines.get(index + 1..index.checked_add(count)?.checked_add(1)?)
    });
    let base64 = counted.ok_or("it has fewer lines than it says")?.iter().map(|line| line.as_str());
    armor::decode(&Zeroizing::new(base64.collect::<String>()))
}
