use std::path::PathBuf;

use super::super::{CommandError, Env, key_file};
use crate::store::{
    Context, Location, Store,
    audit::{self, Signer},
};

/// The variable that names a store.
const VARIABLE: &str = "UNLEAK_STORE";

/// Which store.
#[derive(Clone, Debug, Default)]
pub struct StoreChoice {
    /// A path or an address. If `None`: `UNLEAK_STORE`, else a file of the user's own.
    pub place: Option<String>,
    /// Who acts, for the audit log. If `None`: what the environment says.
    pub actor: Option<String>,
}

impl StoreChoice {
    /// Where it is: what was given, `UNLEAK_STORE`, or `$XDG_STATE_HOME/unleak/store.db`.
    ///
    /// # Errors
    /// If that is no path and no address, or there is no home to have a file in.
    pub fn location(&self, env: &Env<'_>) -> Result<Location, CommandError> {
        let variable = || (env.var)(VARIABLE).filter(|value| !value.is_empty());
        if let Some(place) = &self.place {
            return Ok(Location::parse(place)?);
        }
        if let Some(place) = variable() {
            return Ok(match place.to_str() {
                Some(place) => Location::parse(place)?,
                None => Location::File(PathBuf::from(place)),
            });
        }
        let dir = env.state_dir().ok_or_else(|| {
            crate::store::StoreError::Location(format!("there is no home directory: give --store or {VARIABLE}"))
        })?;
        Ok(Location::File(dir.join("store.db")))
    }
}

/// Who acts: what CI systems call the person behind a job, or the user's name.
fn actor(env: &Env<'_>) -> String {
    let names = ["UNLEAK_ACTOR", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME", "USERNAME"];
    let set = names.iter().find_map(|name| (env.var)(name).filter(|value| !value.is_empty()));
    set.map_or_else(|| "unknown".to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn context<'a>(choice: &StoreChoice, env: &Env<'a>) -> Context<'a> {
    let named = choice.actor.clone().filter(|name| !name.is_empty());
    Context { actor: named.unwrap_or_else(|| actor(env)), now: env.now, random: env.random }
}

/// Opens the chosen store.
///
/// # Errors
/// If there is none of this version.
pub(in super::super) fn open<'a>(choice: &StoreChoice, env: &Env<'a>) -> Result<Store<'a>, CommandError> {
    Ok(Store::open(&choice.location(env)?, context(choice, env))?)
}

/// Opens the chosen store for work that leaves events in the audit log: each is signed in its own transaction.
///
/// # Errors
/// If there is none of this version.
pub(in super::super) fn open_to_write<'a>(choice: &StoreChoice, env: &Env<'a>) -> Result<Store<'a>, CommandError> {
    let mut store = open(choice, env)?;
    sign_with_own(&mut store, env);
    Ok(store)
}

/// What is appended from here on is signed with the user's key. One that can't be had is told when something was left unsigned.
pub(super) fn sign_with_own(store: &mut Store<'_>, env: &Env<'_>) {
    if let Ok(Some(signer)) = audit_signer(env) {
        store.sign_with(signer);
    }
}

/// Calls `work` with the chosen store, and says when it is done whether the end of the audit log isn't signed, also if it failed
/// half-way.
///
/// # Errors
/// If there is no store of this version; those of `work`.
pub(in super::super) fn with_store<'a, T>(
    choice: &StoreChoice,
    env: &mut Env<'a>,
    work: impl FnOnce(&mut Store<'a>, &mut Env<'a>) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let mut store = open_to_write(choice, env)?;
    let result = work(&mut store, env);
    let signed = check_signed(&mut store, env);
    let result = result?;
    signed?;
    Ok(result)
}

/// Says if the end of the audit log isn't signed, and why.
///
/// # Errors
/// If there is something that is no key; if the store can't be read.
pub(in super::super) fn check_signed(store: &mut Store<'_>, env: &Env<'_>) -> Result<(), CommandError> {
    if !store.read(audit::is_unsigned)? {
        return Ok(());
    }
    (env.warn)(match audit_signer(env)? {
        Some(_) => {
            "the end of the audit log is not signed: somebody wrote it without a key, or took signatures away (`unleak audit \
             verify` says where it begins, `unleak audit sign` signs it)"
        }
        None => "no place to keep a key for the audit log: its end was not signed (set UNLEAK_AUDIT_KEY)",
    });
    Ok(())
}

/// Signs what the program wrote itself since event `before`, before there was a signer, if all up to that is signed.
///
/// # Errors
/// If there is something that is no key; if the store can't be written.
pub(super) fn sign_own_since(store: &mut Store<'_>, before: i64, env: &Env<'_>) -> Result<(), CommandError> {
    if let Some(signer) = audit_signer(env)? {
        store.write(|tx| signer.continue_after(tx, before))?;
    }
    check_signed(store, env)
}

/// The key that signs the audit log: of `UNLEAK_AUDIT_KEY`, or of the user's settings, where it is made once.
///
/// # Errors
/// If there is something that is no key.
pub(in super::super) fn audit_signer(env: &Env<'_>) -> Result<Option<Signer>, CommandError> {
    let key = key_file::read(&key_file::AUDIT, None, env)?;
    Ok(key.map(|seed| Signer::new(&seed)))
}
