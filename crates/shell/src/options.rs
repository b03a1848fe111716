//! `set` and `shopt`: the options of bash that leave alone how a line is read.

use crate::Word;

const SHOPT: [&str; 8] =
    ["nullglob", "failglob", "globstar", "dotglob", "nocaseglob", "nocasematch", "inherit_errexit", "globasciiranges"];

const SET: [&str; 7] = ["errexit", "nounset", "pipefail", "xtrace", "verbose", "noglob", "noclobber"];

/// Returns whether a `set` or a `shopt` changes no option but such as are known to be harmless to the reading of what
/// follows. `set -k`, `set +B`, `set -o posix` and `shopt -s extglob` are not.
pub(crate) fn harmless(words: &[Word]) -> bool {
    let mut words = words.iter().map(Word::as_static);
    match words.next() {
        Some(Some("shopt")) => {
            words.all(|word| word.is_some_and(|word| matches!(word, "-s" | "-u" | "-q" | "-p") || SHOPT.contains(&word)))
        }
        Some(Some("set")) => {
            while let Some(word) = words.next() {
                let Some(word) = word else { return false };
                if word == "--" || word == "-" || !word.starts_with(['-', '+']) {
                    return true;
                }
                let letters = word.get(1..).unwrap_or_default();
                if !letters.bytes().all(|letter| b"euxvfCETaho".contains(&letter)) {
                    return false;
                }
                if letters.contains('o') && !words.next().flatten().is_some_and(|name| SET.contains(&name)) {
                    return false;
                }
            }
            true
        }
        _ => false,
    }
}
