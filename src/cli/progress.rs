use std::{
    io::IsTerminal as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::args;
use crate::engine::Progress;

/// A running progress display; dropping it clears the line.
pub(super) struct Display {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Shows progress on standard error if it is a terminal and the run takes time. Costs a thread that wakes ten times a
/// second.
pub(super) fn show(wanted: Option<args::Progress>, progress: &Arc<Progress>) -> Option<Display> {
    if wanted != Some(args::Progress::Auto) || !std::io::stderr().is_terminal() {
        return None;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, progress) = (Arc::clone(&stop), Arc::clone(progress));
    let thread = std::thread::spawn(move || {
        let style = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]").expect("a constant template");
        let bar = ProgressBar::new_spinner().with_style(style);
        while !stopped.load(Ordering::Relaxed) {
            let blobs = progress.blobs.load(Ordering::Relaxed);
            let bytes = indicatif::HumanBytes(progress.bytes.load(Ordering::Relaxed));
            let left = time_left(&progress, bar.elapsed()).map_or(String::new(), |left| format!(", {left} left"));
            bar.set_message(format!("{blobs} files, {bytes} scanned{left}"));
            bar.tick();
            std::thread::park_timeout(Duration::from_millis(100));
        }
        bar.finish_and_clear();
    });
    Some(Display { stop, thread: Some(thread) })
}

/// How long it may still take, going by what was expected and how fast it went. Says nothing in the first two seconds.
fn time_left(progress: &Progress, elapsed: Duration) -> Option<String> {
    let (done, expected) = (progress.bytes.load(Ordering::Relaxed), progress.expected.load(Ordering::Relaxed));
    if done == 0 || done >= expected || elapsed < Duration::from_secs(2) {
        return None;
    }
    let left = elapsed.mul_f64((expected - done) as f64 / done as f64);
    Some(indicatif::HumanDuration(Duration::from_secs(left.as_secs())).to_string())
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
