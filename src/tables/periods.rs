//! Days, weeks and months of times, as names that sort by time.

use jiff::civil::Date;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    /// ISO 8601: from Monday; the first week of a year has its first Thursday.
    Week,
    Month,
}

impl Period {
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            "month" => Some(Self::Month),
            _ => None,
        }
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
        let date: Date = date.parse().ok()?;
        Some(match self {
            Self::Day => date.to_string(),
            Self::Week => {
                let week = date.iso_week_date();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{:04}-{:02}", date.year(), date.month()),
        })
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
}
