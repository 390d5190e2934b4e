//! `unleak report`: what may be typed, and what it means.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::store_args::StoreArgs;
use crate::{
    commands::{
        Env, ExitCode,
        report::{self, By, ReportSettings},
    },
    model::Severity,
    report::pages::{self, PAGE_FORMATS},
    store::{FindingFilter, FindingState},
};

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// What findings are put together by.
    #[arg(long, value_enum)]
    by: ByArg,
    /// How pages are written.
    #[arg(short, long, default_value = "human",
          value_parser = clap::builder::PossibleValuesParser::new(PAGE_FORMATS.iter().map(|format| format.name)))]
    format: String,
    /// Write a file for each page, and one that lists them, into this directory.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Only findings of this severity or a higher one.
    #[arg(long, value_name = "SEVERITY")]
    min_severity: Option<Severity>,
    /// Findings that are resolved, dismissed or excepted, too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ByArg {
    /// Each person and team that answers for something.
    Owner,
    /// Each identity.
    Identity,
    /// Each team.
    Team,
}

pub(super) fn run(args: ReportArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    use FindingState::{Linked, Open, Regressed, Rotating};
    let settings = ReportSettings {
        by: match args.by {
            ByArg::Owner => By::Owner,
            ByArg::Identity => By::Identity,
            ByArg::Team => By::Team,
        },
        filter: FindingFilter {
            states: if args.all { Vec::new() } else { vec![Open, Linked, Rotating, Regressed] },
            min_severity: args.min_severity,
            ..FindingFilter::default()
        },
        format: pages::find(&args.format).ok_or_else(|| anyhow::anyhow!("clap lets only known formats through"))?,
        output: args.output,
        store: args.store.choice(),
    };
    Ok(report::report(&settings, env)?)
}
