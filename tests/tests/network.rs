//! Hosts by name: real programs, a name server and sites of the test's own. What is named is reached, what is not is refused,
//! and both are in the audit record.
//!
//! The sites are on this machine's loopback, which no task may reach: the policies name its address and port, as a person would
//! have to. The name server is the setting of a person.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;

use remit_tests::{Chat, Host, Names, Outcome, Running, World, site};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A world whose name server knows these names.
fn world(world: World, names: &[(&str, &[&str])]) -> (World, Names) {
    let names = Names::serve(names);
    world.remit(&["settings", "network.resolver", &names.address.to_string()]).assert_code(0);
    (world, names)
}

/// Runs a shell script under an agent with these hosts.
fn run(world: &World, allow: &[String], script: &str) -> Outcome {
    Running::start(&mut command(world, allow, script)).outcome()
}

fn command(world: &World, allow: &[String], script: &str) -> Command {
    fs::write(world.workspace().join("task.sh"), script).unwrap();
    let sandbox = json!({ "profile": "dev", "network": { "allow": allow, "loopback": true } });
    let agent = world.test_runner(&["sh task.sh"], &sandbox);
    world.run_command(&agent, &["sh", "task.sh"])
}

/// Returns what the last task's record says, after it was checked.
fn record(world: &World) -> Vec<Value> {
    let tasks: Value = serde_json::from_str(&world.remit(&["tasks", "--json"]).stdout).unwrap();
    let task = tasks["tasks"][0]["id"].as_str().unwrap();
    world.remit(&["audit", "verify", task]).assert_code(0).assert_stdout("whole");
    let record = world.remit(&["audit", task, "--json"]);
    record.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone()).collect()
}

/// Returns the hosts that were reached, and what was refused and why.
fn spoken(record: &[Value]) -> (Vec<String>, Vec<String>) {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let of = |kind: &str, key: &str| {
        let events = record.iter().filter(|event| event["kind"] == kind);
        events.map(|event| format!("{}:{} {}", text(event, "host"), event["port"], text(event, key))).collect()
    };
    (of("connected", "rule"), of("refused", "why"))
}

/// Without a network of its own a task has none at all: its preview says so, and so does the task.
fn closed_without_namespaces(world: &World, outcome: &Outcome) -> bool {
    if Host::look().namespaces {
        return false;
    }
    let fetched = ["from outside", "over TLS", "tiny", "all two hundred"].iter().any(|text| outcome.stdout.contains(text));
    assert!(!fetched, "{}", outcome.report());
    let agent = world.path().join("agents/test-runner.json");
    world.remit(&["preview", "--json", agent.to_str().unwrap()]).assert_stdout("the network is closed");
    true
}

fn on(host: &str, port: u16) -> [String; 2] {
    [format!("{host}:{port}"), format!("127.0.0.1:{port}")]
}

#[test]
fn a_named_host_is_reached_and_another_is_refused_with_the_reason_in_the_record() {
    let (world, _names) = world(World::empty(), &[("good.test", &["127.0.0.1"]), ("other.test", &["127.0.0.1"])]);
    fs::write(world.outside().join("x"), "from outside\n").unwrap();
    let port = site(&world.outside());
    let script = format!(
        "set -e; curl -fsS http://good.test:{port}/x; curl -fsSp http://Good.Test.:{port}/x
         curl -fsS --socks5-hostname 127.0.0.1:3128 http://good.test:{port}/x
         ! curl -sS --fail-with-body http://other.test:{port}/x
         ! curl -sS --fail-with-body -p http://other.test:{port}/x
         ! curl -sS --noproxy '*' --max-time 5 http://127.0.0.1:{port}/x
         ! curl -sS --noproxy '*' --max-time 5 http://good.test:{port}/x"
    );
    let outcome = run(&world, &on("good.test", port), &script);
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0).assert_stdout(&format!("remit: `other.test:{port}` is not granted"));
    assert_eq!(outcome.stdout.matches("from outside").count(), 3, "{}", outcome.report());
    let record = record(&world);
    let (reached, refused) = spoken(&record);
    assert_eq!(reached, [0; 3].map(|_| format!("good.test:{port} good.test:{port}")));
    let why = format!("other.test:{port} `other.test:{port}` is not granted: name it in `sandbox.network.allow`");
    let asked_without =
        format!("good.test:0 `good.test` is granted on port {port}, which only a program that asks the proxy reaches");
    assert_eq!(refused, [why.clone(), why, asked_without]);
    let received: Vec<u64> = record.iter().filter_map(|event| event["received"].as_u64()).collect();
    assert!(received.len() == 3 && received.iter().all(|bytes| *bytes > 13), "{record:#?}");
    assert_eq!(record.last().unwrap()["kind"], "closed");
}

