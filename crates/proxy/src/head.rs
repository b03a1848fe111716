//! The head of an HTTP request, read strictly, and written anew: what is sent on is what was understood.

use crate::target::Target;

/// The longest head that is read, in bytes.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The most headers that a request may have.
const MOST: usize = 256;

/// What somebody asks of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// `CONNECT`: bytes both ways.
    Tunnel(Target),
    /// One request of plain HTTP.
    Plain(Plain),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) target: Target,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Body,
}

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked,
}

/// Headers that are about one connection, or that are written anew.
const NOT_PASSED: [&str; 15] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "host",
    "http2-settings",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
    "forwarded",
    "via",
];

/// Returns how long a head is that these bytes begin with, with the empty line at its end.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Reads a whole head. What is wrong is a lower-case fragment.
///
/// `named` is the host that the connection was made to, where somebody connected without knowing of a proxy: then the request
/// names a path, and its `Host` has to be that one.
pub(crate) fn parse(head: &[u8], named: Option<&Target>) -> Result<Ask, &'static str> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or("the head of the request has no end")?;
    let mut lines = split_lines(text)?;
    let first = lines.next().unwrap_or_default();
    let headers = lines.map(header).collect::<Result<Vec<_>, _>>()?;
    if headers.len() > MOST {
        return Err("the request has more than 256 headers");
    }
    let first = std::str::from_utf8(first).map_err(|_| "the request line is not ASCII")?;
    let mut words = first.split(' ');
    let (Some(method), Some(place), Some(version), None) = (words.next(), words.next(), words.next(), words.next()) else {
        return Err("the request line is not a method, a place and a version");
    };
    if !is_token(method.as_bytes()) {
        return Err("the method is not a word");
    }
    if !place.bytes().all(|byte| byte.is_ascii_graphic()) || place.is_empty() {
        return Err("what is asked for has a blank, a control character or letters outside ASCII");
    }
    let later = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err("the version is neither HTTP/1.1 nor HTTP/1.0"),
    };
    if one(&headers, "host")?.is_none() && later {
        return Err("the request has no `Host`");
    }
    if method == "CONNECT" {
        if named.is_some() {
            return Err("`CONNECT` is for a proxy");
        }
        return Target::parse(place, None).map(Ask::Tunnel);
    }
    let (target, path) = match named {
        None => absolute(place)?,
        Some(target) => (of_host(&headers, target)?, of_path(place)?),
    };
    let path = if path.is_empty() && method == "OPTIONS" { "*".to_owned() } else { path };
    let path = if path.starts_with(['/', '*']) { path } else { format!("/{path}") };
    let body = body(&headers, later)?;
    let headers = passed(headers)?;
    Ok(Ask::Plain(Plain { target, method: method.to_owned(), path, headers, body }))
}

impl Plain {
    /// Writes the head for the server, which is told to close the connection afterwards.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let host = if self.target.port == 80 { self.target.host.to_string() } else { self.target.to_string() };
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        match self.body {
            Body::Chunked => bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            // Without a body some methods are sent without a length.
            Body::Length(0) if !matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") => {}
            Body::Length(length) => bytes.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes()),
        }
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes
    }
}

