//! Any reader, standard input above all.

use std::{io::Read, sync::Mutex};

use super::{
    LargeBlob, Plan, Source,
    crew::{Crew, MakeReceiver, Worker, lock, start_clock},
    window::{Carry, Filled},
};
use crate::model::{Origin, Part, Problem, ProblemKind, Provenance};

/// Bytes that can only be read front to back, under a display name.
///
/// The threads take turns: whoever has nothing to do reads the next chunk into its own buffer and hands it over while
/// the next one reads. So all threads work on one stream, nothing is queued, and memory is bounded by the number of
/// threads. Reading uses the stream up: a second run finds it empty.
#[derive(Debug)]
pub struct Stream<R> {
    name: String,
    reader: Mutex<R>,
}

impl<R: Read + Send> Stream<R> {
    /// A source that yields one blob, called `name` in reports (such as `<stdin>`).
    pub fn new(name: impl Into<String>, reader: R) -> Stream<R> {
        Stream { name: name.into(), reader: Mutex::new(reader) }
    }
}

impl<R: Read + Send> Source for Stream<R> {
    fn run<'r>(&self, plan: &Plan<'_>, receiver: MakeReceiver<'_, 'r>) {
        let mut reader = lock(&self.reader);
        let mut crew = Crew::new(plan, receiver);
        let worker = crew.first();
        let mut turn =
            Turn { reader: &mut *reader, plan, name: &self.name, carry: Carry::default(), state: State::Flows };
        if !turn.read(worker) {
            return;
        }
        if !worker.window.has_more() {
            worker.receiver.blob(Origin::Named(&self.name), Part::Content, worker.window.filled());
            return;
        }
        let head = worker.window.filled().iter().copied().take(LargeBlob::HEAD).collect();
        let blob = LargeBlob { provenance: Provenance::Named(self.name.clone()), head };
        worker.receiver.chunk(&blob, worker.window.chunk());
        let turn = Mutex::new(turn);
        crew.run(crew.threads(), |worker| while Turn::next_chunk(&turn, worker, &blob) {}, || {});
    }
}

/// What the thread whose turn it is needs to read on.
struct Turn<'s, R> {
    reader: &'s mut R,
    plan: &'s Plan<'s>,
    name: &'s str,
    carry: Carry,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// More may come.
    Flows,
    /// The stream ended (or failed), but bytes that were read are still owned by nobody.
    Ended,
    /// Nothing is left to hand over.
    Done,
}

impl<R: Read> Turn<'_, R> {
    /// Reads and hands over one chunk. `false` when there is no further one.
    fn next_chunk(turn: &Mutex<Self>, worker: &mut Worker<'_>, blob: &LargeBlob) -> bool {
        let mut turn = lock(turn);
        if turn.state == State::Done {
            return false;
        }
        worker.window.resume(&turn.carry);
        if !turn.read(worker) {
            return false;
        }
        drop(turn);
        worker.receiver.chunk(blob, worker.window.chunk());
        true
    }

    /// Fills the worker's window and leaves to the next thread what it needs of it. `false` when interrupted.
    fn read(&mut self, worker: &mut Worker<'_>) -> bool {
        if self.plan.is_interrupted() {
            return self.stop(worker);
        }
        if self.state == State::Flows {
            let started = start_clock(self.plan);
            let filled = worker.window.fill(self.reader, self.plan);
            worker.lap(started);
            match filled {
                Ok(Filled::Full) => {}
                Ok(Filled::End) => self.state = State::Ended,
                Ok(Filled::Interrupted) => return self.stop(worker),
                Err(error) => {
                    self.state = State::Ended;
                    self.report(worker, ProblemKind::Io, error.to_string());
                }
            }
        }
        if worker.window.has_more() {
            worker.window.hand_on(&mut self.carry);
        } else {
            self.state = State::Done;
        }
        true
    }

    fn stop(&mut self, worker: &mut Worker<'_>) -> bool {
        self.state = State::Done;
        worker.window.reset();
        self.report(worker, ProblemKind::Interrupted, "interrupted before its end".to_owned());
        false
    }

    fn report(&self, worker: &mut Worker<'_>, kind: ProblemKind, message: String) {
        let provenance = Provenance::Named(self.name.to_owned());
        worker.receiver.problem(Problem { provenance, kind, message });
    }
}
