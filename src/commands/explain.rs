use std::{io::Write, path::Path};

use super::{
    CommandError, Env, ExitCode, output,
    scan::{Prepared, Purpose, ScanSettings},
};
use crate::{
    engine::{Candidate, Outcome, Rejection},
    model::{DisplayPath, Reason},
    report::without_secrets,
    source::{FileOptions, Files},
};

/// `unleak scan --explain FILE:LINE`: every candidate on a line, and why it was or wasn't a finding. Of the configuration,
/// which rules count, their severity and the least score do so; what it hides from a report is explained all the same.
/// The whole file is scanned: what is found on other lines is hidden on this one, too.
///
/// # Errors
/// If the rules, the file or the line can't be read, or the answer can't be written.
pub fn explain(path: &Path, line: u64, settings: &ScanSettings, env: &mut Env<'_>) -> Result<ExitCode, CommandError> {
    let Prepared { scanner, .. } = Prepared::new(settings, Purpose::Explanation, env)?;
    let shown = DisplayPath(path).to_string();
    let candidates =
        scanner.explain(path, line).map_err(|source| CommandError::Read { path: shown.clone(), source })?;
    let mut answer = Vec::new();
    let written = write_candidates(&shown, line, &candidates, &mut answer);
    written.map_err(|source| CommandError::Write { path: "the answer".to_owned(), source })?;
    let mut report = scanner.scan_source(&Files::new(vec![path.to_owned()], FileOptions::default())?);
    report.hidden.extend(scanner.secrets_in_paths([path]));
    let answer = without_secrets(&String::from_utf8_lossy(&answer), &report, &settings.report);
    output::write(settings.output.as_deref(), env, &|out| out.write_all(answer.as_bytes()))?;
    Ok(ExitCode::Clean)
}

fn write_candidates(path: &str, line: u64, candidates: &[Candidate], out: &mut dyn Write) -> std::io::Result<()> {
    if candidates.is_empty() {
        return writeln!(out, "{path}:{line}: no keyword of any rule stands here.");
    }
    for candidate in candidates {
        let column = candidate.column;
        match &candidate.outcome {
            Outcome::Found { score, reasons, context } => {
                writeln!(out, "{path}:{line}:{column}: {}: found, score {score}", candidate.rule)?;
                write_reasons(reasons, out)?;
                if !context.is_empty() {
                    writeln!(out, "    {context}")?;
                }
            }
            Outcome::Rejected(why) => {
                writeln!(out, "{path}:{line}:{column}: {}: rejected: {why}", candidate.rule)?;
                if let Rejection::Score { reasons, .. } = why {
                    write_reasons(reasons, out)?;
                }
            }
        }
    }
    Ok(())
}

fn write_reasons(reasons: &[Reason], out: &mut dyn Write) -> std::io::Result<()> {
    reasons
        .iter()
        .try_for_each(|reason| writeln!(out, "    {:+4}  {}: {}", reason.points, reason.feature, reason.detail))
}
