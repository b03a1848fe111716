//! The supervisor's side: it sees that there is more, and keeps it bounded.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

use super::{GAPS, Gap, MARK_SIZE, MARKS, Mark, Stream, open};
use crate::{TaskDir, Timestamp};

/// Holes begin and end at multiples of this, a page of every file system that there is.
const BLOCK: u64 = 64 << 10;
/// No two marks are closer than this, in milliseconds.
const APART: i64 = 5;
/// More marks than this are thinned out to half.
const MOST_MARKS: usize = 32 << 10;
/// How much of what is new is looked at; of more, the end.
const LOOKED_AT: u64 = 4 << 20;
/// How much of it is read at once.
const PIECE: usize = 64 << 10;

/// The files that a task prints to.
#[derive(Debug)]
pub struct Keeper {
    files: [OwnedFd; 2],
    gaps_file: OwnedFd,
    marks_file: OwnedFd,
    /// `None` where the user has as many inotify instances as there may be: then somebody else has to tell.
    changes: Option<OwnedFd>,
    /// How much of each file is kept, at its beginning and at its end.
    first: u64,
    last: u64,
    gaps: [Gap; 2],
    marks: usize,
    apart: i64,
    latest: Mark,
}

/// Whether there is room on the disk for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Room,
    Full,
}

impl Keeper {
    /// Makes the files. Of each, about `limit` bytes are kept.
    pub fn create(task: &TaskDir, limit: u64) -> io::Result<Keeper> {
        let new = |name: &str, flags: OFlags| open(task.fd(), name, flags | OFlags::CREATE | OFlags::EXCL | OFlags::RDWR);
        let output = |stream: Stream| new(stream.file(), OFlags::APPEND);
        let files = [output(Stream::Out)?, output(Stream::Err)?];
        let changes = match watch(task) {
            Ok(changes) => Some(changes),
            // `fs.inotify.max_user_instances` is 128 on most hosts, and editors use them as well.
            Err(Errno::MFILE | Errno::NFILE | Errno::NOSPC) => None,
            Err(errno) => return Err(errno.into()),
        };
        let kept = limit.max(4 * BLOCK) / BLOCK * BLOCK;
        let first = kept / 4 / BLOCK * BLOCK;
        Ok(Keeper {
            files,
            gaps_file: new(GAPS, OFlags::empty())?,
            marks_file: new(MARKS, OFlags::APPEND)?,
            changes,
            first,
            last: kept - first,
            gaps: [(0, 0); 2],
            marks: 0,
            apart: APART,
            latest: Mark { at: i64::MIN, length: [0; 2] },
        })
    }