/// Ports 80 and 443 of this machine are not the test's to listen on: what is connected to there is nobody, and the record says
/// how far it came.
#[test]
fn a_program_that_asks_no_proxy_is_led_to_it_by_the_name() {
    let (world, names) = world(World::empty(), &[("good.test", &["127.0.0.1"])]);
    let allow = ["good.test", "far.test:8443", "127.0.0.1"].map(str::to_owned);
    let script = "\
        curl -sS --noproxy '*' --max-time 20 http://good.test/x
        curl -sS --noproxy '*' --max-time 20 -H 'Host: other.test' http://good.test/x
        curl -sS --noproxy '*' --max-time 20 --insecure --resolve other.test:443:127.18.0.1 https://other.test/
        curl -sS --noproxy '*' --max-time 20 http://other.test/; echo $?
        curl -sS --noproxy '*' --max-time 20 https://far.test:8443/; echo $?
        curl -sS --noproxy '*' --max-time 20 http://127.0.0.1/; case $? in 52|56) echo nobody;; esac
        curl -sS --noproxy '*' --max-time 20 http://1.2.3.4/
        curl -sS --noproxy '*' --max-time 20 https://1.2.3.4/; echo $?
        curl -sS --noproxy '*' --max-time 20 http://169.254.169.254/latest/meta-data/
        curl -sS --noproxy '*' --max-time 20 http://1.2.3.4:81/; echo $?
        test ! -e /proc/net/if_inet6 || curl -gsS --noproxy '*' --max-time 20 'http://[2606:4700::1111]/'
        getent ahostsv4 good.test";
    let outcome = run(&world, &allow, script);
    if !Host::look().namespaces {
        return;
    }
    outcome.assert_code(0).assert_stdout("127.18.0.1").assert_stdout("remit: the `Host` is not the one that was looked up");
    // No such name, twice; nobody there.
    outcome.assert_stdout("6\n6\nnobody\nremit: `1.2.3.4:80` is not granted");
    // TLS that is refused; nobody there.
    outcome.assert_stdout("\n35\nremit: `169.254.169.254:80` is not granted").assert_stdout("\n7\n");
    let (reached, refused) = spoken(&record(&world));
    assert!(names.asked("good.test") >= 1 && names.asked("other.test") == 0);
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let [first, rest @ ..] = refused.as_slice() else { panic!("{reached:?} {refused:?}") };
    assert!(first.starts_with("good.test:80 cannot connect") || reached == ["good.test:80 good.test"], "{first}");
    let rest = if first.starts_with("good.test:80 cannot connect") { rest } else { &refused };
    let by_address = ["1.2.3.4:80", "1.2.3.4:443", "169.254.169.254:80", "[2606:4700::1111]:80"];
    let by_address = by_address.map(|at| format!("{at} `{at}` is not granted: name it in `sandbox.network.allow`"));
    let by_address = &by_address[..if fs::exists("/proc/net/if_inet6").unwrap() { 4 } else { 3 }];
    let (by_name, others) = rest.split_at(4);
    assert_eq!(others, by_address);
    assert_eq!(
        by_name,
        [
            "good.test:80 the `Host` is not the one that was looked up",
            "good.test:443 the TLS hello asks for `other.test`",
            "other.test:0 `other.test` is not granted: name it in `sandbox.network.allow`",
            "far.test:0 `far.test` is granted on port 8443, which only a program that asks the proxy reaches",
        ]
    );
}

