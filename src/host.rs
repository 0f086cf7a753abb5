//! The two hosts: the source sends memory, the destination receives it and runs the guest.

pub mod destination;
mod page_work;
pub mod source;

pub use page_work::PageWork;
