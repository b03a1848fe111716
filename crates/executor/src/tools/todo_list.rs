//! `todo_list`: lists that a model keeps for itself. They live in the session, and touch nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Output;

/// How many lists a session holds, and how many tasks a list.
const MOST: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Todo {
    Create {
        tasks: Vec<Task>,
        todo_list_description: String,
    },
    Complete {
        completed_indices: Vec<usize>,
        current_id: String,
        context_update: Option<String>,
        modified_files: Option<Vec<String>>,
    },
    Load {
        load_id: String,
    },
    Add {
        new_tasks: Vec<Task>,
        insert_indices: Vec<usize>,
        current_id: String,
        new_description: Option<String>,
    },
    Remove {
        remove_indices: Vec<usize>,
        current_id: String,
        new_description: Option<String>,
    },
    Lookup {},
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    task_description: String,
    #[serde(default)]
    details: Option<String>,
}

/// The lists of a session, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Lists(BTreeMap<String, List>);

#[derive(Debug)]
struct List {
    description: String,
    tasks: Vec<(Task, bool)>,
    context: Vec<String>,
    files: Vec<String>,
}

impl Lists {
    pub(crate) fn answer(&mut self, todo: Todo) -> Result<Output, String> {
        match todo {
            Todo::Create { tasks, todo_list_description } => {
                if tasks.is_empty() || tasks.len() > MOST {
                    return Err(format!("a list has from 1 to {MOST} tasks"));
                }
                if self.0.len() >= MOST {
                    return Err(format!("there are {MOST} lists already"));
                }
                let id = (self.0.len() + 1).to_string();
                let tasks = tasks.into_iter().map(|task| (task, false)).collect();
                let list = List { description: todo_list_description, tasks, context: Vec::new(), files: Vec::new() };
                self.0.insert(id.clone(), list);
                self.shown(&id)
            }
            Todo::Complete { completed_indices, current_id, context_update, modified_files } => {
                let list = self.list(&current_id)?;
                check(&completed_indices, list.tasks.len())?;
                for (at, (_, done)) in list.tasks.iter_mut().enumerate() {
                    *done |= completed_indices.contains(&at);
                }
                list.context.extend(context_update);
                list.files.extend(modified_files.into_iter().flatten());
                self.shown(&current_id)
            }
            Todo::Load { load_id } => self.shown(&load_id),
            Todo::Add { new_tasks, insert_indices, current_id, new_description } => {
                let list = self.list(&current_id)?;
                if new_tasks.len() != insert_indices.len() {
                    return Err("there must be one of `insert_indices` for each of `new_tasks`".to_owned());
                }
                if list.tasks.len() + new_tasks.len() > MOST {
                    return Err(format!("a list has at most {MOST} tasks"));
                }
                check(&insert_indices, list.tasks.len() + new_tasks.len())?;
                let mut new: Vec<_> = insert_indices.into_iter().zip(new_tasks).collect();
                new.sort_by_key(|(at, _)| *at);
                for (at, task) in new {
                    list.tasks.insert(at.min(list.tasks.len()), (task, false));
                }
                list.description = new_description.unwrap_or_else(|| list.description.clone());
                self.shown(&current_id)
            }
            Todo::Remove { remove_indices, current_id, new_description } => {
                let list = self.list(&current_id)?;
                check(&remove_indices, list.tasks.len())?;
                let mut at = 0;
                list.tasks.retain(|_| {
                    at += 1;
                    !remove_indices.contains(&(at - 1))
                });
                list.description = new_description.unwrap_or_else(|| list.description.clone());
                self.shown(&current_id)
            }
            Todo::Lookup {} if self.0.is_empty() => Ok(Output::text("There is no list.")),
            Todo::Lookup {} => {
                let lines: Vec<String> = self.0.iter().map(|(id, list)| format!("{id}  {}", list.description)).collect();
                Ok(Output::text(lines.join("\n")))
            }
        }
    }

    fn list(&mut self, id: &str) -> Result<&mut List, String> {
        self.0.get_mut(id).ok_or_else(|| format!("there is no list `{id}`: `lookup` names those that there are"))
    }

    fn shown(&mut self, id: &str) -> Result<Output, String> {
        let list = self.list(id)?;
        let mut text = format!("{} (id {id})\n", list.description);
        for (at, (task, done)) in list.tasks.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{at}. [{}] {}", if *done { 'x' } else { ' ' }, task.task_description);
            if let Some(details) = &task.details {
                let _ = writeln!(text, "   {details}");
            }
        }
        for line in &list.context {
            let _ = writeln!(text, "context: {line}");
        }
        if !list.files.is_empty() {
            let _ = writeln!(text, "files: {}", list.files.join(", "));
        }
        Ok(Output::text(text.trim_end()))
    }
}

fn check(indices: &[usize], count: usize) -> Result<(), String> {
    match indices.iter().find(|at| **at >= count) {
        Some(at) => Err(format!("there is no task {at}: they are numbered from 0 to {}", count.saturating_sub(1))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept() {
        let mut lists = Lists::default();
        let mut say = |input: &str| {
            let todo: Todo = serde_json::from_str(input).unwrap();
            match lists.answer(todo) {
                Ok(Output { parts, .. }) => format!("{parts:?}"),
                Err(why) => why,
            }
        };
        say(r#"{"command":"create","todo_list_description":"Tidy","tasks":[{"task_description":"a"},{"task_description":"b"}]}"#);
        say(r#"{"command":"complete","completed_indices":[1],"current_id":"1","context_update":"half"}"#);
        let shown = say(
            r#"{"command":"add","new_tasks":[{"task_description":"c","details":"d"}],"insert_indices":[0],"current_id":"1"}"#,
        );
        assert_eq!(shown, r#"[Text("Tidy (id 1)\n0. [ ] c\n   d\n1. [ ] a\n2. [x] b\ncontext: half")]"#);
        assert_eq!(
            say(r#"{"command":"remove","remove_indices":[3],"current_id":"1"}"#),
            "there is no task 3: they are numbered from 0 to 2"
        );
        assert_eq!(say(r#"{"command":"load","load_id":"7"}"#), "there is no list `7`: `lookup` names those that there are");
        assert_eq!(say(r#"{"command":"lookup"}"#), r#"[Text("1  Tidy")]"#);
    }
}
