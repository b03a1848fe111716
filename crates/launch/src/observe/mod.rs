//! Looking on while a task works: which of its calls the wall refuses, and what it uses.
//!
//! A filter of its own asks about the calls that take paths or addresses ([`remit_sandbox::observing`]). The thread that is
//! asked reads what the call names, lets it go on at once (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`), and then finds out what the
//! plan's rules say to it. So the kernel decides exactly as without it: nothing that is read here grants or refuses anything,
//! and a task that changes its memory in between deceives the explanation and nobody else.
//!
//! What the task's own filter asks about, `outside` decides and does, here as anywhere; the observer only looks first. Which
//! calls these are the program of that filter says, run on the registers: those cannot change.

mod call;
mod memory;
mod view;

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use remit_agent::AbsPath;
use remit_sandbox::{Act, Because, CallAnswer, FailedProcess, Observed, Refused, SeccompProgram, Target, Wall, Watch};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::outside::{self, Bounds};
use crate::sys::{self, Notification};
use call::{Call, Name, call, sets_group_id};
use memory::Thread;
use view::{Place, View};

/// What an observer goes by.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) wall: Wall,
    pub(crate) watch: Watch,
    /// The task's own filter.
    pub(crate) filter: Option<SeccompProgram>,
}

/// How many paths are remembered as allowed; then all are forgotten.
const MOST_KNOWN: usize = 65_536;

/// Begins to look on, on a thread of its own, which also answers what is decided outside.
pub(crate) fn serve(
    listener: OwnedFd,
    observer: Observer,
    bounds: Option<Bounds>,
) -> std::io::Result<JoinHandle<Option<Observed>>> {
    let (listener, bounds) = (Arc::new(listener), bounds.map(Arc::new));
    std::thread::Builder::new().name("observer".to_owned()).spawn(move || {
        // Without an answer the kernel refuses.
        outside::prepare_thread().ok()?;
        // Faster where the kernel can (Linux 6.6), the same where it cannot.
        let _ = sys::wake_in_place(listener.as_fd());
        let mut eye =
            Eye { host: View::of_host().ok()?, task: None, observer, known: HashSet::new(), observed: Observed::default() };
        while let Ok(true) = outside::wait(&listener) {
            match sys::receive(listener.as_fd()) {
                Ok(notification) => eye.attend(&listener, bounds.as_ref(), &notification),
                // The caller was killed, or a signal came.
                Err(Errno::NOENT | Errno::INTR) => {}
                Err(_) => break,
            }
        }
        Some(eye.observed)
    })
}

struct Eye {
    observer: Observer,
    host: View,
    /// The task's root, from the first call on.
    task: Option<View>,
    /// What is allowed, by its act and the path as it was written.
    known: HashSet<(Act, Vec<u8>)>,
    observed: Observed,
}

/// A path of a call, read while the call waited.
struct Named {
    act: Act,
    path: Vec<u8>,
    follow: bool,
    /// Found before the call went on, because it changes what stands there.
    before: Option<Place>,
}

/// What became of a call that may be decided outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    NotAsked,
    Done,
    Refused(Because),
}

/// What a call was about, read while it waited.
enum Seen {
    Paths {
        paths: Vec<Named>,
        /// The first has the name of the second from now on.
        renames: bool,
    },
    Address {
        act: Act,
        target: Target,
    },
    Limit(Option<u32>),
    Exit(FailedProcess),
    Nothing,
    Unread,
}

impl Eye {
    fn attend(&mut self, listener: &Arc<OwnedFd>, bounds: Option<&Arc<Bounds>>, notification: &Notification) {
        self.observed.calls += 1;
        let asks = |filter: &SeccompProgram| filter.answer(notification.number, &notification.arguments) == CallAnswer::Ask;
        let decided = self.observer.filter.as_ref().is_some_and(asks);
        let seen = self.see(notification);
        let number = libc::c_long::from(notification.number);
        let decided_by = if sets_group_id(number, &notification.arguments) { Because::SetGroupId } else { Because::Decided };
        let refused = if decided {
            match bounds {
                Some(bounds) => outside::answer(listener, bounds, notification),
                // Nobody decides it: as if nobody had been asked.
                None => sys::answer(listener.as_fd(), notification.id, Err(Errno::NOSYS)).is_err(),
            }
        } else {
            // This fails when the caller has gone: then its number may be another's, and what was read belongs to nobody.
            if sys::let_go_on(listener.as_fd(), notification.id).is_err() {
                return;
            }
            false
        };
        let outcome = match (decided, refused) {
            (false, _) => Outside::NotAsked,
            (true, false) => Outside::Done,
            (true, true) => Outside::Refused(decided_by),
        };
        match seen {
            Seen::Paths { paths, renames } => {
                let judged: Vec<_> = paths.into_iter().map(|named| self.judge(notification.thread, named, outcome)).collect();
                if let (true, [Some(from), Some(to)]) = (renames, judged.as_slice()) {
                    self.observed.rename(from.clone(), to.clone());
                }
            }
            Seen::Address { act, target } => {
                let because = match &target {
                    Target::Address { address, .. } => self.observer.wall.refuses_address(*address),
                    Target::Path(_) | Target::Process(_) => None,
                };
                self.note(notification.thread, act, target, because);
            }
            Seen::Limit(process) if refused => {
                self.note(notification.thread, Act::Limit, Target::Process(process), Some(Because::OtherProcess));
            }
            Seen::Exit(failed) => self.observed.fail(failed),
            Seen::Nothing | Seen::Limit(_) => {}
            Seen::Unread => self.observed.unread += 1,
        }
    }