#[test]
fn a_name_that_stands_for_what_is_not_public_is_refused() {
    let addresses = [
        ("loop.test", "127.0.0.1", "a loopback address"),
        ("metadata.test", "169.254.169.254", "the metadata service of a cloud"),
        ("mapped.test", "::ffff:10.0.0.1", "a private address"),
        ("translated.test", "64:ff9b::a00:1", "a private address"),
        ("private.test", "192.168.1.1", "a private address"),
        ("mixed.test", "93.184.216.34 10.0.0.1", "a private address"),
    ];
    let names: Vec<(&str, Vec<&str>)> = addresses.iter().map(|(name, address, _)| (*name, vec![*address])).collect();
    let names: Vec<(&str, &[&str])> = names.iter().map(|(name, answers)| (*name, answers.as_slice())).collect();
    let (world, _names) = world(World::empty(), &names);
    let allow: Vec<String> = addresses.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let script: String =
        allow.iter().fold(String::new(), |all, name| all + &format!("! curl -sS --fail-with-body http://{name}/ || exit 1\n"));
    let outcome = run(&world, &allow, &script);
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0);
    let (reached, refused) = spoken(&record(&world));
    assert_eq!(reached, [""; 0]);
    for ((name, _, what), refused) in addresses.iter().zip(&refused) {
        assert!(refused.starts_with(&format!("{name}:80 ")) && refused.contains(what), "{refused}");
    }
    assert_eq!(refused.len(), addresses.len());
}

/// A name server that says one thing to who checks and another to who connects.
#[test]
fn a_name_is_looked_up_once_for_a_connection() {
    let (world, names) = world(World::empty(), &[("swap.test", &["127.0.0.1", "10.0.0.1"])]);
    fs::write(world.outside().join("x"), "from outside\n").unwrap();
    let port = site(&world.outside());
    let script = format!("curl -fsS http://swap.test:{port}/x && ! curl -fsS http://swap.test:{port}/x");
    let outcome = run(&world, &on("swap.test", port), &script);
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0).assert_stdout("from outside");
    let (reached, refused) = spoken(&record(&world));
    assert_eq!((reached.len(), refused.len()), (1, 1));
    assert!(refused[0].contains("`swap.test` is 10.0.0.1, a private address"), "{refused:?}");
    assert_eq!(names.asked("swap.test"), 2);
}

#[test]
fn the_name_in_a_tls_hello_is_the_one_that_was_asked_for() {
    let (world, _names) = world(World::empty(), &[("good.test", &["127.0.0.1"])]);
    let site = TlsSite::serve(&world);
    let port = site.port;
    fs::copy(&site.certificate, world.workspace().join("ca.pem")).unwrap();
    let script = format!(
        "curl -fsS --cacert ca.pem https://good.test:{port}/
         ! curl -fsS --insecure --connect-to other.test:{port}:good.test:{port} https://other.test:{port}/ || exit 1
         ! openssl s_client -proxy 127.0.0.1:3128 -connect good.test:{port} -noservername </dev/null || exit 1"
    );
    let outcome = run(&world, &on("good.test", port), &script);
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0).assert_stdout("over TLS");
    let (_, refused) = spoken(&record(&world));
    let expected = ["the TLS hello asks for `other.test`", "the TLS hello names no server"];
    assert_eq!(refused, expected.map(|why| format!("good.test:{port} {why}")));
}

/// One page over TLS, for `good.test`.
struct TlsSite {
    port: u16,
    certificate: PathBuf,
    server: Child,
}

impl Drop for TlsSite {
    fn drop(&mut self) {
        let _ = self.server.kill();
        self.server.wait().unwrap();
    }
}

