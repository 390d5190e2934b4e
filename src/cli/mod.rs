//! The command line: what was typed, made into settings; diagnostics, progress, exit codes.

mod args;
mod diagnostics;
mod hider;
#[cfg(feature = "identity")]
mod identity;
#[cfg(feature = "identity")]
mod inventory;
mod progress;
mod quit;
#[cfg(feature = "identity")]
mod report;
mod settings;
#[cfg(feature = "identity")]
mod store_args;

use std::{
    cell::Cell,
    ffi::OsString,
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Parser as _;

use crate::{
    commands::{self, CommandError, Env, ExitCode},
    config::ConfigError,
    engine::Progress,
    rule::{Mistake, RuleError},
};
use args::{Cli, Command, HookCommand, RulesCommand};
use hider::Hider;

/// Runs `unleak` with the process's arguments and returns its exit code.
#[must_use]
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(message) => {
            // Help and version go to standard output and are no error; a closed pipe is the reader's choice.
            let _ = message.print();
            return if message.use_stderr() { ExitCode::Failure.code() } else { ExitCode::Clean.code() };
        }
    };
    let interrupt = Arc::new(AtomicBool::new(false));
    let progress = Arc::new(Progress::default());
    watch_interrupt(&interrupt, &progress);
    let hider = Hider::default();
    let display = Cell::new(progress::show(cli.wants_progress(), &progress));
    let mut env = Env {
        var: &|name| std::env::var_os(name),
        now: &std::time::SystemTime::now,
        random: &|buffer| File::open("/dev/urandom")?.read_exact(buffer),
        stdout: &mut io::stdout().lock(),
        interrupt: &interrupt,
        progress: &progress,
        clear_display: &|| drop(display.take()),
        warn: &|message| say("warning", &hider.hide(message)),
    };
    let outcome = dispatch(cli, &hider, &mut env);
    drop(display.take());
    match outcome {
        Ok(code) => code.code(),
        Err(error) => {
            report_error(&error, &hider);
            ExitCode::Failure.code()
        }
    }
}

fn dispatch(cli: Cli, hider: &Hider, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Scan(args) => match &args.explain {
            Some(place) => {
                let (path, line) = settings::file_and_line(place)?;
                Ok(commands::explain(&path, line, &settings::scan_settings(&args)?, env)?)
            }
            None => Ok(commands::scan::run(&settings::scan_settings(&args)?, env)?),
        },
        Command::Rules { command } => match command {
            RulesCommand::List { filter, rules, format } => {
                let filter = settings::rule_filter(filter);
                Ok(commands::rules::list(&settings::rule_choice(&rules), &filter, format.into(), env)?)
            }
            RulesCommand::Show { id, rules, format } => {
                Ok(commands::rules::show(&id, &settings::rule_choice(&rules), format.into(), env)?)
            }
            RulesCommand::Check { paths, keep_going, no_builtin_rules } => {
                let render =
                    |path: &Path, text: &str, mistake: &Mistake| diagnostics::render(&hider.path(path), text, mistake);
                let check = commands::rules::CheckSettings { paths, keep_going, without_builtin: no_builtin_rules };
                Ok(commands::rules::check(&check, &render, env)?)
            }
            RulesCommand::New { id, output } => Ok(commands::rules::new(&id, output.as_deref(), env)?),
        },
        Command::Eval(args) => Ok(commands::eval::run(&settings::eval_settings(&args), env)?),
        #[cfg(feature = "identity")]
        Command::Inventory { command } => inventory::run(command, env),
        #[cfg(feature = "identity")]
        Command::Fingerprint(args) => inventory::fingerprint(args, env),
        Command::Hook { command } => match command {
            HookCommand::Install(args) => Ok(commands::hook::install(&settings::hook_settings(&args)?, env)?),
            HookCommand::Uninstall(args) => Ok(commands::hook::uninstall(&settings::hook_settings(&args)?, env)?),
            HookCommand::Status { path } => Ok(commands::hook::status(&path, env)?),
        },
        #[cfg(feature = "identity")]
        Command::Link(args) => identity::link(&args, env),
        #[cfg(feature = "identity")]
        Command::Explain(args) => identity::explain(&args, env),
        #[cfg(feature = "identity")]
        Command::Shadow(args) => identity::shadow(&args, env),
        #[cfg(feature = "identity")]
        Command::Rotate(args) => identity::rotate(&args, env),
        #[cfg(feature = "identity")]
        Command::Report(args) => report::run(*args, env),
        #[cfg(feature = "identity")]
        Command::Findings { command } => Ok(store_args::run_findings(command, env)?),
        #[cfg(feature = "identity")]
        Command::Store { command } => Ok(store_args::run_store(command, env)?),
        #[cfg(feature = "identity")]
        Command::Audit { command } => Ok(store_args::run_audit(command, env)?),
    }
}

/// Ctrl-C (and SIGTERM, SIGHUP, SIGQUIT) asks the scan to end with a report of what it saw. If it can't within two seconds (it waits for input, say),
/// the process ends without one.
fn watch_interrupt(interrupt: &Arc<AtomicBool>, progress: &Arc<Progress>) {
    let (interrupt, progress) = (Arc::clone(interrupt), Arc::clone(progress));
    let handler = move || {
        if interrupt.swap(true, Ordering::Relaxed) {
            exit_now();
        }
        let progress = Arc::clone(&progress);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            // A report that is being written is let finish.
            if !progress.done.load(Ordering::Relaxed) {
                exit_now();
            }
        });
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        say("warning", &format!("can't watch for Ctrl-C: {error}"));
    }
    quit::take_as_termination();
}

#[allow(clippy::exit, reason = "the one way out while a thread is blocked in a read")]
fn exit_now() {
    crate::source::remote::remove_clones();
    std::process::exit(i32::from(ExitCode::Interrupted.code()));
}

fn report_error(error: &anyhow::Error, hider: &Hider) {
    match error.downcast_ref() {
        Some(CommandError::Rules(errors)) => errors.iter().for_each(|error| match error {
            RuleError::Mistakes { path, text, mistakes } => show_mistakes(path, text, mistakes, hider),
            other => say("error", &hider.hide(&other.to_string())),
        }),
        Some(CommandError::Config(ConfigError::Mistakes { path, text, mistakes })) => {
            show_mistakes(path, text, mistakes, hider);
        }
        _ => say("error", &hider.hide(&error.to_string())),
    }
}

fn show_mistakes(path: &Path, text: &str, mistakes: &[Mistake], hider: &Hider) {
    let mut stderr = anstream::stderr().lock();
    for mistake in mistakes {
        let _ = writeln!(stderr, "{}\n", diagnostics::render(&hider.path(path), text, mistake));
    }
}

/// Writes a line to standard error; nobody is left to tell if that fails.
fn say(level: &str, message: &str) {
    let _ = writeln!(io::stderr().lock(), "unleak: {level}: {message}");
}
