//! The network link from source to destination.
//!
//! A link transmits *messages* (a page, a zero page, the core state). Messages wait in up to two queues, one for
//! pushed pages and one for demanded pages; the [`Discipline`] says who shares the bandwidth with whom. The link is
//! work-conserving, and the only thing that it decides is when a message has left. Messages go out one by one or cut in
//! [segments](LinkSettings::segment), and there may be a [device queue](LinkSettings::device_queue) before the wire.

mod channel;
mod link;
mod loss;
mod message;
mod return_path;
mod settings;
pub(crate) mod socket;
mod window;

pub use link::{Bounds, Link};
pub use loss::{CongestionControl, LossSettings};
pub use message::{Departure, MessageBytes, Span};
pub use return_path::ReturnPath;
pub use settings::{DemandChannel, Discipline, LinkSettings};
pub use window::Window;
