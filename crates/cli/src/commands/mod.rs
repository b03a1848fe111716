//! One file for each command.

mod agents;
mod apply;
mod approve;
mod attach;
mod audit;
pub(crate) mod background;
pub(crate) mod cancel;
mod check;
mod compile;
mod delegate;
pub(crate) mod delete;
mod diff;
mod discard;
mod doctor;
mod learn;
mod lint;
pub(crate) mod logs;
mod lsp;
mod mcp;
mod preview;
mod proxy;
mod result;
mod retry;
mod run;
mod schema;
mod settings;
mod shell_init;
pub(crate) mod status;
mod store;
mod supervise;
pub(crate) mod tasks;
mod test;
mod told;
mod wait;
mod why;
mod worker;

pub(crate) use background::BackgroundArgs;
use clap::Subcommand;
pub(crate) use run::RunArgs;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::RunArgs),
    Delegate(delegate::DelegateArgs),
    Preview(preview::PreviewArgs),
    Check(check::CheckArgs),
    Compile(compile::CompileArgs),
    Lint(lint::LintArgs),
    Test(test::TestArgs),
    Doctor(doctor::DoctorArgs),
    Agents(agents::AgentsArgs),
    Tasks(tasks::TasksArgs),
    Audit(audit::AuditArgs),
    Mcp(mcp::McpArgs),
    #[command(hide = true)]
    Worker(worker::WorkerArgs),
    Proxy(proxy::ProxyArgs),
    ShellInit(shell_init::ShellInitArgs),
    Told(told::ToldArgs),
    Diff(diff::DiffArgs),
    Apply(apply::ApplyArgs),
    Discard(discard::DiscardArgs),
    Status(status::StatusArgs),
    Wait(wait::WaitArgs),
    Logs(logs::LogsArgs),
    Attach(attach::AttachArgs),
    Result(result::ResultArgs),
    Why(why::WhyArgs),
    Learn(learn::LearnArgs),
    Approve(approve::ApproveArgs),
    Deny(approve::DenyArgs),
    Cancel(cancel::CancelArgs),
    Pause(cancel::PauseArgs),
    Resume(cancel::ResumeArgs),
    Retry(retry::RetryArgs),
    Delete(delete::DeleteArgs),
    Clean(delete::CleanArgs),
    Settings(settings::SettingsArgs),
    Store(store::StoreArgs),
    Supervise(supervise::SuperviseArgs),
    Schema(schema::SchemaArgs),
    Lsp(lsp::LspArgs),
}

impl Command {
    pub(crate) fn run(&self, ui: &Ui) -> Result<Exit, Failure> {
        match self {
            Command::Run(args) => run::run(ui, args),
            Command::Delegate(args) => delegate::delegate(ui, args),
            Command::Preview(args) => preview::preview(ui, args),
            Command::Check(args) => check::check(ui, args),
            Command::Compile(args) => compile::compile(ui, args),
            Command::Lint(args) => lint::lint(ui, args),
            Command::Test(args) => test::test(ui, args),
            Command::Doctor(args) => doctor::doctor(ui, args),
            Command::Agents(args) => agents::agents(ui, args),
            Command::Tasks(args) => tasks::tasks(ui, args),
            Command::Audit(args) => audit::audit(ui, args),
            Command::Mcp(args) => mcp::mcp(ui, args),
            Command::Worker(args) => worker::worker(args),
            Command::Proxy(_) => proxy::proxy(),
            Command::ShellInit(args) => shell_init::shell_init(ui, args),
            Command::Told(args) => told::told(ui, args),
            Command::Diff(args) => diff::diff(ui, args),
            Command::Apply(args) => apply::apply(ui, args),
            Command::Discard(args) => discard::discard(ui, args),
            Command::Status(args) => status::status(ui, args),
            Command::Wait(args) => wait::wait(ui, args),
            Command::Logs(args) => logs::logs(ui, args),
            Command::Attach(args) => attach::attach(ui, args),
            Command::Result(args) => result::result(ui, args),
            Command::Why(args) => why::why(ui, args),
            Command::Learn(args) => learn::learn(ui, args),
            Command::Approve(args) => approve::approve(ui, args),
            Command::Deny(args) => approve::deny(ui, args),
            Command::Cancel(args) => cancel::cancel(ui, args),
            Command::Pause(args) => cancel::pause(ui, args),
            Command::Resume(args) => cancel::resume(ui, args),
            Command::Retry(args) => retry::retry(ui, args),
            Command::Delete(args) => delete::delete(ui, args),
            Command::Clean(args) => delete::clean(ui, args),
            Command::Settings(args) => settings::settings(ui, args),
            Command::Store(args) => store::store(ui, args),
            Command::Supervise(args) => supervise::supervise(ui, args),
            Command::Schema(args) => schema::schema(ui, args),
            Command::Lsp(args) => lsp::lsp(ui, args),
        }
    }
}
