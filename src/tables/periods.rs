//! Days, weeks and months of times, as names that sort by time.

use clap::ValueEnum;
use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    /// ISO 8601: from Monday; the first week of a year has its first Thursday.
    Week,
    Month,
}

impl Period {
    /// The shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The period that a time is in: 2026-01-05, 2026-W02 or 2026-01. The time is a date, or a date and a time as in RFC 3339; the date counts
    /// as it is written, in whatever time zone that is. None if it is no time.
    pub fn of(self, time: &str) -> Option<String> {
        let (date, rest) = time.trim().split_at_checked(10)?;
        if !(rest.is_empty() || rest.starts_with(['T', 't', ' '])) {
            return None;
        }
        Some(self.of_date(date.parse().ok()?))
    }

    /// The period that a date is in.
    pub fn of_date(self, date: Date) -> String {
        match self {
            Self::Day => date.to_string(),
            Self::Week => {
                let week = date.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
        }
    }

    /// The first day of the period of this name, and the first day after it.
    pub fn days(self, name: &str) -> Option<(Date, Date)> {
        let (first, length) = match self {
            Self::Day => (name.parse().ok()?, 1.days()),
            Self::Week => {
                let (year, week) = name.split_once("-W")?;
                let monday = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
                (monday.date(), 1.weeks())
            }
            Self::Month => (format!("{name}-01").parse().ok()?, 1.months()),
        };
        Some((first, first.checked_add(length).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fall_into_days_weeks_and_months() {
        let of = |period: Period, time| period.of(time).unwrap_or_default();
        assert_eq!(of(Period::Day, "2026-01-05T23:59:59.5+02:00"), "2026-01-05");
        assert_eq!(of(Period::Week, "2026-01-01"), "2026-W01");
        assert_eq!(of(Period::Week, "2027-01-01 00:00:00"), "2026-W53");
        assert_eq!(of(Period::Month, "2026-01-05"), "2026-01");
        for bad in ["", "2026", "2026-13-01", "5 January 2026", "2026-01-05x", "1700000000"] {
            assert_eq!(Period::Month.of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_name_gives_its_days_back() {
        let days = |period: Period, name| period.days(name).map(|(first, next)| format!("{first} {next}"));
        assert_eq!(days(Period::Day, "2026-12-31").as_deref(), Some("2026-12-31 2027-01-01"));
        assert_eq!(days(Period::Week, "2026-W01").as_deref(), Some("2025-12-29 2026-01-05"));
        assert_eq!(days(Period::Month, "2024-02").as_deref(), Some("2024-02-01 2024-03-01"));
        for (period, bad) in [(Period::Day, "2026-W01"), (Period::Week, "2025-W53"), (Period::Month, "2026-13")] {
            assert_eq!(days(period, bad), None, "{bad}");
        }
    }
}
