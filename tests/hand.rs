//! PROOF (real API server): placeholder.
