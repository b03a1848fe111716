use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long any one command may take: far more than it needs, so that only a hang meets it.
pub const TIME_OUT: Duration = Duration::from_mins(2);

/// How a command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// As a shell has it: 128 and the signal's number for a command that a signal ended.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// Says everything, for a test that fails.
    pub fn report(&self) -> String {
        format!("exit code {}\n--- stdout\n{}\n--- stderr\n{}", self.code, self.stdout, self.stderr)
    }

    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Outcome {
        assert_eq!(self.code, code, "{}", self.report());
        self
    }

    #[track_caller]
    pub fn assert_stdout(&self, part: &str) -> &Outcome {
        assert!(self.stdout.contains(part), "no `{part}` in stdout\n{}", self.report());
        self
    }

    #[track_caller]
    pub fn assert_stderr(&self, part: &str) -> &Outcome {
        assert!(self.stderr.contains(part), "no `{part}` in stderr\n{}", self.report());
        self
    }
}

/// A command that has been started, its output read as it comes.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    deadline: Instant,
}

impl Running {
    /// Starts a command with nothing to read, and without the terminal that the tests may have been started on.
    pub fn start(command: &mut Command) -> Running {
        let mut child = in_session_of_its_own(command, &[])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("could not start `{}`: {error}", command.get_program().to_string_lossy()));
        let stdout = read_along(child.stdout.take().unwrap());
        let stderr = read_along(child.stderr.take().unwrap());
        Running { child, stdout, stderr, seen: Vec::new(), deadline: Instant::now() + TIME_OUT }
    }

    /// Waits until the command has printed `text`.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Running {
        while !String::from_utf8_lossy(&self.seen).contains(text) {
            let Ok(bytes) = self.stdout.recv_timeout(self.left()) else {
                let printed = String::from_utf8_lossy(&self.seen).into_owned();
                let complaint: Vec<u8> = self.stderr.try_iter().flatten().collect();
                self.kill();
                panic!("`{text}` never came; stdout:\n{printed}\nstderr:\n{}", String::from_utf8_lossy(&complaint));
            };
            self.seen.extend(bytes);
        }
        self
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&mut self, signal: Signal) -> &mut Running {
        kill_process(self.pid(), signal).unwrap();
        self
    }

    /// Waits for the command's own end, and not for its output's.
    #[track_caller]
    pub fn wait(&mut self) -> i32 {
        // The one poll: a process's end and a deadline cannot be waited for together without a signal handler or a pidfd.
        let pidfd = rustix::process::pidfd_open(self.pid(), rustix::process::PidfdFlags::empty()).unwrap();
        let mut descriptors = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let left = rustix::event::Timespec::try_from(self.left()).unwrap();
        let ready = rustix::event::poll(&mut descriptors, Some(&left)).unwrap();
        if ready == 0 {
            let tree = tree(self.pid().as_raw_nonzero().get());
            let said: Vec<u8> = std::mem::take(&mut self.seen).into_iter().chain(self.stderr.try_iter().flatten()).collect();
            self.kill();
            panic!("the command did not end in {TIME_OUT:?}:\n{tree}\n{}", String::from_utf8_lossy(&said));
        }
        let status = self.child.wait().unwrap();
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
    }

    /// Waits for the end of the command, and of everything that holds its output.
    #[track_caller]
    pub fn outcome(mut self) -> Outcome {
        let code = self.wait();
        let mut stdout = std::mem::take(&mut self.seen);
        stdout.extend(self.rest_of(true));
        let stderr = self.rest_of(false);
        Outcome {
            code,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    #[track_caller]
    fn rest_of(&mut self, stdout: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let left = self.left();
            let receiver = if stdout { &self.stdout } else { &self.stderr };
            match receiver.recv_timeout(left) {
                Ok(more) => bytes.extend(more),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return bytes,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    panic!("the command ended, and something still holds its output: {}", String::from_utf8_lossy(&bytes))
                }
            }
        }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the command as the leader of a new session, by way of setsid(1), which execs it: the process stays the same.
///
/// Without unsafe code there is no other way.
pub(crate) fn in_session_of_its_own(command: &Command, options: &[&str]) -> Command {
    let mut session = Command::new("setsid");
    session.args(options).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => session.env(name, value),
            None => session.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        session.current_dir(directory);
    }
    session
}

/// Returns the processes of this machine that have `marker` among their arguments.
pub fn processes_with(marker: &str) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap();
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter(|number| {
            // Gone in between, or a zombie: no arguments.
            let arguments = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes())
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// Looks again and again until there is something: what it waits for is a process's doing.
#[track_caller]
pub fn seen<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIME_OUT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "nothing came");
    }
}

/// Kills the children of a process, and waits until they are dead.
#[track_caller]
pub fn kill_children(parent: u32) {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    assert!(!children.trim().is_empty());
    for child in children.split_whitespace() {
        let pid = Pid::from_raw(child.parse().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        // With the first process of a namespace all of it has ended.
        let is_dead = || std::fs::read_to_string(format!("/proc/{child}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        while !is_dead() && std::fs::exists(format!("/proc/{child}")).unwrap() {}
    }
}

fn read_along(mut stream: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Returns whether a process has come so far that SIGTERM does not just end it: it blocks the signal, to read it.
pub fn reads_sigterm(pid: Pid) -> bool {
    const BIT: u64 = 1 << 14;
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & BIT != 0)
}

/// Tells of a process, and of what is below it, what each does: whoever reads that a command did not end wants to know where it stands.
fn tree(root: i32) -> String {
    let mut lines = Vec::new();
    let mut todo = vec![root];
    while let Some(pid) = todo.pop() {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let words = read("cmdline").replace('\0', " ");
        lines.push(format!("{pid} {}: {} {}", words.trim(), read("wchan"), read("syscall").trim()));
        for thread in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            todo.extend(children.split_whitespace().filter_map(|child| child.parse::<i32>().ok()));
        }
    }
    lines.join("\n")
}
