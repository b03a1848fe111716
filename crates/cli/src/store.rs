//! The tasks that there are: the store open and swept, and a task by what somebody typed.

use std::time::{Duration, Instant};

use remit_diagnostics::visible;
use remit_tasks::{Meant, Record, StateDir, Store, TaskId, Timestamp, Wish, call, has_left, looked, meant, sweep};

use crate::failure::Failure;
use crate::notices;
use crate::places;
use crate::ui::Ui;

/// How long a supervisor may take to look at a wish.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long until a task that nobody looks after yet is looked at again.
const SOON: Duration = Duration::from_millis(10);

pub(crate) struct Tasks {
    pub(crate) state: StateDir,
    pub(crate) store: Store,
}

impl Tasks {
    /// Opens the store and clears up after processes that died, so that nothing of theirs is shown as running; `None` when
    /// there never was a task.
    pub(crate) fn open(ui: &Ui) -> Result<Option<Tasks>, Failure> {
        let workspace = places::state()?;
        let Some(state) = StateDir::open_existing(&workspace)? else { return Ok(None) };
        let Some(mut store) = Store::open_existing(&state)? else { return Ok(None) };
        if store.is_newer() {
            ui.warning("the store of tasks is of a newer version of remit: it is read, and not written", &[]);
        } else {
            let swept = sweep(&state, &mut store, Timestamp::now())?;
            for id in &swept.lost {
                notices::tell(&state, &store, id);
            }
            for problem in swept.problems {
                Failure::from(problem).tell(ui);
            }
        }
        Ok(Some(Tasks { state, store }))
    }

    /// Opens the store for a command about a task.
    pub(crate) fn existing(ui: &Ui) -> Result<Tasks, Failure> {
        Tasks::open(ui)?.ok_or_else(|| Failure::new("there is no task yet").help("`remit run --background` starts one"))
    }

    /// Returns the task that somebody means.
    pub(crate) fn find(&self, text: &str) -> Result<TaskId, Failure> {
        match meant(text, &self.store.names()?) {
            Meant::One(id) => Ok(id),
            Meant::Nobody => Err(Failure::new(format!("there is no task `{text}`")).help("`remit tasks --all` lists the tasks")),
            Meant::Several(several) => {
                let failure = Failure::new(format!("`{text}` could be one of {} tasks", several.len()));
                let shown = several.iter().take(10).map(|(id, name)| format!("{id} {}", visible(name)));
                Err(shown.fold(failure, Failure::help))
            }
        }
    }

    /// Returns the record of a task when somebody looks after it, or when it is over: a moment after it was made.
    pub(crate) fn supervised(&mut self, text: &str) -> Result<Record, Failure> {
        let id = self.find(text)?;
        loop {
            let record = self.store.record(&id)?;
            if record.supervisor.is_some() || record.is_over() {
                return Ok(record);
            }
            // Its maker may have died before there was a supervisor, and then a sweep says so.
            sweep(&self.state, &mut self.store, Timestamp::now())?;
            std::thread::sleep(SOON);
        }
    }

    /// Waits until a task's own process, which clears up after the end, has left.
    pub(crate) fn leave(&self, id: &TaskId) -> Result<(), Failure> {
        let until = Instant::now() + PATIENCE;
        while !has_left(&self.state, id).map_err(|errno| Failure::io(format!("cannot look after `{id}`"), &errno.into()))? {
            if Instant::now() > until {
                return Err(
                    Failure::new(format!("`{id}` is over, and its supervisor still clears up")).help("try again in a moment")
                );
            }
            std::thread::sleep(SOON);
        }
        Ok(())
    }

    pub(crate) fn record(&self, text: &str) -> Result<Record, Failure> {
        Ok(self.store.record(&self.find(text)?)?)
    }

    /// Leaves a wish for a task's supervisor, and returns when it has looked at it.
    pub(crate) fn wish(&mut self, id: &TaskId, wish: &Wish) -> Result<(), Failure> {
        self.store.wish(id, wish)?;
        self.call(id)
    }

    /// Calls a task's supervisor, and returns when it has looked.
    pub(crate) fn call(&self, id: &TaskId) -> Result<(), Failure> {
        let called = call(&self.state, id).map_err(|errno| Failure::io("cannot reach the supervisor", &errno.into()))?;
        // One that does not listen yet looks when it begins to.
        match called {
            Some(connection) if !looked(&connection, PATIENCE) => {
                Err(Failure::new(format!("the supervisor of `{id}` does not answer"))
                    .help("it will see what you want when it goes on"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
