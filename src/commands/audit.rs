//! `unleak audit verify|sign|export`.

use super::{
    CommandError, Env, ExitCode, output,
    store::{StoreChoice, audit_signer, open},
};
use crate::{
    model::{Escaped, identity::Timestamp},
    store::{
        StoreError, Transaction,
        audit::{self, Signer, Verification},
    },
};

/// Recomputes the chain of the audit log and checks every signature. `keys` are the public keys to trust, in hexadecimal
/// digits; if there are none, the user's own.
///
/// # Errors
/// If a key is none, there is no store, or it can't be read.
pub fn verify(choice: &StoreChoice, keys: &[String], env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut trusted = keys.iter().map(|key| public_key(key)).collect::<Result<Vec<_>, _>>()?;
    if trusted.is_empty() {
        trusted.extend(audit_signer(env)?.iter().map(Signer::public_key));
    }
    let seen = open(choice, env)?.read(|tx| audit::verify(tx, &trusted))?;
    output::write(None, env, &|out| write_verification(&seen, out))?;
    Ok(if seen.faults.is_empty() { ExitCode::Clean } else { ExitCode::Findings })
}

/// A public key as the log has it.
fn public_key(text: &str) -> Result<String, CommandError> {
    let key = text.trim().to_ascii_lowercase();
    let is_key = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then_some(key).ok_or_else(|| {
        let shown = Escaped(text.as_bytes());
        CommandError::Choice(format!("--key: `{shown}` is no public key: it has 64 hexadecimal digits"))
    })
}

/// Signs the end of the log with the user's key, once its chain and all signatures have been checked: whoever does it answers for
/// what nobody had signed.
///
/// # Errors
/// If the log was tampered with, there is no key, or no store.
pub fn sign(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let no_key = || CommandError::Choice("there is no key to sign with: set UNLEAK_AUDIT_KEY".to_owned());
    let signer = audit_signer(env)?.ok_or_else(no_key)?;
    // One transaction: nobody appends between the look and the signature.
    let (seen, signed) = open(choice, env)?.write(|tx| {
        let seen = audit::verify(tx, &[])?;
        let signed = if seen.faults.is_empty() { signer.checkpoint(tx)? } else { None };
        Ok::<_, StoreError>((seen, signed))
    })?;
    output::write(None, env, &|out| match (seen.unsigned(), signed) {
        (Some((first, _)), Some(last)) => writeln!(out, "signed events {first} to {last}, which nobody had signed"),
        _ if seen.faults.is_empty() => writeln!(out, "the end of the audit log is signed already"),
        _ => write_verification(&seen, out),
    })?;
    Ok(if seen.faults.is_empty() { ExitCode::Clean } else { ExitCode::Findings })
}

fn write_verification(seen: &Verification, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    writeln!(out, "events       {}", seen.events)?;
    writeln!(out, "last hash    {}", seen.head)?;
    writeln!(out, "checkpoints  {}, signed up to event {}", seen.checkpoints, seen.signed_until)?;
    seen.keys.iter().try_for_each(|key| writeln!(out, "public key   {key}"))?;
    seen.faults.iter().try_for_each(|fault| writeln!(out, "WRONG        {fault}"))?;
    match (seen.faults.as_slice(), seen.unsigned()) {
        ([], None) => writeln!(out, "the audit log is whole"),
        ([], Some((first, last))) => {
            writeln!(
                out,
                "the chain is unbroken, but nobody signed events {first} to {last}: anybody may have written them"
            )
        }
        ([_], _) if seen.is_end_untrusted => {
            writeln!(out, "the audit log can't be relied on from there: see docs/store.md, \"Audit log\"")
        }
        _ => writeln!(out, "the audit log was tampered with"),
    }
}

/// Writes all events as JSON lines: the canonical text that was hashed, and its hashes.
///
/// # Errors
/// If there is no store, or the events can't be written.
pub fn export(choice: &StoreChoice, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut store = open(choice, env)?;
    output::stream(None, env, &mut |out| store.read(|tx| write_events(tx, out)))?;
    Ok(ExitCode::Clean)
}

fn write_events(tx: &mut Transaction<'_>, out: &mut dyn std::io::Write) -> Result<(), CommandError> {
    let mut after = 0;
    loop {
        let page = audit::events(tx, after)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        for event in &page {
            let time = Timestamp { millis: event.at };
            let (prev, hash, event) = (&event.prev_hash, &event.hash, event.canonical()?);
            let line =
                format!("{{\"event\":{event},\"hash\":\"{hash}\",\"prev_hash\":\"{prev}\",\"time\":\"{time}\"}}");
            writeln!(out, "{line}").map_err(output::failed)?;
        }
    }
}
