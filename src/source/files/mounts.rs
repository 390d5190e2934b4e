//! Mounts of kernel state, which are not descended into.

use std::{
    collections::HashSet,
    fs::{self, Metadata},
    path::{Path, PathBuf},
};

/// File systems whose files are made up by the kernel: not what anybody leaked, and some never end. `devtmpfs` is
/// not among them: it holds devices, which are never opened, and sometimes a file that somebody left there.
const PSEUDO: &[&str] = &[
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
    "tracefs",
];

/// The mounts of this process, read once per run.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    all: Vec<Mount>,
}

#[derive(Debug)]
struct Mount {
    point: PathBuf,
    device: (u32, u32),
    is_pseudo: bool,
}

impl Mounts {
    /// Reads `/proc/self/mountinfo`. Empty where there is none, as on other systems than Linux.
    pub(super) fn read() -> Mounts {
        Mounts::parse(&fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    /// One line per mount, `id parent major:minor root point options [tag…] - type source options`; see
    /// `proc_pid_mountinfo(5)`.
    fn parse(table: &[u8]) -> Mounts {
        let mount = |line: &[u8]| {
            let mut fields = line.split(|&byte| byte == b' ');
            let device = parse_device(fields.nth(2)?)?;
            let point = unescape(fields.nth(1)?);
            let kind = fields.skip_while(|field| field != b"-").nth(1)?;
            let is_pseudo = PSEUDO.iter().any(|name| name.as_bytes() == kind);
            Some(Mount { point: to_path(point), device, is_pseudo })
        };
        Mounts { all: table.split(|&byte| byte == b'\n').filter_map(mount).collect() }
    }

    /// Does this file or directory lie on a pseudo file system?
    pub(super) fn is_pseudo(&self, metadata: &Metadata) -> bool {
        device(metadata).is_some_and(|device| self.is_pseudo_device(device))
    }

    fn is_pseudo_device(&self, device: (u32, u32)) -> bool {
        self.all.iter().any(|mount| mount.is_pseudo && mount.device == device)
    }

    /// The pseudo mount points strictly below any of these directories. Mostly none, and then no directory of the
    /// walk needs a look.
    pub(super) fn pseudo_points_below<'p>(&self, roots: impl Iterator<Item = &'p Path>) -> HashSet<PathBuf> {
        let roots: Vec<&Path> = roots.collect();
        let is_below = |point: &Path| roots.iter().any(|root| point != *root && point.starts_with(root));
        let pseudo = self.all.iter().filter(|mount| mount.is_pseudo && is_below(&mount.point));
        pseudo.map(|mount| mount.point.clone()).collect()
    }
}

fn parse_device(field: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(field).ok()?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(target_os = "linux")]
fn device(metadata: &Metadata) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev())))
}

#[cfg(not(target_os = "linux"))]
fn device(_: &Metadata) -> Option<(u32, u32)> {
    None
}

/// Blank, tab, newline and backslash stand as `\` and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if first == b'\\' => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(unix)]
fn to_path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn to_path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::Mounts;

    const TABLE: &[u8] = br"22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime shared:2 master:1 - devtmpfs devtmpfs rw,size=12334492k
26 24 0:24 / /dev/pts rw - devpts devpts rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
29 27 0:30 / /mnt/a\040b\134 rw - sysfs x rw
30 27 0:31 / /mnt/over rw - proc x rw
31 27 0:32 / /mnt/over rw - tmpfs x rw
a line that is broken
";

    #[test]
    fn file_systems_are_told_by_their_device() {
        let mounts = Mounts::parse(TABLE);
        let pseudo = [(0, 21), (0, 24), (0, 30), (0, 31)];
        for mount in &mounts.all {
            assert_eq!(mounts.is_pseudo_device(mount.device), pseudo.contains(&mount.device), "{mount:?}");
        }
        assert_eq!(mounts.all.len(), 7);
        assert!(!mounts.is_pseudo_device((9, 9)));
    }

    #[test]
    fn only_mounts_below_a_root_matter() {
        let mounts = Mounts::parse(TABLE);
        let below = |root: &'static str| mounts.pseudo_points_below([Path::new(root)].into_iter());
        assert!(below("/home").is_empty());
        assert!(below("/proc").is_empty());
        assert_eq!(below("/dev"), [PathBuf::from("/dev/pts")].into());
        assert_eq!(below("/mnt"), [PathBuf::from("/mnt/a b\\"), PathBuf::from("/mnt/over")].into());
    }
}
