//! Words and passwords such as people choose them, for the templates `{{word}}` and `{{password}}`.

use crate::rule::template::SampleRng;

/// Ordinary words; none says that a value is a sample.
const WORDS: &[&str] = &[
    "amber", "anchor", "apple", "april", "arrow", "aurora", "autumn", "badger", "banana", "barrel", "basket", "beacon",
    "bear", "berlin", "bicycle", "birch", "bishop", "blossom", "breeze", "bridge", "bronze", "buffalo", "butter",
    "cactus", "camera", "candle", "canyon", "captain", "carbon", "carpet", "castle", "cedar", "cherry", "chess",
    "cinnamon", "circle", "cobalt", "coffee", "comet", "copper", "coral", "cotton", "cricket", "crystal", "daisy",
    "dakota", "desert", "diamond", "dolphin", "donkey", "dragon", "eagle", "ember", "engine", "falcon", "feather",
    "fender", "finger", "forest", "fossil", "fountain", "galaxy", "garden", "garlic", "ginger", "glacier", "golden",
    "granite", "grape", "guitar", "hammer", "harbor", "harvest", "hazel", "heron", "hollow", "honey", "horizon",
    "hunter", "indigo", "island", "ivory", "jasmine", "jungle", "kangaroo", "kettle", "kitten", "ladder", "lantern",
    "lemon", "leopard", "lizard", "lobster", "lucky", "madrid", "magnet", "mango", "maple", "marble", "meadow",
    "melon", "mercury", "midnight", "mirror", "monday", "monkey", "morning", "mountain", "mustang", "mustard",
    "nectar", "needle", "nickel", "ocean", "olive", "orange", "orchid", "oregon", "otter", "oyster", "paddle",
    "panther", "paper", "parrot", "pebble", "pelican", "pepper", "phoenix", "pickle", "pigeon", "pillow", "planet",
    "pocket", "potato", "prairie", "pumpkin", "purple", "puzzle", "quartz", "rabbit", "rainbow", "raven", "ribbon",
    "river", "robin", "rocket", "saddle", "saffron", "salmon", "sapphire", "saturn", "scarlet", "shadow", "silver",
    "sparrow", "spider", "spring", "squirrel", "stallion", "storm", "summer", "sunday", "sunset", "thunder", "tiger",
    "timber", "tomato", "tractor", "tulip", "tunnel", "turtle", "twilight", "umbrella", "valley", "vanilla", "velvet",
    "violet", "walnut", "whale", "whisper", "willow", "window", "winter", "wizard", "yellow", "zebra", "zephyr",
];

/// An ordinary word in lower case.
pub(super) fn word(rng: &mut SampleRng) -> String {
    WORDS[rng.below(WORDS.len())].to_owned()
}

/// A password as people make them: words, digits, a mark, letters replaced by digits; now and then one of a generator.
/// Without quotes, blanks and what ends a value in most files.
pub(super) fn password(rng: &mut SampleRng) -> String {
    let mark = ["!", "-", "_", ".", "*", "+"][rng.below(6)];
    let number = match rng.below(3) {
        0 => 1960 + rng.below(66),
        1 => 10 + rng.below(90),
        _ => 100 + rng.below(9_900),
    };
    let (first, second) = (word(rng), word(rng));
    match rng.below(8) {
        0 => format!("{}{number}{mark}", capitalised(&first)),
        1 => format!("{first}{number}"),
        2 => format!("{first}-{second}{number}"),
        3 => format!("{}{mark}{number}", leet(&first)),
        4 => format!("{}{}{mark}", capitalised(&leet(&first)), capitalised(&second)),
        5 => format!("{mark}{}{number}", capitalised(&second)),
        6 => format!("{first}{mark}{}{}", capitalised(&second), number % 100),
        _ => generated(rng),
    }
}

fn capitalised(word: &str) -> String {
    word[..1].to_ascii_uppercase() + &word[1..]
}

fn leet(word: &str) -> String {
    word.replace('a', "4").replace('e', "3").replace('o', "0").replace('i', "1")
}

fn generated(rng: &mut SampleRng) -> String {
    let len = 10 + rng.below(7);
    let text = rng.pick(b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!-_.*+", len);
    String::from_utf8_lossy(&text).into_owned()
}