    fn see(&mut self, notification: &Notification) -> Seen {
        let thread = Thread(notification.thread);
        if self.task.is_none() {
            self.task = View::of_thread(notification.thread).ok();
        }
        let number = libc::c_long::from(notification.number);
        let Some(call) = call(number, &notification.arguments) else { return Seen::Nothing };
        let all = match call {
            Call::Exit { code } => {
                let process = thread.process();
                return Seen::Exit(FailedProcess { process, code, last: self.observed.calls });
            }
            Call::Limit { process } => return Seen::Limit(process.and_then(|number| u32::try_from(number).ok())),
            Call::Opened { descriptor } => thread.opened(descriptor).map(|path| {
                let named = path.map(|path| Named { act: Act::Change, path, follow: true, before: None });
                named.into_iter().collect()
            }),
            Call::Connect { address, length } => return self.address(thread, Act::Connect, address, length),
            Call::Bind { address, length } => return self.address(thread, Act::Listen, address, length),
            Call::Open { at, flags } => self.opened(thread, at, flags),
            Call::One { at, act, follow } => self.named(thread, at, act, follow, false).map(|named| vec![named]),
            Call::Make { at } => self.named(thread, at, Act::Create, false, true).map(|named| vec![named]),
            Call::Remove { at } => self.named(thread, at, Act::Remove, false, true).map(|named| vec![named]),
            Call::Rename { from, to, exchange } => {
                let acts = if exchange { [Act::Remove, Act::Remove] } else { [Act::Remove, Act::Create] };
                let both = [(from, acts[0]), (to, acts[1])];
                both.into_iter().map(|(at, act)| self.named(thread, at, act, false, true)).collect()
            }
        };
        match all {
            Ok(paths) => {
                let paths = paths.into_iter().filter(|named| !named.path.is_empty()).collect();
                Seen::Paths { paths, renames: renames(number) }
            }
            // Without a path there is nothing to be seen: libraries try so which calls there are.
            Err(Errno::INVAL) => Seen::Nothing,
            Err(_) => Seen::Unread,
        }
    }

    fn opened(&self, thread: Thread, at: Name, flags: OFlags) -> Result<Vec<Named>, Errno> {
        let follow = !flags.contains(OFlags::NOFOLLOW);
        if flags.contains(OFlags::PATH) {
            return Ok(vec![self.named(thread, at, Act::Look, follow, false)?]);
        }
        let access = flags & OFlags::RWMODE;
        let writes = access != OFlags::RDONLY || flags.contains(OFlags::TRUNC);
        let makes = flags.contains(OFlags::CREATE);
        let mut first = self.named(thread, at, if writes { Act::Write } else { Act::Read }, follow, makes)?;
        if flags.contains(OFlags::TMPFILE) {
            // A file with no name yet, in the directory that is named.
            first.act = Act::Create;
            first.path.extend_from_slice(b"/.");
            return Ok(vec![first]);
        }
        if makes && !matches!(first.before, None | Some(Place::Found(_))) {
            first.act = Act::Create;
        }
        let also = (writes && access != OFlags::WRONLY && first.act == Act::Write).then(|| Named {
            act: Act::Read,
            path: first.path.clone(),
            follow,
            before: first.before.clone(),
        });
        Ok(std::iter::once(first).chain(also).collect())
    }

    /// Reads a path; with `before` also finds what stands there now.
    fn named(&self, thread: Thread, at: Name, act: Act, follow: bool, before: bool) -> Result<Named, Errno> {
        let path = thread.path(at.directory, at.path)?;
        let entry = matches!(act, Act::Create | Act::Remove);
        let before = match &self.task {
            Some(view) if before && !path.is_empty() && !is_passing(&path) => {
                Some(if entry { view.entry(&path) } else { view.place(&path, follow) })
            }
            _ => None,
        };
        Ok(Named { act, path, follow, before })
    }

