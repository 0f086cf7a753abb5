//! Migration strategies: what precedes the switch-over, and in which order the pages follow that are missing after it.
//!
//! Both are choices of their own. A [`LeadIn`] says what happens on the source before the VM is suspended: nothing, a
//! recording, rounds of pre-copy. An [`Order`] makes a [`Strategy`], which names the next page to push.
//!
//! A strategy sees what a hypervisor would see: the recording, if the lead-in made one, the memory's layout, and the
//! requests that come in. It is never shown the future; only an [`Order::Oracle`] is built with the touch order.
//!
//! Adding one is a file and a line in [`Registry::standard`], or, from outside the crate, a call of
//! [`Registry::register`].

pub mod clairvoyant;
pub mod hybrid;
pub mod hybrid_pre_record;
pub mod lead_in;
pub mod leap;
pub mod parameters;
pub mod pdopmp;
pub mod plan;
pub mod post_copy;
pub mod pre_copy;
pub mod pre_record;
pub mod push_order;
pub mod scan;
pub mod settings;
pub mod stop_and_copy;

pub use self::lead_in::LeadIn;
pub use self::parameters::{ParameterError, Parameters};
pub use self::settings::Settings;
use crate::guest::recording::Recording;
use crate::guest::touch_order::TouchOrder;
use crate::memory::{Memory, PageId, PageSet};
use crate::nearest::nearest;
use crate::units::SimTime;

/// What is compared where nobody says otherwise: post-copy and the paper's two, what people run today with the paper's
/// idea in it, and the yardstick.
pub const COMPARED_BY_DEFAULT: [&str; 7] = [
    post_copy::ENTRY.name,
    pre_record::ENTRY.name,
    pdopmp::ENTRY.name,
    pre_copy::ENTRY.name,
    hybrid::ENTRY.name,
    hybrid_pre_record::ENTRY.name,
    clairvoyant::ENTRY.name,
];

/// What the source knows at the switch-over.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// The accesses of the record window; empty after a lead-in that does not record.
    pub recording: &'a Recording,
    /// How the memory is divided.
    pub memory: Memory,
    /// Pages without content.
    pub zero_pages: &'a PageSet,
    /// Pages that the destination does not have.
    pub missing: &'a PageSet,
    /// Transmission time of a page at the link's full bandwidth.
    pub page_time: SimTime,
}

/// A page that a strategy names at the switch-over, ahead of the scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedPage {
    /// The page.
    pub page: PageId,
    /// Whether it was accessed in the record window, and not predicted.
    pub recorded: bool,
    /// When it is expected to be touched, counted from the switch-over; `None` where the strategy has an order only.
    pub next_touch: Option<SimTime>,
}

impl PlannedPage {
    /// A page of the PPS.
    pub fn recorded(page: PageId) -> Self {
        PlannedPage {
            page,
            recorded: true,
            next_touch: None,
        }
    }
}

/// A request that has reached the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// When it was read, counted from the migration command.
    pub time: SimTime,
    /// For which page.
    pub page: PageId,
    /// Whether the page has not been sent yet.
    pub unsent: bool,
}

/// A strategy named a page that has been sent already or does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the strategy pushed page {0}, which is not there to be sent")]
pub struct NotUnsent(pub PageId);

/// Pages next to one that was named, each next to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbours {
    /// How many.
    pub count: u32,
    /// Whether they lie below it, and not above.
    pub downwards: bool,
}

impl Neighbours {
    /// No page.
    pub const NONE: Neighbours = Neighbours::upwards(0);

    /// So many above.
    pub const fn upwards(count: u32) -> Self {
        Neighbours {
            count,
            downwards: false,
        }
    }

    /// As many of these pages, which are named in this order behind `page`, as are neighbours.
    pub fn among(pages: impl Iterator<Item = PageId> + Clone, page: PageId, most: u32) -> Self {
        let downwards = pages.clone().next().is_some_and(|next| next < page);
        let follows = |(ahead, next): &(u32, PageId)| {
            let neighbour = if downwards {
                page.checked_sub(*ahead)
            } else {
                page.checked_add(*ahead)
            };
            neighbour == Some(*next)
        };
        let count = (1..=most).zip(pages).take_while(follows).count() as u32;
        Neighbours { count, downwards }
    }
}

