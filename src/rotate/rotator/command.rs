use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Outcome, Reconciled, Rotator, StepContext, World, proof};
use crate::{
    model::{Escaped, Secret},
    rotate::{Op, Step, Subject},
};

/// Most bytes of output that are read.
const MAX_OUTPUT: u64 = 64 * 1024;

/// How often a program that is busy is tried again, every 50 ms.
const BUSY_TRIES: u32 = 40;

/// Most characters of a receipt that are kept.
const MAX_RECEIPT: usize = 400;

/// Where a rotator may have the leaked credential from, for steps that need it: it is read again from where it was found.
pub type SecretOf<'a> = dyn Fn(&Subject) -> Option<Secret> + 'a;

/// Calls a program of the operator's once per step, without a shell: `PROGRAM ARGS… VERB OP`, where the verb is `perform`,
/// `reconcile` or `undo`.
///
/// The program gets a JSON document on standard input, after it (for steps that need it) a line feed and the credential, and an
/// environment of nothing but `PATH` and `HOME`. Exit code 0 means done, 75 (`EX_TEMPFAIL`) to try again, anything else that a
/// person must look. Its standard output may hold a JSON document `{"receipt": "…"}`, for `reconcile`
/// `{"state": "done" | "not-done" | "unknown"}`.
pub struct CommandRotator<'a> {
    /// The program, by its absolute path.
    pub program: PathBuf,
    /// Arguments that stand before verb and op.
    pub arguments: Vec<OsString>,
    /// How long it may take.
    pub timeout: Duration,
    /// Where the credential comes from.
    pub secret_of: &'a SecretOf<'a>,
    /// `PATH` and `HOME` for the program.
    pub environment: Vec<(&'static str, OsString)>,
}

#[derive(Serialize)]
struct Request<'a> {
    schema: &'static str,
    verb: &'static str,
    run: &'a str,
    plan_hash: &'a str,
    /// The same for each attempt at this step.
    idempotency_key: String,
    subject: &'a Subject,
    step: &'a Step,
    secret_follows: bool,
}

#[derive(Default, Deserialize)]
struct Reply {
    receipt: Option<String>,
    state: Option<String>,
}

enum Ended {
    Exit(Option<i32>, Reply),
    Timeout,
    NotStarted(std::io::ErrorKind),
}

impl Rotator for CommandRotator<'_> {
    fn name(&self) -> &'static str {
        "command"
    }

    fn perform(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome {
        if let Some(proof) = proof(at, world) {
            return Outcome::Done(proof);
        }
        if at.step.manual {
            return Outcome::Manual(at.step.call.clone());
        }
        // An inventory that still shows it alive outranks whoever says that it is dead.
        if at.step.op == Op::VerifyDead
            && let Some((false, source)) = world.is_dead(&at.plan.subject.credential, at.started_ms)
        {
            return Outcome::Waiting(format!("{source} still shows it active"));
        }
        self.outcome(self.call("perform", at, at.step.needs_secret), at.step.op)
    }

    fn reconcile(&self, at: &StepContext<'_>, world: &dyn World) -> Reconciled {
        if proof(at, world).is_some() {
            return Reconciled::Done;
        }
        match self.call("reconcile", at, false) {
            Ended::Exit(Some(0), Reply { state: Some(state), .. }) if state == "done" => Reconciled::Done,
            Ended::Exit(Some(0), Reply { state: Some(state), .. }) if state == "not-done" => Reconciled::NotDone,
            _ => Reconciled::Unknown,
        }
    }

    fn undo(&self, at: &StepContext<'_>, _: &dyn World) -> Outcome {
        self.outcome(self.call("undo", at, false), at.step.op)
    }
}

impl CommandRotator<'_> {
    fn outcome(&self, ended: Ended, op: Op) -> Outcome {
        let name = self.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match ended {
            Ended::Exit(Some(0), reply) => {
                Outcome::Done(reply.receipt.unwrap_or_else(|| format!("{name} {op}: exit 0")))
            }
            Ended::Exit(Some(75), reply) => {
                Outcome::Retry(reply.receipt.unwrap_or_else(|| format!("{name} {op}: exit 75")), None)
            }
            Ended::Exit(Some(code), _) => Outcome::Manual(format!("{name} {op} failed with exit code {code}")),
            Ended::Exit(None, _) => Outcome::Manual(format!("{name} {op} was ended by a signal")),
            Ended::Timeout => Outcome::Manual(format!(
                "{name} {op} took longer than {} s and was ended: whether it did anything is not known",
                self.timeout.as_secs()
            )),
            Ended::NotStarted(kind) => Outcome::Retry(format!("{name} can't be started: {kind}"), None),
        }
    }

    fn call(&self, verb: &'static str, at: &StepContext<'_>, with_secret: bool) -> Ended {
        let secret = if with_secret { (self.secret_of)(&at.plan.subject) } else { None };
        let request = Request {
            schema: "unleak.rotate.step/v1",
            verb,
            run: at.run,
            plan_hash: at.plan_hash,
            idempotency_key: format!("{}/{}", at.run, at.step.number),
            subject: &at.plan.subject,
            step: at.step,
            secret_follows: secret.is_some(),
        };
        let Ok(document) = serde_json::to_vec(&request) else {
            return Ended::NotStarted(std::io::ErrorKind::InvalidData);
        };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args([verb, at.step.op.as_str()])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut started = command.spawn();
        // A program that was just written may still be open for writing somewhere.
        for _ in 0..BUSY_TRIES {
            if !matches!(&started, Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy) {
                break;
            }
            thread::sleep(Duration::from_millis(50));
            started = command.spawn();
        }
        match started {
            Ok(child) => self.wait(child, document, secret),
            Err(error) => Ended::NotStarted(error.kind()),
        }
    }

    fn wait(&self, mut child: Child, document: Vec<u8>, secret: Option<Secret>) -> Ended {
        let stdin = child.stdin.take();
        // A program that reads nothing, or writes much, must not block us.
        let given = secret.clone();
        thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&document).and_then(|()| stdin.write_all(b"\n"));
                if let Some(secret) = given {
                    let _ = stdin.write_all(secret.expose());
                }
            }
        });
        let stdout = child.stdout.take();
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stdout) = stdout {
                let _ = stdout.by_ref().take(MAX_OUTPUT).read_to_end(&mut text);
                let _ = send.send(text);
                let _ = std::io::copy(&mut stdout, &mut std::io::sink());
            }
        });
        let deadline = Instant::now() + self.timeout;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Ended::Timeout;
                }
            }
        };
        // A grandchild may hold the pipe open for ever.
        let text = output.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
        let mut reply: Reply = serde_json::from_slice(&text).unwrap_or_default();
        reply.receipt = reply.receipt.map(|receipt| presentable(&receipt, secret.as_ref()));
        Ended::Exit(status.code(), reply)
    }
}

/// A receipt as it may be kept: short, and without the credential, which a careless program might repeat.
fn presentable(receipt: &str, secret: Option<&Secret>) -> String {
    let repeats = |secret: &Secret| memchr::memmem::find(receipt.as_bytes(), secret.expose()).is_some();
    if secret.is_some_and(repeats) {
        return "the program's receipt held the credential and was dropped".to_owned();
    }
    Escaped(receipt.as_bytes()).to_string().chars().take(MAX_RECEIPT).collect()
}

impl std::fmt::Debug for CommandRotator<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandRotator").field("program", &self.program).finish_non_exhaustive()
    }
}
