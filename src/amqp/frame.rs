//! Where one frame ends and the next begins (part 2, sections 2.2 and 2.3).

use super::performative::{Performative, Transfer};
use super::read::Cursor;
use super::sasl::Sasl;
use super::violation::Violation;
use super::write::write_value;

/// Bytes in front of a frame's body, when there is no extended header.
pub const FRAME_HEADER: usize = 8;

/// The largest frame that everybody takes, and that may be sent before OPEN (section 2.3.1).
pub const MIN_MAX_FRAME: usize = 512;

/// The eight bytes with which each side begins (section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// A connection.
    Amqp,
    /// SASL, and behind it a connection.
    Sasl,
}

impl Protocol {
    /// How many bytes they are.
    pub const LENGTH: usize = 8;

    /// The bytes.
    pub const fn bytes(self) -> [u8; Self::LENGTH] {
        match self {
            Self::Amqp => *b"AMQP\x00\x01\x00\x00",
            Self::Sasl => *b"AMQP\x03\x01\x00\x00",
        }
    }

    /// Which of the two eight bytes are; nothing for any others.
    pub fn of(bytes: [u8; Self::LENGTH]) -> Option<Self> {
        [Self::Amqp, Self::Sasl].into_iter().find(|protocol| protocol.bytes() == bytes)
    }
}

/// What may come now: frames of a connection or of SASL (section 2.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of a connection.
    Amqp,
    /// Of SASL.
    Sasl,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Amqp => 0,
            Self::Sasl => 1,
        }
    }
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Nothing but a sign of life (section 2.4.5).
    Empty,
    /// Of a connection, on a channel.
    Amqp(u16, Performative),
    /// Of SASL.
    Sasl(Sasl),
}

/// The next frame in a buffer, and how many bytes it has; nothing as long as it is not there whole.
///
/// # Errors
///
/// If it is larger than `limit`, as soon as its size is there, and if it breaks a rule of the
/// standard.
pub fn next_frame(
    buffer: &[u8],
    kind: Kind,
    limit: usize,
) -> Result<Option<(Frame, usize)>, Violation> {
    let Some(size) = buffer.first_chunk::<4>() else { return Ok(None) };
    let size = usize::try_from(u32::from_be_bytes(*size)).unwrap_or(usize::MAX);
    if size > limit {
        return Err(Violation::FrameSize { size, limit });
    }
    if size < FRAME_HEADER {
        return Err(Violation::FrameHeader { size, header: FRAME_HEADER });
    }
    let Some(frame) = buffer.get(..size) else { return Ok(None) };
    let &[_, _, _, _, offset, code, high, low, ..] = frame else { return Ok(None) };
    let header = usize::from(offset) * 4;
    if header < FRAME_HEADER || header > size {
        return Err(Violation::FrameHeader { size, header });
    }
    if code != kind.code() {
        return Err(Violation::FrameType { expected: kind.code(), seen: code });
    }
    let body = Cursor::new(&frame[header..]);
    let frame = match kind {
        Kind::Amqp => read_amqp(u16::from_be_bytes([high, low]), body)?,
        Kind::Sasl => read_sasl(body)?,
    };
    Ok(Some((frame, size)))
}

fn read_amqp(channel: u16, mut body: Cursor<'_>) -> Result<Frame, Violation> {
    if body.is_empty() {
        return Ok(Frame::Empty);
    }
    let mut performative = Performative::read(body.value()?)?;
    match &mut performative {
        Performative::Transfer(transfer) => transfer.payload = body.rest().to_vec(),
        other if !body.is_empty() => {
            return Err(Violation::Trailing { what: other.name(), count: body.left() });
        }
        _ => {}
    }
    Ok(Frame::Amqp(channel, performative))
}

fn read_sasl(mut body: Cursor<'_>) -> Result<Frame, Violation> {
    let sasl = Sasl::read(body.value()?)?;
    match body.left() {
        0 => Ok(Frame::Sasl(sasl)),
        count => Err(Violation::Trailing { what: sasl.name(), count }),
    }
}

impl Frame {
    /// Writes the frame behind what is there.
    pub fn write(self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0; FRAME_HEADER]);
        let (kind, channel) = match self {
            Self::Empty => (Kind::Amqp, 0),
            Self::Sasl(sasl) => {
                write_value(&sasl.write(), out);
                (Kind::Sasl, 0)
            }
            Self::Amqp(channel, performative) => {
                write_performative(performative, out);
                (Kind::Amqp, channel)
            }
        };
        let size = u32::try_from(out.len() - begin).unwrap_or(u32::MAX).to_be_bytes();
        let [high, low] = channel.to_be_bytes();
        out[begin..begin + 4].copy_from_slice(&size);
        out[begin + 4..begin + FRAME_HEADER].copy_from_slice(&[2, kind.code(), high, low]);
    }
}

fn write_performative(mut performative: Performative, out: &mut Vec<u8>) {
    let payload = match &mut performative {
        Performative::Transfer(Transfer { payload, .. }) => std::mem::take(payload),
        _ => Vec::new(),
    };
    write_value(&performative.write(), out);
    out.extend_from_slice(&payload);
}
