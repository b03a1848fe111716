//! The session's sandbox: the worker in it, and another in its place when it is lost, once.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remit_launch::Running;

use super::Session;
use crate::ExecutorError;
use crate::audit::AuditEvent;
use crate::network::{Proxy, Recording};
use crate::worker::protocol::{Reply, What};
use crate::worker::{Client, Recipe, Worker, end_worker};

/// The worker of a session, to be ended by whoever opened the session.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Mutex<Option<Running>>>);

impl Workers {
    /// Ends the worker, with everything that its commands have left running. The `spared` children of this process, and what
    /// is below them, are none of its.
    pub fn end(&self, spared: &[u32]) -> Result<(), ExecutorError> {
        locked(&self.0).take().map_or(Ok(()), |running| end_worker(running, spared))
    }
}

#[derive(Debug)]
pub(super) struct Sandbox {
    worker: Mutex<Current>,
    workers: Workers,
}

#[derive(Debug)]
struct Current {
    client: Arc<Client>,
    /// Gone once it has been used.
    recipe: Option<Recipe>,
}

/// The worker is gone, and what it was told to do may have been done, or half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// Another has taken its place.
    Replaced,
    ForGood,
}

impl Gone {
    pub(super) fn why(self) -> &'static str {
        match self {
            Gone::Replaced => {
                "the sandbox of this session ended in the middle of it, and was started again: look at what was done before \
                 you call again"
            }
            Gone::ForGood => super::GONE,
        }
    }
}

impl Sandbox {
    /// Takes a worker; its proxy is for the session to record.
    pub(super) fn new(worker: Worker) -> io::Result<(Sandbox, Option<Proxy>)> {
        let Worker { running, socket, proxy, recipe } = worker;
        let client = Arc::new(Client::new(socket)?);
        let workers = Workers(Arc::new(Mutex::new(Some(running))));
        Ok((Sandbox { worker: Mutex::new(Current { client, recipe: Some(recipe) }), workers }, proxy))
    }

    pub(super) fn workers(&self) -> Workers {
        self.workers.clone()
    }
}

impl Session {
    /// Returns the worker that is there now.
    pub(super) fn client(&self) -> Arc<Client> {
        Arc::clone(&locked(&self.sandbox.worker).client)
    }

    /// Gives an order to the worker. Dropping the future cancels it.
    pub(super) async fn order(&self, what: What, progress: &(dyn Fn(String) + Send + Sync)) -> Result<Reply, Gone> {
        let client = self.client();
        // What touches nothing can be asked again.
        let again = match &what {
            What::Resolve(paths) => Some(What::Resolve(paths.clone())),
            What::Expand(pattern) => Some(What::Expand(pattern.clone())),
            What::Walk(grep) => Some(What::Walk(grep.clone())),
            What::Search { .. } | What::Act(_) | What::Hook { .. } | What::Serve(_) | What::Tools { .. } | What::Cancel => None,
        };
        if let Ok(reply) = client.order(what, progress).await {
            return Ok(reply);
        }
        let client = self.replaced(&client)?;
        match again {
            Some(what) => client.order(what, progress).await.map_err(|_| Gone::ForGood),
            None => Err(Gone::Replaced),
        }
    }

    /// Returns the worker that has taken the place of a lost one: of several that find it lost, one starts it.
    pub(super) fn replaced(&self, lost: &Arc<Client>) -> Result<Arc<Client>, Gone> {
        let mut current = locked(&self.sandbox.worker);
        if !Arc::ptr_eq(&current.client, lost) {
            return Ok(Arc::clone(&current.client));
        }
        self.servers_lost();
        let recipe = current.recipe.take().ok_or(Gone::ForGood)?;
        let spared = self.desk.as_ref().map_or_else(Vec::new, |desk| locked(desk).children());
        let start = || -> Result<Client, ExecutorError> {
            // What the lost one has left running goes first, and the thread that records its network: then this is the only one.
            let network = locked(&self.network).take();
            network.into_iter().for_each(Recording::finish);
            self.sandbox.workers.end(&spared)?;
            let Worker { running, socket, proxy, .. } = recipe.start()?;
            *locked(&self.network) = proxy.map(|proxy| proxy.record(Arc::clone(&self.audit))).transpose()?;
            *locked(&self.sandbox.workers.0) = Some(running);
            Client::new(socket).map_err(ExecutorError::Worker)
        };
        let started = start();
        let why = match &started {
            Ok(_) => "the worker was lost, and another was started in its place".to_owned(),
            Err(error) => format!("the worker was lost, and no other could be started: {error}"),
        };
        let recorded = self.audit.append(&AuditEvent::Restarted { why: why.into() });
        let client = started.ok().filter(|_| recorded.is_ok()).ok_or(Gone::ForGood)?;
        current.client = Arc::new(client);
        Ok(Arc::clone(&current.client))
    }
}

pub(super) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
