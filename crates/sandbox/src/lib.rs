//! A policy and a host become a plan: which mechanism carries each grant, and what none does.
//!
//! [`Host::probe`] looks; [`plan`] decides, and is pure: the same policy and the same host give the same plan, on any
//! machine. Nothing here is applied to any process; that is `launch`.

mod above;
mod cgroups;
mod gap;
mod host;
mod landlock;
mod layers;
mod matches;
mod means;
mod observed;
mod outside;
mod plan;
mod probe;
mod proxy;
mod real;
mod seccomp;
mod wall;

pub use cgroups::{CgroupPlan, Cgroups, Counter, GroupLimit};
pub use gap::{Carried, Gap, Grant, Mechanism};
pub use host::{Availability, Host, PathFact, PathKind};
pub use landlock::{LandlockPlan, PathRights, Rights};
pub use layers::{Bind, Layer, LayerPurpose, Mask, OwnRoot, PrivateDirectory};
pub use matches::Matches;
pub use observed::{FailedProcess, Observed, Refused, Used, Watch};
pub use outside::{DeniedName, Named, Outside};
pub use plan::{DiskSpace, Namespaces, Plan, ResourceKind, ResourceLimit, Temporary, plan};
pub use probe::{Trials, paths_of_interest};
pub use proxy::ProxyPlan;
pub use seccomp::{CallAnswer, Metadata, SeccompProgram, SetGroupId, observing};
pub use wall::{Act, Because, Target, Wall};
