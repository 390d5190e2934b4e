//! What is an address, and what of it may be seen.

use std::{ffi::OsStr, path::Path};

use super::{RemoteError, login::Login};
use crate::model::Escaped;

/// How git gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Https,
    Http,
    Ssh,
    Git,
    File,
}

impl Scheme {
    const ALL: [(&str, Scheme); 5] = [
        ("https", Scheme::Https),
        ("http", Scheme::Http),
        ("ssh", Scheme::Ssh),
        ("git", Scheme::Git),
        ("file", Scheme::File),
    ];

    pub(super) fn is_http(self) -> bool {
        matches!(self, Scheme::Https | Scheme::Http)
    }
}

/// The address of a repository that has to be cloned. `Debug` shows no credentials.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Without credentials: this is what git gets.
    pub(super) url: String,
    pub(super) scheme: Scheme,
    /// Scheme, host and port, by which git finds the settings for this server; empty unless HTTP.
    pub(super) server: String,
    pub(super) login: Login,
}

impl Remote {
    /// Tells the address of a remote repository from the path of a local one: `https://…`, `http://…`, `ssh://…`,
    /// `git://…`, `file:///…` and `user@host:path`. `None` for everything else, and for whatever exists here.
    ///
    /// `host:path` without a user is a path, as is `C:\…`.
    ///
    /// # Errors
    /// An address that can't or mustn't be given to git.
    #[must_use]
    pub fn parse(argument: &OsStr) -> Option<Result<Remote, RemoteError>> {
        let bytes = argument.as_encoded_bytes();
        let scheme_end = bytes.iter().position(|&byte| !is_scheme_byte(byte)).unwrap_or(bytes.len());
        let (scheme, rest) = bytes.split_at(scheme_end);
        let is_url = !scheme.is_empty() && rest.starts_with(b"://");
        let is_option = bytes.starts_with(b"-") && memchr::memmem::find(bytes, b"://").is_some();
        let is_helper = !scheme.is_empty() && rest.starts_with(b"::");
        if Path::new(argument).symlink_metadata().is_ok() {
            return None;
        }
        if !(is_url || is_option || is_helper || is_scp_like(bytes)) {
            // It would be printed as a path that isn't there.
            let why = "it has a password as an address would, but not its form (https://…, user@host:path)";
            return has_password(bytes).then_some(Err(RemoteError::Malformed(why)));
        }
        Some(match argument.to_str() {
            _ if is_helper => Err(RemoteError::Helper),
            None => Err(RemoteError::Malformed("it is not UTF-8")),
            Some(text) if text.chars().any(char::is_control) => {
                Err(RemoteError::Malformed("it has control characters"))
            }
            Some(text) if text.starts_with('-') => Err(RemoteError::Dash("first word")),
            Some(text) => match text.split_once("://") {
                Some((scheme, rest)) if is_url => parse_url(scheme, rest),
                _ => parse_scp_like(text),
            },
        })
    }

    /// The address without credentials, safe to print.
    #[must_use]
    pub fn display_url(&self) -> String {
        Escaped(self.url.as_bytes()).to_string()
    }
}

/// Is there anything like `user:password@`?
fn has_password(bytes: &[u8]) -> bool {
    let Some(at) = memchr::memrchr(b'@', bytes) else { return false };
    // Behind a scheme or a drive a path begins.
    let is_in_login = |colon: &usize| !matches!(bytes[colon + 1], b'/' | b'\\');
    let colon = memchr::memchr_iter(b':', &bytes[..at]).find(is_in_login);
    colon.is_some_and(|colon| colon > 0 && at - colon > 1)
}

/// The bytes that git takes for part of a scheme or of a helper's name.
fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Is it `user@host:path`, with no slash before the colon?
fn is_scp_like(bytes: &[u8]) -> bool {
    let is_user = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    let Some(at) = bytes.iter().position(|&byte| !is_user(byte)) else { return false };
    let Some(after_at) = bytes[at..].strip_prefix(b"@").filter(|_| at > 0) else { return false };
    let host = match after_at.strip_prefix(b"[") {
        Some(inner) => inner.iter().position(|&byte| byte == b']').map(|end| end + 2),
        None => after_at.iter().position(|&byte| byte == b':'),
    };
    host.is_some_and(|end| end > 0 && after_at.get(end) == Some(&b':') && !after_at[..end].contains(&b'/'))
}

