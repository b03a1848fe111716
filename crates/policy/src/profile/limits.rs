use std::collections::BTreeMap;

use serde_json::Value;

use crate::LimitKind;

const KEYS: [(&str, LimitKind, Unit); 8] = [
    ("memory", LimitKind::Memory, Unit::Bytes),
    ("processes", LimitKind::Processes, Unit::Count),
    ("openFiles", LimitKind::OpenFiles, Unit::Count),
    ("wallTime", LimitKind::WallTime, Unit::Seconds),
    ("cpuTime", LimitKind::CpuTime, Unit::Seconds),
    ("fileSize", LimitKind::FileSize, Unit::Bytes),
    ("output", LimitKind::Output, Unit::Bytes),
    ("diskSpace", LimitKind::DiskSpace, Unit::Bytes),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Seconds,
    Count,
}

/// Reads the `limits` of a profile: a number, or a number with a unit (`"4G"`, `"30m"`).
pub(super) fn read(limits: &BTreeMap<String, Value>) -> Result<BTreeMap<LimitKind, u64>, String> {
    let mut read = BTreeMap::new();
    for (key, value) in limits {
        let Some((_, kind, unit)) = KEYS.iter().find(|(name, ..)| name == key) else {
            return Err(format!("`{key}` is no limit"));
        };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => amount(text, *unit),
            _ => None,
        };
        let number = number.filter(|number| *number > 0);
        read.insert(*kind, number.ok_or_else(|| format!("`{value}` is no value for `{key}`"))?);
    }
    Ok(read)
}

fn amount(text: &str, unit: Unit) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(digits)?;
    let factor = match (unit, suffix) {
        (_, "") | (Unit::Seconds, "s") => 1,
        (Unit::Bytes, "K") => 1 << 10,
        (Unit::Bytes, "M") => 1 << 20,
        (Unit::Bytes, "G") => 1 << 30,
        (Unit::Bytes, "T") => 1 << 40,
        (Unit::Seconds, "m") => 60,
        (Unit::Seconds, "h") => 3600,
        (Unit::Seconds, "d") => 86400,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
