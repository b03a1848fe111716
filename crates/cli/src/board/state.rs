//! What the board shows, and what its keys do. Pure.

use super::{Mood, Row};

/// What the user wants done. The board goes on when it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// To see what is asked, and to answer it.
    Approve(String),
    Deny(String),
    Cancel(String),
    Delete(String),
    Diff(String),
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Escape,
    Char(char),
}

#[derive(Debug, Default)]
pub(crate) struct Board {
    rows: Vec<Row>,
    /// The id of the row that is chosen: rows come and go around it.
    selected: Option<String>,
    output: Vec<String>,
    /// So many lines of the output are below what is shown.
    below: usize,
    /// What waits for a `y`.
    question: Option<(String, Action)>,
    /// What came of the last action.
    message: Option<String>,
    changed: bool,
}

/// So many lines of the output are gone through at once.
const PAGE: usize = 10;

impl Board {
    /// Takes the tasks as they are now.
    pub(crate) fn update(&mut self, rows: Vec<Row>) {
        if rows == self.rows {
            return;
        }
        // Where the chosen task is gone, its neighbour is chosen.
        let before = self.index();
        self.rows = rows;
        if self.index().is_none() {
            let index = before.unwrap_or(0).min(self.rows.len().saturating_sub(1));
            self.select(index);
        }
        if let Some((_, action)) = &self.question
            && !self.rows.iter().any(|row| action.id() == Some(&row.id))
        {
            self.question = None;
        }
        self.changed = true;
    }

    /// Takes the last lines of the chosen task's output.
    pub(crate) fn show_output(&mut self, lines: Vec<String>) {
        if lines != self.output {
            self.output = lines;
            self.changed = true;
        }
    }

    /// Takes what is to be said in the last line.
    pub(crate) fn say(&mut self, message: String) {
        self.message = Some(message);
        self.changed = true;
    }

