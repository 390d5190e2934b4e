//! From what was typed to validated settings.

use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

use anyhow::Context as _;

use super::args::{
    CloneArgs, Colour, EvalArgs, FilterArgs, GroupByArg, HookArg, HookArgs, OutputArgs, PrefilterArg, RuleArgs,
    ScanArgs,
};
use crate::{
    commands::{
        CachePlace, ChangeChoice, ChangeScope, RuleChoice,
        eval::EvalSettings,
        hook::{HookKind, HookSettings, SharedHooks},
        rules::RuleFilter,
        scan::{History, ScanSettings, Target},
    },
    config::ConfigChoice,
    engine::{ScannerOptions, prefilter::PrefilterKind},
    report::{self, GroupBy, ReportOptions, Snippets, WhenClean},
    source::{
        FileOptions,
        remote::{CloneOptions, CloneRefs, Prompt},
    },
};

pub(super) fn rule_choice(args: &RuleArgs) -> RuleChoice {
    RuleChoice {
        files: args.files.clone(),
        without_builtin: args.no_builtin_rules,
        keep_going: args.keep_going,
        only: args.only.clone(),
    }
}

pub(super) fn rule_filter(args: FilterArgs) -> RuleFilter {
    let FilterArgs { text, provider, kind, severity, shape } = args;
    RuleFilter { text, provider, kind, severity, shape }
}

fn scanner_options(args: &ScanArgs) -> ScannerOptions {
    let prefilter = match args.prefilter {
        PrefilterArg::Auto => PrefilterKind::Auto,
        PrefilterArg::Portable => PrefilterKind::Portable,
        PrefilterArg::Reference => PrefilterKind::Reference,
    };
    let default = ScannerOptions::default();
    ScannerOptions { min_score: args.verdict.min_score.unwrap_or(default.min_score), prefilter }
}

pub(super) fn eval_settings(args: &EvalArgs) -> EvalSettings {
    EvalSettings {
        corpus: args.corpus.clone(),
        rules: rule_choice(&args.rules),
        scanner: ScannerOptions { min_score: args.min_score, ..ScannerOptions::default() },
        variants: args.variants,
        format: args.format.into(),
        fit: args.fit.clone(),
        lexicon_texts: args.lexicon.clone(),
        lexicon_dir: args.lexicon_dir.clone(),
    }
}

