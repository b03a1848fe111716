//! The numbers of `sandbox.limits`: bytes, seconds and counts, each as a number or with units.

use remit_diagnostics::Spanned;

use super::findings::Findings;
use super::reader;
use crate::codes;
use crate::json::{Kind, Value};

/// Reads a number of bytes: `1048576`, `"64K"`, `"512M"`, `"4G"`, `"1T"`, in powers of 1024.
pub(super) fn bytes(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<u64>> {
    limit(findings, value, what, parse_bytes, "a number of bytes, or a string such as `\"512M\"` or `\"4G\"`")
}

/// Reads a length of time in seconds: `90`, `"90s"`, `"30m"`, `"1h30m"`.
pub(super) fn seconds(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<u64>> {
    limit(findings, value, what, parse_seconds, "a number of seconds, or a string such as `\"90s\"`, `\"30m\"` or `\"1h30m\"`")
}

/// Reads a count: a number without units.
pub(super) fn count(findings: &mut Findings, value: &Value, what: &str) -> Option<Spanned<u64>> {
    limit(findings, value, what, |_| Err(Problem::Unreadable), "a whole number")
}

/// The largest limit. What is larger the kernel takes for "no limit".
const LARGEST: u64 = i64::MAX.cast_unsigned();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Unreadable,
    TooLarge,
}

fn limit(
    findings: &mut Findings,
    value: &Value,
    what: &str,
    parse_text: fn(&str) -> Result<u64, Problem>,
    expected: &str,
) -> Option<Spanned<u64>> {
    let (written, read) = match &value.kind {
        Kind::Number(digits) => (digits, number(digits)),
        Kind::String(text) => (text, parse_text(text)),
        _ => return reader::wrong_type(findings, value, &reader::key(what), expected),
    };
    let problem = match read {
        Ok(0) => "is zero, with which nothing could run",
        Ok(limit) if limit <= LARGEST => return Some(Spanned::new(limit, value.span)),
        Ok(_) | Err(Problem::TooLarge) => "is too large to be a limit",
        Err(Problem::Unreadable) => "is not a limit",
    };
    let message = format!("`{}` for `{what}` {problem}", codes::abridged(written));
    findings.error(codes::INVALID_LIMIT, value.span, message, format!("write {expected}"));
    None
}

/// Reads decimal digits and nothing else: no sign, no point, no exponent.
fn number(digits: &str) -> Result<u64, Problem> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Problem::Unreadable);
    }
    digits.parse().map_err(|_| Problem::TooLarge)
}

fn parse_bytes(text: &str) -> Result<u64, Problem> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, 'K')) => (text.get(..at), 1 << 10),
        Some((at, 'M')) => (text.get(..at), 1 << 20),
        Some((at, 'G')) => (text.get(..at), 1 << 30),
        Some((at, 'T')) => (text.get(..at), 1_u64 << 40),
        _ => (Some(text), 1),
    };
    number(digits.unwrap_or(""))?.checked_mul(factor).ok_or(Problem::TooLarge)
}

/// Reads hours, minutes and seconds in that order, each at most once.
fn parse_seconds(text: &str) -> Result<u64, Problem> {
    let mut rest = text;
    let mut total: u64 = 0;
    for (unit, factor) in [('h', 3600), ('m', 60), ('s', 1)] {
        let Some((digits, after)) = rest.split_once(unit) else { continue };
        let part = number(digits)?.checked_mul(factor).ok_or(Problem::TooLarge)?;
        total = total.checked_add(part).ok_or(Problem::TooLarge)?;
        rest = after;
    }
    if rest.is_empty() && !text.is_empty() { Ok(total) } else { Err(Problem::Unreadable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_one_unit() {
        let check = |text: &str, expected| assert_eq!(parse_bytes(text), expected, "{text}");
        check("1", Ok(1));
        check("64K", Ok(65_536));
        check("512M", Ok(536_870_912));
        check("4G", Ok(4_294_967_296));
        check("1T", Ok(1_099_511_627_776));
        check("16777216T", Err(Problem::TooLarge));
        check("99999999999999999999", Err(Problem::TooLarge));
        for text in ["", "G", "4GB", "4g", "4 G", " 4G", "+4G", "-4G", "4.5G", "0x4G", "4é", "٤G", "4G\0"] {
            check(text, Err(Problem::Unreadable));
        }
    }

    #[test]
    fn durations_take_hours_minutes_seconds_in_order() {
        let check = |text: &str, expected| assert_eq!(parse_seconds(text), expected, "{text}");
        check("90s", Ok(90));
        check("30m", Ok(1800));
        check("1h", Ok(3600));
        check("1h30m", Ok(5400));
        check("1h30m5s", Ok(5405));
        check("1h5s", Ok(3605));
        check("18446744073709551615h", Err(Problem::TooLarge));
        for text in ["", "90", "s", "1d", "30m1h", "1h1h", "1.5h", "-1h", "1h ", "1H", "1 h", "1ms"] {
            check(text, Err(Problem::Unreadable));
        }
    }
}
