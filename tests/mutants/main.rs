//! Mutation proof: deliberate faults in the protocols and the engine, each of which the simulation must find.
//!
//! A simulator that finds nothing proves nothing. Each mutant is a small change of the source, listed in a file
//! beside this one; it is made in a copy of the project, built, and simulated until an invariant breaks.
//!
//! ```text
//! cargo test --test mutants                       checks that each still fits the source (part of every test run)
//! cargo test --test mutants -- --hunt             builds and hunts them all, and prints the table
//! cargo test --test mutants -- --hunt skew hsrp   only those whose names contain one of these, or of such a list
//! ```

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Fresh seeds that a mutant may survive before the scenarios are tried that once broke something.
const SEEDS: u64 = 60_000;
/// What a build needs.
const PARTS: [&str; 7] = ["Cargo.toml", "Cargo.lock", "src", "protocols", "benches", "tests", "etc"];
/// Where the lists are.
const LISTS: [(&str, &str); 5] = [
    ("vrrp", include_str!("vrrp.toml")),
    ("hsrp", include_str!("hsrp.toml")),
    ("carp", include_str!("carp.toml")),
    ("glbp", include_str!("glbp.toml")),
    ("engine", include_str!("engine.toml")),
];

/// A list of mutants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

/// A deliberate fault.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Mutant {
    /// What is wrong with it, in a few words.
    name: String,
    /// The file that is changed.
    file: PathBuf,
    /// What stands there, once.
    find: String,
    /// What stands there instead.
    replace: String,
}

/// What became of a mutant.
struct Fate {
    list: &'static str,
    name: String,
    /// The invariant that broke, and the number of runs until then; `None`: it survived.
    caught: Option<(String, u64)>,
    seconds: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let hunting = arguments.iter().any(|argument| argument == "--hunt");
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let done = match hunting {
        true => hunt(&wanted),
        false => check(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn mutants() -> Result<Vec<(&'static str, Mutant)>> {
    let mut all = Vec::new();
    for (list, text) in LISTS {
        let parsed: List = toml::from_str(text).with_context(|| format!("mutants/{list}.toml"))?;
        all.extend(parsed.mutant.into_iter().map(|mutant| (list, mutant)));
    }
    Ok(all)
}

impl Mutant {
    /// The changed file.
    fn changed(&self, root: &Path) -> Result<String> {
        let path = root.join(&self.file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let count = text.matches(&self.find).count();
        ensure!(
            count == 1,
            "mutant `{}`: what it replaces stands {count} times in {}",
            self.name,
            path.display()
        );
        ensure!(self.find != self.replace, "mutant `{}` changes nothing", self.name);
        Ok(text.replace(&self.find, &self.replace))
    }
}

/// Each mutant fits the source as it is, and has a name of its own.
fn check() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    let all = mutants()?;
    for (_, mutant) in &all {
        mutant.changed(root)?;
        ensure!(names.insert(&mutant.name), "two mutants are called `{}`", mutant.name);
    }
    println!("{} passed, 0 failed", all.len());
    Ok(())
}

fn hunt(wanted: &[&String]) -> Result<()> {
    check()?;
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mutants");
    let copy = home.join("source");
    copy_project(&copy)?;
    let mut fates = Vec::new();
    for (list, mutant) in mutants()? {
        let asked = |word: &&String| *word == list || mutant.name.contains(word.as_str());
        if !wanted.is_empty() && !wanted.iter().any(asked) {
            continue;
        }
        eprint!("{list}: {} … ", mutant.name);
        let began = Instant::now();
        let caught =
            pursue(list, &mutant, &copy, &home).with_context(|| format!("mutant `{}`", mutant.name))?;
        let seconds = began.elapsed().as_secs_f64();
        match &caught {
            Some((invariant, runs)) => eprintln!("{invariant} after {runs} runs"),
            None => eprintln!("survived {SEEDS} runs"),
        }
        fates.push(Fate { list, name: mutant.name, caught, seconds });
    }
    print_table(&fates);
    let survivors = fates.iter().filter(|fate| fate.caught.is_none()).count();
    ensure!(survivors == 0, "{survivors} of {} mutants survived", fates.len());
    Ok(())
}

/// Builds the mutant and simulates it until something breaks.
fn pursue(list: &str, mutant: &Mutant, copy: &Path, home: &Path) -> Result<Option<(String, u64)>> {
    let path = copy.join(&mutant.file);
    let healthy = fs::read_to_string(&path)?;
    fs::write(&path, mutant.changed(copy)?)?;
    let built = build(copy, home);
    fs::write(&path, healthy)?;
    let firsthop = built?;
    let found = home.join("found").join(mutant.name.replace(' ', "-"));
    let mut seeds = ["--from", "1", "--seeds", &SEEDS.to_string()].map(OsString::from).to_vec();
    if list != "engine" {
        seeds.extend(["--protocol", list].map(OsString::from));
    }
    if let Some(caught) = simulate(&firsthop, &seeds, &found)? {
        return Ok(Some(caught));
    }
    // What is rare was found once, and is kept.
    let kept = fs::read_dir(copy.join("tests/scenarios"))?.map(|entry| Ok(entry?.path().into_os_string()));
    let kept: Vec<OsString> = kept.collect::<Result<_>>()?;
    let scenarios = kept.into_iter().filter(|path| Path::new(path).extension().is_some_and(|e| e == "json"));
    let scenarios: Vec<OsString> = ["--scenario".into()].into_iter().chain(scenarios).collect();
    Ok(simulate(&firsthop, &scenarios, &found)?.map(|(invariant, runs)| (invariant, SEEDS + runs)))
}

/// The invariant that breaks first in these runs, and after how many.
fn simulate(firsthop: &Path, runs: &[OsString], found: &Path) -> Result<Option<(String, u64)>> {
    let run = Command::new(firsthop).args(["sim", "--json", "--out"]).arg(found).args(runs).output()?;
    let said = String::from_utf8_lossy(&run.stdout);
    let report: serde_json::Value =
        serde_json::from_str(said.trim()).with_context(|| format!("sim said: {said}"))?;
    let summary = &report["summary"];
    let invariant = summary["violations"][0]["violation"]["invariant"].as_str();
    Ok(invariant.map(|invariant| (invariant.to_owned(), summary["runs"].as_u64().unwrap_or_default())))
}

fn build(copy: &Path, home: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = home.join("build");
    let built = Command::new(cargo)
        .args(["build", "--locked", "--quiet", "--profile", "mutant", "--bin", "firsthop", "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", "-Awarnings")
        .current_dir(copy)
        .output()?;
    if !built.status.success() {
        bail!("it does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(target.join("mutant/firsthop"))
}

/// Copies what a build needs, and only what has changed, so that builds stay short.
fn copy_project(to: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in PARTS {
        copy(&root.join(part), &to.join(part))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    let octets = fs::read(from)?;
    if fs::read(to).is_ok_and(|there| there == octets) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, octets).with_context(|| to.display().to_string())
}

fn print_table(fates: &[Fate]) {
    let width = fates.iter().map(|fate| fate.name.chars().count()).max().unwrap_or_default();
    println!("{:8} {:width$}  {:16} {:>7} {:>6}", "in", "fault", "caught by", "runs", "s");
    for Fate { list, name, caught, seconds } in fates {
        let (invariant, runs) = match caught {
            Some((invariant, runs)) => (invariant.as_str(), runs.to_string()),
            None => ("SURVIVED", SEEDS.to_string()),
        };
        println!("{list:8} {name:width$}  {invariant:16} {runs:>7} {seconds:>6.1}");
    }
}