impl TlsSite {
    fn serve(world: &World) -> TlsSite {
        let (key, certificate) = (world.path().join("key.pem"), world.path().join("certificate.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=good.test", "-addext", "subjectAltName=DNS:good.test", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let script = "
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
def serve(stream):
    try:
        stream = context.wrap_socket(stream, server_side=True)
        stream.recv(4096)
        stream.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\nConnection: close\\r\\n\\r\\nover TLS\\n')
        stream.unwrap()
    except OSError:
        pass
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";
        let mut server = Command::new("/usr/bin/python3")
            .args(["-c", script])
            .args([&certificate, &key])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(server.stdout.take().unwrap()), &mut line).unwrap();
        TlsSite { port: line.trim().parse().unwrap(), certificate, server }
    }
}

/// Runs a tool that fetches something from a site whose files are below `outside`, and returns how that went.
fn fetches(world: &World, host: &str, port: u16, script: &str) -> Option<Outcome> {
    let refused = format!("! curl -fsS http://elsewhere.test:{port}/ || exit 9");
    let outcome = run(world, &on(host, port), &format!("set -e\n{script}\n{refused}\n"));
    if closed_without_namespaces(world, &outcome) {
        return None;
    }
    outcome.assert_code(0);
    let (reached, refused) = spoken(&record(world));
    assert!(reached.iter().all(|reached| reached.starts_with(host)) && !reached.is_empty(), "{reached:?}");
    assert!(refused.last().is_some_and(|refused| refused.contains("`elsewhere.test")), "{refused:?}");
    Some(outcome)
}

/// Runs a script that makes what a site serves, in the directory of the site.
fn make(world: &World, script: &str) {
    let made = Command::new("sh").args(["-ec", script]).current_dir(world.outside()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

const NAMES: [(&str, &[&str]); 1] = [("site.test", &["127.0.0.1"])];

#[test]
fn git_clones_over_http() {
    let (world, _names) = world(World::at_home(), &NAMES);
    make(
        &world,
        "git init -q work; cd work; echo tiny > file; git add file
         git -c user.name=a -c user.email=a@b commit -qm one; cd ..
         git clone -q --bare work tiny.git; git -C tiny.git update-server-info",
    );
    let port = site(&world.outside());
    if let Some(outcome) =
        fetches(&world, "site.test", port, &format!("git clone -q http://site.test:{port}/tiny.git; cat tiny/file"))
    {
        outcome.assert_stdout("tiny");
    }
}

#[test]
fn pip_installs() {
    let (world, _names) = world(World::at_home(), &NAMES);
    make(
        &world,
        r#"mkdir -p simple/remit-tiny; cd simple/remit-tiny
           /usr/bin/python3 - <<'END'
import zipfile
name = "remit_tiny-1.0-py3-none-any.whl"
with zipfile.ZipFile(name, "w") as wheel:
    wheel.writestr("remit_tiny.py", "WORD = 'tiny'\n")
    wheel.writestr("remit_tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: remit-tiny\nVersion: 1.0\n")
    wheel.writestr("remit_tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr("remit_tiny-1.0.dist-info/RECORD", "remit_tiny.py,,\nremit_tiny-1.0.dist-info/METADATA,,\n"
        "remit_tiny-1.0.dist-info/WHEEL,,\nremit_tiny-1.0.dist-info/RECORD,,\n")
open("index.html", "w").write(f'<a href="{name}">{name}</a>')
END"#,
    );
    let port = site(&world.outside());
    let script = format!(
        "python=$(python3 -c 'import sys; print(sys.executable)')
         $python -m pip install -q --no-cache-dir --disable-pip-version-check --index-url http://site.test:{port}/simple/ \
         --trusted-host site.test --target here remit-tiny
         PYTHONPATH=here python3 -c 'import remit_tiny; print(remit_tiny.WORD)'"
    );
    if let Some(outcome) = fetches(&world, "site.test", port, &script) {
        outcome.assert_stdout("tiny");
    }
}

#[test]
fn npm_installs() {
    let (world, _names) = world(World::at_home(), &NAMES);
    let port = site(&world.outside());
    make(
        &world,
        r#"mkdir package; echo '{"name":"remit-tiny","version":"1.0.0","main":"index.js"}' > package/package.json
           echo "module.exports = 'tiny'" > package/index.js; tar -czf tiny.tgz package"#,
    );
    let packument = json!({
        "name": "remit-tiny",
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": {
            "name": "remit-tiny",
            "version": "1.0.0",
            "dist": { "tarball": format!("http://site.test:{port}/tiny.tgz") },
        } },
    });
    fs::write(world.outside().join("remit-tiny"), packument.to_string()).unwrap();
    let script = format!(
        "echo '{{}}' > package.json; npm install --silent --no-audit --no-fund --registry http://site.test:{port}/ remit-tiny
         node -e 'console.log(require(\"remit-tiny\"))'"
    );
    if let Some(outcome) = fetches(&world, "site.test", port, &script) {
        outcome.assert_stdout("tiny");
    }
}

#[test]
fn cargo_builds_with_a_crate_of_a_registry() {
    let (world, _names) = world(World::at_home(), &NAMES);
    make(
        &world,
        r#"mkdir -p remit-tiny-1.0.0/src index/re/mi
           printf '[package]\nname = "remit-tiny"\nversion = "1.0.0"\nedition = "2021"\n' > remit-tiny-1.0.0/Cargo.toml
           echo 'pub const WORD: &str = "tiny";' > remit-tiny-1.0.0/src/lib.rs
           tar -czf tiny.crate remit-tiny-1.0.0
           sum=$(sha256sum tiny.crate | cut -d' ' -f1)
           echo '{"name":"remit-tiny","vers":"1.0.0","deps":[],"cksum":"'$sum'","features":{},"yanked":false}' > index/re/mi/remit-tiny"#,
    );
    let port = site(&world.outside());
    let dl = format!("http://site.test:{port}/tiny.crate?{{crate}}-{{version}}");
    fs::write(world.outside().join("index/config.json"), json!({ "dl": dl }).to_string()).unwrap();
    let workspace = world.workspace();
    for (path, text) in [
        (
            "Cargo.toml",
            "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nremit-tiny = \"1\"\n",
        ),
        ("src/main.rs", "fn main() { println!(\"{}\", remit_tiny::WORD); }\n"),
        (
            ".cargo/config.toml",
            &format!(
                "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\nregistry = \"sparse+http://site.test:{port}/index/\"\n"
            ),
        ),
    ] {
        fs::create_dir_all(workspace.join(path).parent().unwrap()).unwrap();
        fs::write(workspace.join(path), text).unwrap();
    }
    if let Some(outcome) = fetches(&world, "site.test", port, "CARGO_HOME=$PWD/.cargo-home cargo run --quiet") {
        outcome.assert_stdout("tiny");
    }
}

#[test]
fn sessions_and_background_tasks_have_the_same_way_out() {
    let (world, _names) = world(World::empty(), &[("good.test", &["127.0.0.1"])]);
    fs::write(world.outside().join("x"), "from outside\n").unwrap();
    let port = site(&world.outside());
    let script = format!("curl -sS http://good.test:{port}/x; curl -sS http://other.test:{port}/x");
    let direct = command(&world, &on("good.test", port), &script).output().unwrap();
    let agent = world.path().join("agents/test-runner.json");
    assert!(direct.status.success() || !Host::look().namespaces);

    let mut run = world.remit_command(&["run", "--background", "--yes", "--agent"]);
    let begun = Running::start(run.arg(&agent).args(["--", "sh", "task.sh"])).outcome();
    let task = begun.assert_code(0).stdout.trim().to_owned();
    let waited = world.remit(&["wait", &task]);
    let output = world.remit(&["logs", &task]).stdout;
    if closed_without_namespaces(&world, &Outcome { stdout: output.clone(), ..waited }) {
        return;
    }
    assert!(output.contains("from outside") && output.contains("remit: `other.test"), "{output}");
    let both = |record: &[Value]| {
        let (reached, refused) = spoken(record);
        assert_eq!((reached.len(), refused.len()), (1, 1), "{record:#?}");
    };
    both(&record(&world));

    // Approved above, for the same workspace.
    let mut chat = Chat::start(&world, &agent);
    chat.call("execute_bash", &json!({ "command": "sh task.sh" })).ok("from outside");
    assert_eq!(chat.close(), 0);
    both(&record(&world));
}

#[test]
fn two_hundred_connections_at_once() {
    let (world, _names) = world(World::empty(), &[("echo.test", &["127.0.0.1"])]);
    let port = echo();
    let script = format!(
        "exec /usr/bin/python3 - <<'END'
import socket
def tunnel():
    stream = socket.create_connection(('127.0.0.1', 3128))
    stream.settimeout(60)
    stream.sendall(b'CONNECT echo.test:{port} HTTP/1.1\\r\\nHost: echo.test:{port}\\r\\n\\r\\n')
    head = b''
    while not head.endswith(b'\\r\\n\\r\\n'):
        head += stream.recv(1)
    assert head.startswith(b'HTTP/1.1 200'), head
    return stream
streams = [tunnel() for _ in range(200)]
for number, stream in enumerate(streams):
    stream.sendall(b'%08d' % number)
for number, stream in reversed(list(enumerate(streams))):
    assert stream.recv(8, socket.MSG_WAITALL) == b'%08d' % number
print('all two hundred')
END"
    );
    let outcome = run(&world, &on("echo.test", port), &script);
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0).assert_stdout("all two hundred");
    let record = record(&world);
    let ended = record.iter().filter(|event| event["kind"] == "disconnected" && event["sent"] == 8 && event["received"] == 8);
    assert_eq!(ended.count(), 200, "{:#?}", &record[record.len().saturating_sub(5)..]);
}