    /// Returns the descriptor for the task.
    pub fn file(&self, stream: Stream) -> BorrowedFd<'_> {
        let [out, err] = &self.files;
        match stream {
            Stream::Out => out.as_fd(),
            Stream::Err => err.as_fd(),
        }
    }

    /// Returns the descriptor that is readable when there is more; `None` when nothing tells.
    pub fn changes(&self) -> Option<BorrowedFd<'_>> {
        self.changes.as_ref().map(AsFd::as_fd)
    }

    /// Takes notice of what was printed since the last time; `seen` gets it, or its end when it is much.
    pub fn look(&mut self, at: Timestamp, mut seen: impl FnMut(Stream, &[u8])) -> io::Result<Fill> {
        self.forget_changes()?;
        let mut length = [0; 2];
        for ((length, file), (stream, before)) in
            length.iter_mut().zip(&self.files).zip(Stream::BOTH.into_iter().zip(self.latest.length))
        {
            *length = u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
            let mut from = before.max(length.saturating_sub(LOOKED_AT));
            let mut buffer = if from < *length { vec![0; PIECE] } else { Vec::new() };
            while from < *length {
                let most = usize::try_from(*length - from).unwrap_or(PIECE).min(PIECE);
                let count = rustix::io::pread(file, buffer.get_mut(..most).unwrap_or_default(), from)?;
                if count == 0 {
                    break;
                }
                seen(stream, buffer.get(..count).unwrap_or_default());
                from += u64::try_from(count).unwrap_or(0);
            }
        }
        if length == self.latest.length {
            return Ok(Fill::Room);
        }
        let full = self.bound(length);
        let marked = self.mark(Mark { at: at.as_millisecond(), length });
        match (full, marked) {
            // Asked at every look, because a task that cannot write any more makes no further change.
            _ if self.fill() == Fill::Full => Ok(Fill::Full),
            (Err(Errno::NOSPC | Errno::DQUOT), _) | (_, Err(Errno::NOSPC | Errno::DQUOT)) => Ok(Fill::Full),
            (bounded, marked) => bounded.and(marked).map(|()| Fill::Room).map_err(io::Error::from),
        }
    }

    /// Returns whether there is room on the disk.
    pub fn fill(&self) -> Fill {
        let [out, _] = &self.files;
        match rustix::fs::fstatvfs(out) {
            Ok(space) if space.f_bavail == 0 => Fill::Full,
            Ok(_) | Err(_) => Fill::Room,
        }
    }

    /// Gives up the middle of what has become too long.
    fn bound(&mut self, length: [u64; 2]) -> Result<(), Errno> {
        for ((file, gap), (length, place)) in self.files.iter().zip(&mut self.gaps).zip(length.into_iter().zip([0, 16])) {
            let start = if gap.1 == 0 { self.first } else { gap.0 };
            let end = length.saturating_sub(self.last) / BLOCK * BLOCK;
            // A few blocks at a time, so that a slow writer costs little.
            if end < gap.1.max(start) + 4 * BLOCK {
                continue;
            }
            let from = gap.1.max(start);
            *gap = (start, end);
            // Said before it is done: a reader takes no zeros for output.
            let mut bytes = [0; 16];
            for (to, byte) in bytes.iter_mut().zip([start.to_le_bytes(), end.to_le_bytes()].as_flattened()) {
                *to = *byte;
            }
            rustix::io::pwrite(&self.gaps_file, &bytes, place)?;
            match rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, end - from) {
                // A file system without holes keeps everything.
                Ok(()) | Err(Errno::OPNOTSUPP) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn mark(&mut self, mark: Mark) -> Result<(), Errno> {
        let soon = self.latest.at != i64::MIN && (0..self.apart).contains(&mark.at.saturating_sub(self.latest.at));
        self.latest.length = mark.length;
        if soon {
            return Ok(());
        }
        self.latest.at = mark.at;
        rustix::io::write(&self.marks_file, &mark.to_bytes())?;
        self.marks += 1;
        if self.marks < MOST_MARKS {
            return Ok(());
        }
        // Every second one goes, and from now on they come half as often.
        let mut all = vec![0; self.marks * MARK_SIZE];
        let count = rustix::io::pread(&self.marks_file, &mut all, 0)?;
        let kept: Vec<u8> =
            all.get(..count).unwrap_or_default().chunks_exact(MARK_SIZE).skip(1).step_by(2).flatten().copied().collect();
        rustix::fs::ftruncate(&self.marks_file, 0)?;
        rustix::io::write(&self.marks_file, &kept)?;
        self.marks = kept.len() / MARK_SIZE;
        self.apart = self.apart.saturating_mul(2);
        Ok(())
    }

    fn forget_changes(&self) -> Result<(), Errno> {
        let Some(changes) = &self.changes else { return Ok(()) };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        loop {
            match rustix::io::read(changes, &mut buffer) {
                Ok((read, _)) if !read.is_empty() => {}
                Ok(_) | Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn watch(task: &TaskDir) -> Result<OwnedFd, Errno> {
    let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    for stream in Stream::BOTH {
        inotify::add_watch(&changes, task.path().join(stream.file()).as_path(), WatchFlags::MODIFY)?;
    }
    Ok(changes)
}
