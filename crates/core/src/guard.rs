use std::error::Error;

/// How something that was begun ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It came to its natural end.
    Complete,
    /// It ended with an error.
    Failed,
    /// It was dropped before its end: the client left, or somebody stopped waiting.
    Dropped,
}

/// Is told once how something ended.
pub trait Finish {
    /// The end, told exactly once.
    fn finish(self, end: End);
}

/// A [`Finish`] that also sees the data of a body as it passes, and the error that it ends with.
pub trait Watch<D>: Finish {
    /// The body is asked for its next frame, which may take many times of asking: what passes between a
    /// frame and the first time of asking for the next is the reader's time. The default ignores it.
    fn asked(&mut self) {}

    /// A data frame is about to be handed on. The default ignores it.
    fn data(&mut self, data: &D) {
        let _ = data;
    }

    /// The body has failed with `error`, which is about to be handed on; [`End::Failed`] is told next. The
    /// default ignores it.
    fn failed(&mut self, error: &(dyn Error + 'static)) {
        let _ = error;
    }
}

/// Holds a [`Finish`] and makes sure it is told exactly once: by [`finish`](Self::finish), or with
/// [`End::Dropped`] when the guard is dropped, in whichever state the future or body that holds it was.
///
/// The load of a deployment, its slot, its breaker's permit and its reservation are each a guard: it is made
/// when a request is admitted, rides in the response future, then in the response body.
#[derive(Debug)]
pub struct Guard<W: Finish> {
    watch: Option<W>,
    /// What it means that the guard is dropped.
    dropped: End,
}

impl<W: Finish> Guard<W> {
    /// Guards `watch`.
    #[must_use]
    pub const fn new(watch: W) -> Self {
        Self {
            watch: Some(watch),
            dropped: End::Dropped,
        }
    }

    /// The guarded value, or `None` once it has been told.
    pub const fn get_mut(&mut self) -> Option<&mut W> {
        self.watch.as_mut()
    }

    /// Takes the value back, which is then told nothing; `None` once it has been told.
    pub const fn take(&mut self) -> Option<W> {
        self.watch.take()
    }

    /// Hands what it guards on to a guard of its own, from a future to the body it ends with, say: this one
    /// tells nothing any more.
    #[must_use = "a guard that is dropped tells its end"]
    pub const fn hand_on(&mut self) -> Self {
        Self {
            watch: self.watch.take(),
            dropped: self.dropped,
        }
    }

    /// What it guards has come to this end, and is told so when the guard is dropped.
    pub(crate) const fn has_ended(&mut self, end: End) {
        self.dropped = end;
    }

    /// Tells the end. Later ends, the drop among them, are not told.
    pub fn finish(&mut self, end: End) {
        if let Some(watch) = self.watch.take() {
            watch.finish(end);
        }
    }
}

impl<W: Finish> Drop for Guard<W> {
    fn drop(&mut self) {
        self.finish(self.dropped);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::RefCell, rc::Rc};

    struct Ends(Rc<RefCell<Vec<End>>>);
    impl Finish for Ends {
        fn finish(self, end: End) {
            self.0.borrow_mut().push(end);
        }
    }

    #[test]
    fn the_end_is_told_once() {
        let ends = Rc::new(RefCell::new(Vec::new()));
        let mut guard = Guard::new(Ends(ends.clone()));
        guard.finish(End::Complete);
        guard.finish(End::Failed);
        drop(guard);
        assert_eq!(*ends.borrow(), [End::Complete]);
    }

    #[test]
    fn what_is_taken_back_is_told_nothing() {
        let ends = Rc::new(RefCell::new(Vec::new()));
        let mut guard = Guard::new(Ends(ends.clone()));
        assert!(guard.take().is_some());
        assert!(guard.take().is_none());
        drop(guard);
        assert!(ends.borrow().is_empty());
    }

    #[test]
    fn what_is_handed_on_is_told_by_whoever_has_it() {
        let ends = Rc::new(RefCell::new(Vec::new()));
        let mut guard = Guard::new(Ends(ends.clone()));
        let mut next = guard.hand_on();
        drop(guard);
        assert!(ends.borrow().is_empty());
        next.finish(End::Complete);
        assert_eq!(*ends.borrow(), [End::Complete]);
    }

    #[test]
    fn a_drop_is_an_end() {
        let ends = Rc::new(RefCell::new(Vec::new()));
        drop(Guard::new(Ends(ends.clone())));
        assert_eq!(*ends.borrow(), [End::Dropped]);
    }
}
