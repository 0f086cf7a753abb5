//! How served pages get to the link: gathered, and written in one go to a buffer that may be full.

use std::collections::VecDeque;

use super::Message;
use crate::units::Bytes;

/// Bytes of zero pages' marks that close a batch without any content: QEMU's `IO_BUF_SIZE` (`migration/qemu-file.c`).
const MARKS: u64 = 32 << 10;

/// A buffer that a writer fills up, and that takes more only once it has been emptied to a mark.
#[derive(Debug)]
pub(crate) struct SendBuffer {
    size: u64,
    resume: u64,
    full: bool,
}

impl SendBuffer {
    /// A buffer of `size` bytes; once full, it takes more from `resume` bytes on.
    pub(crate) fn new(size: Bytes, resume: Option<Bytes>) -> Self {
        SendBuffer {
            size: size.0.max(1), // an empty one has room for a page
            resume: resume.unwrap_or(size).0,
            full: false,
        }
    }

    /// The writer is woken, whatever there is room for.
    pub(crate) fn wake(&mut self) {
        self.full = false;
    }

    /// Whether there is room, with `occupancy` bytes in it.
    pub(crate) fn has_room(&mut self, occupancy: u64) -> bool {
        if self.full && occupancy > self.resume {
            return false;
        }
        self.full = occupancy >= self.size;
        !self.full
    }
}

/// Pages that have been served and not handed to the link yet.
#[derive(Debug)]
pub(crate) struct Batch {
    messages: VecDeque<Message>,
    most_pages: u32,
    zero_page_bytes: u64,
    pages: u32,
    marks: u64,
    /// It is being written; nothing else is done until it is.
    writing: bool,
}

impl Batch {
    pub(crate) fn new(most_pages: u32, zero_page_bytes: u32) -> Self {
        Batch {
            messages: VecDeque::new(),
            most_pages,
            zero_page_bytes: zero_page_bytes.into(),
            pages: 0,
            marks: 0,
            writing: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn is_being_written(&self) -> bool {
        self.writing
    }

    /// Adds a page, which may complete the batch.
    pub(crate) fn add(&mut self, message: Message) {
        if message.zero {
            self.marks += self.zero_page_bytes;
        } else {
            self.pages += 1;
        }
        self.messages.push_back(message);
        self.writing = self.pages >= self.most_pages || self.marks >= MARKS;
    }

    /// Nothing more is to be had: it is written as it is.
    pub(crate) fn close(&mut self) {
        self.writing = !self.messages.is_empty();
    }

    /// The next page of a batch that is being written, if the buffer, with `occupancy` bytes in it, has room.
    pub(crate) fn write(&mut self, buffer: &mut SendBuffer, occupancy: u64) -> Option<Message> {
        if !self.writing || !buffer.has_room(occupancy) {
            return None;
        }
        let message = self.messages.pop_front();
        if self.messages.is_empty() {
            (self.pages, self.marks, self.writing) = (0, 0, false);
        }
        message
    }
}