    fn address(&self, thread: Thread, act: Act, address: u64, length: u64) -> Seen {
        match thread.address(address, length) {
            Ok(Some(memory::Address::Internet(address, port))) => {
                Seen::Address { act, target: Target::Address { address, port } }
            }
            Ok(Some(memory::Address::Path(path))) => {
                let Ok(path) = thread.absolute(libc::AT_FDCWD, path) else { return Seen::Unread };
                let before = match &self.task {
                    Some(view) if act == Act::Listen => Some(view.entry(&path)),
                    _ => None,
                };
                Seen::Paths { paths: vec![Named { act, path, follow: act == Act::Connect, before }], renames: false }
            }
            Ok(None) => Seen::Nothing,
            Err(_) => Seen::Unread,
        }
    }

    /// Finds out what the plan says to an act on a path, and notes it. Returns the path when the act is allowed.
    fn judge(&mut self, thread: u32, named: Named, outside: Outside) -> Option<AbsPath> {
        let decided = outside != Outside::NotAsked;
        let refused = match outside {
            Outside::Refused(because) => Some(because),
            Outside::NotAsked | Outside::Done => None,
        };
        let key = (named.act, named.path);
        if is_passing(&key.1) || (!decided && self.known.contains(&key)) {
            return None;
        }
        let named = Named { path: key.1, ..named };
        let Named { act, path, follow, before } = named;
        let Some(view) = &self.task else {
            self.observed.unread += 1;
            return None;
        };
        let place = before.unwrap_or_else(|| view.place(&path, follow));
        let wall = &self.observer.wall;
        let (at, because) = match place {
            // What is there already is not made.
            Place::Found(_) if act == Act::Create && !decided => return None,
            Place::Free(at) if matches!(act, Act::Create | Act::Listen) => {
                let because = if decided { refused } else { wall.refuses(act, &at) };
                (at, because)
            }
            Place::Free(_) | Place::Nowhere => {
                self.beyond(thread, act, &path, follow);
                return None;
            }
            Place::Closed => {
                let at = lexical(&path)?;
                let because = wall.refuses(act, &at).filter(|because| *because == Because::Hidden);
                (at, because)
            }
            Place::Found(at) => {
                let because = wall.refuses(act, &at);
                // Of an open that reads and writes, it is the writing that was decided.
                let because = if decided && act != Act::Read { refused.map(|other| because.unwrap_or(other)) } else { because };
                (at, because)
            }
        };
        let allowed = because.is_none().then(|| at.clone());
        if because.is_none() {
            if self.observer.watch == Watch::Everything {
                // The links on the way have to be in sight as well.
                let links = lexical(&path).filter(|path| follow && *path != at);
                if let Some(path) = links {
                    self.observed.r#use(act, Target::Path(path));
                }
            }
            if self.known.len() >= MOST_KNOWN {
                self.known.clear();
            }
            // What is made or removed once may not be there the next time.
            if !matches!(act, Act::Create | Act::Remove | Act::Listen) {
                self.known.insert((act, path));
            }
        }
        self.note(thread, act, Target::Path(at), because);
        allowed
    }

    /// Looks whether what the task does not find is there on the host, and only out of its sight.
    fn beyond(&mut self, thread: u32, act: Act, path: &[u8], follow: bool) {
        let wall = &self.observer.wall;
        if !wall.has_own_root() {
            return;
        }
        let makes = matches!(act, Act::Create | Act::Listen);
        let there = match self.host.place(path, follow) {
            Place::Found(there) => there,
            Place::Free(there) if makes => there,
            Place::Free(_) | Place::Nowhere | Place::Closed => return,
        };
        // What is shown, and is not there for the task, was removed by the task, or stands in a directory of its own.
        if wall.shows(&there) || (there.parent().is_none()) {
            return;
        }
        self.note(thread, act, Target::Path(there), Some(Because::NotGranted));
    }

    fn note(&mut self, thread: u32, act: Act, target: Target, because: Option<Because>) {
        let Some(because) = because else {
            if self.observer.watch == Watch::Everything {
                self.observed.r#use(act, target);
            }
            return;
        };
        let (process, name) = Thread(thread).who();
        self.observed.refuse(Refused { act, target, because, process, name, count: 1, last: self.observed.calls });
    }
}

fn renames(number: libc::c_long) -> bool {
    #[cfg(target_arch = "x86_64")]
    if number == libc::SYS_rename {
        return true;
    }
    matches!(number, libc::SYS_renameat | libc::SYS_renameat2)
}

/// Returns whether nothing is to be learnt of a path: `/proc` is each process's own, and full of links that are somebody else's.
fn is_passing(path: &[u8]) -> bool {
    path.starts_with(b"/proc/") || path == b"/proc" || path.starts_with(b"/dev/fd/") || path.starts_with(b"/dev/std")
}

fn lexical(path: &[u8]) -> Option<AbsPath> {
    AbsPath::new(Path::new(std::str::from_utf8(path).ok()?)).ok()
}
