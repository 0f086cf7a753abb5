//! The documents show commands that exist, and what they really print.
//!
//! After a change of output, `TRYCMD=overwrite cargo test --test it readme` writes the new one into the documents.

use std::path::{Path, PathBuf};

/// README, CONTRIBUTING and the pages of `docs/`; dated findings show commands of their day.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let docs = root.join("docs").read_dir().expect("docs/ is there");
    pages.extend(docs.map(|entry| entry.expect("docs/ can be read").path()));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

#[test]
fn documents_show_real_output() {
    trycmd::TestCases::new().case("README.md").case("docs/*.md");
}

/// The commands of `sh` blocks: continued lines joined, comments cut off.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut shell = false;
    for line in text.replace("\\\n", " ").lines() {
        let line = line.trim();
        if let Some(language) = line.strip_prefix("```") {
            shell = language == "sh";
        } else if shell && line.starts_with("migsim ") {
            found.push(line.split(" #").next().unwrap_or(line).to_owned());
        }
    }
    found
}

/// Words as a shell splits them, as far as the documents use it.
fn words(command: &str) -> Vec<String> {
    let (mut found, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in command.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == ' ' => found.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    found.push(word);
    found.retain(|word| !word.is_empty());
    found
}

/// `--help` behind the other arguments is obeyed only if they are known.
#[test]
fn documents_show_commands_that_exist() {
    let mut seen = 0;
    for page in documents() {
        let text = std::fs::read_to_string(&page).expect("a document can be read");
        for command in commands(&text) {
            seen += 1;
            assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("migsim"))
                .args(&words(&command)[1..])
                .arg("--help")
                .assert()
                .try_success()
                .unwrap_or_else(|error| panic!("{}: `{command}`\n{error}", page.display()));
        }
    }
    assert!(seen > 20, "{seen} commands were found");
}

/// All documents, dated ones too.
fn all_documents() -> Vec<PathBuf> {
    let mut pages = documents();
    for folder in [
        "docs/journal",
        "docs/decisions",
        "results",
        "traces",
        "tools/qemu",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = folder.read_dir().expect("a folder of documents is there");
        pages.extend(entries.map(|entry| entry.expect("it can be read").path()));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages
}

/// Links to files of the repository lead somewhere.
#[test]
fn documents_link_to_files_that_exist() {
    for page in all_documents() {
        let text = std::fs::read_to_string(&page).expect("a document can be read");
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let file = target.split('#').next().unwrap_or(target);
            let folder = page.parent().expect("a file lies in a folder");
            assert!(
                folder.join(file).exists(),
                "{} links to {target}, which is not there",
                page.display()
            );
        }
    }
}

/// Prose ends at 120 columns; tables and blocks of code may be wider.
#[test]
fn documents_keep_to_120_columns() {
    for page in all_documents() {
        let text = std::fs::read_to_string(&page).expect("a document can be read");
        let mut code = false;
        for (number, line) in text.lines().enumerate() {
            code ^= line.trim_start().starts_with("```");
            let wide = line.chars().count() > 120 && !line.trim_start().starts_with('|');
            assert!(
                !wide || code || line.starts_with("    "),
                "{}:{}: longer than 120 columns",
                page.display(),
                number + 1
            );
        }
    }
}

/// The tests that ARCHITECTURE.md names for its invariants.
#[test]
fn the_architecture_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/ARCHITECTURE.md")).expect("it is there");
    let rows = text.lines().skip_while(|line| *line != "## Invariants");
    let named = rows.filter_map(|row| row.strip_suffix("` |")?.rsplit('`').next());
    let mut seen = 0;
    for name in named {
        seen += 1;
        let module = root.join("tests/it").join(name.replace("::", "/"));
        let is_module = module.with_extension("rs").exists();
        let is_function = name.rsplit_once("::").is_some_and(|(module, function)| {
            let file = root.join("tests/it").join(module.replace("::", "/"));
            std::fs::read_to_string(file.with_extension("rs"))
                .is_ok_and(|text| text.contains(&format!("fn {function}(")))
        });
        assert!(is_module || is_function, "no test is called {name}");
    }
    assert!(seen > 10, "{seen} invariants were found");
}
