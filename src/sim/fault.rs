//! PROOF: what can go wrong in one pass.

/// Faults of one pass; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Looks that fail, one bit each.
    pub blind: u64,
    /// The pass thinks about what the pass before saw, as a cache that lags makes it.
    pub stale: bool,
    /// The operator dies before the action of this index, or in the middle of it.
    pub crash: Option<usize>,
    /// Objects of that action which are still carried out.
    pub crash_after: usize,
    /// Actions that are carried out and whose answer is lost, one bit each.
    pub lost: u32,
    /// Actions that are refused, one bit each.
    pub refused: u32,
}

impl Faults {
    pub(crate) fn is_blind(&self, look: u32) -> bool {
        self.blind & (1_u64.checked_shl(look).unwrap_or_default()) != 0
    }

    pub(crate) fn hits(mask: u32, action: usize) -> bool {
        u32::try_from(action).is_ok_and(|action| mask & 1_u32.checked_shl(action).unwrap_or_default() != 0)
    }

    /// No fault at all.
    #[must_use]
    pub fn none(&self) -> bool {
        *self == Self::default()
    }
}
