//! JUDGEMENT: a set of releases in one word, so that a document is walked once for all of them. No decisions here.

/// Releases by their position in the knowledge's list; 64 at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Releases(u64);

impl Releases {
    /// None.
    pub(crate) const NONE: Self = Self(0);

    /// The release at a position alone; none where the position is past the 64th.
    pub(crate) fn only(position: usize) -> Self {
        u32::try_from(position)
            .ok()
            .and_then(|position| 1_u64.checked_shl(position))
            .map_or(Self::NONE, Self)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) fn has(self, position: usize) -> bool {
        !self.and(Self::only(position)).is_empty()
    }

    /// Positions, oldest release first.
    pub(crate) fn positions(self) -> impl DoubleEndedIterator<Item = usize> {
        (0..64_usize).filter(move |position| self.has(*position))
    }
}
