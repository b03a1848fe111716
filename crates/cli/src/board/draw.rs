//! Painting the board. Made for 80 columns and 24 lines; with less it shows less.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use remit_diagnostics::visible;
use remit_tasks::progress::Progress;

use super::{Board, Mood, Row};

/// How wide a column is, and the blank after it.
const STATE: u16 = 21;
const PROGRESS: u16 = 29;
const TIME: u16 = 8;
const BAR: u16 = 10;

const KEYS: &str = "↑↓ choose  a approve  n deny  c cancel  d diff  x delete  q quit";

/// Paints the board on all of the frame.
pub(crate) fn draw(frame: &mut Frame<'_>, board: &Board, color: bool) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let painter = Painter { color };
    let [head, table, rule, output, foot] = areas(area, board.rows().len());
    painter.head(buffer, head, board);
    painter.table(buffer, table, board);
    painter.rule(buffer, rule, board);
    paint_output(buffer, output, board);
    painter.foot(buffer, foot, board);
}

/// Shares the lines: the table has what it needs, up to half of them, and the output the rest.
fn areas(area: Rect, rows: usize) -> [Rect; 5] {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).max(1);
    let table = rows.min((area.height / 2).max(3));
    let mut y = area.y;
    [1, table, 1, u16::MAX, 1].map(|wanted: u16| {
        // What wants all leaves a line for the foot.
        let bottom = if wanted == u16::MAX { area.bottom().saturating_sub(1) } else { area.bottom() };
        let height = wanted.min(bottom.saturating_sub(y));
        let part = Rect { y, height, ..area };
        y += height;
        part
    })
}

struct Painter {
    color: bool,
}

impl Painter {
    fn head(&self, buffer: &mut Buffer, area: Rect, board: &Board) {
        let count = |wanted: &dyn Fn(Mood) -> bool| board.rows().iter().filter(|row| wanted(row.mood)).count();
        let asks = count(&|mood| mood == Mood::Asks);
        let mut parts = vec![format!("{} running", count(&|mood| mood == Mood::Runs))];
        match count(&|mood| mood == Mood::Waits) {
            0 => {}
            waiting => parts.push(format!("{waiting} queued")),
        }
        parts.push(format!("{} over", count(&Mood::is_over)));
        let mut x = put(buffer, area, 0, "remit tasks", Style::new().add_modifier(Modifier::BOLD));
        if asks > 0 {
            let text = if asks == 1 { "1 waits for your approval".to_owned() } else { format!("{asks} wait for your approval") };
            x = put(buffer, area, x + 2, &text, self.mood(Mood::Asks));
        }
        put(buffer, area, x + 2, &parts.join(", "), Style::new());
    }

    fn table(&self, buffer: &mut Buffer, area: Rect, board: &Board) {
        if board.rows().is_empty() {
            put(buffer, area, 0, "no task yet: `remit run --background -- COMMAND` starts one", Style::new());
            return;
        }
        let height = usize::from(area.height);
        let chosen = board.index().unwrap_or(0);
        // As far down as it takes for the chosen one to be seen, with one more below it.
        let first = (chosen + 2).min(board.rows().len()).saturating_sub(height).min(chosen);
        for (line, row) in (area.y..area.bottom()).zip(board.rows().iter().skip(first)) {
            let is_chosen = board.row().is_some_and(|chosen| chosen.id == row.id);
            self.row(buffer, Rect { y: line, height: 1, ..area }, row, is_chosen);
        }
    }

