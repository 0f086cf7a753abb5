//! What the guest does: the trace replayed from a position on, what a recorder sees of it, and which pages it touches
//! first.

pub mod recorder;
pub mod recording;
pub mod replay;
pub mod touch_order;