    /// Takes a key, and returns what is to be done.
    pub(crate) fn key(&mut self, key: Key) -> Option<Action> {
        self.changed = true;
        self.message = None;
        if let Some((_, action)) = self.question.take() {
            return (key == Key::Char('y')).then_some(action);
        }
        let index = self.index().unwrap_or(0);
        match key {
            Key::Up | Key::Char('k') => self.select(index.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.select(index + 1),
            Key::Char('g') => self.select(0),
            Key::Char('G') => self.select(usize::MAX),
            Key::PageUp => self.below = (self.below + PAGE).min(self.output.len()),
            Key::PageDown => self.below = self.below.saturating_sub(PAGE),
            Key::Escape | Key::Char('q') => return Some(Action::Quit),
            Key::Char(letter) => return self.letter(letter),
        }
        None
    }

    fn letter(&mut self, letter: char) -> Option<Action> {
        let row = self.row()?.clone();
        let (id, name, over) = (row.id, row.name, row.mood.is_over());
        match letter {
            'a' if row.mood == Mood::Asks => return Some(Action::Approve(id)),
            'n' if row.mood == Mood::Asks => self.ask(format!("deny {name}?"), Action::Deny(id)),
            'a' | 'n' => self.say(format!("{name} does not wait for an answer")),
            'c' if over => self.say(format!("{name} is over")),
            'c' => self.ask(format!("cancel {name}?"), Action::Cancel(id)),
            'x' if over => self.ask(format!("delete {name} and its output?"), Action::Delete(id)),
            'x' => self.say(format!("{name} is not over: cancel it first")),
            'd' => return Some(Action::Diff(id)),
            _ => {}
        }
        None
    }

    fn ask(&mut self, question: String, action: Action) {
        self.question = Some((question, action));
    }

    fn select(&mut self, index: usize) {
        let id = self.rows.get(index).or(self.rows.last()).map(|row| row.id.clone());
        if id != self.selected {
            self.selected = id;
            self.output.clear();
            self.below = 0;
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn index(&self) -> Option<usize> {
        let id = self.selected.as_ref()?;
        self.rows.iter().position(|row| row.id == *id)
    }

    /// Returns the task that is chosen.
    pub(crate) fn row(&self) -> Option<&Row> {
        self.rows.get(self.index()?)
    }

    /// Returns the lines of the output that go into so many rows.
    pub(crate) fn output(&self, height: usize) -> &[String] {
        let end = self.output.len().saturating_sub(self.below).max(height.min(self.output.len()));
        self.output.get(end.saturating_sub(height)..end).unwrap_or_default()
    }

    pub(crate) fn question(&self) -> Option<&str> {
        self.question.as_ref().map(|(question, _)| &**question)
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Says that all has to be painted again.
    pub(crate) fn touch(&mut self) {
        self.changed = true;
    }

    /// Returns whether anything is to be painted, and takes it as done.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

impl Action {
    fn id(&self) -> Option<&String> {
        match self {
            Action::Approve(id) | Action::Deny(id) | Action::Cancel(id) | Action::Delete(id) | Action::Diff(id) => Some(id),
            Action::Quit => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::draw::tests::{row, rows};
    use super::*;

    fn board() -> Board {
        let mut board = Board::default();
        board.update(rows());
        board
    }

    fn selected(board: &Board) -> &str {
        board.row().map_or("", |row| &row.name)
    }

    #[test]
    fn keys_move_and_act() {
        let check = |keys: &str, expected: Option<Action>, name: &str| {
            let mut board = board();
            let mut action = None;
            for key in keys.chars() {
                action = board.key(match key {
                    '^' => Key::Up,
                    'v' => Key::Down,
                    '!' => Key::Escape,
                    other => Key::Char(other),
                });
            }
            assert_eq!((action, selected(&board)), (expected, name), "{keys}");
        };
        check("", None, "api-analysis");
        check("v", None, "suite");
        check("^", None, "api-analysis");
        check("vvvvvvvvvv", None, "lint");
        check("G", None, "lint");
        check("Gkg", None, "api-analysis");
        check("a", Some(Action::Approve("task-000001".to_owned())), "api-analysis");
        check("n", None, "api-analysis");
        check("ny", Some(Action::Deny("task-000001".to_owned())), "api-analysis");
        check("nn", None, "api-analysis");
        check("va", None, "suite");
        check("vc", None, "suite");
        check("vcy", Some(Action::Cancel("task-000002".to_owned())), "suite");
        check("vcx", None, "suite");
        check("vxy", None, "suite");
        check("Gxy", Some(Action::Delete("task-000005".to_owned())), "lint");
        check("Gcy", None, "lint");
        check("d", Some(Action::Diff("task-000001".to_owned())), "api-analysis");
        check("q", Some(Action::Quit), "api-analysis");
        check("!", Some(Action::Quit), "api-analysis");
        // To a question, everything but `y` is no.
        check("vc!", None, "suite");
        check("vcq", None, "suite");
    }

    #[test]
    fn the_choice_stays_with_its_task() {
        let mut board = board();
        board.key(Key::Down);
        let mut more = rows();
        more.insert(0, row("task-000009", "new"));
        board.update(more);
        assert_eq!(selected(&board), "suite");
        board.update(rows().into_iter().filter(|row| row.name != "suite").collect());
        assert_eq!(selected(&board), "docs");
        board.update(Vec::new());
        assert_eq!(selected(&board), "");
        assert_eq!(board.key(Key::Char('c')), None);
        board.update(rows());
        assert_eq!(selected(&board), "api-analysis");
    }

    #[test]
    fn a_question_about_a_task_goes_with_it() {
        let mut board = board();
        board.key(Key::Down);
        board.key(Key::Char('c'));
        assert!(board.question().is_some());
        board.update(rows().into_iter().filter(|row| row.name != "suite").collect());
        assert!(board.question().is_none());
    }

    #[test]
    fn only_a_change_is_painted() {
        let mut board = board();
        assert!(board.take_changed());
        board.update(rows());
        board.show_output(Vec::new());
        assert!(!board.take_changed());
        board.show_output(vec!["x".to_owned()]);
        assert!(board.take_changed());
    }

    #[test]
    fn the_output_is_shown_from_its_end_and_gone_through() {
        let mut board = board();
        board.show_output((0..25).map(|line| line.to_string()).collect());
        let check = |board: &Board, first: &str, last: &str| {
            let shown = board.output(4);
            assert_eq!((shown.len(), &shown[0][..], &shown[3][..]), (4, first, last));
        };
        check(&board, "21", "24");
        board.key(Key::PageUp);
        check(&board, "11", "14");
        board.key(Key::PageUp);
        board.key(Key::PageUp);
        check(&board, "0", "3");
        board.key(Key::PageDown);
        check(&board, "6", "9");
        assert_eq!(board.output(100).len(), 25);
    }
}
