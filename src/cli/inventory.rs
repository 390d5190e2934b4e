//! `unleak inventory` and `unleak fingerprint`: what may be typed, and what it means.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::store_args::StoreArgs;
use crate::{
    commands::{
        Env, ExitCode,
        fingerprint::{self, FingerprintSettings, SecretInput},
        inventory::{self, ConsumerSettings, InventorySettings, TableFormat},
    },
    source::FileOptions,
};

#[derive(Debug, Subcommand)]
pub(super) enum InventoryCommand {
    /// Take exports into the store: what is new, what changed, and (of complete ones) what vanished.
    Import {
        /// Exports; - is standard input.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        options: ReadOptions,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List identities and credentials, with owner, status and last use.
    List {
        #[command(flatten)]
        read: ReadArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show everything that is said of one thing.
    Show {
        /// Its id, name or public id (an access key id, say).
        id: String,
        #[command(flatten)]
        read: ReadArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Compare two exports of one source, or show what the last imports changed in the store.
    ///
    /// Exit code: 0 no difference, 1 a difference, 2 could not run, 3 no difference but something could not be read.
    Diff {
        /// The earlier export. Default: what the store says.
        #[arg(requires = "after")]
        before: Option<PathBuf>,
        /// The later export.
        after: Option<PathBuf>,
        /// What this import changed.
        #[arg(long, value_name = "ID", conflicts_with = "before")]
        snapshot: Option<String>,
        #[command(flatten)]
        options: ReadOptions,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List who owns what, and who says so.
    Owners {
        #[command(flatten)]
        read: ReadArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write what exports say in one notation: one JSON record per line, or the lines of `list` as CSV or a table.
    Export {
        #[command(flatten)]
        read: ReadArgs,
        /// How to write it.
        #[arg(short, long, value_enum, default_value_t = FormatArg::Json)]
        format: FormatArg,
        /// Write to this file, whole or not at all.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// List who asks for which secret by name: variables, workflows, manifests, Terraform, Helm.
    Consumers {
        /// Files and directories.
        #[arg(default_value = ".")]
        paths: Vec<PathBuf>,
        /// The repository they belong to, as ORG/NAME. Default: the directory's name.
        #[arg(long, value_name = "ORG/NAME")]
        repository: Option<String>,
        /// Leave out what this glob names (may be given more than once).
        #[arg(long, value_name = "GLOB")]
        exclude: Vec<String>,
        /// Write records, one JSON object per line.
        #[arg(long, conflicts_with = "format")]
        records: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the kinds of export that can be read.
    Formats {
        #[command(flatten)]
        format: FormatArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    /// Exports; - is standard input. Default: what the store says.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    options: ReadOptions,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How exports are read")]
pub(super) struct ReadOptions {
    #[command(flatten)]
    store: StoreArgs,
    /// Read them as this kind of export. Default: by the shape of each.
    #[arg(long = "as", value_name = "NAME")]
    importer: Option<String>,
    /// The account, organisation, cluster or repository they speak of, where they don't say so themselves.
    #[arg(long, value_name = "TEXT")]
    scope: Option<String>,
    /// When they were made, where they don't say so themselves.
    #[arg(long, value_name = "TIME")]
    taken_at: Option<String>,
    /// They have everything there is in their scope: what they lack is gone.
    #[arg(long, conflicts_with = "partial")]
    complete: bool,
    /// They have only a part: nothing follows from what they lack.
    #[arg(long)]
    partial: bool,
    /// Make fingerprints of secret values that stand in them, before they are dropped.
    #[arg(long)]
    fingerprint: bool,
    /// Columns of a generic table: NAME = "Column" pairs in TOML or JSON.
    #[arg(long, value_name = "FILE")]
    columns: Option<PathBuf>,
    /// File with the keys of the fingerprints, the current one first.
    #[arg(long, value_name = "FILE")]
    fingerprint_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// How to write it.
    #[arg(short, long, value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum FormatArg {
    Table,
    Json,
    Csv,
}

impl From<FormatArg> for TableFormat {
    fn from(format: FormatArg) -> TableFormat {
        match format {
            FormatArg::Table => TableFormat::Table,
            FormatArg::Json => TableFormat::Json,
            FormatArg::Csv => TableFormat::Csv,
        }
    }
}

impl From<FormatArgs> for TableFormat {
    fn from(args: FormatArgs) -> TableFormat {
        args.format.into()
    }
}

#[derive(Debug, Args)]
pub(super) struct FingerprintArgs {
    /// Files of secrets; - is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
    /// How they are written.
    #[arg(long, value_enum, default_value_t = InputArg::Auto)]
    input: InputArg,
    /// Where the secrets live, such as kv/billing. Default: the file's name.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// File with the key, 64 hexadecimal digits. Default: UNLEAK_FINGERPRINT_KEY, what UNLEAK_FINGERPRINT_KEY_COMMAND prints, the key
    /// that UNLEAK_FINGERPRINT_KEYRING names in the kernel's keyring, else one of your own that is made once.
    #[arg(long, value_name = "FILE")]
    fingerprint_key: Option<PathBuf>,
    /// Put a new key in front of the old ones instead. Old fingerprints match until the secrets are read again.
    #[arg(long, conflicts_with_all = ["files", "input", "source", "output"])]
    rotate_key: bool,
    /// Write to this file, whole or not at all.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InputArg {
    /// By its look.
    Auto,
    /// One secret per line.
    Lines,
    /// NAME=value lines.
    Env,
    /// JSON of any shape, such as an answer of OpenBao.
    Json,
}

fn settings(files: Vec<PathBuf>, options: ReadOptions) -> InventorySettings {
    InventorySettings {
        files,
        store: options.store.choice(),
        importer: options.importer,
        scope: options.scope,
        taken_at: options.taken_at,
        complete: if options.complete { Some(true) } else { options.partial.then_some(false) },
        fingerprint_values: options.fingerprint,
        columns: options.columns,
        fingerprint_key: options.fingerprint_key,
    }
}

pub(super) fn run(command: InventoryCommand, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    Ok(match command {
        InventoryCommand::Import { files, options, format } => {
            inventory::import(&settings(files, options), format.into(), env)?
        }
        InventoryCommand::List { read, format } => {
            inventory::list(&settings(read.files, read.options), format.into(), env)?
        }
        InventoryCommand::Show { id, read, format } => {
            inventory::show(&id, &settings(read.files, read.options), format.into(), env)?
        }
        InventoryCommand::Diff { before, after, snapshot, options, format } => {
            let settings = settings(Vec::new(), options);
            match (before, after) {
                (Some(before), Some(after)) => inventory::diff([before, after], &settings, format.into(), env)?,
                _ => inventory::diff_of_store(snapshot.as_deref(), &settings, format.into(), env)?,
            }
        }
        InventoryCommand::Owners { read, format } => {
            inventory::owners(&settings(read.files, read.options), format.into(), env)?
        }
        InventoryCommand::Export { read, format, output } => {
            inventory::export(&settings(read.files, read.options), format.into(), output.as_deref(), env)?
        }
        InventoryCommand::Consumers { paths, repository, exclude, records, format } => {
            let settings = ConsumerSettings {
                paths,
                files: FileOptions { exclude, ..FileOptions::default() },
                repository,
                threads: std::thread::available_parallelism().map_or(1, usize::from),
                records,
            };
            inventory::consumers(&settings, format.into(), env)?
        }
        InventoryCommand::Formats { format } => inventory::formats(format.into(), env)?,
    })
}

pub(super) fn fingerprint(args: FingerprintArgs, env: &mut Env<'_>) -> anyhow::Result<ExitCode> {
    if args.rotate_key {
        return Ok(fingerprint::rotate_key(args.fingerprint_key.as_deref(), env)?);
    }
    let settings = FingerprintSettings {
        files: args.files,
        input: match args.input {
            InputArg::Auto => SecretInput::Auto,
            InputArg::Lines => SecretInput::Lines,
            InputArg::Env => SecretInput::Env,
            InputArg::Json => SecretInput::Json,
        },
        source: args.source,
        key: args.fingerprint_key,
        output: args.output,
    };
    Ok(fingerprint::run(&settings, env)?)
}
