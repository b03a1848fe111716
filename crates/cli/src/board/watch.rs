//! The loop around the board: keys and time in, a painted terminal out.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Action, Board, Key, Row, draw};
use crate::failure::Failure;

/// How often the tasks are looked at. A key is taken at once.
const INTERVAL: Duration = Duration::from_millis(500);

/// Where rows come from, and what an action does.
pub(crate) trait Source {
    fn rows(&mut self) -> Result<Vec<Row>, Failure>;

    /// Returns the last lines of a task's output, without escape sequences.
    fn output(&mut self, id: &str) -> Result<Vec<String>, Failure>;

    /// Does what is wanted, and returns what came of it, for the board's last line. The terminal is the action's meanwhile:
    /// it may print, and ask.
    fn act(&mut self, action: &Action) -> Result<String, Failure>;
}

/// Shows the board until the user leaves it.
pub(crate) fn watch(source: &mut impl Source, color: bool) -> Result<(), Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::new("`--watch` needs a terminal").help("`remit tasks --json` is for programs"));
    }
    let mut board = Board::default();
    board.update(source.rows()?);
    loop {
        let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
        let wanted = turn(&mut terminal, &mut board, source, color);
        ratatui::restore();
        match wanted? {
            Action::Quit => return Ok(()),
            action => {
                let came = source.act(&action).unwrap_or_else(|failure| failure.message().to_owned());
                if !came.is_empty() {
                    board.say(came);
                }
                board.update(source.rows()?);
            }
        }
    }
}

/// Paints and takes keys until something is to be done.
fn turn(
    terminal: &mut ratatui::DefaultTerminal,
    board: &mut Board,
    source: &mut impl Source,
    color: bool,
) -> Result<Action, Failure> {
    board.touch();
    let mut next = Instant::now();
    loop {
        if Instant::now() >= next {
            board.update(source.rows()?);
            next = Instant::now() + INTERVAL;
        }
        let output = board.row().map(|row| row.id.clone()).map(|id| source.output(&id)).transpose()?;
        board.show_output(output.unwrap_or_default());
        if board.take_changed() {
            terminal.draw(|frame| draw(frame, board, color)).map_err(|error| failed(&error))?;
        }
        if !event::poll(next.saturating_duration_since(Instant::now())).map_err(|error| failed(&error))? {
            continue;
        }
        match event::read().map_err(|error| failed(&error))? {
            Event::Key(key) => {
                if let Some(action) = pressed(key).and_then(|key| board.key(key)) {
                    return Ok(action);
                }
            }
            Event::Resize(..) => board.touch(),
            _ => {}
        }
    }
}

/// Returns the board's key; `None` where it has none.
fn pressed(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    match key.code {
        KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Char('q')),
        KeyCode::Char(_) if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => None,
        KeyCode::Char(letter) => Some(Key::Char(letter)),
        KeyCode::Up => Some(Key::Up),
        KeyCode::Down => Some(Key::Down),
        KeyCode::PageUp => Some(Key::PageUp),
        KeyCode::PageDown => Some(Key::PageDown),
        KeyCode::Home => Some(Key::Char('g')),
        KeyCode::End => Some(Key::Char('G')),
        KeyCode::Esc => Some(Key::Escape),
        _ => None,
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::io("cannot use the terminal", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_terminal_are_the_boards() {
        let check = |code: KeyCode, modifiers: KeyModifiers, expected: Option<Key>| {
            assert_eq!(pressed(KeyEvent::new(code, modifiers)), expected, "{code:?} {modifiers:?}");
        };
        check(KeyCode::Char('c'), KeyModifiers::NONE, Some(Key::Char('c')));
        check(KeyCode::Char('G'), KeyModifiers::SHIFT, Some(Key::Char('G')));
        check(KeyCode::Char('c'), KeyModifiers::CONTROL, Some(Key::Char('q')));
        check(KeyCode::Char('x'), KeyModifiers::CONTROL, None);
        check(KeyCode::Char('y'), KeyModifiers::ALT, None);
        check(KeyCode::End, KeyModifiers::NONE, Some(Key::Char('G')));
        check(KeyCode::F(1), KeyModifiers::NONE, None);
    }
}
