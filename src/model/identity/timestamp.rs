use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, to the millisecond. Printed and serialised by RFC 3339 in UTC, such as `2024-05-02T13:37:00Z`; milliseconds
/// are shown only if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01T00:00:00Z; may be negative.
    pub millis: i64,
}

const DAY: i64 = 86_400;
/// From year 1 to year 9999: beyond them RFC 3339 has no form.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

impl Timestamp {
    /// A moment from seconds since 1970. `None` outside of the years 1 to 9999.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Option<Timestamp> {
        RANGE.contains(&seconds).then(|| Timestamp { millis: seconds * 1000 })
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.millis.div_euclid(1000)
    }

    /// Its day in UTC, as `2024-05-02`.
    #[must_use]
    pub fn day(self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find('T').unwrap_or(text.len()));
        text
    }

    /// Reads what exports write: RFC 3339 with `T` or a space, with or without seconds, fraction and offset (`Z`, `+00`,
    /// `+0000`, `+00:00`, ` UTC`; none means UTC), and plain dates, which mean midnight. `None` for all else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let text = text.trim();
        let (date, rest) = (text.get(..10)?, text.get(10..)?);
        let mut parts = date.split('-').map(digits);
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if parts.next().is_some() || date.as_bytes()[4] != b'-' || !is_day(year, month, day) {
            return None;
        }
        let midnight = days(year, month, day) * DAY;
        let (seconds, fraction) =
            if rest.is_empty() { (0, 0) } else { time_of_day(rest.strip_prefix(['T', 't', ' '])?)? };
        let moment = Timestamp::from_seconds(midnight + seconds)?;
        Some(Timestamp { millis: moment.millis + fraction })
    }
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())?
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=last).contains(&day)
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; years are taken to begin in March, so that the day that may
/// be missing is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// Seconds since midnight UTC (may be negative or beyond a day) and milliseconds.
fn time_of_day(text: &str) -> Option<(i64, i64)> {
    let end = text.find(['Z', 'z', '+', '-', ' ']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let mut parts = clock.split(':').map(digits);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    // A leap second is taken for the one after it.
    if parts.next().is_some() || hour > 24 || minute > 59 || second > 60 || fraction.len() > 12 {
        return None;
    }
    let shown: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some((hour * 3600 + minute * 60 + second - offset(zone.trim())?, digits(&shown)?))
}

/// Seconds that a zone's clock is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | "UTC" | "GMT") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let zone = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match (zone.split_once(':'), zone.len()) {
        (Some((hours, minutes)), _) => (hours, minutes),
        (None, 4) => zone.split_at_checked(2)?,
        (None, _) => (zone, "0"),
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= 15 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        if !RANGE.contains(&seconds) {
            return write!(f, "{}ms", self.millis);
        }
        let (day, clock) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let shifted = day + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", clock / 3600, clock / 60 % 60, clock % 60)?;
        match self.millis.rem_euclid(1000) {
            0 => f.write_str("Z"),
            millis => write!(f, ".{millis:03}Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not a time by RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_of_all_notations_are_read() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2024-05-02T13:37:00Z", 1_714_657_020),
            ("2024-05-02T13:37:00+00:00", 1_714_657_020),
            ("2024-05-02T15:37:00+02:00", 1_714_657_020),
            ("2024-05-02 06:37:00-07", 1_714_657_020),
            ("2024-05-02T13:37Z", 1_714_657_020),
            ("2024-05-02 13:37:00 UTC", 1_714_657_020),
            ("2024-02-29", 1_709_164_800),
            ("0001-01-01", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(Timestamp::parse(text).map(Timestamp::seconds), Some(seconds), "{text}");
        }
        assert_eq!(Timestamp::parse("2024-05-02T13:37:00.5Z").map(|t| t.millis % 1000), Some(500));
        let wrong = [
            "",
            "N/A",
            "no_information",
            "2023-02-29",
            "2024-13-01",
            "2024-05-02T",
            "2024-05-02X10:00",
            "20240502",
            "2024-05-02T10",
            "éééééééé",
            "2024-05-02T10:00:00+99:00",
            "0000-01-01",
        ];
        for text in wrong {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_printed_is_read_again() {
        for day in (-719_162..2_932_896).step_by(97) {
            for clock in [0, 1, 86_399] {
                let time = Timestamp::from_seconds(day * 86_400 + clock).expect("in range");
                assert_eq!(Timestamp::parse(&time.to_string()), Some(time), "{time}");
            }
        }
        assert_eq!(Timestamp { millis: 1_714_657_020_250 }.to_string(), "2024-05-02T13:37:00.250Z");
        assert_eq!(Timestamp { millis: -1 }.to_string(), "1969-12-31T23:59:59.999Z");
    }
}
