//! The command line as people and scripts meet it.
#![allow(clippy::unwrap_used)]

use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

fn firsthop(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firsthop"));
    command.args(arguments).env_remove("FIRSTHOP_SOCKET").env_remove("RUST_LOG").output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn help_names_every_subcommand() {
    let output = firsthop(&["--help"]);
    assert!(output.status.success());
    let help = said(&output);
    for subcommand in [
        "run",
        "check",
        "show",
        "neighbours",
        "links",
        "events",
        "reload",
        "hand-over",
        "announce",
        "analyze",
        "decode",
        "replay",
        "lab",
        "cleanup",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{subcommand} "))), "{help}");
    }
    assert!(!help.contains("guardian"), "{help}");
}

#[test]
fn without_a_daemon_every_question_says_how_to_start_one() {
    let directory = tempfile::tempdir().unwrap();
    let dead = directory.path().join("dead.sock");
    drop(UnixListener::bind(&dead).unwrap());
    let none = directory.path().join("none.sock");
    let questions: [&[&str]; 9] = [
        &["show"],
        &["show", "--json"],
        &["show", "office", "--detail"],
        &["neighbours"],
        &["links"],
        &["events", "--follow"],
        &["reload"],
        &["hand-over", "office"],
        &["announce"],
    ];
    for socket in [dead.to_str().unwrap(), none.to_str().unwrap()] {
        for question in questions {
            let output = firsthop(&[question, &["--socket", socket]].concat());
            assert_eq!(output.status.code(), Some(1), "{question:?}");
            let said = said(&output);
            assert!(said.contains("no firsthop daemon is running"), "{said}");
            assert!(said.contains(socket) && said.contains("firsthop run"), "{said}");
        }
    }
}

#[test]
fn a_daemon_that_speaks_nonsense_is_no_reason_to_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        use std::io::{BufRead, BufReader, Write};
        for (stream, answer) in listener.incoming().zip(["hello\n", "", "{\"group\":{}}\n{\"done\":{}}\n"]) {
            let mut stream = BufReader::new(stream.unwrap());
            stream.read_line(&mut String::new()).unwrap();
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
        }
    });
    for expected in ["does not understand", "ended the conversation", "does not understand"] {
        let output = firsthop(&["show", "--socket", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}

#[test]
fn a_wrong_command_line_is_told_the_right_one() {
    let output = firsthop(&["shwo"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("'show'"), "{}", said(&output));
    assert_eq!(firsthop(&["show", "--detail", "--json"]).status.code(), Some(2));
}

#[test]
fn check_takes_its_file_with_or_without_the_option() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two.toml");
    let group = "[[interface.lan.vrrp]]\nid = 10\naddresses = [\"10.0.10.1/24\"]\n";
    std::fs::write(&file, group).unwrap();
    let file = file.to_str().unwrap();
    let said_of = |arguments: &[&str]| {
        let output = firsthop(&[&["check"], arguments].concat());
        (output.status.code(), said(&output))
    };
    let (code, meaning) = said_of(&["--config", file]);
    assert_eq!(code, Some(0), "{meaning}");
    assert!(meaning.contains("10.0.10.1"), "{meaning}");
    assert_eq!(said_of(&[file]), (code, meaning.clone()));
    assert_eq!(said_of(&["-c", file]), (code, meaning));
    assert_eq!(said_of(&[file, "--json"]).0, Some(0));
    for both in [[file, "--config", file], ["--schema", file, "--json"]] {
        let (code, said) = said_of(&both);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("cannot be used with"), "{said}");
    }
    let (code, said) = said_of(&["no-such.toml"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no-such.toml"), "{said}");
}
