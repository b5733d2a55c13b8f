//! What parent and child say to each other over pipes: a tag, and byte strings with their lengths.
//!
//! A frame counts when it is whole: what a killed process wrote half was never said.

use std::io::{self, Read, Write};

/// More than any frame needs: a peer that says so has lost its mind.
const LONGEST: u32 = 1 << 24;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Tag {
    // Orders of the parent.
    /// Number and bytes of a message from the log.
    Deliver = b'd',
    /// Send the application message of this number.
    Send = b's',
    /// Propose an update of the own leaf.
    Propose = b'p',
    /// Build a Commit; a key package to add, if given; a leaf to remove, if given.
    Commit = b'c',
    /// Give up the pending Commit of this hash.
    Discard = b'x',
    /// Join by an external Commit, with this GroupInfo.
    ExternalBuild = b'j',
    /// The external Commit was accepted.
    ExternalAccept = b'a',
    /// Say everything that is recorded.
    Report = b'r',
    /// Go on from a point.
    Go = b'g',

    // Words of the child.
    /// It has opened its store: next number of the log.
    Hello = b'H',
    /// A pending Commit: hash, message, Welcome.
    Pending = b'P',
    /// An own proposal that waits for a Commit: message.
    Proposed = b'U',
    /// An operation begins: its name.
    Begin = b'B',
    /// A point of a batch: the operation, the stage.
    Point = b'@',
    /// A message leaves: its kind, its bytes; of a Commit the Welcome and the hash.
    Outgoing = b'O',
    /// What was received: number, text.
    Inbox = b'I',
    /// What was to be sent: number.
    Outbox = b'N',
    /// Where the group is: epoch, authenticator.
    State = b'T',
    /// The order is done: what came of it.
    End = b'E',
    /// Something is wrong.
    Failure = b'F',
}

impl Tag {
    const ALL: [Self; 20] = [
        Self::Deliver,
        Self::Send,
        Self::Propose,
        Self::Commit,
        Self::Discard,
        Self::ExternalBuild,
        Self::ExternalAccept,
        Self::Report,
        Self::Go,
        Self::Hello,
        Self::Pending,
        Self::Proposed,
        Self::Begin,
        Self::Point,
        Self::Outgoing,
        Self::Inbox,
        Self::Outbox,
        Self::State,
        Self::End,
        Self::Failure,
    ];
}

/// A tag and its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub tag: Tag,
    /// What belongs to it.
    pub fields: Vec<Vec<u8>>,
}

impl Frame {
    /// A frame of these fields.
    #[must_use]
    pub fn new(tag: Tag, fields: &[&[u8]]) -> Self {
        Self { tag, fields: fields.iter().map(|field| field.to_vec()).collect() }
    }

    /// A field, empty if there is none.
    #[must_use]
    pub fn bytes(&self, field: usize) -> &[u8] {
        self.fields.get(field).map_or(&[], Vec::as_slice)
    }

    /// A field as a number.
    #[must_use]
    pub fn number(&self, field: usize) -> u64 {
        self.bytes(field).try_into().map_or(0, u64::from_be_bytes)
    }

    /// A field as text.
    #[must_use]
    pub fn text(&self, field: usize) -> String {
        String::from_utf8_lossy(self.bytes(field)).into_owned()
    }

    /// Writes it at once.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn write(&self, pipe: &mut dyn Write) -> io::Result<()> {
        let mut body = Vec::new();
        for field in &self.fields {
            body.extend((field.len() as u32).to_be_bytes());
            body.extend(field);
        }
        let mut frame = vec![self.tag as u8];
        frame.extend((body.len() as u32).to_be_bytes());
        frame.extend(body);
        pipe.write_all(&frame)?;
        pipe.flush()
    }

    /// Reads one; `None` if the pipe has ended, in the middle of one perhaps.
    ///
    /// # Errors
    /// For what is no frame; those of the pipe.
    pub fn read(pipe: &mut dyn Read) -> io::Result<Option<Self>> {
        let mut head = [0; 5];
        if !fill(pipe, &mut head)? {
            return Ok(None);
        }
        let [tag, length @ ..] = head;
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let tag = Tag::ALL.into_iter().find(|known| *known as u8 == tag).ok_or_else(|| invalid("tag"))?;
        let length = u32::from_be_bytes(length);
        if length > LONGEST {
            return Err(invalid("length"));
        }
        let mut body = vec![0; length as usize];
        if !fill(pipe, &mut body)? {
            return Ok(None);
        }
        let mut rest = body.as_slice();
        let mut fields = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk() {
            let length = u32::from_be_bytes(*length) as usize;
            let (field, tail) = tail.split_at_checked(length).ok_or_else(|| invalid("field"))?;
            fields.push(field.to_vec());
            rest = tail;
        }
        if rest.is_empty() { Ok(Some(Self { tag, fields })) } else { Err(invalid("rest")) }
    }
}

fn fill(pipe: &mut dyn Read, out: &mut [u8]) -> io::Result<bool> {
    match pipe.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_or_not_there() {
        let frame = Frame::new(Tag::Deliver, &[&7_u64.to_be_bytes(), b"message"]);
        let mut bytes = Vec::new();
        frame.write(&mut bytes).unwrap();
        Frame::new(Tag::Report, &[]).write(&mut bytes).unwrap();
        let mut pipe = bytes.as_slice();
        let read = Frame::read(&mut pipe).unwrap().unwrap();
        assert_eq!((read.number(0), read.text(1)), (7, "message".to_owned()));
        assert_eq!(read, frame);
        assert_eq!(Frame::read(&mut pipe).unwrap().unwrap().tag, Tag::Report);
        assert_eq!(Frame::read(&mut pipe).unwrap(), None);
        for cut in 1..bytes.len() - 6 {
            assert_eq!(Frame::read(&mut &bytes[..cut]).unwrap(), None, "{cut}");
        }
        assert!(Frame::read(&mut &b"?\0\0\0\0"[..]).is_err());
        let tags: std::collections::BTreeSet<_> = Tag::ALL.into_iter().map(|tag| tag as u8).collect();
        assert_eq!(tags.len(), Tag::ALL.len());
    }
}
