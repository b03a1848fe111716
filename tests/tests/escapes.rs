//! Runs the attempts of `tests/escapes/`: each first without remit, where it has to succeed, then inside a task.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::{Child, Command};
use std::thread;

use remit_tests::{Attempt, Expected, Host, Outcome, Tree, World, attempts, source};
use serde_json::Value;

#[test]
fn files() {
    check("files/");
}

#[test]
fn network() {
    check("network/");
}

#[test]
fn processes() {
    check("processes/");
}

fn check(prefix: &str) {
    let host = Host::look();
    let all = attempts(&source().join("tests/escapes"));
    let list: Vec<_> = all.into_iter().filter(|attempt| attempt.name.starts_with(prefix) && attempt.applies(host)).collect();
    assert!(list.len() > 5, "the list `{prefix}` has not been read");
    let failures: Vec<String> = list.iter().filter_map(|attempt| failure(attempt, host)).collect();
    assert!(failures.is_empty(), "{} of {} on {host:?}:\n\n{}", failures.len(), list.len(), failures.join("\n\n"));
}

/// Returns what is wrong with what became of the attempt.
fn failure(attempt: &Attempt, host: Host) -> Option<String> {
    let (plain, _) = run(attempt, false);
    if plain.code != 0 {
        return Some(format!("{}: it fails unconfined too, so it proves nothing\n{}", attempt.name, plain.report()));
    }
    let (confined, changes) = run(attempt, true);
    let expected = attempt.expected(host);
    let wrong = if confined.stdout.starts_with("started") {
        match (expected, confined.code) {
            (Expected::Blocked, 0) => "it got through",
            (Expected::Blocked, _) if !changes.is_empty() => "it failed, and has changed something all the same",
            (Expected::Allowed, 1..) => "a false denial",
            (Expected::Through, 1..) => "it is held now: say so in the list, and no longer in the gaps",
            _ => return None,
        }
    } else {
        "it was not even started"
    };
    Some(format!("{}: {wrong}\n{}\n{}", attempt.name, changes.join("\n"), confined.report()))
}

/// Runs an attempt in a world of its own; returns how it ended, and what has changed outside the workspace.
fn run(attempt: &Attempt, confined: bool) -> (Outcome, Vec<String>) {
    let world = World::empty();
    let outside = world.outside();
    fs::copy("/bin/true", outside.join("tool")).unwrap();
    let victim = Victim(Command::new("sleep").arg("600").current_dir(&outside).spawn().unwrap());
    let mut words = serve(&world);
    words.insert("outside", outside.to_str().unwrap().to_owned());
    words.insert("home", world.home().to_str().unwrap().to_owned());
    words.insert("workspace", world.workspace().to_str().unwrap().to_owned());
    words.insert("victim", victim.0.id().to_string());

    let language = attempt.language;
    let script = language.announcement().to_owned() + &attempt.script(&words);
    fs::write(world.workspace().join(language.file()), script).unwrap();
    let command = [language.interpreter(), language.file()];
    let agent = world.test_runner(&[&command.join(" ")], &Value::Null);
    let before = (world.outside_tree(), Tree::of(world.home()));
    let outcome = if confined { world.run(&agent, &command) } else { world.plain(&command) };
    let mut changes = world.outside_tree().since(&before.0);
    changes.extend(Tree::of(world.home()).since(&before.1));
    (outcome, changes)
}

struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Starts the servers that an attempt may talk to, each of which answers `hello`, and returns where they are.
///
/// Their threads end with the test's process.
fn serve(world: &World) -> BTreeMap<&'static str, String> {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp_port = tcp.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            // Speaks first, and closes only when the other has: a reset would take the answer with it.
            thread::spawn(move || {
                let _ = stream.write_all(b"hello");
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });

    let http = TcpListener::bind("127.0.0.1:0").unwrap();
    let http_port = http.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in http.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
            });
        }
    });

    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp_port = udp.local_addr().unwrap().port();
    let elsewhere = UdpSocket::bind(("127.1.2.3", udp_port)).unwrap();
    for socket in [udp, elsewhere] {
        thread::spawn(move || {
            while let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
                let _ = socket.send_to(b"hello", from);
            }
        });
    }

    let name = world.path().file_name().unwrap().to_str().unwrap().to_owned();
    let listeners = [
        UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
        UnixListener::bind(world.outside().join("socket")).unwrap(),
    ];
    for listener in listeners {
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = stream.unwrap().write_all(b"hello");
            }
        });
    }

    BTreeMap::from([
        ("tcp", tcp_port.to_string()),
        ("http", http_port.to_string()),
        ("udp", udp_port.to_string()),
        ("abstract", name),
    ])
}
