use smallvec::SmallVec;

/// Whom a request that waits would take, once they take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// Each member there is or will be.
    Anybody,
    Only(Places),
}

/// Some places of one version of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    version: u64,
    /// A bit for each, as far as there are any. Four words are 256 places without an allocation.
    bits: SmallVec<[u64; 4]>,
}

const WORD: usize = u64::BITS as usize;

// ===== impl Wants =====

impl Wants {
    pub(crate) fn nobody(version: u64) -> Self {
        Self::Only(Places::new(version))
    }

    /// True if it is one of these. Of places of another version nobody knows, and whoever may be wanted is.
    pub(crate) fn include(&self, place: usize, version: u64) -> bool {
        match self {
            Self::Anybody => true,
            Self::Only(places) => places.version != version || places.contains(place),
        }
    }

    /// Adds those that `others` wants.
    pub(crate) fn add(&mut self, others: &Self) {
        match (&mut *self, others) {
            (Self::Only(places), Self::Only(others)) if places.version == others.version => {
                places.add(others);
            }
            _ => *self = Self::Anybody,
        }
    }
}

// ===== impl Places =====

impl Places {
    pub(crate) fn new(version: u64) -> Self {
        Self {
            version,
            bits: SmallVec::new(),
        }
    }

    pub(crate) fn insert(&mut self, place: usize) {
        let word = place / WORD;
        if self.bits.len() <= word {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (place % WORD);
    }

    pub(crate) fn contains(&self, place: usize) -> bool {
        let word = self.bits.get(place / WORD);
        word.is_some_and(|word| word & (1 << (place % WORD)) != 0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.iter().all(|word| *word == 0)
    }

    fn add(&mut self, others: &Self) {
        if self.bits.len() < others.bits.len() {
            self.bits.resize(others.bits.len(), 0);
        }
        for (word, other) in self.bits.iter_mut().zip(&others.bits) {
            *word |= other;
        }
    }

    /// Takes out those that are wanted. True if there were any.
    pub(crate) fn take(&mut self, wants: &Wants) -> bool {
        let mut any = false;
        for (n, word) in self.bits.iter_mut().enumerate() {
            let wanted = match wants {
                Wants::Only(places) if places.version == self.version => {
                    places.bits.get(n).copied().unwrap_or_default()
                }
                Wants::Anybody | Wants::Only(_) => u64::MAX,
            };
            any |= *word & wanted != 0;
            *word &= !wanted;
        }
        any
    }
}
