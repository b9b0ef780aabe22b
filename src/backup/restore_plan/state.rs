//! SETS: what a row says of its run: that it goes on, or that it ended. Pure.

/// States after which a run does nothing more; `DONE` and `DISABLED` are words of 1.x.
const FINAL: [&str; 7] = [
    "SUCCEEDED",
    "DONE",
    "SKIPPED",
    "FAILED",
    "ERROR",
    "CANCELED",
    "DISABLED",
];

/// Whether a row's state means that the run goes on: every state that the server does not take for final, in either
/// generation of its words (kubeflow/pipelines 2.16.1, `backend/src/apiserver/model/run.go`). `conditions` is asked where
/// `state` is empty, as the server does for rows of 1.x.
#[must_use]
pub fn is_unfinished(state: Option<&str>, conditions: Option<&str>) -> bool {
    let said = [state, conditions]
        .into_iter()
        .flatten()
        .find(|said| !said.trim().is_empty())
        .unwrap_or_default();
    !FINAL.iter().any(|last| said.trim().eq_ignore_ascii_case(last))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("RUNNING"), None, true)]
    #[case(Some("PENDING"), None, true)]
    #[case(Some("CANCELING"), None, true)]
    #[case(Some("PAUSED"), None, true)]
    #[case(Some("SUCCEEDED"), Some("Succeeded"), false)]
    #[case(Some("FAILED"), None, false)]
    #[case(Some("SKIPPED"), None, false)]
    #[case(Some("CANCELED"), None, false)]
    #[case::of_1x(Some(""), Some("Running"), true)]
    #[case::of_1x_that_ended(None, Some("Error"), false)]
    #[case::nothing_is_said(None, None, true)]
    fn a_state_is_final_or_not(
        #[case] state: Option<&str>,
        #[case] conditions: Option<&str>,
        #[case] unfinished: bool,
    ) {
        assert_eq!(is_unfinished(state, conditions), unfinished);
    }
}
