//! Where events may be sent: an address that a configuration names must not lead into a machine's own network, or to the
//! metadata service of its cloud.

use std::net::{IpAddr, Ipv6Addr};

use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Which networks may be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, over TLS.
    #[default]
    Public,
    /// Also private ones and this machine, also without TLS. Never link-local ones: there stand metadata services.
    Private,
}

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No address of the web.
    #[error("{0} is no address that begins with https:// (or http://)")]
    NotHttp(String),
    /// A user or password in it would be written wherever the address is.
    #[error("an address must not hold a user or password")]
    Credentials,
    /// Not over TLS.
    #[error("http:// is for private networks alone, and only where they are allowed")]
    Plain,
    /// A network that must not be reached.
    #[error("{0} is in a network that must not be reached from here")]
    Network(String),
}

/// Checks an address before it is used. Names are checked again when they are resolved, by [`Guarded`].
///
/// # Errors
/// See [`Refusal`].
pub fn check(address: &str, reach: Reach) -> Result<Uri, Refusal> {
    let not_http = || Refusal::NotHttp(scheme_and_host(address));
    let uri: Uri = address.parse().map_err(|_| not_http())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(not_http)?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(Refusal::Credentials);
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if reach == Reach::Private => {}
        Some("http") => return Err(Refusal::Plain),
        _ => return Err(not_http()),
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if literal.is_ok_and(|ip| !may_reach(ip, reach)) || is_metadata_name(host) {
        return Err(Refusal::Network(host.to_owned()));
    }
    Ok(uri)
}

/// What may be shown of an address: whatever stands before its path, without user and password.
fn scheme_and_host(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

fn is_metadata_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    ["metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"]
        .contains(&host.as_str())
}

/// May `ip` be reached?
#[must_use]
pub fn may_reach(ip: IpAddr, reach: Reach) -> bool {
    let ip = canonical(ip);
    let never = match ip {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || octets[0] == 0
                || octets[0] >= 240
                // Metadata services outside of the link-local range: Alibaba, and Azure's wire server.
                || octets == [100, 100, 100, 200]
                || octets == [168, 63, 129, 16]
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified() || v6 == AWS_METADATA_V6
        }
    };
    let private = match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let benchmark = a == 198 && (b == 18 || b == 19);
            v4.is_private()
                || v4.is_loopback()
                || shared
                || benchmark
                || (a, b, c) == (192, 0, 0)
                || v4.is_documentation()
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.segments()[..2] == [0x2001, 0xdb8],
    };
    !never && (reach == Reach::Private || !private)
}

/// The metadata service of EC2, in a range of unique local addresses.
const AWS_METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// IPv4 addresses have many forms in IPv6: mapped, translated (NAT64), tunnelled (6to4).
fn canonical(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let low = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::from([a, b, c, d])
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, end] | [0x64, 0xff9b, 0, 0, 0, 0, high, end] => low(high, end),
        [0, 0, 0, 0, 0, 0, high, end] if high != 0 => low(high, end),
        [0x2002, high, end, ..] => low(high, end),
        _ => ip,
    }
}

/// Resolves names, and keeps of their addresses those that may be reached. The connection is made to what was checked: a name
/// that answers differently a moment later leads nowhere else.
#[derive(Debug)]
pub struct Guarded {
    /// Which networks may be reached.
    pub reach: Reach,
    /// What resolves.
    pub inner: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        found.iter().filter(|address| may_reach(address.ip(), self.reach)).for_each(|address| allowed.push(*address));
        if allowed.is_empty() { Err(Error::HostNotFound) } else { Ok(allowed) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Reach, Refusal, check, may_reach};

    fn reaches(ip: &str, reach: Reach) -> bool {
        may_reach(ip.parse::<IpAddr>().unwrap(), reach)
    }

    #[test]
    fn metadata_services_are_never_reached() {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "255.255.255.255",
            "224.0.0.1",
            "::169.254.169.254",
        ] {
            assert!(!reaches(ip, Reach::Private) && !reaches(ip, Reach::Public), "{ip}");
        }
        assert!(matches!(check("https://metadata.google.internal./x", Reach::Private), Err(Refusal::Network(_))));
    }

    #[test]
    fn private_networks_are_reached_only_if_allowed() {
        for ip in
            ["10.0.0.1", "127.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "::1", "fc00::1", "::ffff:10.0.0.1"]
        {
            assert!(!reaches(ip, Reach::Public) && reaches(ip, Reach::Private), "{ip}");
        }
        for ip in ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"] {
            assert!(reaches(ip, Reach::Public), "{ip}");
        }
    }

    #[test]
    fn addresses_are_checked_and_passwords_are_not_repeated() {
        assert!(check("https://hooks.example.org/x", Reach::Public).is_ok());
        assert_eq!(check("http://hooks.example.org/", Reach::Public), Err(Refusal::Plain));
        assert!(check("http://127.0.0.1:8080/", Reach::Private).is_ok());
        assert!(matches!(check("http://[::1]/", Reach::Public), Err(Refusal::Plain)));
        assert!(matches!(check("https://[::1]/", Reach::Public), Err(Refusal::Network(_))));
        for bad in ["ftp://h/", "file:///etc/passwd", "gopher://x", "nonsense", ""] {
            assert!(matches!(check(bad, Reach::Private), Err(Refusal::NotHttp(_))), "{bad}");
        }
        let refusal = check("https://user:hunter2@h/", Reach::Public).unwrap_err(); // unleak:allow
        assert!(!refusal.to_string().contains("hunter2"));
        let refusal = check("ftp://user:hunter2@h/p?hunter2", Reach::Public).unwrap_err(); // unleak:allow
        assert!(!refusal.to_string().contains("hunter2"));
    }
}
