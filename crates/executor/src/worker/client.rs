//! The session's side: an order out, its answers back, many at once.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream as Socket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};

use super::protocol::{Answer, Order, Reply, What, frame, length};

/// How many orders the worker follows at once; more wait for their turn.
const AT_ONCE: usize = 64;

/// The worker is gone, and with it the sandbox of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost;

#[derive(Debug)]
pub(crate) struct Client {
    next: AtomicU64,
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<Waiting>,
    slots: Semaphore,
}

type Senders = BTreeMap<u64, mpsc::UnboundedSender<Reply>>;

/// Who waits for an answer; `None` once there will be none.
#[derive(Debug)]
struct Waiting(Mutex<Option<Senders>>);

impl Client {
    /// Takes the socket of a worker, inside a runtime.
    pub(crate) fn new(socket: Socket) -> io::Result<Client> {
        socket.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(socket)?.into_split();
        let waiting = Arc::new(Waiting(Mutex::new(Some(BTreeMap::new()))));
        let (frames, outgoing) = mpsc::unbounded_channel();
        tokio::spawn(listen(reader, Arc::clone(&waiting)));
        tokio::spawn(speak(writer, outgoing));
        Ok(Client { next: AtomicU64::new(1), frames, waiting, slots: Semaphore::new(AT_ONCE) })
    }

    /// Gives an order, and waits for the answer that ends it. Dropping the future cancels the order.
    pub(crate) async fn order(&self, what: What, progress: &(dyn Fn(String) + Send + Sync)) -> Result<Reply, Lost> {
        let _slot = self.slots.acquire().await.map_err(|_| Lost)?;
        self.follow(what, progress).await
    }

    /// Gives an order that goes on for as long as the session, and takes no turn from others.
    pub(crate) async fn follow(&self, what: What, progress: &(dyn Fn(String) + Send + Sync)) -> Result<Reply, Lost> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok(bytes) = frame(&Order { id, what }) else {
            return Ok(Reply::Failed { why: "the arguments are longer than 32 MiB".to_owned(), errno: None });
        };
        let (sender, mut answers) = mpsc::unbounded_channel();
        match &mut *self.waiting.locked() {
            Some(waiting) => drop(waiting.insert(id, sender)),
            None => return Err(Lost),
        }
        let mut open = Open { client: self, id, done: false };
        self.frames.send(bytes).map_err(|_| Lost)?;
        loop {
            match answers.recv().await {
                Some(Reply::Progress(text)) => progress(text),
                Some(reply) => {
                    open.done = true;
                    return Ok(reply);
                }
                None => return Err(Lost),
            }
        }
    }
}

/// An order without its end: dropped, it is cancelled.
struct Open<'a> {
    client: &'a Client,
    id: u64,
    done: bool,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = &mut *self.client.waiting.locked() {
            waiting.remove(&self.id);
        }
        if !self.done
            && let Ok(bytes) = frame(&Order { id: self.id, what: What::Cancel })
        {
            // A worker that is gone needs no telling.
            let _ = self.client.frames.send(bytes);
        }
    }
}

impl Waiting {
    fn locked(&self) -> MutexGuard<'_, Option<Senders>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn speak(mut writer: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = frames.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn listen(mut reader: OwnedReadHalf, waiting: Arc<Waiting>) {
    while let Ok(Answer { id, reply }) = read(&mut reader).await {
        if let Some(sender) = waiting.locked().as_ref().and_then(|waiting| waiting.get(&id)) {
            // Nobody waits for an order that was cancelled.
            let _ = sender.send(reply);
        }
    }
    // Whoever waits now, or would, learns that the worker is gone.
    *waiting.locked() = None;
}

async fn read(reader: &mut OwnedReadHalf) -> io::Result<Answer> {
    let mut head = [0; 4];
    reader.read_exact(&mut head).await?;
    let mut bytes = vec![0; length(head)?];
    reader.read_exact(&mut bytes).await?;
    Ok(serde_json::from_slice(&bytes)?)
}
