/// How a command ended, as its exit code says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Clean and complete.
    Clean,
    /// Findings at or above what `--fail-on` asks.
    Findings,
    /// It could not run.
    Failure,
    /// No such finding, but something was not scanned.
    Incomplete,
    /// It was interrupted.
    Interrupted,
}

impl ExitCode {
    /// The number for the operating system.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            ExitCode::Clean => 0,
            ExitCode::Findings => 1,
            ExitCode::Failure => 2,
            ExitCode::Incomplete => 3,
            ExitCode::Interrupted => 130,
        }
    }
}
