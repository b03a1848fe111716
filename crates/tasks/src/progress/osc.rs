//! OSC 9;4: `ESC ] 9 ; 4 ; STATE ; PERCENT BEL`, by which programs show progress in a terminal's tab.

use super::Progress;
use super::scan::Scan;

/// What a program said about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Progress(Progress),
    /// It has no progress any more, or not now.
    Nothing,
}

/// Reads the inside of an OSC; `None` when it is another one.
pub(crate) fn read(osc: &[u8]) -> Option<Said> {
    let mut scan = Scan::new(osc);
    scan.lit("9;4;")?;
    let state = scan.number()?;
    let percent = scan.lit(";").and_then(|()| scan.number());
    match (state, percent) {
        // Set, failed, paused: the last two keep their share.
        (1 | 2 | 4, Some(percent)) => Progress::percentage(percent).map(Said::Progress),
        // Removed, or going on for nobody knows how long.
        (0 | 3, _) => Some(Said::Nothing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read() {
        let check = |osc: &str, expected: Option<Said>| assert_eq!(read(osc.as_bytes()), expected, "{osc}");
        let percent = |percent| Some(Said::Progress(Progress::percentage(percent).unwrap()));
        check("9;4;1;25", percent(25));
        check("9;4;2;40", percent(40));
        check("9;4;4;100", percent(100));
        check("9;4;0;0", Some(Said::Nothing));
        check("9;4;0", Some(Said::Nothing));
        check("9;4;3", Some(Said::Nothing));
        check("9;4;1;101", None);
        check("9;4;1", None);
        check("9;4;7;1", None);
        check("9;something to say", None);
        check("0;4;1;25", None);
    }
}
