//! SETS: when a backup, or a drill, is due: five fields of cron, read on the clock of a time zone. Pure: the present is an
//! argument, and the rules of the time zones are part of the program, so that an image without files knows them too.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A cron expression in a time zone.
///
/// Around a change of the clock it does as Vixie cron: a time of day that the clock skips comes at once after the gap, one
/// that the clock shows twice comes the first time only; an expression with a wildcard in its hours or minutes follows the
/// hours as they pass.
#[derive(Clone, Debug)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why a schedule cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It is not cron.
    #[error(
        "the schedule {expression:?} is no cron expression: {why}; write minute, hour, day of month, month and day of week, such as \"30 2 * * *\""
    )]
    Cron {
        /// As it was given.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such zone.
    #[error(
        "there is no time zone {name:?}; name one of the IANA database, such as \"Europe/Berlin\", or \"UTC\""
    )]
    TimeZone {
        /// As it was given.
        name: String,
    },
    /// It names a day that no year has.
    #[error("the schedule {expression:?} never comes; see its day of month and its month")]
    Never {
        /// As it was given.
        expression: String,
    },
}

impl Schedule {
    /// Reads `cron` (five fields, or a nickname such as `@daily`), to be kept in `time_zone` (an IANA name).
    ///
    /// # Errors
    /// It is no cron expression, it never comes, or there is no such time zone.
    pub fn parse(cron: &str, time_zone: &str) -> Result<Self, ScheduleError> {
        let zone = zone(time_zone)?;
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let parsed = parser.parse(cron).map_err(|error| ScheduleError::Cron {
            expression: cron.to_owned(),
            why: why(&error),
        })?;
        let schedule = Self { cron: parsed, zone };
        // Whether a day ever comes depends on no time that is near: 29 February is the rarest.
        match schedule.next(Timestamp::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never {
                expression: cron.to_owned(),
            }),
        }
    }

    /// The time for which something is to be done at `now`: the newest time of the schedule that has come. None when
    /// nothing came after `last`, which is the time of the schedule that was heeded last, or, before there is one, when the
    /// schedule was set up.
    ///
    /// However many times were missed, the answer is one. Without any `last`, the newest time before `now` counts as missed.
    #[must_use]
    pub fn due(&self, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        let newest = self
            .cron
            .find_previous_occurrence(&now.to_zoned(self.zone.clone()), true)
            .ok()?
            .timestamp();
        (newest <= now && last.is_none_or(|last| newest > last)).then_some(newest)
    }

    /// The first time of the schedule after `after`. None beyond the last year that a calendar knows.
    #[must_use]
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.cron
            .find_next_occurrence(&after.to_zoned(self.zone.clone()), false)
            .ok()
            .map(|zoned| zoned.timestamp())
    }
}

/// The time zone of an IANA name.
///
/// # Errors
/// There is none of that name.
pub fn zone(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| ScheduleError::TimeZone {
            name: name.to_owned(),
        })
}

