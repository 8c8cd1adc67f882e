use tokio::sync::Notify;

/// How a quota calls its [`Keeper`](super::Keeper).
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// More is wanted than is held.
    pub(super) more: Notify,
    /// There is something that others are to know at once.
    pub(super) news: Notify,
    /// It is to keep nothing any more.
    pub(super) end: Notify,
}

// ===== impl Wanted =====

impl Wanted {
    /// More is wanted, unless there is no more.
    pub(crate) fn more(&self) {
        self.more.notify_one();
    }

    /// The store is to be told something in any case.
    pub(crate) fn news(&self) {
        self.news.notify_one();
    }
}