/// Answers with what it hears; returns the port.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut bytes) {
                    if stream.write_all(&bytes[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn a_flood_of_refusals_is_counted_and_told() {
    let (world, _names) = world(World::empty(), &[]);
    let flood = "import os, socket, urllib.parse
proxy = urllib.parse.urlparse(os.environ['http_proxy'])
for _ in range(1234):
    stream = socket.create_connection((proxy.hostname, proxy.port))
    stream.sendall(b'CONNECT other.test:443 HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
    stream.shutdown(socket.SHUT_WR)
    while stream.recv(4096): pass
";
    fs::write(world.workspace().join("flood.py"), flood).unwrap();
    let outcome = run(&world, &["good.test".to_owned()], "python3 flood.py && echo through");
    if closed_without_namespaces(&world, &outcome) {
        return;
    }
    outcome.assert_code(0).assert_stdout("through");
    let record = record(&world);
    assert_eq!(record.iter().filter(|event| event["kind"] == "refused").count(), 100);
    let alike: Vec<_> = record.iter().filter(|event| event["kind"] == "refused_alike").collect();
    let counts: Vec<_> = alike.iter().map(|event| (event["more"].as_u64(), event["all"].as_u64())).collect();
    assert_eq!(counts, [(Some(900), Some(1000)), (Some(234), Some(1234))]);
    let tasks: Value = serde_json::from_str(&world.remit(&["tasks", "--json"]).stdout).unwrap();
    let task = tasks["tasks"][0]["id"].as_str().unwrap();
    let said = "connect to other.test:443 refused: and 900 more like it, 1,000 in all: `other.test:443` is not granted";
    world.remit(&["audit", task]).assert_stdout(said);
    let why = world.remit(&["why", task]);
    why.assert_code(0).assert_stdout("connect to other.test:443, 1,234 times\n    `other.test:443` is not granted: name it in");
    why.assert_stdout("nothing was observing what else was refused");
    let why: Value = serde_json::from_str(&world.remit(&["why", task, "--json"]).stdout).unwrap();
    assert_eq!((&why["network"][0]["count"], &why["explanation"]), (&json!(1234), &Value::Null));
}

#[test]
fn the_end_of_the_proxy_closes_the_network() {
    let (world, _names) = world(World::empty(), &[("good.test", &["127.0.0.1"])]);
    fs::write(world.outside().join("x"), "from outside\n").unwrap();
    let port = site(&world.outside());
    let script = format!(
        "curl -fsS http://good.test:{port}/x || exit 9; echo ready
         while curl -fsS http://good.test:{port}/x >/dev/null 2>&1; do :; done
         curl -sS http://good.test:{port}/x 2>&1; curl -sS --noproxy '*' --max-time 5 http://127.0.0.1:{port}/x 2>&1; echo closed"
    );
    let mut running = Running::start(&mut command(&world, &on("good.test", port), &script));
    if !Host::look().namespaces {
        assert!(closed_without_namespaces(&world, &running.outcome()));
        return;
    }
    running.wait_for("ready");
    kill_process(proxy_of(running.pid()), Signal::KILL).unwrap();
    let outcome = running.outcome();
    outcome.assert_code(0).assert_stdout("closed");
    assert_eq!(outcome.stdout.matches("from outside").count(), 1, "{}", outcome.report());
    let record = record(&world);
    assert!(record.iter().any(|event| event["kind"] == "network_closed"), "{record:#?}");
}

/// Returns the process of this name among the children of another.
fn proxy_of(parent: Pid) -> Pid {
    let parent = parent.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let is_proxy =
        |pid: &&str| fs::read(Path::new("/proc").join(pid).join("cmdline")).is_ok_and(|line| line == b"remit\0proxy\0");
    let pid = children.split_whitespace().find(is_proxy).expect("no proxy");
    Pid::from_raw(pid.parse().unwrap()).unwrap()
}
