//! `unleak audit verify|export`.

use super::{
    CommandError, Env, ExitCode, output,
    store::{StoreChoice, audit_signer, open},
};
use crate::{
    model::identity::Timestamp,
    store::{
        Transaction,
        audit::{self, Signer, Verification},
    },
};

/// Recomputes the chain of the audit log and checks every signature. `keys` are the public keys to trust, in hexadecimal
/// digits; if there are none, the user's own.
///
/// # Errors
/// If there is no store, or it can't be read.
pub fn verify(choice: &StoreChoice, keys: &[String], env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let mut trusted: Vec<String> = keys.iter().map(|key| key.to_ascii_lowercase()).collect();
    if trusted.is_empty() {
        trusted.extend(audit_signer(env)?.iter().map(Signer::public_key));
    }
    let seen = open(choice, env)?.read(|tx| audit::verify(tx, &trusted))?;
    output::write(None, env, &|out| write_verification(&seen, out))?;
    Ok(if seen.faults.is_empty() { ExitCode::Clean } else { ExitCode::Findings })
}

fn write_verification(seen: &Verification, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    writeln!(out, "events       {}", seen.events)?;
    writeln!(out, "last hash    {}", seen.head)?;
    writeln!(out, "checkpoints  {}, signed up to event {}", seen.checkpoints, seen.signed_until)?;
    seen.keys.iter().try_for_each(|key| writeln!(out, "public key   {key}"))?;
    seen.faults.iter().try_for_each(|fault| writeln!(out, "WRONG        {fault}"))?;
    writeln!(
        out,
        "{}",
        if seen.faults.is_empty() { "the audit log is whole" } else { "the audit log was tampered with" }
    )
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
