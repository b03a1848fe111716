use clap::Args;
use remit_tasks::{Setting, StateDir, Store};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::places;
use crate::ui::{Ui, table};

/// Show or change settings of tasks
#[derive(Debug, Args)]
pub(crate) struct SettingsArgs {
    /// The setting
    key: Option<String>,

    /// Its new value
    value: Option<String>,

    /// Forget its value
    #[arg(long, requires = "key", conflicts_with = "value")]
    unset: bool,
}

pub(crate) fn settings(ui: &Ui, args: &SettingsArgs) -> Result<Exit, Failure> {
    let state = StateDir::open_or_create(&places::state()?)?;
    let mut store = Store::open(&state)?;
    match (&args.key, &args.value) {
        (None, _) => {
            let values = store.settings()?;
            let mut rows: Vec<[String; 3]> = Setting::all()
                .iter()
                .map(|setting| {
                    let value = values.get(setting.key).map_or("-".to_owned(), |value| remit_diagnostics::visible(value));
                    [setting.key.to_owned(), value, setting.about.to_owned()]
                })
                .collect();
            let named = values.iter().filter(|(key, _)| Setting::all().iter().all(|setting| setting.key != *key));
            rows.extend(
                named.map(|(key, value)| [remit_diagnostics::visible(key), remit_diagnostics::visible(value), String::new()]),
            );
            ui.print(&table(["SETTING", "VALUE", "WHAT IT IS"], &rows))?;
        }
        (Some(key), Some(value)) => {
            Setting::check(key, value).map_err(|error| Failure::of(&error).help("`remit settings` lists them"))?;
            store.set(key, Some(value))?;
            // There may be room for more now.
            remit_tasks::wake(&state, &store, None)?;
        }
        (Some(key), None) if args.unset => store.set(key, None)?,
        (Some(key), None) => match store.setting(key)? {
            Some(value) => ui.print(&format!("{}\n", remit_diagnostics::visible(&value)))?,
            None => return Err(Failure::new(format!("`{key}` is not set"))),
        },
    }
    Ok(Exit::Done)
}