pub(super) fn scan_settings(args: &ScanArgs) -> anyhow::Result<ScanSettings> {
    let threads = match args.threads {
        Some(threads) => usize::from(threads),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    #[cfg(feature = "identity")]
    anyhow::ensure!(
        args.output.group_by != Some(GroupByArg::Identity) || args.record.store.is_some(),
        "whose a finding is stands in the store: --group-by identity needs --store"
    );
    Ok(ScanSettings {
        target: target(args)?,
        files: FileOptions {
            follow_links: args.walk.follow_links,
            gitignore: args.walk.gitignore,
            exclude: args.walk.exclude.clone(),
        },
        rules: rule_choice(&args.rules),
        config: match (&args.config.config, args.config.no_config) {
            (Some(path), _) => ConfigChoice::File(path.clone()),
            (None, true) => ConfigChoice::None,
            (None, false) => ConfigChoice::Found,
        },
        scanner: scanner_options(args),
        min_score: args.verdict.min_score,
        threads,
        format: report::find(&args.output.format).context("clap lets only known formats through")?,
        report: report_options(&args.output, args.quiet),
        output: args.output.output.clone(),
        fail_on: args.verdict.fail_on.0,
        history: match (args.history.no_history, args.history.history_only) {
            (true, _) => History::LeftOut,
            (false, true) => History::Only,
            (false, false) => History::Included,
        },
        paranoid: args.history.paranoid,
        cache: args.history.cache.as_ref().map(|path| match path.is_empty() {
            true => CachePlace::Default,
            false => CachePlace::At(path.into()),
        }),
        clone: clone_options(&args.clone),
        #[cfg(feature = "export")]
        exports: export_options(&args.exports),
        allow_incomplete: args.verdict.allow_incomplete,
        fingerprint_key: args.verdict.fingerprint_key.clone(),
        #[cfg(feature = "identity")]
        record: args.record.settings(),
    })
}

pub(super) fn hook_settings(args: &HookArgs) -> anyhow::Result<HookSettings> {
    Ok(HookSettings {
        path: args.path.clone(),
        hook: match args.hook {
            HookArg::Commit => HookKind::PreCommit,
            HookArg::Push => HookKind::PrePush,
            HookArg::Receive => HookKind::PreReceive,
        },
        shared: if args.global_hooks { SharedHooks::Meant } else { SharedHooks::Refused },
        binary: std::env::current_exe().context("can't tell where this program is installed")?,
    })
}

fn target(args: &ScanArgs) -> anyhow::Result<Target> {
    if let Some(choice) = change_choice(args) {
        let (repository, scope) = match args.paths.as_slice() {
            [] => (PathBuf::from("."), ChangeScope::Repository),
            [path] => (path.clone(), ChangeScope::Path),
            _ => anyhow::bail!("changes are those of one repository: give one path"),
        };
        anyhow::ensure!(args.files_from.is_none(), "--files-from lists files, which changes have of their own");
        return Ok(Target::Changes { repository, scope, choice });
    }
    if let Some(list) = &args.files_from {
        return Ok(Target::ListedIn(list.clone()));
    }
    let is_export = |path: &PathBuf| cfg!(feature = "export") && path.as_os_str() == "export:-";
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-" || is_export(path);
    match args.paths.as_slice() {
        [] => Ok(Target::Paths(vec![PathBuf::from(".")])),
        [path] if is_stdin(path) => Ok(Target::Stdin { is_export: is_export(path) }),
        paths if paths.iter().any(is_stdin) => {
            anyhow::bail!("standard input can't be mixed with other paths: scan it on its own")
        }
        paths => Ok(Target::Paths(paths.to_vec())),
    }
}

fn clone_options(args: &CloneArgs) -> CloneOptions {
    CloneOptions {
        depth: args.depth,
        branch: args.clone_branch.clone(),
        refs: if args.clone_branch.is_some() { CloneRefs::OneBranch } else { CloneRefs::All },
        max_blob_bytes: args.max_blob_bytes,
        time_limit: args.clone_timeout.map(Duration::from_secs),
        prompt: if std::io::stdin().is_terminal() { Prompt::Terminal } else { Prompt::Never },
        ..CloneOptions::default()
    }
}

#[cfg(feature = "export")]
fn export_options(args: &super::args::ExportArgs) -> crate::source::export::ExportOptions {
    let map = args.map.iter().cloned().reduce(|mut all, one| {
        all.extend(one);
        all
    });
    crate::source::export::ExportOptions {
        format: args.export_format.clone(),
        base_url: args.base_url.clone(),
        map,
        ..Default::default()
    }
}

fn change_choice(args: &ScanArgs) -> Option<ChangeChoice> {
    let changes = &args.changes;
    match changes {
        _ if changes.staged => Some(ChangeChoice::Staged),
        _ if changes.unstaged => Some(ChangeChoice::Unstaged),
        _ if changes.pre_receive => {
            Some(ChangeChoice::PreReceive { time_limit: Duration::from_secs(args.push_timeout) })
        }
        _ => {
            let range = changes.range.clone().map(ChangeChoice::Range);
            let since = changes.since.clone().map(ChangeChoice::Since);
            range.or(since).or(changes.branch.clone().map(ChangeChoice::Branch))
        }
    }
}

fn report_options(args: &OutputArgs, quiet: bool) -> ReportOptions {
    let to_terminal = args.output.is_none() && std::io::stdout().is_terminal();
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colour = match args.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => !is_set("NO_COLOR") && (to_terminal || is_set("CLICOLOR_FORCE")),
    };
    ReportOptions {
        colour,
        show_secrets: args.show_secrets,
        stats: args.stats,
        when_clean: if quiet { WhenClean::BeQuiet } else { WhenClean::Say },
        snippets: if args.no_snippets { Snippets::Omit } else { Snippets::Include },
        width: if to_terminal { terminal_width() } else { 0 },
        sarif_limit: args.sarif_limit,
        group_by: args.group_by.map(|by| match by {
            GroupByArg::Author => GroupBy::Author,
            GroupByArg::Container => GroupBy::Container,
            #[cfg(feature = "identity")]
            GroupByArg::Identity => GroupBy::Identity,
        }),
    }
}

fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(width, _)| usize::from(width.0))
}

/// Splits `FILE:LINE`; the file may have colons in its name.
pub(super) fn file_and_line(place: &str) -> anyhow::Result<(PathBuf, u64)> {
    let parts = place.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
    match parts {
        Some((path, line)) if line > 0 && !path.is_empty() => Ok((PathBuf::from(path), line)),
        _ => anyhow::bail!("`--explain {place}`: write FILE:LINE, for example src/main.rs:12"),
    }
}
