//! A few seconds of fuzzing with the stable compiler: every target on its seeds, on all that is a little different, and
//! on nothing but noise.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that cannot go on has failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[path = "fuzz/make_seeds.rs"]
mod make_seeds;
#[path = "fuzz/src/lib.rs"]
mod targets;

/// Time for each target.
const PATIENCE: Duration = Duration::from_secs(2);

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every file below.
fn files(directory: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => return found,
    };
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(fs::read(entry).unwrap());
        }
    }
    found
}

/// The seeds of a target: its own, and for those that read files the project's captures.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let mut seeds = files(&directory("tests/fuzz/seeds").join(name));
    if name.starts_with("capture") {
        seeds.extend(files(&directory("pcaps")).into_iter().filter(|file| file.len() < 100_000));
    }
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

/// Chance that is the same in every run. xorshift64.
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { usize::try_from(self.number() % limit as u64).unwrap() }
    }

    /// What becomes of an input that somebody meddles with.
    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len());
        match self.below(8) {
            _ if input.is_empty() => input.extend(other),
            0 => input[at] ^= 1 << self.below(8),
            1 => input[at] = self.number().to_le_bytes()[0],
            2 => input[at] = [0, 1, 0x7f, 0x80, 0xff][self.below(5)],
            3 => input.truncate(at),
            4 => input.insert(at, self.number().to_le_bytes()[0]),
            5 => drop(input.remove(at)),
            6 => {
                let end = input.len().min(at + 4);
                let number = [u32::MAX, 0, 1 << 31, 262_145][self.below(4)].to_be_bytes();
                input[at..end].copy_from_slice(&number[..end - at]);
            }
            _ => {
                let tail = other.get(self.below(other.len())..).unwrap_or_default();
                input.truncate(at);
                input.extend(tail);
            }
        }
    }
}

#[test]
fn every_target_survives_its_seeds_and_what_becomes_of_them() {
    for (name, target) in targets::TARGETS {
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
            (0..seed.len().min(300)).for_each(|length| target(&seed[..length]));
        }
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let (start, mut runs) = (Instant::now(), 0);
        while start.elapsed() < PATIENCE {
            let mut input = seeds[chance.below(seeds.len())].clone();
            let other = &seeds[chance.below(seeds.len())];
            for _ in 0..=chance.below(6) {
                chance.change(&mut input, other);
            }
            target(&input);
            runs += 1;
        }
        println!("{name}: {} seeds, {runs} inputs made of them", seeds.len());
    }
}

#[test]
fn every_target_survives_noise() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for (_, target) in targets::TARGETS {
        for _ in 0..2_000 {
            let length = chance.below(300);
            let noise: Vec<u8> = (0..length).map(|_| chance.number().to_le_bytes()[0]).collect();
            target(&noise);
        }
    }
}

#[test]
#[ignore = "writes tests/fuzz/seeds, which are in the repository"]
fn write_the_seeds() {
    make_seeds::write(&directory("tests/fuzz/seeds"));
}

#[test]
fn every_target_is_one_of_cargo_fuzz_too() {
    let manifest = fs::read_to_string(directory("tests/fuzz/Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        assert!(directory("tests/fuzz/fuzz_targets").join(name).with_extension("rs").exists(), "{name}");
    }
}
