//! The two hosts: the source sends memory, the destination receives it and runs the guest.

pub mod destination;
pub mod source;
