//! All texts that a scenario is made of.

use std::path::{Path, PathBuf};

use super::error::ScenarioError;
use super::layer::{EXTENDS, Layer};
use super::profile;
use crate::file::read_bounded;
use crate::trace::Trace;

/// Larger files are no scenarios.
const LARGEST_FILE: u64 = 1 << 20;

/// Longest chain of scenarios that extend each other.
const DEEPEST: usize = 8;

/// A text and all that it extends, the text itself first, and their files. Paths of traces start at the first text's
/// directory.
pub(super) fn layers(
    origin: &str,
    text: &str,
    file: Option<&Path>,
) -> Result<(Vec<Layer>, Vec<PathBuf>), ScenarioError> {
    let mut layers = vec![Layer::parse(origin, text)?];
    let mut files: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
    let mut seen = vec![file.map_or_else(|| PathBuf::from(origin), identity)];
    // From the first text's directory to that of the text at hand.
    let mut way = PathBuf::new();
    let first = file.and_then(Path::parent).map(Path::to_owned);
    while let Some((named, line)) = layers.last().and_then(|layer| layer.extends.clone()) {
        let extending = layers.last().map_or(origin, |layer| layer.origin.as_str());
        let fail = |problem: String| {
            ScenarioError::new(extending, problem)
                .at_line(line)
                .in_key(EXTENDS)
        };
        let path = first
            .as_deref()
            .unwrap_or(Path::new(""))
            .join(&way)
            .join(&named);
        let (origin, text, identity) = match profile::text(&named) {
            Some(text) => (
                format!("profile {named}"),
                text.to_owned(),
                PathBuf::from(&named),
            ),
            None => {
                let text = read(&path).map_err(|problem| {
                    let expected = profile::expected(&named);
                    fail(format!("{}: {problem}; {expected}", path.display()))
                })?;
                way = way.join(Path::new(&named).parent().unwrap_or(Path::new("")));
                let (origin, identity) = (path.display().to_string(), identity(&path));
                files.push(path);
                (origin, text, identity)
            }
        };
        if seen.contains(&identity) {
            return Err(fail(format!("{named} extends itself, expected no circle")));
        }
        if seen.len() == DEEPEST {
            return Err(fail(format!(
                "expected at most {DEEPEST} scenarios that extend each other"
            )));
        }
        seen.push(identity);
        let mut layer = Layer::parse(&origin, &text)?;
        layer.start_paths_at(&way);
        layers.push(layer);
    }
    Ok((layers, files))
}

/// What tells a file from others, however it is named.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A scenario's file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let text = read_bounded(path, LARGEST_FILE)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "expected text in UTF-8".into()));
    text.map_err(|problem| {
        if path.is_file() && Trace::open(path).is_ok() {
            "expected a scenario, found a trace; `--trace FILE` names one".to_owned()
        } else {
            problem
        }
    })
}
