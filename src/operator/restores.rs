//! LOOP: which KfpRestore gets a pass when, and what a pass does: look, decide the one next step, do it, say so. Every step is
//! derived again from the world, so that whoever comes after a crash goes on. Rows and objects are put back by the Job's
//! program alone; workloads are stopped and started by the installation's own passes.
