//! curl: its meter, after its heading, and the bar of `-#`.

use super::{Heard, Recogniser, told_if};
use crate::progress::Progress;
use crate::progress::scan::Scan;

#[derive(Clone, Debug, Default)]
pub(crate) struct Curl {
    heading: bool,
}

impl Recogniser for Curl {
    fn starts(&self) -> &'static [u8] {
        b"%#0123456789"
    }

    fn line(&mut self, line: &[u8]) -> Heard {
        if line.starts_with(b"  % Total    % Received % Xferd  Average Speed") {
            self.heading = true;
            return Heard::Nothing;
        }
        if self.heading
            && let Some(percent) = meter(line)
        {
            return told_if(Progress::percentage(percent));
        }
        told_if(bar(line).and_then(Progress::percentage))
    }

    fn copy(&self) -> Box<dyn Recogniser> {
        Box::new(self.clone())
    }
}

/// Reads ` 31 28.6M   31 9088k    0     0  9162k      0  0:00:03 --:--:--  0:00:03 9161k`, where the size is known.
fn meter(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::trimmed(line);
    let percent = scan.number()?;
    scan.gap()?;
    let size = scan.word().filter(|size| *size != b"0")?;
    size.first().filter(|byte| byte.is_ascii_digit())?;
    let columns = line.split(|byte| *byte == b' ').filter(|column| !column.is_empty()).count();
    (columns == 12 && percent <= 100).then_some(percent)
}

/// Reads `#####################                  29.7%`.
fn bar(line: &[u8]) -> Option<u64> {
    let mut scan = Scan::new(line);
    (scan.run(|byte| byte == b'#') > 0).then_some(())?;
    scan.gap()?;
    let percent = scan.number()?;
    scan.lit(".")?;
    let tenths = scan.run(|byte| byte.is_ascii_digit());
    scan.lit("%")?;
    scan.end()?;
    // As wide as a terminal, or it is a heading with a number.
    (tenths == 1 && percent <= 100 && line.len() >= 40).then_some(percent)
}

#[cfg(test)]
mod tests {
    use crate::progress::tests::told;

    #[test]
    fn recorded() {
        insta::assert_snapshot!(told("curl.txt"), @"
        31%
        75%
        98%
        100%
        ---
        nothing
        ");
        insta::assert_snapshot!(told("curl-hash.txt"), @"
        7%
        29%
        51%
        73%
        100%
        ---
        nothing
        ");
    }
}
