//! The committed figures and verdicts are what the program makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use migsim::figures::{FIGURES, Figure, render};

fn path(figure: &Figure, ending: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/figures");
    directory.join(figure.name).with_extension(ending)
}

fn committed(figure: &Figure, ending: &str) -> Vec<u8> {
    let path = path(figure, ending);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The quick ones; `BLESS=1` makes them again, and `migsim figures` all of them.
#[test]
fn figures_are_reproduced_byte_for_byte() {
    for (name, jobs) in [("pps-order", 1), ("pps-order", 2), ("recovery", 2)] {
        let figure = FIGURES.iter().find(|figure| figure.name == name).unwrap();
        let rendered = render(figure, jobs).unwrap();
        if std::env::var_os("BLESS").is_some() {
            fs::write(path(figure, "csv"), &rendered.csv).expect("a writable checkout");
            fs::write(path(figure, "svg"), &rendered.svg).expect("a writable checkout");
        }
        assert!(
            rendered.csv == committed(figure, "csv"),
            "{name}.csv differs"
        );
        assert!(
            rendered.svg.as_bytes() == committed(figure, "svg"),
            "{name}.svg differs"
        );
    }
}

#[test]
fn where_nothing_can_be_written_nothing_is_judged() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let taken = directory.path().join("taken");
    fs::write(&taken, "").expect("a writable directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_migsim"));
    command.arg("figures").arg("--out").arg(&taken);
    let begun = Instant::now();
    let output = command.output().expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot create "), "{error}");
    // The claims alone take several times as long.
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn verdicts_are_blessed_with_a_check_only() {
    for arguments in [&["--bless"][..], &["--bless", "--out", "elsewhere"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_migsim"));
        let output = command.arg("figures").args(arguments).output();
        let output = output.expect("the program runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn every_figure_is_committed_and_says_what_pdopmp_is() {
    for figure in &FIGURES {
        let svg = String::from_utf8(committed(figure, "svg")).unwrap();
        assert!(!committed(figure, "csv").is_empty());
        assert!(svg.contains("reconstruction"), "{}", figure.name);
    }
}

#[test]
fn the_report_needs_no_network() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/report.html");
    let page = fs::read_to_string(path).unwrap();
    for link in ["src=", "@import", "url("] {
        assert!(!page.contains(link), "{link}");
    }
    for link in page.split("href=\"").skip(1) {
        assert!(
            link.starts_with('#') || link.starts_with("figures/"),
            "{link:.40}"
        );
    }
    for figure in &FIGURES {
        assert!(page.contains(&format!("<section id=\"{}\">", figure.name)));
    }
}
