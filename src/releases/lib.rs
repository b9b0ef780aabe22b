//! FACTS: every KFP release and every allowed hop, as data files and their invariants. No I/O, no clock.