/// Reads the head of a server's response, and returns its status, and what is told of it to a client whose connection will
/// be closed.
pub(crate) fn response(head: &[u8]) -> Result<(u16, Vec<u8>), &'static str> {
    let text = head.strip_suffix(b"\r\n\r\n").ok_or("the head of the response has no end")?;
    let mut lines = split_lines(text)?;
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse::<u16>().ok());
    let status = status.ok_or("the server does not answer in HTTP/1")?;
    let mut bytes = first.to_vec();
    bytes.extend_from_slice(b"\r\n");
    for line in lines {
        let (name, value) = header(line)?;
        if !["connection", "keep-alive", "proxy-connection", "upgrade", "proxy-authenticate"]
            .contains(&name.to_ascii_lowercase().as_str())
        {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(&value);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    if status >= 200 {
        bytes.extend_from_slice(b"Connection: close\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok((status, bytes))
}

fn split_lines(text: &[u8]) -> Result<impl Iterator<Item = &[u8]>, &'static str> {
    let mut before = 0;
    for (at, byte) in text.iter().enumerate() {
        let next = text.get(at + 1);
        match byte {
            0 => return Err("the request has a NUL in its head"),
            b'\r' if next != Some(&b'\n') => return Err("a line of the request has a carriage return inside"),
            b'\n' if before != b'\r' => return Err("a line of the request ends in a line feed alone"),
            _ => {}
        }
        before = *byte;
    }
    // What is left of a carriage return stands before the line feed at which the line ends.
    Ok(text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

fn header(line: &[u8]) -> Result<(String, Vec<u8>), &'static str> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or("a header has no colon")?;
    let (name, value) = line.split_at_checked(colon).ok_or("a header has no colon")?;
    if !is_token(name) {
        return Err("the name of a header is not a word");
    }
    let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("a header has a control character");
    }
    Ok((String::from_utf8_lossy(name).into_owned(), value.to_vec()))
}

/// RFC 9110: a token.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Returns the value of a header that may stand there once.
fn one<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Result<Option<&'a [u8]>, &'static str> {
    let mut found = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err("a header that may stand there once is there twice"),
        (found, None) => Ok(found.map(|(_, value)| value.as_slice())),
    }
}

fn absolute(place: &str) -> Result<(Target, String), &'static str> {
    let (scheme, rest) = place.split_once("://").ok_or("a proxy is asked for a whole address, or to `CONNECT`")?;
    if !scheme.eq_ignore_ascii_case("http") {
        return Err("only `http` is forwarded: everything else goes through `CONNECT`");
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return Err("the address names a user");
    }
    Ok((Target::parse(authority, Some(80))?, of_path(path)?))
}

fn of_path(path: &str) -> Result<String, &'static str> {
    if path.contains('#') {
        return Err("the address has a fragment, which is nothing for a server");
    }
    if !path.is_empty() && !path.starts_with(['/', '?']) {
        return Err("what is asked for is no path");
    }
    Ok(path.to_owned())
}

fn of_host(headers: &[(String, Vec<u8>)], named: &Target) -> Result<Target, &'static str> {
    let host = one(headers, "host")?.ok_or("the request has no `Host`")?;
    let host = std::str::from_utf8(host).map_err(|_| "the `Host` is not ASCII")?;
    let target = Target::parse(host, Some(80))?;
    if target == *named { Ok(target) } else { Err("the `Host` is not the one that was looked up") }
}

fn body(headers: &[(String, Vec<u8>)], later: bool) -> Result<Body, &'static str> {
    let length = one(headers, "content-length")?;
    let Some(coding) = one(headers, "transfer-encoding")? else {
        let Some(length) = length else { return Ok(Body::Length(0)) };
        let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
        let length = std::str::from_utf8(length).ok().filter(|_| digits).and_then(|length| length.parse().ok());
        return length.map(Body::Length).ok_or("the `Content-Length` is not a number");
    };
    if length.is_some() {
        return Err("the request has a `Content-Length` and a `Transfer-Encoding`");
    }
    if !later || !coding.eq_ignore_ascii_case(b"chunked") {
        return Err("the `Transfer-Encoding` is not `chunked`");
    }
    Ok(Body::Chunked)
}

