use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::TIME_OUT;
use crate::process::in_session_of_its_own;

/// A command with a terminal of its own, and the person in front of it.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// Up to where [`Terminal::wait_for`] has looked.
    read: usize,
    deadline: Instant,
}

impl Terminal {
    /// Starts a command as the leader of a session whose terminal has `columns` and `rows`.
    pub fn start(command: &Command, columns: u16, rows: u16) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(path).unwrap();

        let mut session = in_session_of_its_own(command, &["--ctty"]);
        session.env("TERM", "xterm");
        let child = session
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave))
            .spawn()
            .unwrap();
        // `session` held copies of the slave: the master would never see its end.
        drop(session);

        let keyboard = File::from(master);
        let screen = read_along(keyboard.try_clone().unwrap());
        Terminal { child, keyboard, screen, shown: String::new(), read: 0, deadline: Instant::now() + TIME_OUT }
    }

    pub fn type_text(&mut self, text: &str) -> &mut Terminal {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self
    }

    /// Changes the size of the window; the kernel tells the foreground process group.
    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Terminal {
        tcsetwinsize(&self.keyboard, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        self
    }

    /// Waits until `text` is shown, after what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> &mut Terminal {
        loop {
            if let Some(at) = self.shown[self.read..].find(text) {
                self.read += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(self.left()) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => {
                    let _ = self.child.kill();
                    panic!("`{text}` never came ({error}); the screen:\n{}", self.shown);
                }
            }
        }
    }

    /// Waits for the end, and returns the exit code and all that was shown.
    #[track_caller]
    pub fn end(mut self) -> (Option<i32>, String) {
        loop {
            match self.screen.recv_timeout(self.left()) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.child.kill();
                    panic!("the command did not end; the screen:\n{}", self.shown);
                }
            }
        }
        (self.child.wait().unwrap().code(), self.shown)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// A master whose last slave has closed answers with `EIO`: the end.
fn read_along(mut master: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}
