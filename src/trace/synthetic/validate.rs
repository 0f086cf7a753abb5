//! Which keys and values a workload may have.

use super::{Kind, Part, Workload, WorkloadError};

/// The parts of a mixture, or the workload as the only one; refuses keys that do not belong to the kind.
pub(super) fn parts(workload: &Workload) -> Result<Vec<Part>, WorkloadError> {
    let whole = Part {
        kind: workload.kind,
        weight: None,
        working_set: workload.working_set,
        stride: workload.stride,
        exponent: workload.exponent,
        phase: workload.phase,
    };
    check_keys(&whole)?;
    match (&workload.parts, workload.kind) {
        (None, Kind::Mixture) => Err(error("parts", "the parts of the mixture, found none")),
        (None, _) => Ok(vec![whole]),
        (Some(parts), Kind::Mixture) => {
            check((1..=64).contains(&parts.len()), "parts", || {
                format!("1 to 64 parts, found {}", parts.len())
            })?;
            for part in parts {
                check(part.kind != Kind::Mixture, "parts", || {
                    "parts that are not mixtures themselves".to_owned()
                })?;
                check(part.weight != Some(0), "weight", || {
                    "at least 1, found 0".to_owned()
                })?;
                check_keys(part)?;
            }
            Ok(parts.clone())
        }
        (Some(_), kind) => Err(foreign("parts", kind)),
    }
}

fn check_keys(part: &Part) -> Result<(), WorkloadError> {
    let keys = [
        (
            "working_set",
            part.working_set.is_some(),
            part.kind != Kind::Mixture,
        ),
        ("stride", part.stride.is_some(), part.kind == Kind::Strided),
        ("exponent", part.exponent.is_some(), part.kind == Kind::Zipf),
        ("phase", part.phase.is_some(), part.kind == Kind::Phased),
    ];
    match keys.into_iter().find(|&(_, given, fits)| given && !fits) {
        Some((key, ..)) => Err(foreign(key, part.kind)),
        None => Ok(()),
    }
}

pub(super) fn page_count(memory: u64, page_size: u64) -> Result<u32, WorkloadError> {
    memory
        .checked_div(page_size)
        .filter(|&pages| (1..=1 << 30).contains(&pages) && pages * page_size == memory)
        .map(|pages| pages as u32)
        .ok_or_else(|| {
            error(
                "memory",
                format!("1 to 2^30 whole pages of {page_size} bytes, found {memory} bytes"),
            )
        })
}

pub(super) fn fraction(value: f64, key: &str) -> Result<f64, WorkloadError> {
    check((0.0..=1.0).contains(&value), key, || {
        format!("a number from 0 to 1, found {value}")
    })?;
    Ok(value)
}

pub(super) fn check(
    valid: bool,
    key: &str,
    expected: impl FnOnce() -> String,
) -> Result<(), WorkloadError> {
    if valid {
        Ok(())
    } else {
        Err(error(key, expected()))
    }
}

fn foreign(key: &str, kind: Kind) -> WorkloadError {
    error(
        key,
        format!("not to be given with kind = \"{}\"", kind.name()),
    )
}

pub(super) fn error(key: &str, expected: impl Into<String>) -> WorkloadError {
    WorkloadError::Key {
        key: key.to_owned(),
        expected: expected.into(),
    }
}
