use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address of the web in its one spelling: what is judged is what is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    text: String,
    host: String,
    port: u16,
    is_tls: bool,
}

impl WebAddress {
    /// Reads an address: `https://` or `http://`, a host, perhaps a port, a path and a query. A fragment is left out.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it: a lower-case fragment.
    pub fn parse(text: &str) -> Result<WebAddress, &'static str> {
        if text.len() > 8192 {
            return Err("it is longer than 8192 bytes");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}']) {
            return Err("it has characters that an address has only as `%XX`");
        }
        let (scheme, rest) = text.split_once("://").ok_or("it does not begin with `https://` or `http://`")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("only `https` and `http` are fetched"),
        };
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(at).ok_or("it is no address")?;
        let (host, port) = host_and_port(authority)?;
        let own = if is_tls { 443 } else { 80 };
        let port = port.unwrap_or(own);
        let shown = if port == own { String::new() } else { format!(":{port}") };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let scheme = if is_tls { "https" } else { "http" };
        let path = without_dots(&decoded(path)?);
        Ok(WebAddress { text: format!("{scheme}://{host}{shown}{slash}{path}"), host, port, is_tls })
    }

    /// Returns the address that a redirection from here means.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it: a lower-case fragment.
    pub fn join(&self, location: &str) -> Result<WebAddress, &'static str> {
        if location.contains("://") && !location.starts_with(['/', '?', '.']) {
            return WebAddress::parse(location);
        }
        let origin_ends = self.text.get(8..).and_then(|rest| rest.find('/')).map_or(self.text.len(), |at| at + 8);
        let (origin, path) = self.text.split_at_checked(origin_ends).unwrap_or((&self.text, "/"));
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        if let Some(rest) = location.strip_prefix("//") {
            return WebAddress::parse(&format!("{}://{rest}", if self.is_tls { "https" } else { "http" }));
        }
        let joined = match location.chars().next() {
            Some('/') => format!("{origin}{location}"),
            Some('?') => format!("{origin}{path}{location}"),
            _ => format!("{origin}{}/{location}", path.rsplit_once('/').map_or("", |(directory, _)| directory)),
        };
        WebAddress::parse(&joined)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the host in lower case; an IPv6 address stands in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the path and the query with what needs no `%XX` spelt out, and the rest of them in capitals (RFC 3986, 2.3 and
/// 6.2.2).
fn decoded(path: &str) -> Result<String, &'static str> {
    let mut decoded = String::with_capacity(path.len());
    let mut pieces = path.split('%');
    decoded.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).ok_or("a `%` in it is not followed by two digits")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex).ok_or("a `%` in it is not followed by two digits")?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            decoded.push(char::from(byte));
        } else {
            decoded.push('%');
            decoded.push_str(&digits.to_ascii_uppercase());
        }
        decoded.push_str(rest);
    }
    Ok(decoded)
}

/// Returns the path and the query without the names `.` and `..`, which a server takes as in a path of files (RFC 3986,
/// 5.2.4).
fn without_dots(text: &str) -> String {
    let (path, query) = text.split_at_checked(text.find('?').unwrap_or(text.len())).unwrap_or((text, ""));
    let Some(path) = path.strip_prefix('/') else { return text.to_owned() };
    let mut kept: Vec<&str> = Vec::new();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        match name {
            "." | ".." => {
                if name == ".." {
                    kept.pop();
                }
                if names.peek().is_none() {
                    kept.push("");
                }
            }
            name => kept.push(name),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), &'static str> {
    if authority.contains('@') {
        return Err("it names a user");
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("a bracket is not closed")?;
        let address: Ipv6Addr = address.parse().map_err(|_| "its IPv6 address does not parse")?;
        (format!("[{address}]"), after)
    } else {
        let at = authority.find(':').unwrap_or(authority.len());
        let (host, after) = authority.split_at_checked(at).ok_or("it is no address")?;
        (name(host)?, after)
    };
    let port = match port {
        "" | ":" => None,
        port => {
            let digits = port.strip_prefix(':').filter(|digits| digits.chars().all(|c| c.is_ascii_digit()));
            Some(digits.and_then(|digits| digits.parse().ok()).filter(|port| *port != 0).ok_or("its port is no port")?)
        }
    };
    Ok((host, port))
}

fn name(host: &str) -> Result<String, &'static str> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let label =
        |label: &str| (1..=63).contains(&label.len()) && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("its host is no name");
    }
    // Resolvers read `127.1` and `0x7f.1` as addresses.
    let last = host.rsplit('.').next().unwrap_or_default();
    if (last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit())) && host.parse::<Ipv4Addr>().is_err() {
        return Err("its host is neither a name nor an address");
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        let check = |text: &str, expected: &str| {
            let shown = WebAddress::parse(text).map_or_else(|why| format!("error: {why}"), |address| address.to_string());
            assert_eq!(shown, expected, "{text}");
        };
        check("HTTPS://Docs.RS./a?b#c", "https://docs.rs/a?b");
        check("http://a:80", "http://a/");
        check("https://a:80?x", "https://a:80/?x");
        check("http://[::0001]:8080/", "http://[::1]:8080/");
        check("https://a/%70rivate/%2e%7E%5f%2D?%61=%2f%2F%25", "https://a/private/.~_-?a=%2F%2F%25");
        check("https://a/x/../b//./%2e%2E/c/..?../x/..", "https://a/b/?../x/..");
        check("https://a/../..", "https://a/");
        check("https://a/b/.", "https://a/b/");
        check("https://a/...", "https://a/...");
        check("https://a/%2570", "https://a/%2570");
        for text in [
            "",
            "docs.rs",
            "file:///etc/passwd",
            "ftp://a/",
            "https://",
            "https:///a",
            "https://u@a/",
            "https://a b/",
            "https://a\n/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://a:0/",
            "https://a:99999/",
            "https://a:x/",
            "https://ä/",
            "https://[::1",
            "https://[::1%25lo]/",
            "https://a\\@b/",
            "https://.a/",
            "https://a..b/",
            "https://a/%",
            "https://a/%7",
            "https://a/%+7",
            "https://a/%zz",
        ] {
            assert!(WebAddress::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redirection_is_an_address_of_its_own() {
        let check = |location: &str, expected: &str| {
            let from = WebAddress::parse("https://a.b/c/d?e=f").unwrap();
            assert_eq!(from.join(location).map_or_else(str::to_owned, |to| to.to_string()), expected, "{location}");
        };
        check("http://x/y", "http://x/y");
        check("//x/y", "https://x/y");
        check("/y?u=http://z", "https://a.b/y?u=http://z");
        check("?q", "https://a.b/c/d?q");
        check("y", "https://a.b/c/y");
        check("file:///etc/passwd", "only `https` and `http` are fetched");
    }
}
