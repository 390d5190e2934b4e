//! Running git so that it ends when it is told to, with all that it started.

use std::{
    io::{self, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use zeroize::Zeroize as _;

/// How often it is looked whether git is done or the user wants to stop.
const POLL: Duration = Duration::from_millis(20);
/// How long git's messages are waited for when it has ended: a connection that it shares with later runs (SSH's
/// ControlPersist) may hold the pipe open for minutes.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// The end of git's messages that is kept.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// How it ended.
pub(super) enum End {
    Exited(ExitStatus, Vec<u8>),
    TimeLimit,
    Interrupted,
}

/// May git and what it starts talk to the terminal?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// No: it gets a process group of its own, that can be ended as a whole.
    Detached,
    /// Yes: it stays in ours, as no other may read from the terminal; Ctrl-C reaches it there.
    Shared,
}

/// Runs `command` to its end, the time limit, or the interrupt, whichever comes first. Nothing of it runs afterwards.
pub(super) fn run(
    mut command: Command,
    terminal: Terminal,
    time_limit: Option<Duration>,
    interrupt: &AtomicBool,
) -> io::Result<End> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    #[cfg(unix)]
    if terminal == Terminal::Detached {
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    let started = Instant::now();
    let mut running = Running { child: command.spawn()?, terminal, is_over: false };
    let messages = Messages::read(running.child.stderr.take());
    loop {
        if let Some(status) = running.child.try_wait()? {
            // What it left behind, if anything, goes with it.
            running.kill_group();
            running.is_over = true;
            return Ok(End::Exited(status, messages.collect()));
        }
        if interrupt.load(Ordering::Relaxed) {
            return Ok(End::Interrupted);
        }
        if time_limit.is_some_and(|limit| started.elapsed() >= limit) {
            return Ok(End::TimeLimit);
        }
        std::thread::sleep(POLL);
    }
}

/// A process that is killed, with its group, and waited for when dropped.
struct Running {
    child: Child,
    terminal: Terminal,
    is_over: bool,
}

impl Running {
    #[cfg(unix)]
    fn kill_group(&self) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if self.terminal == Terminal::Detached {
            let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
            // It may be empty by now.
            let _ = group.map(|group| kill_process_group(group, Signal::KILL));
        }
    }

    #[cfg(not(unix))]
    fn kill_group(&self) {}
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.kill_group();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// What comes out of a pipe, collected by a thread.
struct Messages {
    text: Arc<Mutex<Vec<u8>>>,
    done: mpsc::Receiver<()>,
}

impl Messages {
    fn read(pipe: Option<impl Read + Send + 'static>) -> Messages {
        let text = Arc::new(Mutex::new(Vec::new()));
        let (finish, done) = mpsc::channel();
        if let Some(pipe) = pipe {
            let text = Arc::clone(&text);
            std::thread::spawn(move || {
                keep_end(pipe, &text);
                let _ = finish.send(());
            });
        }
        Messages { text, done }
    }

    fn collect(self) -> Vec<u8> {
        let _ = self.done.recv_timeout(LAST_WORDS);
        std::mem::take(&mut *self.text.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps the last lines. A line that is cut goes as a whole: it could be the rest of a secret.
fn keep_end(mut pipe: impl Read, text: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    loop {
        let count = match pipe.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(&buffer[..count]);
        if text.len() > 2 * MAX_MESSAGE_BYTES {
            let cut = text.len() - MAX_MESSAGE_BYTES;
            let end = memchr::memchr(b'\n', &text[cut..]).map_or(text.len(), |line| cut + line + 1);
            text.drain(..end);
        }
    }
    buffer.zeroize();
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::{MAX_MESSAGE_BYTES, keep_end};

    #[test]
    fn endless_messages_are_cut_at_lines() {
        let said: Vec<u8> = (0..100_000).flat_map(|line| format!("line {line}\n").into_bytes()).collect();
        let kept = Mutex::new(Vec::new());
        keep_end(&said[..], &kept);
        let kept = kept.into_inner().unwrap();
        assert!(kept.len() <= 2 * MAX_MESSAGE_BYTES && kept.starts_with(b"line ") && said.ends_with(&kept));
        let kept = Mutex::new(Vec::new());
        keep_end(&vec![b'x'; 10 * MAX_MESSAGE_BYTES][..], &kept);
        assert!(kept.into_inner().unwrap().len() <= 2 * MAX_MESSAGE_BYTES);
    }
}
