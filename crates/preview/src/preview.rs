use remit_agent::AbsPath;
use remit_policy::{Confinement, Policy};
use remit_sandbox::{Gap, Plan};
use serde::Serialize;

use crate::commands::{Commands, commands};
use crate::files::{Files, files};
use crate::held::{Held, gaps, held};
use crate::project::{Project, ProjectFiles, project};
use crate::risks::{Risk, risks};
use crate::surroundings::{Environment, LimitLine, Network, StartLine, environment, limits, network, starts};
use crate::tools::{Tools, tools};

/// The version of the data's form. Fields are added without a new version; a changed meaning has one.
pub const PREVIEW_VERSION: u32 = 1;

/// Everything that a person is to know before saying yes, as data: nothing cut, nothing made visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    pub version: u32,
    /// `None` when there is no agent.
    pub agent: Option<String>,
    /// What the file says of itself. It grants nothing and is no part of the policy.
    pub description: Option<String>,
    /// How the file's patterns were read: `remit`, `kiro` or `q`.
    pub reading: String,
    pub profile: String,
    pub confinement: Confinement,
    pub workspace: AbsPath,
    pub home: AbsPath,
    /// The whole digest of the policy.
    pub digest: String,
    /// What to look at first, the riskiest before the others.
    pub risks: Vec<Risk>,
    pub tools: Tools,
    pub commands: Commands,
    /// What commands run as files of the workspace have it; empty where nobody looked.
    pub project: Project,
    pub files: Files,
    pub network: Network,
    pub limits: Vec<LimitLine>,
    pub environment: Environment,
    pub starts: Vec<StartLine>,
    /// In the order of [`remit_sandbox::Grant`], as is what is not held.
    pub held: Vec<Held>,
    pub not_held: Vec<Gap>,
}

/// Returns what a policy permits under a plan that was made for it.
///
/// A plan for another policy gives a page that nobody should approve: the two are not compared.
pub fn preview(policy: &Policy, plan: &Plan) -> Preview {
    let mut preview = Preview {
        version: PREVIEW_VERSION,
        agent: policy.agent.clone(),
        description: None,
        reading: policy.reading.to_owned(),
        profile: policy.profile.clone(),
        confinement: policy.confinement,
        workspace: policy.workspace.clone(),
        home: policy.home.clone(),
        digest: policy.digest().to_string(),
        risks: Vec::new(),
        tools: tools(policy),
        commands: commands(policy),
        project: Project::default(),
        files: files(policy, plan),
        network: network(policy, plan),
        limits: limits(policy),
        environment: environment(policy, plan),
        starts: starts(policy),
        held: held(plan),
        not_held: gaps(plan),
    };
    preview.risks = risks(policy, &preview);
    preview
}

impl Preview {
    /// Adds what the commands run as the workspace's own files have it. `policy` is the one that the page is of.
    #[must_use]
    pub fn in_project(mut self, policy: &Policy, files: &ProjectFiles) -> Preview {
        self.project = project(policy, files);
        self.risks = risks(policy, &self);
        self
    }

    /// Adds what the agent file says of itself.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Preview {
        self.description = Some(description.into());
        self
    }
}
