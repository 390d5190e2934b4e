//! Work that threads hand to threads that have none.

use std::sync::{
    Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

/// Tasks given away by busy threads. It holds no more of them than there are idle threads.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    /// Idle threads for which there is no task yet. A hint that busy threads look at between objects.
    hungry: AtomicUsize,
    threads: usize,
}

struct State<T> {
    tasks: Vec<T>,
    idle: usize,
    is_over: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(threads: usize) -> Queue<T> {
        let state = Mutex::new(State { tasks: Vec::new(), idle: 0, is_over: false });
        Queue { state, wake: Condvar::new(), hungry: AtomicUsize::new(0), threads }
    }

    /// Does a thread wait for work?
    pub(super) fn is_hungry(&self) -> bool {
        self.hungry.load(Ordering::Relaxed) > 0
    }

    /// Gives a task away.
    pub(super) fn give(&self, task: T) {
        let mut state = self.lock();
        state.tasks.push(task);
        self.note(&state);
        self.wake.notify_one();
    }

    /// Waits for a task; `None` when all threads wait, for then there won't be another.
    pub(super) fn next(&self) -> Option<T> {
        let mut state = self.lock();
        state.idle += 1;
        loop {
            if let Some(task) = state.tasks.pop() {
                state.idle -= 1;
                self.note(&state);
                return Some(task);
            }
            if state.is_over || state.idle == self.threads {
                state.is_over = true;
                self.wake.notify_all();
                return None;
            }
            self.note(&state);
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends all threads home: one of them panicked.
    pub(super) fn abandon(&self) {
        self.lock().is_over = true;
        self.wake.notify_all();
    }

    fn note(&self, state: &State<T>) {
        self.hungry.store(state.idle.saturating_sub(state.tasks.len()), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends all threads home when the one that holds it panics: they would wait for it for ever.
pub(super) struct SendHome<'q, T>(pub(super) &'q Queue<T>);

impl<T> Drop for SendHome<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}
