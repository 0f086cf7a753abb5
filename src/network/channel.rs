//! One sender's channel: what waits in its socket, and how it goes out in pieces.

use std::collections::VecDeque;

use super::Message;

/// Bytes of a channel that go out together.
#[derive(Debug)]
pub(super) struct Piece {
    /// Of the channel for demanded pages.
    pub(super) demand: bool,
    /// How many.
    pub(super) bytes: u64,
    /// Half-picoseconds of the full bandwidth that it still needs.
    pub(super) work_left: u64,
}

/// A channel. Its bytes are counted from its first one on.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// Messages that have not left, each with the count of bytes at its end.
    messages: VecDeque<(u64, Message)>,
    /// How many of them have begun to the last byte.
    messages_begun: usize,
    /// Bytes that were put in.
    entered: u64,
    /// Bytes that have gone into the device queue, or on the wire where there is none.
    begun: u64,
    /// Bytes that have left.
    left: u64,
    /// Bytes up to the end of the last message that has begun as a whole.
    whole: u64,
    /// Bytes that the receiver has taken.
    taken: u64,
    /// What is on the wire, where there is no device queue.
    pub(super) wire: Option<Piece>,
}

impl Channel {
    /// Bytes that were put in.
    pub(super) fn entered(&self) -> u64 {
        self.entered
    }

    /// Bytes that have not left.
    pub(super) fn occupancy(&self) -> u64 {
        self.entered - self.left
    }

    /// Bytes that have begun and not left.
    pub(super) fn under_way(&self) -> u64 {
        self.begun - self.left
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn enter(&mut self, message: Message, bytes: u64) {
        self.entered += bytes;
        self.messages.push_back((self.entered, message));
    }

    /// Bytes of the piece that could begin now, if any: what waits, up to a `segment`, or without segments one message. Nothing
    /// begins while the receiver has not taken `window` bytes or more of messages that have begun as a whole.
    pub(super) fn next_piece(&self, segment: u64, window: u64) -> Option<u64> {
        let &(end, _) = self.messages.get(self.messages_begun)?;
        if self.whole - self.taken >= window {
            return None;
        }
        Some(if segment == 0 {
            end - self.begun
        } else {
            (self.entered - self.begun).min(segment)
        })
    }

    pub(super) fn begin(&mut self, bytes: u64) {
        self.begun += bytes;
        while let Some(&(end, _)) = self.messages.get(self.messages_begun)
            && end <= self.begun
        {
            self.messages_begun += 1;
            self.whole = end;
        }
    }

    /// A piece has left, and with it the messages that end in it.
    pub(super) fn leave(&mut self, bytes: u64, mut left: impl FnMut(Message)) {
        self.left += bytes;
        while let Some(&(end, message)) = self.messages.front()
            && end <= self.left
        {
            self.messages.pop_front();
            // A message of no bytes leaves with the one before it, begun or not.
            self.messages_begun = self.messages_begun.saturating_sub(1);
            left(message);
        }
    }

    pub(super) fn taken(&mut self, bytes: u64) {
        self.taken += bytes;
    }

    /// Bytes that have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// Whether all bytes up to this count have left, or nothing is there that could.
    pub(super) fn has_left(&self, count: u64) -> bool {
        self.left >= count || self.occupancy() == 0
    }
}
