//! Times as exports have them.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::model::RecordTime;

/// A time of that text: RFC 3339, the forms that look like it, RFC 2822, or seconds, milliseconds or microseconds since
/// 1970. What has no zone gets no UTC form.
pub(super) fn parse(raw: &str) -> RecordTime {
    RecordTime { utc: utc(raw.trim()).map(|time| time.to_string()), raw: raw.to_owned() }
}

/// The same where times without a zone are known to be in UTC.
pub(super) fn parse_utc(raw: &str) -> RecordTime {
    let time = utc(raw.trim()).or_else(|| {
        let local: DateTime = raw.trim().trim_end_matches(" UTC").parse().ok()?;
        TimeZone::UTC.to_timestamp(local).ok()
    });
    RecordTime { utc: time.map(|time| time.to_string()), raw: raw.to_owned() }
}

/// The same for times that a system writes in a form of its own, which has a zone.
pub(super) fn parse_as(form: &str, raw: &str) -> RecordTime {
    RecordTime { utc: Timestamp::strptime(form, raw.trim()).ok().map(|time| time.to_string()), raw: raw.to_owned() }
}

/// The same for forms without a zone, where it is known to be UTC; `raw` is the text that `time` was made of.
pub(super) fn parse_utc_as(forms: &[&str], time: &str, raw: &str) -> RecordTime {
    let local = forms.iter().find_map(|form| DateTime::strptime(form, time.trim()).ok());
    let time = local.and_then(|local| TimeZone::UTC.to_timestamp(local).ok());
    RecordTime { utc: time.map(|time| time.to_string()), raw: raw.to_owned() }
}

fn utc(raw: &str) -> Option<Timestamp> {
    if let Some(time) = epoch(raw) {
        return Some(time);
    }
    if let Ok(time) = raw.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some(bare) = raw.strip_suffix(" UTC") {
        return format!("{bare}Z").parse().ok();
    }
    // `+0000` and ` +00:00` are common, and not RFC 3339.
    jiff::fmt::rfc2822::parse(raw).map(|zoned| zoned.timestamp()).ok().or_else(|| {
        ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z", "%Y-%m-%d %H:%M:%S%.f%z"]
            .iter()
            .find_map(|form| Timestamp::strptime(form, raw).ok())
    })
}

/// Seconds since 1970 with a fraction, or whole milliseconds, microseconds or nanoseconds, told apart by their size.
fn epoch(raw: &str) -> Option<Timestamp> {
    let (whole, fraction) = raw.split_once('.').unwrap_or((raw, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() < 9 || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        ..=11 => {
            let digits = format!("{fraction:0<9}");
            let nanoseconds = digits[..9].parse().ok()?;
            Timestamp::new(number, nanoseconds).ok()
        }
        12..=14 => Timestamp::from_millisecond(number).ok(),
        15..=17 => Timestamp::from_microsecond(number).ok(),
        _ => Timestamp::from_nanosecond(i128::from(number)).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse, parse_utc};

    #[test]
    fn forms() {
        for (raw, utc) in [
            ("1736478514.897649", "2025-01-10T03:08:34.897649Z"),
            ("1736478514", "2025-01-10T03:08:34Z"),
            ("1736478514897", "2025-01-10T03:08:34.897Z"),
            ("2025-01-10T03:08:34Z", "2025-01-10T03:08:34Z"),
            ("2025-01-10T05:08:34.000+0200", "2025-01-10T03:08:34Z"),
            ("2025-01-10 03:08:34 UTC", "2025-01-10T03:08:34Z"),
            ("Fri, 10 Jan 2025 03:08:34 +0000", "2025-01-10T03:08:34Z"),
        ] {
            assert_eq!(parse(raw).utc.as_deref(), Some(utc), "{raw}");
        }
        assert_eq!(parse("2025-01-10 03:08:34").utc, None);
        assert_eq!(parse_utc("2025-01-10 03:08:34").utc.as_deref(), Some("2025-01-10T03:08:34Z"));
        assert_eq!(parse("yesterday").utc, None);
    }
}
