//! The tools of an agent over the Model Context Protocol, for any chat host.
//!
//! A host's request becomes a call of the executor's [`remit_executor::Session`], and its answer the host's. There are no
//! permissions here: what the gate asks is asked on by elicitation, in the form that the host's version of the protocol
//! has, and a host without it is told what to do instead. The process has one thread of its own: the worker was
//! started before, and beside it is only the thread that answers calls for the kernel.

mod lines;
mod question;
mod server;
mod stdio;
mod tasks;

use std::io;
use std::sync::Arc;

use remit_executor::Session;
use rmcp::ServiceExt;
use rmcp::service::QuitReason;
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use lines::Lines;
use server::Server;

/// Why a session could not be served.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error("cannot open the session")]
    Open(#[source] io::Error),
    #[error("the chat host does not speak the protocol: {0}")]
    Protocol(String),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeEnd {
    /// The host closed its end.
    Closed,
    Signalled(i32),
}

/// Serves a session at standard input and output until the host closes it, or a signal comes.
///
/// `open` is called inside the runtime, and `instructions` are what the host tells the model of the whole.
pub fn serve(open: impl FnOnce() -> io::Result<Session>) -> Result<ServeEnd, ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Open)?;
    runtime.block_on(async {
        let session = Arc::new(open().map_err(ServeError::Open)?);
        session.start_servers();
        let spawned = session.spawned().await;
        let transport = stdio::standard().map_err(ServeError::Open)?;
        let server = Server::new(Arc::clone(&session), &spawned);
        let mut signals = Signals::new().map_err(ServeError::Open)?;
        let end = tokio::select! {
            end = served(server, transport) => end,
            number = signals.next() => Ok(ServeEnd::Signalled(number)),
        };
        let outcome = match &end {
            Ok(ServeEnd::Closed) => "the host closed the session".to_owned(),
            Ok(ServeEnd::Signalled(number)) => format!("signal {number}"),
            Err(error) => error.to_string(),
        };
        session.close(&outcome).map_err(|error| ServeError::Open(error.source))?;
        end
    })
}

async fn served(server: Server, transport: stdio::Standard) -> Result<ServeEnd, ServeError> {
    let late = server.servers_settle();
    let running = match server.serve(Lines::new(transport)).await {
        Ok(running) => running,
        // A host that goes before it has said anything has only looked whether the server starts.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(ServeEnd::Closed),
        Err(error) => return Err(ServeError::Protocol(error.to_string())),
    };
    let (settled, peer) = (late, running.peer().clone());
    tokio::spawn(async move {
        if settled.await {
            // A host that is gone wants no list.
            let _ = peer.notify_tool_list_changed().await;
        }
    });
    match running.waiting().await {
        Ok(QuitReason::JoinError(error)) | Err(error) => Err(ServeError::Protocol(error.to_string())),
        Ok(_) => Ok(ServeEnd::Closed),
    }
}

/// The signals that end a server.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.hangup.recv() => SignalKind::hangup().as_raw_value(),
        }
    }
}
