//! The network link from source to destination.
//!
//! A link transmits *messages* (a page, a zero page, the core state). Messages wait in up to two queues, one for pushed
//! pages and one for demanded pages; the [`Discipline`] says who shares the bandwidth with whom. The link is
//! work-conserving, and the only thing that it decides is when a message has left. Messages go out one by one or cut in
//! [segments](LinkSettings::segment), and there may be a [device queue](LinkSettings::device_queue) before the wire.
//! Its bandwidth may change as time goes on: by [steps](Steps), [other traffic](BackgroundSettings) and
//! [outages](Outage).

mod background;
mod capacity;
mod channel;
mod link;
mod loss;
mod message;
mod outages;
mod recovery;
mod return_path;
mod settings;
pub(crate) mod socket;
mod steps;
mod window;

pub use background::BackgroundSettings;
pub(crate) use capacity::Capacity;
pub use link::{Bounds, Link};
pub use loss::{CongestionControl, LossSettings};
pub use message::{Departure, MessageBytes, Span};
pub use outages::Outage;
pub use recovery::{Recovery, RecoverySettings};
pub use return_path::ReturnPath;
pub use settings::{DemandChannel, Discipline, LinkSettings};
pub use steps::{Step, Steps};
pub use window::Window;
