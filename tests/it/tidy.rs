use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use migsim::strategy::Registry;

/// Modules that may be imported by those after them. Modules of one line do not import each other.
const ORDER: [&[&str]; 16] = [
    &["message"],
    &["file", "units"],
    &["memory"],
    &["engine", "trace"],
    &["guest"],
    &["strategy"],
    &["network"],
    &["host"],
    &["scenario"],
    &["migration"],
    &["measure"],
    &["run"],
    &["plan", "validation"],
    &["report", "plot"],
    &["figures"],
    &["cli"],
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, relative to the repository.
fn files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
        .into_iter()
        .filter_map(|path| path.strip_prefix(root()).map(Path::to_owned).ok())
        .collect()
}

fn rust(folder: &str) -> Vec<(PathBuf, String)> {
    files(folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("UTF-8");
            (path, text)
        })
        .collect()
}

/// Code without comments and without the tests at its end, line by line.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(index, line)| (index + 1, line))
}

/// The module of the crate that a file belongs to; none for its roots.
fn module(path: &Path) -> Option<String> {
    let first = path.iter().nth(1)?.to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// Names of the crate's modules that a line of code mentions: `crate::a::b`, `crate::{a, b}`.
fn mentioned(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (place, _) in line.match_indices("crate::") {
        let rest = &line[place + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(list) => list.split(['}', ';']).next().unwrap_or(list),
            None => rest.split(',').next().unwrap_or(rest),
        };
        found.extend(names.split(',').map(|name| {
            let name = name.trim_start();
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            &name[..end.unwrap_or(name.len())]
        }));
    }
    found
}

#[test]
fn imports_point_one_way() {
    let rank: BTreeMap<&str, usize> = ORDER
        .iter()
        .enumerate()
        .flat_map(|(rank, modules)| modules.iter().map(move |module| (*module, rank)))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in rust("src") {
        let Some(module) = module(&path) else {
            continue;
        };
        let own = rank
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{}: `{module}` has no place in ORDER", path.display()));
        for (line, code) in code(&text) {
            for other in mentioned(code) {
                let Some(of_other) = rank.get(other) else {
                    continue;
                };
                if other != module && of_other >= own {
                    wrong.push(format!("{}:{line}: {}", path.display(), code.trim()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "imports point from the right to the left of ORDER:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn strategies_are_named_in_their_own_files_only() {
    let registry = Registry::standard();
    let names: Vec<String> = registry
        .entries()
        .iter()
        .map(|entry| format!("\"{}\"", entry.name))
        .collect();
    let mut wrong = Vec::new();
    for (path, text) in rust("src") {
        // `plan` is a command, and `pre-record` a section of a scenario.
        let is_section = |line: &str| line.contains("serde(rename");
        if path.starts_with("src/strategy") || path == Path::new("src/strategy.rs") {
            continue;
        }
        for (line, code) in code(&text) {
            if names.iter().any(|name| code.contains(name)) && !is_section(code) {
                wrong.push(format!("{}:{line}: {}", path.display(), code.trim()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "expected `strategy::NAME::ENTRY.name`:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_file_is_forgotten() {
    let folders = [
        "src", "tests", "benches", "examples", "docs", "tools", ".github", "fuzz",
    ];
    let mut texts: Vec<(PathBuf, String)> = folders
        .iter()
        .flat_map(|folder| files(folder))
        .collect::<Vec<_>>()
        .into_iter()
        .chain(
            [
                "README.md",
                "CONTRIBUTING.md",
                "CHANGELOG.md",
                "Cargo.toml",
                "ci",
                ".ci/run",
                "pyproject.toml",
            ]
            .map(PathBuf::from),
        )
        .chain(files("scenarios"))
        .chain(files("profiles"))
        .chain(files("traces"))
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(&path)).ok()?;
            Some((path, text))
        })
        .collect();
    texts.sort();
    let mut forgotten = Vec::new();
    for folder in [
        "docs",
        "scenarios",
        "profiles",
        "traces",
        "examples",
        "benches",
    ] {
        for path in files(folder) {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let stem = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            let is_named = |(other, text): &(PathBuf, String)| {
                *other != path
                    && (text.contains(name) || (name.ends_with(".rs") && text.contains(stem)))
            };
            if name != "README.md" && !texts.iter().any(is_named) {
                forgotten.push(path.display().to_string());
            }
        }
    }
    assert!(
        forgotten.is_empty(),
        "nothing names {}",
        forgotten.join(", ")
    );
}
