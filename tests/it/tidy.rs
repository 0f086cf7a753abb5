use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use migsim::scenario::keys::{keys, sections};
use migsim::strategy::Registry;

/// Modules that may be imported by those after them. Modules of one line do not import each other.
const ORDER: [&[&str]; 16] = [
    &["limits", "message", "nearest", "short_form"],
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

/// Modules of the crate that code mentions, each with its line: `crate::a::b`, and `crate::{a::b, c}` over any number
/// of lines.
fn mentioned(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut add = |place: usize| {
        let name = &code[place..];
        let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let line = 1 + code[..place].matches('\n').count();
        found.push((line, &name[..end.unwrap_or(name.len())]));
    };
    for (place, path) in code.match_indices("crate::") {
        let first = place + path.len();
        if !code[first..].starts_with('{') {
            add(first);
            continue;
        }
        let mut depth = 0;
        let mut expects_name = false;
        for (offset, c) in code[first..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if expects_name && !c.is_whitespace() => add(first + offset),
                _ => {}
            }
            expects_name =
                depth == 1 && (c == '{' || c == ',' || (expects_name && c.is_whitespace()));
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn modules_are_found_in_lists_over_several_lines() {
    let code = "use crate::units;\nuse crate::{\n    cli::{a, b},\n    plot,\n};\nfn f(_: crate::run::X) {}";
    let expected = [(1, "units"), (3, "cli"), (4, "plot"), (6, "run")];
    assert_eq!(mentioned(code), expected);
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
        // Comments leave their lines behind.
        let mut lines = vec![""; text.lines().count()];
        for (line, code) in code(&text) {
            lines[line - 1] = code;
        }
        for (line, other) in mentioned(&lines.join("\n")) {
            let of_other = rank.get(other);
            if other != module && of_other.is_some_and(|of_other| of_other >= own) {
                wrong.push(format!("{}:{line}: {other}", path.display()));
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
        // `plan` and `pre-record` are sections of a scenario, too.
        let is_section = |line: &str| line.contains("serde(rename") || line.contains("PATHS");
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
            let is_for_tools = name.starts_with('.') || name == "README.md";
            if !is_for_tools && !texts.iter().any(is_named) {
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

/// `docs/scenario.md`: every key with its default, unit and meaning.
fn page_of_keys() -> String {
    let mut page = String::from(
        "# Scenario keys\n\n\
         Every key of a scenario, which `--set` and the axes of a sweep name too. How scenarios are written, extended and swept:\n\
         [scenarios](scenarios.md). `migsim scenario [SCENARIO]` shows the values of one, and where each is from.\n\n\
         A duration has a unit (`ns`, `us`, `ms`, `s`, `min`, `h`), as have a size (`KiB`, `MB`, …) and a bandwidth\n\
         (`Mbit/s`, `Gbit/s`). Where no default stands, the meaning says what decides.\n\n\
         This page is made from the settings' comments in the source, and tested.\n",
    );
    for (section, about) in sections() {
        page += &format!("\n## `[{section}]`\n\n{}\n\n", capital(&about));
        let of_section = format!("{section}.");
        if keys().iter().any(|key| key.name.starts_with(&of_section)) {
            page += "| key | default | unit | meaning |\n|---|---|---|---|\n";
        }
        for key in keys() {
            let Some(name) = key.name.strip_prefix(&of_section) else {
                continue;
            };
            let default = key
                .default
                .map_or("—".to_owned(), |value| format!("`{value}`"));
            let unit = key.unit.replace(" | ", ", ");
            let words = key.words.iter().filter(|(_, meaning)| !meaning.is_empty());
            let words: Vec<String> = words
                .map(|(word, meaning)| format!("`{word}`: {}", meaning.trim_end_matches('.')))
                .collect();
            let words = if words.is_empty() {
                String::new()
            } else {
                format!(" {}.", words.join("; "))
            };
            page += &format!(
                "| `{name}` | {default} | {unit} | {}{} |\n",
                key.meaning, words
            );
        }
    }
    page.replace("| —  |", "| — |").trim_end().to_owned() + "\n"
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

/// Made again by `BLESS=1 cargo test --test it tidy`.
#[test]
fn the_page_of_keys_is_made_from_the_settings() {
    let path = root().join("docs/scenario.md");
    let page = page_of_keys();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &page).expect("a writable checkout");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let differs = written
        .lines()
        .zip(page.lines())
        .find(|(one, other)| one != other);
    assert!(
        written == page,
        "docs/scenario.md is not what the settings say; BLESS=1 makes it again. First difference: {differs:?}"
    );
}

#[test]
fn every_key_is_used() {
    let code: String = rust("src")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/scenario/keys.rs"))
        .flat_map(|(_, text)| {
            code(&text)
                .map(|(_, line)| format!("{line}\n"))
                .collect::<Vec<_>>()
        })
        .collect();
    let unused: Vec<String> = keys()
        .into_iter()
        .map(|key| key.name)
        .filter(|name| {
            let field = name.rsplit('.').next().unwrap_or(name).replace('-', "_");
            !code.contains(&format!(".{field}"))
        })
        .collect();
    assert!(unused.is_empty(), "nothing reads {}", unused.join(", "));
}

/// Public pages: tables, code and links in one piece may be wider.
#[test]
fn pages_keep_to_120_columns() {
    let mut wide = Vec::new();
    let folders = [
        "docs",
        "results",
        "tools",
        "examples",
        "traces",
        "scenarios",
    ];
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from);
    let pages = folders.iter().flat_map(|folder| files(folder)).chain(top);
    for path in pages.filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let text = fs::read_to_string(root().join(&path)).expect("UTF-8");
        let mut in_code = false;
        for (index, line) in text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            let is_table = line.trim_start().starts_with('|');
            let is_code = in_code || line.starts_with("    ");
            let in_one_piece = !line.trim_start_matches(['-', ' ']).contains(' ');
            if line.chars().count() > 120 && !is_code && !is_table && !in_one_piece {
                wide.push(format!("{}:{}", path.display(), index + 1));
            }
        }
    }
    assert!(wide.is_empty(), "longer than 120 columns: {wide:#?}");
}

/// Tables and samples of a format may be wider.
#[test]
fn comments_keep_to_120_columns() {
    let mut wide = Vec::new();
    for folder in ["src", "tests", "examples", "benches", "fuzz"] {
        for (path, text) in rust(folder) {
            for (line, code) in text.lines().enumerate() {
                let comment = code.trim_start();
                let is_prose = comment.starts_with("//") && !comment.starts_with("//! |");
                let is_sample = ["kvm:kvm_page_fault", "page_fault_user", "@1718900000"]
                    .iter()
                    .any(|part| comment.contains(part));
                if is_prose && !is_sample && code.chars().count() > 120 {
                    wide.push(format!("{}:{}", path.display(), line + 1));
                }
            }
        }
    }
    assert!(wide.is_empty(), "longer than 120 columns: {wide:#?}");
}