    fn row(&self, buffer: &mut Buffer, area: Rect, row: &Row, is_chosen: bool) {
        let plain = if is_chosen { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        put(buffer, area, 0, if is_chosen { ">" } else { " " }, plain);
        // What does not fit is left out from the right; the name has what is left.
        let columns = |wanted: &[u16]| wanted.iter().sum::<u16>();
        let shown = [&[STATE, PROGRESS, TIME][..], &[STATE, PROGRESS], &[STATE], &[]]
            .into_iter()
            .find(|wanted| columns(wanted) + 14 <= area.width)
            .unwrap_or_default();
        let name = area.width.saturating_sub(columns(shown) + 2);
        cell(buffer, area, 2, name.saturating_sub(1), &visible(&row.name), plain);
        let mut x = 2 + name;
        for (column, width) in shown.iter().enumerate() {
            match column {
                0 => cell(buffer, area, x, width - 1, &visible(&row.state), self.mood(row.mood)),
                1 => self.progress(buffer, area, x, width - 1, row),
                _ => cell(buffer, area, x, *width, &row.time, plain),
            }
            x += width;
        }
    }

    fn progress(&self, buffer: &mut Buffer, area: Rect, x: u16, width: u16, row: &Row) {
        let Some(progress) = &row.progress else { return };
        let mut x = x;
        let end = x + width;
        if let Some(percent) = progress.percent() {
            put(buffer, area, x, &bar(percent), self.mood(row.mood));
            x += BAR + 1;
        }
        cell(buffer, area, x, end.saturating_sub(x), &words(progress), Style::new());
    }

    fn rule(&self, buffer: &mut Buffer, area: Rect, board: &Board) {
        let text = board.row().map_or(String::new(), |row| format!(" {}  {} ", row.id, visible(&row.command)));
        let style = if self.color { Style::new().fg(Color::DarkGray) } else { Style::new() };
        let x = put(buffer, area, 0, "──", style);
        let x = put(buffer, area, x, &text, Style::new());
        let rest = usize::from(area.width.saturating_sub(x));
        put(buffer, area, x, &"─".repeat(rest), style);
    }

    fn foot(&self, buffer: &mut Buffer, area: Rect, board: &Board) {
        let strong = Style::new().add_modifier(Modifier::BOLD);
        match (board.question(), board.message()) {
            (Some(question), _) => put(buffer, area, 0, &format!("{} y/n", visible(question)), strong),
            (None, Some(message)) => put(buffer, area, 0, &visible(message), strong),
            (None, None) => put(buffer, area, 0, KEYS, if self.color { Style::new().fg(Color::DarkGray) } else { Style::new() }),
        };
    }

    fn mood(&self, mood: Mood) -> Style {
        let color = match mood {
            _ if !self.color => return Style::new(),
            Mood::Asks => Color::Yellow,
            Mood::Runs => Color::Cyan,
            Mood::Good => Color::Green,
            Mood::Bad => Color::Red,
            Mood::Waits | Mood::Quiet => return Style::new(),
        };
        Style::new().fg(color)
    }
}

fn paint_output(buffer: &mut Buffer, area: Rect, board: &Board) {
    for (line, text) in (area.y..area.bottom()).zip(board.output(usize::from(area.height))) {
        let text = visible(&text.replace('\t', "    "));
        put(buffer, Rect { y: line, height: 1, ..area }, 0, &text, Style::new());
    }
}

/// Puts text into a line, as far as there is room, and returns where it ends.
fn put(buffer: &mut Buffer, area: Rect, x: u16, text: &str, style: Style) -> u16 {
    if area.height == 0 || x >= area.width {
        return x;
    }
    let room = usize::from(area.width - x);
    let (end, _) = buffer.set_stringn(area.x + x, area.y, text, room, style);
    end - area.x
}

/// Puts text into a column; where it is too wide it ends with `…`.
fn cell(buffer: &mut Buffer, area: Rect, x: u16, width: u16, text: &str, style: Style) {
    let end = (x + width).min(area.width);
    if area.height == 0 || x >= end {
        return;
    }
    let (reached, _) = buffer.set_stringn(area.x + x, area.y, text, usize::from(end - x), style);
    let fits = ratatui::text::Line::raw(text).width() <= usize::from(end - x);
    if !fits && let Some(cell) = buffer.cell_mut((reached.saturating_sub(1), area.y)) {
        cell.set_symbol("…");
    }
}

fn bar(percent: u8) -> String {
    let full = usize::from(BAR) * usize::from(percent.min(100)) / 100;
    "█".repeat(full) + &"░".repeat(usize::from(BAR) - full)
}

/// `127/283 tests`, with what is being done where there is no bar.
fn words(progress: &Progress) -> String {
    match &progress.label {
        Some(label) if progress.total.is_none() => format!("{progress} {}", visible(label)),
        _ => progress.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use remit_tasks::progress::Unit;

    use super::super::Key;
    use super::*;

    pub(crate) fn row(id: &str, name: &str) -> Row {
        Row {
            id: id.to_owned(),
            name: name.to_owned(),
            state: "running".to_owned(),
            mood: Mood::Runs,
            progress: None,
            time: "2m 5s".to_owned(),
            command: "cargo test".to_owned(),
        }
    }

    pub(crate) fn rows() -> Vec<Row> {
        let progress = |done, total, unit| Some(Progress { done, total, unit, label: Some("linking".to_owned()) });
        vec![
            Row { state: "waiting for approval".to_owned(), mood: Mood::Asks, ..row("task-000001", "api-analysis") },
            Row { progress: progress(127, Some(283), Unit::Tests), ..row("task-000002", "suite") },
            Row { progress: progress(12, None, Unit::Crates), ..row("task-000003", "build") },
            Row { state: "queued (2nd)".to_owned(), mood: Mood::Waits, time: String::new(), ..row("task-000004", "docs") },
            Row {
                state: "failed (1)".to_owned(),
                mood: Mood::Bad,
                progress: progress(100, Some(100), Unit::Percent),
                ..row("task-000005", "lint")
            },
        ]
    }

    fn painted(board: &Board, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, board, true)).unwrap();
        let lines: Vec<String> =
            terminal.backend().to_string().lines().map(|line| line.trim_matches('"').trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    #[test]
    fn it_fits_80_columns_and_24_lines() {
        let mut board = Board::default();
        board.update(rows());
        board.key(Key::Down);
        board.show_output((1..100).map(|line| format!("test number {line} ... ok")).collect());
        insta::assert_snapshot!(painted(&board, 80, 24), @"
        remit tasks  1 waits for your approval  2 running, 1 queued, 1 over
          api-analysis        waiting for approval                              2m 5s
        > suite               running              ████░░░░░░ 127/283 tests     2m 5s
          build               running              12 crates linking            2m 5s
          docs                queued (2nd)
          lint                failed (1)           ██████████ 100%              2m 5s
        ── task-000002  cargo test ─────────────────────────────────────────────────────
        test number 84 ... ok
        test number 85 ... ok
        test number 86 ... ok
        test number 87 ... ok
        test number 88 ... ok
        test number 89 ... ok
        test number 90 ... ok
        test number 91 ... ok
        test number 92 ... ok
        test number 93 ... ok
        test number 94 ... ok
        test number 95 ... ok
        test number 96 ... ok
        test number 97 ... ok
        test number 98 ... ok
        test number 99 ... ok
        ↑↓ choose  a approve  n deny  c cancel  d diff  x delete  q quit
        ");
        board.key(Key::Char('c'));
        board.show_output(Vec::new());
        insta::assert_snapshot!(painted(&board, 80, 10), @"
        remit tasks  1 waits for your approval  2 running, 1 queued, 1 over
          api-analysis        waiting for approval                              2m 5s
        > suite               running              ████░░░░░░ 127/283 tests     2m 5s
          build               running              12 crates linking            2m 5s
          docs                queued (2nd)
          lint                failed (1)           ██████████ 100%              2m 5s
        ── task-000002  cargo test ─────────────────────────────────────────────────────


        cancel suite? y/n
        ");
    }

    #[test]
    fn with_less_room_it_shows_less() {
        let mut board = Board::default();
        insta::assert_snapshot!(painted(&board, 40, 4), @"
        remit tasks  0 running, 0 over
        no task yet: `remit run --background --
        ────────────────────────────────────────
        ↑↓ choose  a approve  n deny  c cancel
        ");
        board.update(rows());
        insta::assert_snapshot!(painted(&board, 40, 8), @"
        remit tasks  1 waits for your approval
        > api-analysis     waiting for approval
          suite            running
          build            running
          docs             queued (2nd)
        ── task-000001  cargo test ─────────────

        ↑↓ choose  a approve  n deny  c cancel
        ");
        for (width, height) in [(1, 1), (3, 2), (200, 3), (10, 60)] {
            painted(&board, width, height);
        }
    }

    #[test]
    fn the_chosen_task_is_seen_among_many() {
        let mut board = Board::default();
        board.update((0..100).map(|number| row(&format!("task-{number:06}"), &format!("number-{number}"))).collect());
        for (keys, expected) in [("", "> number-0"), ("G", "> number-99"), ("k", "> number-98"), ("g", "> number-0")] {
            keys.chars().for_each(|key| drop(board.key(Key::Char(key))));
            assert!(painted(&board, 80, 24).contains(expected), "{keys}");
        }
    }

    #[test]
    fn a_tasks_words_cannot_repaint_the_board() {
        let mut board = Board::default();
        board.update(vec![Row {
            command: "sh -c 'x\n\x1b[2J'".to_owned(),
            state: "failed\r(1)".to_owned(),
            ..row("task-000001", "a\x1b[31mb\u{202e}c")
        }]);
        board.show_output(vec!["\x1b]0;title\x07\ttext\u{200b}".to_owned(), "wide 漢字 end".to_owned()]);
        insta::assert_snapshot!(painted(&board, 80, 8), @r#"
        remit tasks  1 running, 0 over
        > a\u{1b}[31mb\u{202… failed\r(1)                                       2m 5s
        ── task-000001  sh -c 'x\n\u{1b}[2J' ───────────────────────────────────────────
        \u{1b}]0;title\u{7}    text\u{200b}
        wide 漢字 end                                                                   " Hidden by multi-width symbols: [(6, " "), (8, " ")]


        ↑↓ choose  a approve  n deny  c cancel  d diff  x delete  q quit
        "#);
    }
}
