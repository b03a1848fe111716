//! The reader's side: what was printed, in order, with the gap said.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{GAPS, Gap, MARK_SIZE, MARKS, Mark, Stream, open};
use crate::task::DIRECTORY;
use crate::{StateDir, TaskId, Timestamp, files};

/// How much is read at once.
const PIECE: u64 = 256 << 10;

/// The output of a task, running or over, read from its beginning to where it is now.
#[derive(Debug)]
pub struct Log {
    files: [OwnedFd; 2],
    gaps: Option<OwnedFd>,
    marks: Option<OwnedFd>,
    /// How far each file is read, and how many marks.
    at: [u64; 2],
    mark: u64,
}

/// A part of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub stream: Stream,
    /// When it was there, at the latest; of the newest part not yet known.
    pub at: Option<Timestamp>,
    pub text: Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    Bytes(Vec<u8>),
    /// So many bytes are not kept.
    Gap(u64),
}

impl Log {
    /// Opens the output of a task; `None` when it has none: it ran in the foreground, or has not started.
    pub fn open(state: &StateDir, id: &TaskId) -> io::Result<Option<Log>> {
        let directory = match files::open_directory(state.fd(), &format!("{DIRECTORY}/{id}")) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let file = |name: &str| match open(directory.as_fd(), name, OFlags::RDONLY | OFlags::NONBLOCK) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        };
        let (Some(out), Some(err)) = (file(Stream::Out.file())?, file(Stream::Err.file())?) else { return Ok(None) };
        Ok(Some(Log { files: [out, err], gaps: file(GAPS)?, marks: file(MARKS)?, at: [0; 2], mark: 0 }))
    }

    /// Skips what was there before a time.
    pub fn skip_before(&mut self, since: Timestamp) -> io::Result<()> {
        loop {
            let number = self.mark;
            let Some(mark) = self.read_mark(number)? else { return Ok(()) };
            if mark.at >= since.as_millisecond() {
                return Ok(());
            }
            self.mark += 1;
            self.at = mark.length;
        }
    }

    /// Skips all but about the last `bytes` of each file.
    pub fn skip_to_last(&mut self, bytes: u64) -> io::Result<()> {
        for (file, at) in self.files.iter().zip(&mut self.at) {
            let length = u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
            *at = (*at).max(length.saturating_sub(bytes));
        }
        Ok(())
    }

    /// Returns how many bytes of a stream are not kept.
    pub fn not_kept(&self, stream: Stream) -> io::Result<u64> {
        let (from, to) = self.gap(usize::from(stream == Stream::Err))?;
        Ok(to.saturating_sub(from))
    }

    /// Returns the next part; `None` when there is no more for now.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        loop {
            let number = self.mark;
            let mark = self.read_mark(number)?;
            let upto = mark.map_or([u64::MAX; 2], |mark| mark.length);
            let at = mark.and_then(|mark| Timestamp::from_millisecond(mark.at).ok());
            for (index, stream) in Stream::BOTH.into_iter().enumerate() {
                if let Some(text) = self.read(index, upto.get(index).copied().unwrap_or(0))? {
                    return Ok(Some(Piece { stream, at, text }));
                }
            }
            if mark.is_none() {
                return Ok(None);
            }
            self.mark += 1;
        }
    }

    fn read(&mut self, index: usize, upto: u64) -> io::Result<Option<Text>> {
        loop {
            let (from, to) = self.gap(index)?;
            let (Some(file), Some(at)) = (self.files.get(index), self.at.get(index).copied()) else { return Ok(None) };
            if at >= upto {
                return Ok(None);
            }
            if (from..to).contains(&at) {
                self.at = self.moved(index, to);
                return Ok(Some(Text::Gap(to - at)));
            }
            let upto = if at < from { upto.min(from) } else { upto };
            let mut buffer = vec![0; usize::try_from((upto - at).min(PIECE)).unwrap_or(0)];
            let count = rustix::io::pread(file, &mut buffer, at)?;
            let end = at + u64::try_from(count).unwrap_or(0);
            // It may have grown in the meantime, and then what was read of it is zeros.
            let (from, to) = self.gap(index)?;
            if from < end && at < to {
                continue;
            }
            buffer.truncate(count);
            self.at = self.moved(index, end);
            return Ok((count > 0).then_some(Text::Bytes(buffer)));
        }
    }

    fn moved(&self, index: usize, to: u64) -> [u64; 2] {
        let [out, err] = self.at;
        if index == 0 { [to, err] } else { [out, to] }
    }

    fn gap(&self, index: usize) -> io::Result<Gap> {
        let Some(file) = &self.gaps else { return Ok((0, 0)) };
        let mut bytes = [0_u8; 16];
        let place = u64::try_from(index).unwrap_or(0) * 16;
        if rustix::io::pread(file, &mut bytes, place)? < bytes.len() {
            return Ok((0, 0));
        }
        let (from, to) = bytes.split_at(8);
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
        Ok((number(from), number(to)))
    }

    fn read_mark(&self, number: u64) -> io::Result<Option<Mark>> {
        let Some(file) = &self.marks else { return Ok(None) };
        let mut bytes = [0_u8; MARK_SIZE];
        let count = rustix::io::pread(file, &mut bytes, number * u64::try_from(MARK_SIZE).unwrap_or(0))?;
        Ok(if count == MARK_SIZE { Mark::from_bytes(&bytes) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Keeper;
    use crate::task::tests::{at, state};
    use crate::{Fill, TaskDir};

    struct Printed {
        _directory: tempfile::TempDir,
        state: StateDir,
        task: TaskDir,
        keeper: Keeper,
    }

    impl Printed {
        fn new(limit: u64) -> Printed {
            let directory = tempfile::tempdir().unwrap();
            let state = state(&directory);
            let task = TaskDir::create(&state).unwrap();
            let keeper = Keeper::create(&task, limit).unwrap();
            Printed { _directory: directory, state, task, keeper }
        }

        fn print(&self, stream: Stream, bytes: &[u8]) {
            assert_eq!(rustix::io::write(self.keeper.file(stream), bytes).unwrap(), bytes.len());
        }

        fn look(&mut self, second: i64) -> String {
            let mut seen = Vec::new();
            assert_eq!(self.keeper.look(at(second), |_, bytes| seen.extend_from_slice(bytes)).unwrap(), Fill::Room);
            String::from_utf8_lossy(&seen).into_owned()
        }

        fn log(&self) -> Log {
            Log::open(&self.state, self.task.id()).unwrap().unwrap()
        }
    }

    fn all(log: &mut Log) -> Vec<(Stream, String)> {
        let mut all = Vec::new();
        while let Some(piece) = log.next_piece().unwrap() {
            let text = match piece.text {
                Text::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
                Text::Gap(length) => format!("<{length}>"),
            };
            all.push((piece.stream, text));
        }
        all
    }

    #[test]
    fn both_files_are_read_in_the_order_of_time() {
        let mut printed = Printed::new(1 << 20);
        printed.print(Stream::Out, b"one\n");
        assert_eq!(printed.look(1), "one\n");
        printed.print(Stream::Err, b"two\n");
        assert_eq!(printed.look(2), "two\n");
        printed.print(Stream::Out, b"three\n");
        assert_eq!(printed.look(3), "three\n");
        assert_eq!(printed.look(4), "");
        printed.print(Stream::Out, b"not seen yet\n");

        let (out, err) = (Stream::Out, Stream::Err);
        let expected = |from: usize| {
            [(out, "one\n"), (err, "two\n"), (out, "three\n"), (out, "not seen yet\n")]
                .map(|(stream, text)| (stream, text.to_owned()))
                .split_off_from(from)
        };
        let mut log = printed.log();
        assert_eq!(all(&mut log), expected(0));
        printed.print(Stream::Err, b"later\n");
        assert_eq!(all(&mut log), [(err, "later\n".to_owned())], "a log can be followed");
        let mut log = printed.log();
        log.skip_before(at(2)).unwrap();
        let mut rest = expected(1);
        rest.push((err, "later\n".to_owned()));
        assert_eq!(all(&mut log), rest);
    }

    trait SplitOff {
        fn split_off_from(self, from: usize) -> Vec<(Stream, String)>;
    }

    impl SplitOff for [(Stream, String); 4] {
        fn split_off_from(self, from: usize) -> Vec<(Stream, String)> {
            self.into_iter().skip(from).collect()
        }
    }

    #[test]
    fn of_much_the_first_and_the_last_part_stay() {
        let mut printed = Printed::new(1 << 20);
        let line = |number: usize| format!("line {number:01000}\n");
        for number in 0..8000 {
            printed.print(Stream::Out, line(number).as_bytes());
            if number % 10 == 0 {
                printed.look(i64::try_from(number).unwrap());
            }
        }
        printed.print(Stream::Err, b"a word\n");
        printed.look(900_000);
        let texts = all(&mut printed.log());
        let text: String = texts.iter().filter(|(stream, _)| *stream == Stream::Out).map(|(_, text)| text.as_str()).collect();
        let (first, rest) = text.split_once('<').unwrap();
        let (gap, last) = rest.split_once('>').unwrap();
        assert!(first.starts_with(&line(0)) && first.len() == 256 << 10, "{}", first.len());
        assert!(last.ends_with(&line(7999)) && last.len() >= 768 << 10, "{}", last.len());
        let length = u64::try_from(first.len() + last.len()).unwrap() + gap.parse::<u64>().unwrap();
        let path = printed.task.path().join("out");
        let stat = rustix::fs::stat(path.as_path()).unwrap();
        assert_eq!(u64::try_from(stat.st_size).unwrap(), length, "nothing is missing without being said");
        assert_eq!(printed.log().not_kept(Stream::Out).unwrap().to_string(), gap);
        assert_eq!(printed.log().not_kept(Stream::Err).unwrap(), 0);
        // Where the file system has no holes, everything stays.
        let on_disk = stat.st_blocks * 512;
        assert!(on_disk <= 2 << 20 || on_disk >= stat.st_size, "{on_disk} bytes on disk");
        assert!(texts.iter().any(|(stream, text)| *stream == Stream::Err && text == "a word\n"));
    }

    #[test]
    fn marks_are_thinned_out() {
        let mut printed = Printed::new(1 << 20);
        for second in 0..70_000 {
            printed.print(Stream::Out, b".");
            printed.look(second);
        }
        let marks = std::fs::metadata(printed.task.path().join("marks").as_path()).unwrap().len();
        assert!(marks < 32 * 1024 * 24, "{marks}");
        let text: String = all(&mut printed.log()).into_iter().map(|(_, text)| text).collect();
        assert_eq!(text.len(), 70_000);
    }
}