fn passed(headers: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, &'static str> {
    let of_connection: Vec<String> = headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection") || name.eq_ignore_ascii_case("proxy-connection"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name.trim_ascii()).to_ascii_lowercase())
        .collect();
    let mut kept = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let lower = name.to_ascii_lowercase();
        if lower == "expect" && !value.eq_ignore_ascii_case(b"100-continue") {
            return Err("what the request expects is not known");
        }
        if !NOT_PASSED.contains(&lower.as_str()) && !of_connection.contains(&lower) {
            kept.push((name, value));
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(head: &str, expected: &str) {
        check_named(head, None, expected);
    }

    fn check_named(head: &str, named: Option<&str>, expected: &str) {
        let named = named.map(|named| Target::parse(named, None).unwrap());
        let shown = match parse(head.as_bytes(), named.as_ref()) {
            Ok(Ask::Tunnel(target)) => format!("tunnel to {target}"),
            Ok(Ask::Plain(plain)) => format!("{}: {}", plain.target, String::from_utf8(plain.to_bytes()).unwrap()),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(shown.replace("\r\n", "|"), expected, "{head:?}");
    }

    #[test]
    fn tunnels() {
        check("CONNECT crates.io:443 HTTP/1.1\r\nHost: other\r\n\r\n", "tunnel to crates.io:443");
        check("CONNECT Crates.IO.:443 HTTP/1.0\r\n\r\n", "tunnel to crates.io:443");
        check("CONNECT [::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n", "tunnel to [::1]:443");
        check("CONNECT crates.io HTTP/1.1\r\nHost: x\r\n\r\n", "error: it names no port");
        check("CONNECT http://crates.io:443 HTTP/1.1\r\nHost: x\r\n\r\n", "error: the port is not a number from 1 to 65535");
        check("CONNECT a.b:443 HTTP/1.1\r\n\r\n", "error: the request has no `Host`");
        check("connect a.b:443 HTTP/1.1\r\nHost: x\r\n\r\n", "error: a proxy is asked for a whole address, or to `CONNECT`");
    }

    #[test]
    fn plain_requests_are_written_anew() {
        check(
            "GET http://Crates.IO./a?b HTTP/1.1\r\nHost: evil\r\nProxy-Connection: keep-alive\r\nAccept:  */* \r\n\r\n",
            "crates.io:80: GET /a?b HTTP/1.1|Host: crates.io|Accept: */*|Connection: close||",
        );
        check(
            "POST http://a.b:8080 HTTP/1.1\r\nHost: a.b\r\ncontent-length: 3\r\nConnection: X-Hop, close\r\nx-hop: 1\r\n\r\n",
            "a.b:8080: POST / HTTP/1.1|Host: a.b:8080|Content-Length: 3|Connection: close||",
        );
        check(
            "POST HTTP://a.b?q HTTP/1.1\r\nHost: a.b\r\nTransfer-Encoding: Chunked\r\n\r\n",
            "a.b:80: POST /?q HTTP/1.1|Host: a.b|Transfer-Encoding: chunked|Connection: close||",
        );
        check("GET http://a.b/ HTTP/1.0\r\n\r\n", "a.b:80: GET / HTTP/1.1|Host: a.b|Connection: close||");
    }

    #[test]
    fn what_can_be_read_two_ways_is_refused() {
        let get = |rest: &str| format!("GET http://a.b/ HTTP/1.1\r\nHost: a.b\r\n{rest}\r\n");
        check(&get("Content-Length: 1\r\nContent-Length: 1\r\n"), "error: a header that may stand there once is there twice");
        check(
            &get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            "error: the request has a `Content-Length` and a `Transfer-Encoding`",
        );
        check(&get("Transfer-Encoding: gzip, chunked\r\n"), "error: the `Transfer-Encoding` is not `chunked`");
        check(&get("Content-Length: +1\r\n"), "error: the `Content-Length` is not a number");
        check(&get("Content-Length : 1\r\n"), "error: the name of a header is not a word");
        check(&get("A: b\r\n c\r\n"), "error: a header has no colon");
        check(&get("A: b\0c\r\n"), "error: the request has a NUL in its head");
        check(&get("A: b\rc\r\n"), "error: a line of the request has a carriage return inside");
        check(&get("A: b\nC: d\r\n"), "error: a line of the request ends in a line feed alone");
        check(&get("Host: c.d\r\n"), "error: a header that may stand there once is there twice");
        check(&get("Expect: magic\r\n"), "error: what the request expects is not known");
        check("GET  http://a.b/ HTTP/1.1\r\nHost: x\r\n\r\n", "error: the request line is not a method, a place and a version");
        check("GET http://u:p@a.b/ HTTP/1.1\r\nHost: x\r\n\r\n", "error: the address names a user");
        check("GET http://a.b#c HTTP/1.1\r\nHost: x\r\n\r\n", "error: the address has a fragment, which is nothing for a server");
        check(
            "GET https://a.b/ HTTP/1.1\r\nHost: x\r\n\r\n",
            "error: only `http` is forwarded: everything else goes through `CONNECT`",
        );
        check("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "error: a proxy is asked for a whole address, or to `CONNECT`");
        check("GET http://a.b\\c/ HTTP/1.1\r\nHost: x\r\n\r\n", "error: the host is not a name");
        check("GET http://a.b/ HTTP/2.0\r\nHost: x\r\n\r\n", "error: the version is neither HTTP/1.1 nor HTTP/1.0");
    }

    #[test]
    fn without_a_proxy_in_mind_the_host_has_to_be_the_one_that_was_looked_up() {
        let named = Some("a.b:80");
        check_named("GET /x HTTP/1.1\r\nHost: A.b\r\n\r\n", named, "a.b:80: GET /x HTTP/1.1|Host: a.b|Connection: close||");
        check_named("GET /x HTTP/1.1\r\nHost: c.d\r\n\r\n", named, "error: the `Host` is not the one that was looked up");
        check_named("GET /x HTTP/1.1\r\nHost: a.b:81\r\n\r\n", named, "error: the `Host` is not the one that was looked up");
        check_named("CONNECT a.b:80 HTTP/1.1\r\nHost: a.b\r\n\r\n", named, "error: `CONNECT` is for a proxy");
        check_named("GET http://a.b/ HTTP/1.1\r\nHost: a.b\r\n\r\n", named, "error: what is asked for is no path");
    }

    #[test]
    fn responses_say_that_the_connection_ends() {
        let check = |head: &str, expected: &str| {
            let shown = match response(head.as_bytes()) {
                Ok((status, bytes)) => format!("{status}: {}", String::from_utf8(bytes).unwrap()),
                Err(error) => error.to_owned(),
            };
            assert_eq!(shown.replace("\r\n", "|"), expected);
        };
        check("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nA: b\r\n\r\n", "200: HTTP/1.1 200 OK|A: b|Connection: close||");
        check("HTTP/1.1 100 Continue\r\n\r\n", "100: HTTP/1.1 100 Continue||");
        check("HTTP/2 200\r\n\r\n", "the server does not answer in HTTP/1");
    }

    proptest! {
        /// Any bytes are refused or read; and what is written of what was read is read as the same again, for the same host.
        #[test]
        fn what_is_sent_on_is_what_was_understood(
            head in "(GET|POST|CONNECT|[A-Z!]{1,4})[ \t]{1,2}(http://)?[a-zA-Z0-9.:@\\[\\]%/?#-]{0,24} HTTP/1\\.[01]\r\n\
                     ((Host|Content-Length|Transfer-Encoding|Connection|[A-Za-z-]{1,8}):? ?[ -~\t]{0,12}[\r\n]{1,2}){0,4}\r\n"
        ) {
            if let Ok(Ask::Plain(plain)) = parse(head.as_bytes(), None) {
                let again = parse(&plain.to_bytes(), Some(&plain.target));
                let Ok(Ask::Plain(again)) = again else { panic!("{again:?}") };
                prop_assert_eq!(&again.target, &plain.target);
                prop_assert_eq!(again.to_bytes(), plain.to_bytes());
                prop_assert_eq!(again.body, plain.body);
                prop_assert_eq!(length(&plain.to_bytes()), Some(plain.to_bytes().len()));
            }
        }

        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, None);
            let _ = response(&bytes);
            let mut bytes = bytes;
            bytes.extend_from_slice(b"\r\n\r\n");
            let _ = parse(&bytes, None);
            let _ = response(&bytes);
        }
    }
}
