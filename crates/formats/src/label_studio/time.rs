//! Times, as microseconds since 1970 UTC.

/// A time with its zone; None when it is not one.
pub fn micros(text: &str) -> Option<i64> {
    usual(text.as_bytes()).or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond))
}

/// What Label Studio writes: `2026-01-31T12:00:00.123456Z`. Anything else, and what is no such time, is left to the parser.
fn usual(text: &[u8]) -> Option<i64> {
    let (text, [b'Z']) = text.split_last_chunk()? else { return None };
    let (whole, fraction) = text.split_at_checked(19)?;
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] = whole else {
        return None;
    };
    let (year, month, day) = (number(&[y0, y1, y2, y3])?, number(&[m0, m1])?, number(&[d0, d1])?);
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[n0, n1])?, number(&[s0, s1])?);
    let micros = match fraction {
        [] => 0,
        [b'.', digits @ ..] if (1..=6).contains(&digits.len()) => number(digits)? * 10_i64.pow(6 - digits.len() as u32),
        _ => return None,
    };
    let is_time = year >= 1 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_time || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that a leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days_before_month = (month * 153 + 2) / 5;
    year * 365 + leap_days + days_before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<i64> {
        text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
    }

    #[test]
    fn every_day_is_where_the_parser_has_it() {
        for year in [1, 4, 99, 100, 400, 1899, 1900, 1969, 1970, 1999, 2000, 2023, 2024, 2026, 2100, 9998] {
            for month in 0..=13 {
                for day in 0..=32 {
                    let text = format!("{year:04}-{month:02}-{day:02}T23:59:07.5Z");
                    assert_eq!(usual(text.as_bytes()), parsed(&text), "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_unusual_means_what_the_parser_says() {
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.000001Z",
            "2026-01-31T12:00:00.120Z",
            "2026-01-31T12:00:00.123456789Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:60Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00+02:00",
            "2026-01-31T12:00:00",
            "2026-01-31",
            "0000-01-01T00:00:00Z",
            "2026-1-31T12:00:00Z",
            "２026-01-31T12:00:00Z",
            "Z",
            "",
        ] {
            assert_eq!(micros(text), parsed(text), "{text}");
        }
    }
}