/// The parser's words without the names of its types.
fn why(error: &croner::errors::CronError) -> String {
    let text = error.to_string();
    let text = text
        .strip_prefix("Invalid pattern: ")
        .or_else(|| text.strip_prefix("Component error: "))
        .unwrap_or(&text);
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn schedule(cron: &str, zone: &str) -> Schedule {
        Schedule::parse(cron, zone).unwrap()
    }

    #[rstest]
    #[case::utc("0 2 * * *", "UTC", "2026-11-24T01:49:00Z", "2026-11-24T02:00:00Z")]
    #[case::not_the_present_itself("0 2 * * *", "UTC", "2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z")]
    #[case::a_fraction_of_a_second("0 2 * * *", "UTC", "2026-11-24T01:59:59.9Z", "2026-11-24T02:00:00Z")]
    #[case::winter("0 2 * * *", "Europe/Berlin", "2026-01-10T00:00:00Z", "2026-01-10T01:00:00Z")]
    #[case::summer("0 2 * * *", "Europe/Berlin", "2026-07-10T00:00:00Z", "2026-07-11T00:00:00Z")]
    #[case::west(
        "0 2 * * *",
        "America/New_York",
        "2026-07-10T00:00:00Z",
        "2026-07-10T06:00:00Z"
    )]
    #[case::half_hour_zone("0 2 * * *", "Asia/Kolkata", "2026-07-09T00:00:00Z", "2026-07-09T20:30:00Z")]
    #[case::nickname("@weekly", "UTC", "2026-11-24T00:00:00Z", "2026-11-29T00:00:00Z")]
    #[case::last_day_of_a_month("0 0 L * *", "UTC", "2027-02-01T00:00:00Z", "2027-02-28T00:00:00Z")]
    #[case::leap_day("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z")]
    #[case::sunday_is_seven_too("0 0 * * 7", "UTC", "2026-11-24T00:00:00Z", "2026-11-29T00:00:00Z")]
    // Berlin skips 02:00 to 03:00 on 2026-03-29, and has it twice on 2026-10-25.
    #[case::skipped("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z")]
    #[case::after_it("30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")]
    #[case::twice("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z")]
    #[case::not_the_second_one("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    #[case::hourly_follows_the_hours(
        "0 * * * *",
        "Europe/Berlin",
        "2026-10-25T00:00:00Z",
        "2026-10-25T01:00:00Z"
    )]
    fn a_time_comes_by_the_clock_of_its_zone(
        #[case] cron: &str,
        #[case] zone: &str,
        #[case] after: &str,
        #[case] next: &str,
    ) {
        assert_eq!(schedule(cron, zone).next(at(after)), Some(at(next)));
    }

    #[rstest]
    #[case::not_yet("2026-11-24T02:00:00Z", "2026-11-25T01:59:59Z", None)]
    #[case::on_the_dot("2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z", Some("2026-11-25T02:00:00Z"))]
    #[case::late("2026-11-24T02:00:00Z", "2026-11-25T09:00:00Z", Some("2026-11-25T02:00:00Z"))]
    #[case::three_missed_make_one(
        "2026-11-21T02:00:00Z",
        "2026-11-24T09:00:00Z",
        Some("2026-11-24T02:00:00Z")
    )]
    #[case::a_year_missed("2025-11-21T02:00:00Z", "2026-11-24T09:00:00Z", Some("2026-11-24T02:00:00Z"))]
    #[case::set_up_after_it("2026-11-24T03:00:00Z", "2026-11-24T09:00:00Z", None)]
    #[case::a_clock_set_back("2026-11-24T02:00:00Z", "2026-11-20T09:00:00Z", None)]
    fn what_was_missed_is_due_once(#[case] last: &str, #[case] now: &str, #[case] due: Option<&str>) {
        assert_eq!(
            schedule("0 2 * * *", "UTC").due(Some(at(last)), at(now)),
            due.map(at)
        );
    }

    #[test]
    fn the_first_is_due_when_nothing_was_heeded_before() {
        let due = schedule("0 2 * * *", "UTC").due(None, at("2026-11-24T09:00:00Z"));
        assert_eq!(due, Some(at("2026-11-24T02:00:00Z")));
    }

    #[test]
    fn a_skipped_time_is_due_after_the_gap_and_not_again() {
        let nightly = schedule("30 2 * * *", "Europe/Berlin");
        let gap = at("2026-03-29T01:00:00Z");
        assert_eq!(nightly.due(Some(at("2026-03-28T01:30:00Z")), gap), Some(gap));
        assert_eq!(nightly.due(Some(gap), at("2026-03-29T12:00:00Z")), None);
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_due_once() {
        let nightly = schedule("30 2 * * *", "Europe/Berlin");
        let first = at("2026-10-25T00:30:00Z");
        assert_eq!(nightly.due(Some(at("2026-10-24T00:30:00Z")), first), Some(first));
        assert_eq!(nightly.due(Some(first), at("2026-10-25T01:30:00Z")), None);
        assert_eq!(nightly.due(Some(first), at("2026-10-25T12:00:00Z")), None);
    }

    #[rstest]
    #[case::seconds("0 0 2 * * *", "UTC", "no cron expression")]
    #[case::too_few("0 2 * *", "UTC", "no cron expression")]
    #[case::empty("", "UTC", "no cron expression")]
    #[case::no_hour("0 24 * * *", "UTC", "no cron expression")]
    #[case::words("every night", "UTC", "no cron expression")]
    #[case::reboot("@reboot", "UTC", "no cron expression")]
    #[case::february_30("0 0 30 2 *", "UTC", "never comes")]
    #[case::no_zone("0 2 * * *", "Europe/Berlim", "no time zone \"Europe/Berlim\"")]
    #[case::offset("0 2 * * *", "+02:00", "no time zone")]
    #[case::path("0 2 * * *", "../etc/passwd", "no time zone")]
    #[case::zone_inside("0 2 * * * Europe/Berlin", "UTC", "no cron expression")]
    fn what_cannot_be_kept_is_refused_by_name(#[case] cron: &str, #[case] zone: &str, #[case] said: &str) {
        let error = Schedule::parse(cron, zone).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn an_error_says_what_to_write_instead() {
        let error = Schedule::parse("0 24 * * *", "UTC").unwrap_err();
        insta::assert_snapshot!(error);
    }

    const ZONES: &[&str] = &[
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Kolkata",
        "Africa/Casablanca",
    ];
    const CRONS: &[&str] = &[
        "30 2 * * *",
        "0 2 * * 0",
        "15 1,13 * * *",
        "*/20 * * * *",
        "5 */6 * * *",
        "0 3 1 * *",
        "59 1 * * 1-5",
        "0 0 L * *",
    ];

    proptest! {
        /// Whoever sleeps until the next time finds exactly that time due; whoever looks before it finds nothing.
        #[test]
        fn what_comes_next_is_what_is_due_then(
            second in 1_700_000_000_i64..2_000_000_000,
            zone in prop::sample::select(ZONES),
            cron in prop::sample::select(CRONS),
        ) {
            let schedule = schedule(cron, zone);
            let mut last = Timestamp::from_second(second).unwrap();
            for _ in 0..3 {
                let next = schedule.next(last).unwrap();
                prop_assert!(next > last);
                let before = next.checked_sub(jiff::SignedDuration::from_secs(1)).unwrap();
                prop_assert_eq!(schedule.due(Some(last), before), None);
                prop_assert_eq!(schedule.due(Some(last), next), Some(next));
                last = next;
            }
        }

        /// No text brings it down.
        #[test]
        fn any_text_is_a_schedule_or_an_error(cron in "[-0-9*/,LW#+?@a-zA-Z ]{0,24}", zone in "[A-Za-z/_+-]{0,16}") {
            let _ = Schedule::parse(&cron, &zone);
            let _ = Schedule::parse(&cron, "Europe/Berlin");
        }
    }
}
