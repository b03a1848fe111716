//! `web_fetch` through `remit mcp`: what the settings trust and the network grant names, hop by hop.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use remit_tests::{Chat, Host, Names, World};
use serde_json::{Value, json};

/// A site that answers by path, and with a redirection to `/to/URL`.
fn site() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
                let (status, head, body) = match path.strip_prefix("/to/") {
                    Some(to) => ("302 Found", format!("Location: {to}\r\n"), String::new()),
                    None if path == "/big" => ("200 OK", "Content-Type: text/plain\r\n".to_owned(), "x".repeat(5_000_000)),
                    None if path == "/none" => {
                        ("404 Not Found", "Content-Type: text/html\r\n".to_owned(), "<p>nothing here".to_owned())
                    }
                    None => {
                        let page = format!(
                            "<html><head><title>t</title></head><body><h1>Page</h1><script>no()</script><p>at {path} &amp; more</body>"
                        );
                        ("200 OK", "Content-Type: text/html; charset=utf-8\r\n".to_owned(), page)
                    }
                };
                let length = body.len();
                let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            });
        }
    });
    port
}

#[test]
fn an_address_is_fetched_only_where_every_rule_lets_it() {
    let world = World::empty();
    let names = Names::serve(&[("good.test", &["127.0.0.1"]), ("other.test", &["127.0.0.1"]), ("inner.test", &["10.0.0.1"])]);
    world.remit(&["settings", "network.resolver", &names.address.to_string()]).assert_code(0);
    let port = site();
    let hosts = [format!("good.test:{port}"), format!("inner.test:{port}"), format!("127.0.0.1:{port}")];
    let agent = world.agent(
        "reader",
        &json!({
            "name": "reader", "tools": ["web_fetch"],
            "toolsSettings": {
                "web_fetch": { "trusted": ["http://(good|other|inner)\\.test.*"], "blocked": [".*/secret.*"] },
                "sandbox": { "profile": "dev", "network": { "allow": hosts } }
            }
        }),
    );
    let mut chat = Chat::start(&world, &agent);
    let at = |path: &str| format!("http://good.test:{port}{path}");
    let mut fetch = |url: &str| chat.call("web_fetch", &json!({ "url": url, "mode": "full" }));
    fetch("file:///etc/passwd").refused("only `https` and `http` are fetched");
    fetch(&format!("http://other.test:{port}/")).refused(&format!("the network grant does not name `other.test:{port}`"));
    fetch(&at("/secret/x")).refused("`blocked` matches the address");
    fetch("http://good.test/").refused("the network grant does not name `good.test`");
    if !Host::look().namespaces {
        fetch(&at("/a")).refused("cannot be fetched");
        return;
    }
    let page = fetch(&at("/a?b=c"));
    page.ok("# Page\nat /a?b=c & more");
    assert!(!page.text.contains("no()"), "{page:?}");
    fetch(&at("/none")).refused("[HTTP status 404]\nnothing here");
    fetch(&at("/big")).refused("cannot be fetched");
    fetch(&format!("http://inner.test:{port}/")).refused("is 10.0.0.1, a private address, which no rule names");
    // Each hop is judged.
    fetch(&at("/to//b")).ok("at /b & more");
    fetch(&at(&format!("/to/http://other.test:{port}/")))
        .refused(&format!("the network grant does not name `other.test:{port}`"));
    fetch(&at("/to/file:///etc/passwd")).refused("only `https` and `http` are fetched");
    fetch(&at("/to//secret/x")).refused("`blocked` matches the address");
    fetch(&at(&format!("/to/http://127.0.0.1:{port}/"))).refused("is not pre-approved");
    fetch(&at("/to//to//to//to//to//to//to//a")).refused("more than 5 redirections");
    assert_eq!(chat.close(), 0);
    let tasks: Value = serde_json::from_str(&world.remit(&["tasks", "--json"]).stdout).unwrap();
    let task = tasks["tasks"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    world.remit(&["audit", &task]).assert_stdout(&format!("fetch http://good.test:{port}/b"));
}
