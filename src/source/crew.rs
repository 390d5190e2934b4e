//! The threads of a source and the work they share.

use std::{
    path::PathBuf,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use super::{Plan, Receiver, window::Window};
use crate::model::{Problem, ProblemKind, Provenance};

/// Makes receivers, one per thread.
pub(super) type MakeReceiver<'m, 'r> = &'m (dyn Fn() -> Box<dyn Receiver + 'r> + Sync);

/// What one thread owns: its receiver and the buffers that it reuses from blob to blob.
pub(super) struct Worker<'r> {
    pub(super) receiver: Box<dyn Receiver + 'r>,
    pub(super) window: Window,
    /// The path at hand, as the user could open it.
    pub(super) path: PathBuf,
    /// The same without symbolic links; kept only while somebody asks for it.
    pub(super) real: PathBuf,
    /// Directory entries as the kernel packs them.
    pub(super) entries: Vec<u8>,
}

impl<'r> Worker<'r> {
    fn new(plan: &Plan<'_>, make: MakeReceiver<'_, 'r>) -> Worker<'r> {
        Worker {
            receiver: make(),
            window: Window::new(plan.overlap),
            path: PathBuf::new(),
            real: PathBuf::new(),
            entries: Vec::new(),
        }
    }

    /// Reports that the path at hand was not scanned, or not in full.
    pub(super) fn problem(&mut self, kind: ProblemKind, message: impl Into<String>) {
        let provenance = Provenance::File(self.path.clone());
        self.receiver.problem(Problem { provenance, kind, message: message.into() });
    }

    /// Adds the time since `started` to the reading time; nothing if the run isn't timed.
    pub(super) fn lap(&mut self, started: Option<Instant>) {
        if let Some(started) = started {
            self.receiver.stats().times.read += started.elapsed();
        }
    }
}

/// The moment at which reading starts, if the run is timed.
pub(super) fn start_clock(plan: &Plan<'_>) -> Option<Instant> {
    plan.timed.then(Instant::now)
}

/// All threads of one run. Threads come and go with each job, their workers stay, so that each thread has exactly
/// one receiver over the whole run.
pub(super) struct Crew<'a, 'r> {
    plan: &'a Plan<'a>,
    make: MakeReceiver<'a, 'r>,
    workers: Vec<Option<Worker<'r>>>,
}

impl<'a, 'r> Crew<'a, 'r> {
    /// Starts nothing yet.
    pub(super) fn new(plan: &'a Plan<'a>, make: MakeReceiver<'a, 'r>) -> Crew<'a, 'r> {
        Crew { plan, make, workers: (0..plan.threads.max(1)).map(|_| None).collect() }
    }

    /// The worker of the calling thread.
    pub(super) fn first(&mut self) -> &mut Worker<'r> {
        self.workers[0].get_or_insert_with(|| Worker::new(self.plan, self.make))
    }

    /// How many threads a job may have.
    pub(super) fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Runs `job` on so many threads, the calling one included, and waits for all. `absent` is called for each thread
    /// that the operating system refused to start; the others do its share.
    pub(super) fn run(&mut self, threads: usize, job: impl Fn(&mut Worker<'r>) + Sync, absent: impl Fn()) {
        let (plan, make, job) = (self.plan, self.make, &job);
        let Some((first, others)) = self.workers[..threads].split_first_mut() else { return };
        thread::scope(|scope| {
            for slot in others {
                let work = move || job(slot.get_or_insert_with(|| Worker::new(plan, make)));
                if thread::Builder::new().name("unleak-scan".to_owned()).spawn_scoped(scope, work).is_err() {
                    absent();
                }
            }
            job(first.get_or_insert_with(|| Worker::new(plan, make)));
        });
    }
}

/// Work that makes more work. Each thread keeps what it finds in a stack of its own (so that a tree is walked depth
/// first and few paths wait) and gives some of it away only when another thread has none.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    /// Copy of [`State::waiting`] that is read without the lock.
    hungry: AtomicUsize,
}

#[derive(Debug)]
struct State<T> {
    tasks: Vec<T>,
    waiting: usize,
    threads: usize,
    is_done: bool,
}

impl<T> Queue<T> {
    /// A queue for `threads` threads with something to begin with.
    pub(super) fn new(threads: usize, tasks: Vec<T>) -> Queue<T> {
        let state = State { tasks, waiting: 0, threads, is_done: false };
        Queue { state: Mutex::new(state), wake: Condvar::new(), hungry: AtomicUsize::new(0) }
    }

    /// Works until no thread has work left. `work` may push further tasks.
    pub(super) fn work_off(&self, mut work: impl FnMut(T, &mut Vec<T>)) {
        let _guard = StopOnPanic(self);
        let mut own = Vec::new();
        while let Some(task) = own.pop().or_else(|| self.take()) {
            work(task, &mut own);
            self.share(&mut own);
        }
    }

    /// Does another thread wait for work?
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Gives the older half of `own` away if another thread waits for it.
    pub(super) fn share(&self, own: &mut Vec<T>) {
        if own.is_empty() || !self.is_hungry() {
            return;
        }
        let half = own.len().div_ceil(2);
        lock(&self.state).tasks.extend(own.drain(..half));
        self.wake.notify_all();
    }

    /// One thread fewer takes part than was said.
    pub(super) fn retire_one(&self) {
        let mut state = lock(&self.state);
        state.threads -= 1;
        state.is_done |= state.waiting >= state.threads;
        self.wake.notify_all();
    }

    /// Waits for a task; `None` when all threads wait.
    fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        loop {
            if state.is_done {
                return None;
            }
            if let Some(task) = state.tasks.pop() {
                return Some(task);
            }
            state.waiting += 1;
            self.hungry.store(state.waiting, Ordering::Relaxed);
            if state.waiting >= state.threads {
                state.is_done = true;
                self.wake.notify_all();
                return None;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            self.hungry.store(state.waiting, Ordering::Relaxed);
        }
    }
}

/// A receiver that panics must not leave the other threads waiting for its thread.
struct StopOnPanic<'q, T>(&'q Queue<T>);

impl<T> Drop for StopOnPanic<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.state).is_done = true;
            self.0.wake.notify_all();
        }
    }
}

/// Locks `mutex` even if a thread panicked while it held it: what it guards here is never left half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Queue;

    #[test]
    fn every_task_is_done_once_and_all_threads_end() {
        for threads in 1..=4 {
            let queue = Queue::new(threads, vec![1_u64 << 12]);
            let leaves = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        queue.work_off(|size, own| match size {
                            1 => {
                                leaves.fetch_add(1, Ordering::Relaxed);
                            }
                            _ => own.extend([size / 2, size / 2]),
                        });
                    });
                }
            });
            assert_eq!(leaves.into_inner(), 1 << 12);
        }
    }

    #[test]
    fn a_panicking_thread_frees_the_others() {
        let queue = Queue::new(3, vec![()]);
        let result = std::panic::catch_unwind(|| {
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| queue.work_off(|(), _| panic!("expected in this test")));
                }
            });
        });
        assert!(result.is_err());
    }
}
