//! A given plan: pages that a file names go first, in its order.
//!
//! So a working set that was recorded elsewhere (by REAP, by a userfaultfd handler, by another migration) or a plan of
//! `migsim plan` can be compared with the others. Behind its pages the scan follows as in post-copy.
//! `migration.delivery` says whether the source pushes the plan or the destination fetches it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lead_in::LeadIn;
use super::push_order::PushOrder;
use super::scan::Push;
use super::{Entry, Neighbours, Observation, Order, Parameters, PlannedPage, Strategy};
use crate::memory::{Memory, PageId, PageSet};
use crate::strategy::Request;
use crate::units::SimTime;

mod file;

pub use file::PlanFileError;

/// `plan`.
pub const ENTRY: Entry = Entry {
    name: "plan",
    summary: "a given plan's pages first, in the order of its file (plan.file)",
    source: "migsim plan, or any other planner",
    lead_in: |_| LeadIn::Nothing,
    parameters: Parameters::NONE,
    order: Order::Causal(|settings| {
        Box::new(Plan {
            given: settings.plan.given.clone(),
            push: settings.push,
            pushes: PushOrder::new(Vec::new(), settings.push),
        })
    }),
};

/// `[plan]`: a given plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section with keys")]
pub struct PlanSettings {
    /// What `migsim plan` writes, a list of pages, or the rows of a userfaultfd handler (`offset_hex,unix_ns,…`); a
    /// relative path starts at the scenario's file. Default: none, and strategy `plan` cannot be chosen.
    pub file: Option<PathBuf>,
    /// The file's content.
    #[serde(skip)]
    given: Option<Arc<GivenPlan>>,
}

impl PlanSettings {
    /// Reads the file, if there is one; `directory` is where its path starts.
    ///
    /// # Errors
    ///
    /// [`PlanFileError`] when it is unreadable or no plan.
    pub fn load(&mut self, directory: &Path) -> Result<(), PlanFileError> {
        if let Some(file) = &mut self.file {
            *file = directory.join(&*file);
            self.given = Some(Arc::new(GivenPlan::open(file)?));
        }
        Ok(())
    }

    /// Hash of the file's pages, if there is one.
    pub fn content_hash(&self) -> Option<String> {
        let given = self.given.as_ref()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&given.page_size.unwrap_or(0).to_le_bytes());
        for planned in &given.pages {
            hasher.update(&planned.page.to_le_bytes());
            hasher.update(&[planned.recorded.into()]);
            let next_touch = planned.next_touch.unwrap_or(SimTime::MAX);
            hasher.update(&next_touch.as_ps().to_le_bytes());
        }
        Some(hasher.finalize().to_hex()[..16].to_owned())
    }

    /// Whether `entry` can be chosen for a VM with this memory. Otherwise what is wrong with `plan.file`.
    ///
    /// # Errors
    ///
    /// What was expected.
    pub fn fits(&self, entry: &Entry, memory: Memory) -> Result<(), String> {
        match &self.given {
            _ if entry.name != ENTRY.name => Ok(()),
            None => Err(format!(
                "none, expected a file for strategy `{}`",
                ENTRY.name
            )),
            Some(given) => given.fits(memory).map_err(|problem| {
                let file = self.file.as_deref().unwrap_or(Path::new(""));
                format!("{}: {problem}", file.display())
            }),
        }
    }
}

/// The pages of a plan, each once, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenPlan {
    /// Bytes in a page. `None`: pages are host pages.
    page_size: Option<u64>,
    /// Pages by number; not of the host.
    pages: Vec<PlannedPage>,
    /// The line of each, in a text.
    lines: Vec<usize>,
}

impl GivenPlan {
    fn fits(&self, memory: Memory) -> Result<(), String> {
        let page_size = self.page_size.unwrap_or(memory.host_page);
        let end = u64::from(memory.pages) * memory.host_page;
        let beyond = |planned: &PlannedPage| u64::from(planned.page) * page_size >= end;
        let Some(place) = self.pages.iter().position(beyond) else {
            return Ok(());
        };
        let line = self.lines.get(place);
        let line = line.map_or_else(String::new, |line| format!("line {line}: "));
        Err(format!(
            "{line}names page {} of {page_size} bytes, expected pages within the VM's memory of {end} bytes",
            self.pages[place].page
        ))
    }

    /// The host pages, each once.
    fn host_pages(&self, memory: Memory) -> Vec<PlannedPage> {
        let page_size = self.page_size.unwrap_or(memory.host_page);
        let mut named = PageSet::empty(memory.pages);
        let of_one = |planned: &PlannedPage| {
            let start = u64::from(planned.page) * page_size;
            let last = start + page_size - 1;
            let planned = *planned;
            (start / memory.host_page..=last / memory.host_page).map(move |page| PlannedPage {
                page: page as PageId,
                ..planned
            })
        };
        let pages = self.pages.iter().flat_map(of_one);
        pages
            .filter(|planned| planned.page < memory.pages && named.insert(planned.page))
            .collect()
    }
}

struct Plan {
    given: Option<Arc<GivenPlan>>,
    push: Push,
    pushes: PushOrder,
}

impl Strategy for Plan {
    fn plan(&mut self, observed: &Observation<'_>) {
        if let Some(given) = &self.given {
            let pages = given.host_pages(observed.memory);
            self.pushes = PushOrder::new(pages, self.push);
        }
    }

    fn requested(&mut self, request: &Request) {
        self.pushes.requested(request);
    }

    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId> {
        self.pushes.next_page(unsent)
    }

    fn neighbours(&self, page: PageId, most: u32) -> Neighbours {
        self.pushes.neighbours(page, most)
    }

    fn pass_neighbours(&mut self, page: PageId, count: u32) {
        self.pushes.pass_neighbours(page, count);
    }

    fn planned(&self) -> &[PlannedPage] {
        self.pushes.planned()
    }
}
