//! What `tests/fuzz` fuzzes through the public interface, here with some mutations and whatever once failed.

use std::{fs, path::Path};

use crate::git_store::repositories::Random;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own for the fuzzers")]
mod targets;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 2] = [("utf16", targets::utf16), ("rules", targets::rules)];

fn seeds(name: &str) -> Vec<Vec<u8>> {
    if name == "utf16" {
        let texts = ["key = 'value'\r\n", "\u{feff}é漢😀 = \u{10ffff}\n", ""];
        return texts.iter().map(|text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()).collect();
    }
    let mut paths: Vec<_> = fs::read_dir("rules").unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().step_by(12).map(|path| fs::read(path).unwrap()).filter(|text| text.len() < 4096).collect()
}

fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    const ODD: &[u8] = b" \"'[]{}()|*+?\\=.09aZ\n";
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(3) {
        let at = random.below(bytes.len().max(1));
        let other = random.below(seed.len().max(1));
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at.min(bytes.len())..(at + random.below(9)).min(bytes.len()))),
            2 => {
                let piece: Vec<u8> = seed[other.min(seed.len())..].iter().take(9).copied().collect();
                drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), piece));
            }
            _ if bytes.is_empty() => {}
            _ => bytes[at] = ODD[random.below(ODD.len())],
        }
    }
    bytes
}

#[test]
fn mutations_are_survived() {
    let rounds = std::env::var("UNLEAK_FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(20_u64);
    for (name, target) in TARGETS {
        for (number, seed) in seeds(name).iter().enumerate() {
            if let Some(dir) = std::env::var_os("UNLEAK_FUZZ_SEEDS") {
                let dir = Path::new(&dir).join(name);
                fs::create_dir_all(&dir).unwrap();
                fs::write(dir.join(number.to_string()), seed).unwrap();
            }
            target(seed);
            let mut random = Random(number as u64);
            (0..rounds).for_each(|_| target(&mutated(seed, &mut random)));
        }
    }
}

#[test]
fn crashers_stay_harmless() {
    for (name, target) in TARGETS {
        for entry in fs::read_dir(Path::new("tests/fuzz/crashers").join(name)).into_iter().flatten() {
            target(&fs::read(entry.unwrap().path()).unwrap());
        }
    }
}
