//! Points on several threads, results in order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc;
use std::thread;

use rayon::prelude::*;

use super::{PointResult, Sweep};
use crate::run::guests::SharedGuests;

/// Results that may wait for their delivery before the threads wait too.
const WAITING: usize = 1_024;

/// Why a sweep ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E> {
    /// The operating system has no threads for us.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A batch could not be delivered.
    #[error(transparent)]
    Delivery(E),
}

pub(super) fn run<E>(
    sweep: &Sweep,
    points: Range<usize>,
    jobs: usize,
    deliver: impl FnMut(Vec<PointResult>) -> Result<(), E>,
) -> Result<(), RunError<E>> {
    // More threads than points would have nothing to do.
    let threads = jobs.min(points.len()).max(1);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    let shared = SharedGuests::new();
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::scope(|scope| {
        let first = points.start;
        scope.spawn(|| {
            pool.install(|| {
                // A bridge hands the points out one by one in order, where a split range would start in its middle:
                // results would wait for long, and be lost with the process. Within a point nothing is parallel.
                let _ = points
                    .par_bridge()
                    .try_for_each_with(sender, |sender, point| {
                        let result = PointResult::of(sweep, &shared, point);
                        // Nothing means that nobody delivers any more.
                        sender.send(result).ok()
                    });
            });
        });
        in_order(receiver, first, deliver).map_err(RunError::Delivery)
    })
}

/// Delivers what has come, as far as it has no gaps. Dropping the receiver ends the sweep.
fn in_order<E>(
    results: mpsc::Receiver<PointResult>,
    first: usize,
    mut deliver: impl FnMut(Vec<PointResult>) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = first;
    let mut early = BTreeMap::new();
    while let Ok(result) = results.recv() {
        for result in std::iter::once(result).chain(results.try_iter()) {
            early.insert(result.point, result);
        }
        let mut batch = Vec::new();
        while let Some(result) = early.remove(&next) {
            batch.push(result);
            next += 1;
        }
        if !batch.is_empty() {
            deliver(batch)?;
        }
    }
    Ok(())
}
