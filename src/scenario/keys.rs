//! Every key of a scenario with its unit, default and meaning, as the settings' own types and comments have them.
//!
//! A key needs no line here: its field in a settings type, with its default and comment, is enough.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::Scenario;
use super::layer::EXTENDS;
use super::sweep_section::SECTION;

/// A key of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// As `--set` and axes name it: `link.bandwidth`.
    pub name: String,
    /// What its value is: `duration`, `size`, `bandwidth`, `number`, `true or false`, or the words that it may be.
    pub unit: String,
    /// Its default as TOML; none where something else decides, as its meaning says.
    pub default: Option<toml::Value>,
    /// What it means, and the reason for its default.
    pub meaning: String,
    /// The words that it may be, with what they mean.
    pub words: Vec<(String, String)>,
}

/// All keys, section by section in the order of the settings.
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    collect(&bare_schema(), "", &Scenario::default().table(), &mut keys);
    keys
}

/// The sections with what they are about.
pub fn sections() -> Vec<(String, String)> {
    let schema = bare_schema();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let about = |section| {
        let text = description(section);
        // The comment begins with the section's name.
        text.split_once("`: ")
            .map_or(text.clone(), |(_, about)| about.to_owned())
    };
    properties
        .map(|(name, section)| (name.clone(), about(section)))
        .collect()
}

/// A scenario's file with every key at its default, to start from. Keys without one are named in comments.
pub fn defaults() -> String {
    let mut text = String::new();
    let keys = keys();
    for (section, about) in sections() {
        let of_section = format!("{section}.");
        let own = || keys.iter().filter(|key| key.name.starts_with(&of_section));
        if own().next().is_none() {
            continue;
        }
        text += &format!("\n# {about}\n[{section}]\n");
        for key in own() {
            let name = &key.name[of_section.len()..];
            text += &match &key.default {
                Some(default) if key.words.is_empty() => format!("{name} = {default}\n"),
                Some(default) => format!("{name} = {default} # {}\n", key.unit),
                None => format!("# {name}: {}\n", key.unit),
            };
        }
    }
    text.trim_start().to_owned()
}

/// The JSON schema of a scenario's file, for editors.
pub fn schema() -> Value {
    let mut schema = bare_schema();
    for key in keys() {
        let Some(default) = key
            .default
            .and_then(|value| serde_json::to_value(value).ok())
        else {
            continue;
        };
        let pointer = format!("/properties/{}", key.name.replace('.', "/properties/"));
        if let Some(Value::Object(property)) = schema.pointer_mut(&pointer) {
            property.insert("default".to_owned(), default);
        }
    }
    schema["title"] = json!("migsim scenario");
    schema["properties"][EXTENDS] = json!({
        "type": "string",
        "description": "A profile's name, or a scenario's file relative to this one, whose keys count where this one has none.",
    });
    schema["properties"][SECTION] = json!({
        "type": "object",
        "description": "Keys with a list of values, or a range { from, to, step | count, scale }.",
    });
    schema
}

fn bare_schema() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<Scenario>()
        .to_value()
}

fn collect(schema: &Value, prefix: &str, defaults: &toml::Table, keys: &mut Vec<Key>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let default = defaults.get(name);
        for form in forms(property) {
            if form["properties"].is_object() {
                let empty = toml::Table::new();
                let inner_defaults = default.and_then(toml::Value::as_table).unwrap_or(&empty);
                collect(form, &format!("{path}."), inner_defaults, keys);
                continue;
            }
            // Parameters of strategies, whose keys no type here knows.
            if form["additionalProperties"].is_object() {
                continue;
            }
            let words = words(form);
            keys.push(Key {
                unit: unit(form, &words),
                default: default.cloned(),
                meaning: description(property),
                words,
                name: path.clone(),
            });
        }
    }
}

/// What a value may be if it is there: several have a short form and a table.
fn forms(schema: &Value) -> Vec<&Value> {
    let Some(alternatives) = schema["anyOf"].as_array() else {
        return vec![schema];
    };
    let is_there = |form: &&Value| form["type"] != "null";
    alternatives.iter().filter(is_there).collect()
}

fn words(schema: &Value) -> Vec<(String, String)> {
    let alone = schema["enum"].as_array().into_iter().flatten();
    let explained = schema["oneOf"].as_array().into_iter().flatten();
    alone
        .filter_map(|word| Some((word.as_str()?.to_owned(), String::new())))
        .chain(
            explained
                .filter_map(|word| Some((word["const"].as_str()?.to_owned(), description(word)))),
        )
        .collect()
}

fn unit(schema: &Value, words: &[(String, String)]) -> String {
    if let Some(unit) = schema["x-unit"].as_str() {
        return unit.to_owned();
    }
    if !words.is_empty() {
        return words
            .iter()
            .map(|(word, _)| word.as_str())
            .collect::<Vec<_>>()
            .join(" | ");
    }
    let has = |name: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|of_type| of_type == name),
        of_type => of_type == name,
    };
    ["boolean", "array", "integer", "number", "string"]
        .into_iter()
        .find(|name| has(name))
        .map_or("any", |name| match name {
            "boolean" => "true | false",
            "array" => "list",
            "integer" | "number" => "number",
            _ => "text",
        })
        .to_owned()
}

/// A comment's text on one line, without the links of rustdoc.
fn description(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let mut plain = String::new();
    let mut rest = text;
    // [`text`](path) and [text](path) become their text.
    while let Some(start) = rest.find('[') {
        let (before, link) = rest.split_at(start);
        plain.push_str(before);
        let target = link.find("](").and_then(|middle| {
            let end = link[middle..].find(')')?;
            Some((&link[1..middle], middle + end + 1))
        });
        match target {
            Some((shown, end)) if !shown.contains('[') => {
                plain.push_str(shown);
                rest = &link[end..];
            }
            _ => {
                plain.push('[');
                rest = &link[1..];
            }
        }
    }
    plain.push_str(rest);
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_meaning_and_a_default_or_says_what_decides() {
        let keys = keys();
        for key in &keys {
            assert!(!key.meaning.is_empty(), "{} is not documented", key.name);
            assert!(
                key.default.is_some()
                    || key.meaning.contains("Default")
                    || key.name.starts_with("trace.workload"),
                "{} has no default, and does not say what decides",
                key.name
            );
        }
        let bandwidth = keys.iter().find(|key| key.name == "link.bandwidth");
        let bandwidth = bandwidth.expect("a key");
        assert_eq!(bandwidth.unit, "bandwidth");
        assert_eq!(
            bandwidth.default,
            Some(toml::Value::String("1 Gbit/s".to_owned()))
        );
        let discipline = keys.iter().find(|key| key.name == "link.discipline");
        assert_eq!(discipline.expect("a key").unit, "fifo | fair | priority");
        assert!(keys.iter().any(|key| key.name == "trace.workload.kind"));
        assert!(keys.iter().all(|key| !key.meaning.contains("](")));
    }

    #[test]
    fn the_schema_knows_defaults_and_extends() {
        let schema = schema();
        assert_eq!(
            schema.pointer("/properties/link/properties/mtu/default"),
            Some(&json!(1_500))
        );
        assert_eq!(schema["properties"]["extends"]["type"], "string");
        assert_eq!(schema["properties"]["link"]["additionalProperties"], false);
    }
}