/// A page order, made up as the migration goes.
pub trait Strategy {
    /// The switch-over: called once, before anything is pushed.
    fn plan(&mut self, _observed: &Observation<'_>) {}

    /// A request has been read at the source. The page itself goes out at once if it is unsent; this is the occasion to
    /// change the order of the others.
    fn requested(&mut self, _request: &Request) {}

    /// The next page to push, out of `unsent`; `None` to push nothing now.
    fn next_page(&mut self, unsent: &PageSet) -> Option<PageId>;

    /// The neighbours of `page`, which [`next_page`](Strategy::next_page) has just named, that it would name next, one
    /// after the other and at most so many, if nothing is requested meanwhile and they are unsent. By default none:
    /// then each page is asked for.
    fn neighbours(&self, _page: PageId, _most: u32) -> Neighbours {
        Neighbours::NONE
    }

    /// The first `count` [neighbours](Strategy::neighbours) of `page` have been taken up, as if they had been named.
    fn pass_neighbours(&mut self, _page: PageId, _count: u32) {}

    /// What [`plan`](Strategy::plan) came to: the pages that go ahead of the scan, in their order, after a lead-in
    /// that records. A destination that fetches pages itself is given them (`migration.delivery`), as is a real
    /// migration, and the metrics of prediction judge those that were not recorded. Once `plan` has been called it does
    /// not change.
    fn planned(&self) -> &[PlannedPage] {
        &[]
    }
}

/// How a strategy comes into being for a run.
#[derive(Debug, Clone, Copy)]
pub enum Order {
    /// From its settings.
    Causal(fn(&Settings<'_>) -> Box<dyn Strategy>),
    /// The same, and from the touch order, which no hypervisor knows: a yardstick to measure others against.
    Oracle(fn(&Settings<'_>, &TouchOrder) -> Box<dyn Strategy>),
}

/// A strategy's entry in the [`Registry`].
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Name on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Where it is from: a paper, a hypervisor, or the project itself.
    pub source: &'static str,
    /// What precedes the switch-over.
    pub lead_in: fn(&Settings<'_>) -> LeadIn,
    /// Its own parameters, `[strategy.NAME]` of a scenario.
    pub parameters: Parameters,
    /// In which order missing pages follow.
    pub order: Order,
}

/// No strategy has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{name}`, expected one of {known}{hint}")]
pub struct UnknownStrategy {
    name: String,
    known: String,
    /// The nearest known name, if one is near.
    hint: String,
}

/// The strategies that can be named.
#[derive(Debug, Clone)]
pub struct Registry {
    entries: Vec<Entry>,
}

impl Registry {
    /// The strategies of this crate.
    pub fn standard() -> Self {
        Registry {
            entries: vec![
                post_copy::ENTRY,
                pre_record::ENTRY,
                pdopmp::ENTRY,
                pdopmp::FORMER,
                leap::ENTRY,
                pre_copy::ENTRY,
                hybrid::ENTRY,
                hybrid_pre_record::ENTRY,
                plan::ENTRY,
                stop_and_copy::ENTRY,
                clairvoyant::ENTRY,
            ],
        }
    }

    /// Adds a strategy; one of the same name is replaced.
    pub fn register(&mut self, entry: Entry) {
        self.entries.retain(|known| known.name != entry.name);
        self.entries.push(entry);
    }

    /// The entries in the order of registration.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Looks a strategy up.
    ///
    /// # Errors
    ///
    /// [`UnknownStrategy`], which lists the known ones.
    pub fn get(&self, name: &str) -> Result<&Entry, UnknownStrategy> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| UnknownStrategy {
                name: name.to_owned(),
                hint: nearest(name, self.entries.iter().map(|entry| entry.name))
                    .map_or(String::new(), |near| format!("; did you mean `{near}`?")),
                known: self
                    .entries
                    .iter()
                    .map(|entry| format!("`{}`", entry.name))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }
}
