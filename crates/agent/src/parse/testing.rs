use remit_diagnostics::visible;

use super::{Parsed, parse};

/// Returns a line for each finding of the text.
pub(super) fn told(text: &str) -> String {
    lines(&parse("a.json", text.as_bytes()))
}

pub(crate) fn lines(parsed: &Parsed) -> String {
    let line = |finding: &remit_diagnostics::Diagnostic| {
        let at = finding.location.source.line_column(finding.location.span.start);
        let severity = if finding.is_error() { "error" } else { "warning" };
        let also: Vec<String> = finding.labels.iter().map(|label| format!(" ({} at {})", label.text, label.location)).collect();
        let also = also.concat();
        let help = finding.help.as_deref().map(|help| format!("; {help}")).unwrap_or_default();
        format!("{severity}[{}] {}:{}: {}{also}{help}\n", finding.code, at.line, at.column, visible(&finding.message))
    };
    parsed.diagnostics.iter().map(line).collect()
}
