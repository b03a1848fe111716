use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Show what this host can hold, and what it cannot
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn doctor(_ui: &Ui, _args: &DoctorArgs) -> Result<Exit, Failure> {
    Err(Failure::new("not written yet"))
}
