use std::ffi::OsString;

use clap::Args;
use remit_layer::{Changes, Layer, PatchStyle, Purpose, StatStyle, View, changes, json, patch, stat};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::layers::{Found, counted, find, paths};
use crate::ui::Ui;

/// Show what a task changed in its private layer
///
/// Without an option it reads like `git diff --stat`, with `--patch` like `git diff`. The caches of toolchains are counted; `--layer`
/// shows one of them.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct DiffArgs {
    /// The task: its id, its name, or the beginning of either
    #[arg(value_name = "TASK")]
    task: String,

    /// Only these files and directories
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,

    /// Print a patch
    #[arg(long, short = 'p', conflicts_with = "json")]
    patch: bool,

    /// Print a line for each file, with `--patch` too
    #[arg(long, conflicts_with = "json")]
    stat: bool,

    /// Print a line for each file of a directory that came or went whole
    #[arg(long)]
    all: bool,

    /// The layer over this directory, instead of the workspace's
    #[arg(long, value_name = "DIR")]
    layer: Option<String>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct DiffJson<T> {
    version: u32,
    task: String,
    layers: Vec<LayerJson<T>>,
}

#[derive(Serialize)]
pub(crate) struct LayerJson<T> {
    target: String,
    purpose: Purpose,
    #[serde(flatten)]
    changes: T,
}

pub(crate) fn diff(ui: &Ui, args: &DiffArgs) -> Result<Exit, Failure> {
    let found = find(ui, &args.task)?;
    if args.json {
        let layers: Vec<&Layer> = match &args.layer {
            None => found.layers.all().iter().collect(),
            Some(typed) => vec![found.layer(Some(typed))?],
        };
        let one = |layer: &&Layer| -> Result<_, Failure> {
            let (view, changes) = chosen(layer, args)?;
            Ok(LayerJson { target: layer.target.to_string(), purpose: layer.purpose, changes: json(&view, &changes) })
        };
        let layers = layers.iter().map(one).collect::<Result<_, _>>()?;
        ui.print_json(&DiffJson { version: 1, task: found.id.to_string(), layers })?;
        return Ok(Exit::Done);
    }
    if !found.record.is_over() {
        ui.tell("the task is still running: this is what it has written so far");
    }
    if args.layer.is_none() && found.layers.all().is_empty() {
        ui.tell("nothing changed in a private layer, or it was discarded");
        return Ok(Exit::Done);
    }
    let layer = found.layer(args.layer.as_deref())?;
    let (view, changes) = chosen(layer, args)?;
    if changes.is_empty() {
        ui.tell(&format!("nothing differs between the private layer and `{}`", layer.target));
    }
    if args.stat || !args.patch {
        let style = ui.stdout_style();
        ui.print(&stat(&view, &changes, StatStyle { color: style.color, width: style.width, all: args.all, most: usize::MAX }))?;
    }
    if args.patch {
        print_patch(ui, &view, &changes)?;
    }
    if args.layer.is_none() && args.paths.is_empty() {
        tell_of_caches(ui, &found)?;
    }
    Ok(if changes.unread.is_empty() { Exit::Done } else { Exit::Failed })
}

/// Returns all changes of these layers, for programs.
pub(crate) fn layers_json(layers: &[Layer]) -> Result<Vec<LayerJson<impl Serialize + use<>>>, Failure> {
    let one = |layer: &Layer| {
        let view = layer.open()?;
        let changes = json(&view, &changes(&view));
        Ok(LayerJson { target: layer.target.to_string(), purpose: layer.purpose, changes })
    };
    layers.iter().map(one).collect()
}

/// Returns the changes that were asked for; a path without any is an error.
fn chosen(layer: &Layer, args: &DiffArgs) -> Result<(View, Changes), Failure> {
    let view = layer.open()?;
    let all = changes(&view);
    let paths = paths(layer, &args.paths)?;
    let changes = all.only(&paths).map_err(|path| {
        Failure::new(format!("`{path}` is not among the changes")).help(format!("`remit diff {}` shows them", args.task))
    })?;
    Ok((view, changes))
}

fn print_patch(ui: &Ui, view: &View, changes: &Changes) -> Result<(), Failure> {
    let style = PatchStyle { color: ui.stdout_style().color, visible: ui.stdout_is_terminal() };
    let mut without = Vec::new();
    for change in changes.shown() {
        let bytes = patch(view, change, style).map_err(|error| Failure::io(format!("cannot show `{}`", change.path), &error))?;
        if bytes.is_empty() {
            without.push(change.path.quoted());
        }
        ui.print_bytes(&bytes)?;
    }
    if !without.is_empty() {
        ui.tell(&format!("not in the patch, which has no word for it: {}", without.join(", ")));
    }
    for unread in &changes.unread {
        ui.tell(&format!("not in the patch: {}: {}", unread.path.quoted(), unread.why));
    }
    Ok(())
}

fn tell_of_caches(ui: &Ui, found: &Found) -> Result<(), Failure> {
    for layer in found.layers.all().iter().filter(|layer| layer.purpose == Purpose::Cache) {
        let changes = changes(&layer.open()?);
        if !changes.is_empty() {
            let name = found.name(layer);
            ui.tell(&format!("{} in the cache {name}: remit diff {} --layer '{name}'", counted(&changes), found.id));
        }
    }
    Ok(())
}