fn parse_url(scheme: &str, rest: &str) -> Result<Remote, RemoteError> {
    let lower = scheme.to_ascii_lowercase();
    let known = Scheme::ALL.iter().find(|(name, _)| *name == lower);
    let &(name, scheme) = known.ok_or_else(|| RemoteError::Scheme(lower.chars().take(20).collect()))?;
    if scheme == Scheme::File {
        if !rest.starts_with('/') {
            return Err(RemoteError::Malformed("file:// wants an absolute path, so three slashes"));
        }
        no_double_colon(rest)?;
        return Ok(Remote { url: format!("file://{rest}"), scheme, server: String::new(), login: Login::None });
    }
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    if scheme.is_http() && (authority.contains(['?', '#']) || path.contains(['?', '#'])) {
        return Err(RemoteError::Query);
    }
    no_double_colon(path)?;
    let (user_info, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    check_host(host)?;
    let login = if scheme.is_http() { Login::parse(user_info.unwrap_or_default())? } else { Login::None };
    let user = match user_info {
        Some(user) if !scheme.is_http() => format!("{}@", public_user(user)?),
        _ => String::new(),
    };
    let server = if scheme.is_http() { format!("{name}://{host}") } else { String::new() };
    Ok(Remote { url: format!("{name}://{user}{host}{path}"), scheme, server, login })
}

fn parse_scp_like(text: &str) -> Result<Remote, RemoteError> {
    let at = text.find('@').unwrap_or_default();
    let host_end = if text[at + 1..].starts_with('[') {
        text.find("]:").map(|end| end + 1)
    } else {
        text[at..].find(':').map(|end| end + at)
    };
    let end = host_end.ok_or(RemoteError::Malformed("there is no path after the host"))?;
    check_host(&text[at + 1..end])?;
    let path = &text[end + 1..];
    no_double_colon(path)?;
    if path.is_empty() {
        return Err(RemoteError::Malformed("there is no path after the host"));
    }
    if path.starts_with('-') {
        return Err(RemoteError::Dash("path"));
    }
    if path.starts_with(':') {
        return Err(RemoteError::Helper);
    }
    Ok(Remote { url: text.to_owned(), scheme: Scheme::Ssh, server: String::new(), login: Login::None })
}

/// The user of an SSH address, who is no secret.
fn public_user(user: &str) -> Result<&str, RemoteError> {
    if user.contains(':') {
        return Err(RemoteError::Password);
    }
    if user.starts_with('-') {
        return Err(RemoteError::Dash("user"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%');
    if user.is_empty() || !user.chars().all(is_plain) {
        return Err(RemoteError::Malformed("the user's name has odd characters"));
    }
    Ok(user)
}

/// A name or an address, and perhaps a port.
fn check_host(host: &str) -> Result<(), RemoteError> {
    let odd = RemoteError::Malformed("there is no host, or it has odd characters");
    let (name, port) = match host.strip_prefix('[') {
        Some(inner) => {
            let Some((address, port)) = inner.split_once(']') else { return Err(odd) };
            if address.is_empty() || !address.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '%')) {
                return Err(odd);
            }
            ("x", port)
        }
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    if name.starts_with('-') {
        return Err(RemoteError::Dash("host"));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || !c.is_ascii();
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    if name.is_empty() || !name.chars().all(is_plain) || !is_port { Err(odd) } else { Ok(()) }
}

/// git looks for helpers at the front alone; an address with `::` anywhere but in its host is not worth the doubt.
fn no_double_colon(path: &str) -> Result<(), RemoteError> {
    if path.contains("::") { Err(RemoteError::Helper) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Remote, RemoteError};

    /// `<pw>` stands for a password: a literal address with one would be a finding in this file.
    fn parse(text: &str) -> Option<Result<Remote, RemoteError>> {
        Remote::parse(OsStr::new(&text.replace("<pw>", "hunter2")))
    }

    #[test]
    fn addresses_are_known_and_shown_without_credentials() {
        let cases = [
            ("https://example.org/a/b.git", "https://example.org/a/b.git"),
            ("HTTPS://example.org:8443/a", "https://example.org:8443/a"),
            ("https://me:<pw>@example.org/a", "https://example.org/a"),
            ("https://<pw>@example.org/a", "https://example.org/a"),
            ("http://[::1]:8080/a", "http://[::1]:8080/a"),
            ("ssh://git@example.org:22/a", "ssh://git@example.org:22/a"),
            ("git@example.org:a/b.git", "git@example.org:a/b.git"),
            ("git@[::1]:a/b.git", "git@[::1]:a/b.git"),
            ("git://example.org/a", "git://example.org/a"),
            ("file:///no/such/place", "file:///no/such/place"),
        ];
        for (text, shown) in cases {
            let remote = parse(text).unwrap_or_else(|| panic!("{text}")).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(remote.display_url(), shown);
            assert!(!format!("{remote:?}").contains("hunter2"), "{remote:?}");
        }
    }

    #[test]
    fn what_has_a_password_is_never_a_path() {
        for text in [" https://me:<pw>@example.org/a", "https:/me:<pw>@example.org/a", "me:<pw>@example.org:a/b"] {
            let error = parse(text).unwrap_or_else(|| panic!("{text}")).unwrap_err();
            assert!(matches!(error, RemoteError::Malformed(_)) && !error.to_string().contains("hunter2"), "{error}");
        }
        for path in ["C:\\a@b", "x:/a@b", "a@b:c", ":a@b"] {
            assert!(parse(path).is_none_or(|found| found.is_ok()), "{path}");
        }
    }

    #[test]
    fn paths_are_no_addresses() {
        let paths = [
            "",
            ".",
            "-",
            "/",
            "a",
            "a:b",
            "a/b@c:d",
            "C:\\a",
            "C:/a",
            "host:path",
            "src/main.rs:12",
            "@host:path",
            "a@b",
            "a@b/c:d",
            "--upload-pack=x",
            "a b@c:d",
            "://x",
            ":",
            "a@",
            "a@:b",
            "a@[b:c",
        ];
        for path in paths {
            assert!(parse(path).is_none(), "{path}");
        }
        // What exists wins, however it is called.
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("x::y");
        std::fs::write(&odd, "").unwrap();
        assert!(Remote::parse(odd.as_os_str()).is_none());
    }

    #[test]
    fn dangerous_and_nonsensical_addresses_are_refused_without_being_repeated() {
        let cases = [
            "ext::sh -c id",
            "fd::17",
            "a::b",
            "https::https://x/y",
            "https://h/a::b",
            "git@h::a",
            "git@h:a::b",
            "-oProxyCommand=id://h/a",
            "-x@h:a",
            "ssh://-oProxyCommand=id/a",
            "ssh://-x@h/a",
            "git@-h:a",
            "git@h:-a",
            "https:///a",
            "https://",
            "https://h:port/a",
            "https://h:99999/a",
            "https://u:<pw> x@h x/a",
            "https://u:<pw>/b@h/a",
            "https://h/a?token=<pw>",
            "https://h/a#<pw>",
            "https://h?<pw>",
            "ssh://u:<pw>@h/a",
            "git://u:<pw>@h/a",
            "file://h/a",
            "ftp://u:<pw>@h/a",
            "s3://b/c",
            "https://u:<pw>%0ax@h/a",
            "https://u:<pw>%zz@h/a",
            "https://h/a\nb",
            "git@h:",
            "https://[::1/a",
            "https://a b/c",
            "https://u%3a:<pw>@h/a",
            "https://:<pw>@h/a",
        ];
        for text in cases {
            let error = parse(text).unwrap_or_else(|| panic!("{text}")).map(|r| r.display_url()).expect_err(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        #[cfg(unix)]
        {
            let bytes = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"https://u:p\xff@h/a");
            assert!(Remote::parse(bytes).unwrap().is_err());
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let pieces = ["https", "ssh", "a", "-", ":", "::", "/", "//", "://", "@", "[", "]", "%", "%4", "ä", "?", "1"];
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            let _ = parse(&text).map(|remote| remote.map(|remote| remote.display_url()));
        }
    }
}
