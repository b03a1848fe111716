//! Durations as they are typed and shown: `90s`, `5m`, `2h`, `7d`.

use std::time::Duration;

/// Reads a number with its unit: `ms`, `s`, `m`, `h` or `d`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let expected = || "give a number and a unit, as in `10s`, `5m`, `2h` or `7d`".to_owned();
    let number: u64 = number.parse().map_err(|_| expected())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return Err(expected()),
    };
    number.checked_mul(milliseconds).filter(|all| *all < 1 << 40).map(Duration::from_millis).ok_or_else(expected)
}

/// Returns a duration in at most two units.
pub(crate) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let check =
            |text: &str, expected: Option<u64>| assert_eq!(parse(text).ok().map(|time| time.as_secs()), expected, "{text}");
        check("10s", Some(10));
        check("10", Some(10));
        check("5m", Some(300));
        check("7d", Some(7 * 86400));
        check("1500ms", Some(1));
        for text in ["", "s", "m5", "5 m", "-1s", "1.5h", "99999999999999d", "5w"] {
            check(text, None);
        }
    }

    #[test]
    fn durations_are_shown() {
        let shown: Vec<String> = [0, 59, 61, 3700, 90000].map(|seconds| show(Duration::from_secs(seconds))).to_vec();
        assert_eq!(shown, ["0 ms", "59 s", "1 m 1 s", "1 h 1 m", "1 d 1 h"]);
    }
}
