//! A network of the test's own, on this machine's loopback: a name server, and sites that serve files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

/// A name server. It answers with what it was told, one list of addresses after the other, the last for ever.
#[derive(Debug)]
pub struct Names {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    pub fn serve(names: &[(&str, &[&str])]) -> Names {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let known: BTreeMap<String, Vec<String>> = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(|text| (*text).to_owned()).collect()))
            .collect();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                let (name, kind, end) = question(&bytes[..length]);
                let times = |name: &str| seen.lock().unwrap().iter().filter(|other| *other == name).count();
                // An address of each kind is asked for at once: they are told apart by the question, and counted together.
                let before = times(&name);
                if kind == 1 {
                    seen.lock().unwrap().push(name.clone());
                }
                let before = if kind == 1 { before } else { before.saturating_sub(1) };
                let _ = socket.send_to(&reply(&bytes[..end], kind, known.get(&name), before), from);
            }
        });
        Names { address, asked }
    }

    /// Returns how often the address of a name was asked for.
    pub fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|other| *other == name).count()
    }
}

fn question(bytes: &[u8]) -> (String, u8, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while bytes[at] != 0 {
        let length = usize::from(bytes[at]);
        labels.push(String::from_utf8_lossy(&bytes[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    (labels.join("."), bytes[at + 2], at + 5)
}

fn reply(question: &[u8], kind: u8, answers: Option<&Vec<String>>, before: usize) -> Vec<u8> {
    let mut bytes = question.to_vec();
    (bytes[2], bytes[3]) = (0x81, if answers.is_some() { 0x80 } else { 0x83 });
    let answer = answers.map_or("", |answers| answers[before.min(answers.len() - 1)].as_str());
    for address in answer.split_whitespace().map(|text| text.parse::<IpAddr>().unwrap()) {
        let data = match (address, kind) {
            (IpAddr::V4(address), 1) => address.octets().to_vec(),
            (IpAddr::V6(address), 28) => address.octets().to_vec(),
            _ => continue,
        };
        bytes[7] += 1;
        bytes.extend_from_slice(&[192, 12, 0, kind, 0, 1, 0, 0, 0, 1, 0, u8::try_from(data.len()).unwrap()]);
        bytes.extend_from_slice(&data);
    }
    bytes
}

/// Serves the files of a directory over HTTP; a directory by its `index.html`. Returns the port.
pub fn site(directory: &Path) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let directory = directory.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let directory = directory.clone();
            thread::spawn(move || serve(&stream, &directory));
        }
    });
    port
}

fn serve(stream: &TcpStream, directory: &Path) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let path = first.split(' ').nth(1)?.split('?').next()?.trim_start_matches('/').to_owned();
    // The rest of the head; what has a body is for nobody here.
    while !lines.next()?.ok()?.is_empty() {}
    let path = directory.join(path);
    let path = if path.is_dir() { path.join("index.html") } else { path };
    let (status, body) = fs::read(path).map_or((404, Vec::new()), |body| (200, body));
    let kind = if body.starts_with(b"<") { "text/html" } else { "application/octet-stream" };
    let head =
        format!("HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let mut stream = stream;
    stream.write_all(&[head.as_bytes(), &body].concat()).ok()
}
