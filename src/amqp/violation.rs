//! What a peer can do wrong, in the words of the standard.
//!
//! A violation carries what was seen, never a secret: no variant may hold bytes of a value.

use thiserror::Error;

/// A rule of AMQP 1.0 that a peer's bytes break; the connection ends (part 2, section 2.8.16, or for
/// want of a connection without a word).
///
/// `Display` says what was expected and what was seen, [`rule`](Self::rule) names the rule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// The frame ends where a value, or a part of one, must be.
    #[error("{what} needs {needed} bytes, but only {left} are left")]
    Short {
        /// What is written there.
        what: &'static str,
        /// How many bytes had to be there at least.
        needed: usize,
        /// How many bytes were there.
        left: usize,
    },

    /// A byte that must say what type follows says nothing known (section 1.6).
    #[error("{code:#04x} is no format code")]
    FormatCode {
        /// The byte seen.
        code: u8,
    },

    /// A boolean that is written as a byte is neither 0 nor 1 (section 1.6.2).
    #[error("a boolean must be 0 or 1, but is {seen}")]
    Boolean {
        /// The byte seen.
        seen: u8,
    },

    /// A character that Unicode does not have (section 1.6.16).
    #[error("{seen:#010x} is no character of Unicode")]
    Char {
        /// The number seen.
        seen: u32,
    },

    /// A string is not well-formed UTF-8 (section 1.6.20).
    #[error("a string must be well-formed UTF-8, but is not from byte {offset} on")]
    Utf8 {
        /// Where the string stops being UTF-8.
        offset: usize,
    },

    /// A symbol has bytes that are not ASCII (section 1.6.21).
    #[error("a symbol must be ASCII, but is not")]
    Symbol,

    /// A list, map or array does not end where it says (section 1.6.22).
    #[error("a {what} says that it has {announced} bytes, but its values have {used}")]
    Size {
        /// `list`, `map` or `array`.
        what: &'static str,
        /// The size in front of it.
        announced: usize,
        /// The size of its values.
        used: usize,
    },

    /// More values are announced than there are bytes for them, or than this side takes.
    #[error("a {what} announces {count} values in {bytes} bytes, which is more than is taken")]
    Count {
        /// `list`, `map` or `array`.
        what: &'static str,
        /// The number of values in front of it.
        count: usize,
        /// The number of bytes it has.
        bytes: usize,
    },

    /// What the elements of an array mean is said at a length that this side does not take.
    #[error("the descriptor of an array may have {limit} bytes here, but has {length}")]
    ArrayDescriptor {
        /// How many bytes it has.
        length: usize,
        /// How many are taken.
        limit: usize,
    },

    /// A map has a key without a value (section 1.6.23).
    #[error("a map has keys and values in turn, so their number is even, but is {count}")]
    OddMap {
        /// How many there are.
        count: usize,
    },

    /// A key stands twice in a map (section 1.6.23).
    #[error("a map has the same key twice")]
    TwiceInMap,

    /// Values are nested deeper than this side reads.
    #[error("values are nested deeper than {limit}")]
    Depth {
        /// How deep they may be.
        limit: usize,
    },

    /// A frame is smaller than its own header, or its header reaches beyond it (part 2, section
    /// 2.3.1).
    #[error("a frame of {size} bytes cannot have a header of {header}")]
    FrameHeader {
        /// The size in front of the frame.
        size: usize,
        /// The size of the header that it announces.
        header: usize,
    },

    /// A frame is larger than was agreed (part 2, section 2.7.1).
    #[error("a frame may have {limit} bytes here, but this one has {size}")]
    FrameSize {
        /// The size in front of the frame.
        size: usize,
        /// What was said at OPEN, or 512 before it.
        limit: usize,
    },

    /// A frame is neither AMQP nor SASL, or not the one of the two that may come now (part 2,
    /// section 2.3.2).
    #[error("a frame of type {expected} must come here, but this one's type is {seen}")]
    FrameType {
        /// The type that may come.
        expected: u8,
        /// The type seen.
        seen: u8,
    },

    /// The body of a frame is no performative (part 2, section 2.3.2).
    #[error("{seen} must not stand where a performative must")]
    NoPerformative {
        /// What stands there.
        seen: String,
    },

    /// There is something behind what a frame must consist of.
    #[error("{count} bytes are left over behind {what}")]
    Trailing {
        /// What they stand behind.
        what: &'static str,
        /// How many there are.
        count: usize,
    },

    /// A member that must be there is missing.
    #[error("{of} must have {member}, but has not")]
    Missing {
        /// The performative, section or other composite.
        of: &'static str,
        /// The member.
        member: &'static str,
    },

    /// A member has a type that it must not have.
    #[error("{member} of {of} must be a {expected}, but is a {seen}")]
    Type {
        /// The performative, section or other composite.
        of: &'static str,
        /// The member.
        member: &'static str,
        /// The type that it must have.
        expected: &'static str,
        /// The type that it has.
        seen: &'static str,
    },

    /// There are more members than the standard has.
    #[error("{of} has {known} members, but {seen} are written")]
    Members {
        /// The performative, section or other composite.
        of: &'static str,
        /// How many it has.
        known: usize,
        /// How many were written.
        seen: usize,
    },

    /// The sections of a message stand in another order, or one stands twice (part 3, section 3.2).
    #[error("{section} must not stand where it stands in a message")]
    SectionOrder {
        /// The section.
        section: String,
    },

    /// The name of a link, which is kept with it, is longer than this side takes.
    #[error("the name of a link may have {limit} bytes here, but has {length}")]
    LinkName {
        /// How many bytes it has.
        length: usize,
        /// How many are taken.
        limit: usize,
    },

    /// There are as many sessions or links as this side takes.
    #[error("there are {limit} {what} already, and no more are taken")]
    TooMany {
        /// `sessions` or `links`.
        what: &'static str,
        /// How many there are.
        limit: usize,
    },

    /// The peer did what must not be done in the state that the connection is in.
    #[error("{what}")]
    State {
        /// What it did, and what was to be done.
        what: String,
        /// The section of the standard.
        rule: &'static str,
    },
}

impl Violation {
    /// What was seen, with the rule behind it.
    pub fn cited(&self) -> String {
        format!("{self} [{}]", self.rule())
    }

    /// The rule that is broken, by the part and section of the standard.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Short { .. } | Self::FormatCode { .. } | Self::Depth { .. } => {
                "AMQP 1.0 part 1, 1.2"
            }
            Self::Boolean { .. } => "AMQP 1.0 part 1, 1.6.2",
            Self::Char { .. } => "AMQP 1.0 part 1, 1.6.16",
            Self::Utf8 { .. } => "AMQP 1.0 part 1, 1.6.20",
            Self::Symbol => "AMQP 1.0 part 1, 1.6.21",
            Self::Size { .. } | Self::Count { .. } | Self::ArrayDescriptor { .. } => {
                "AMQP 1.0 part 1, 1.2.3"
            }
            Self::OddMap { .. } | Self::TwiceInMap => "AMQP 1.0 part 1, 1.6.23",
            Self::FrameHeader { .. } => "AMQP 1.0 part 2, 2.3.1",
            Self::FrameSize { .. } => "AMQP 1.0 part 2, 2.7.1",
            Self::FrameType { .. } | Self::NoPerformative { .. } | Self::Trailing { .. } => {
                "AMQP 1.0 part 2, 2.3.2"
            }
            Self::Missing { .. } | Self::Type { .. } | Self::Members { .. } => {
                "AMQP 1.0 part 1, 1.4"
            }
            Self::SectionOrder { .. } => "AMQP 1.0 part 3, 3.2",
            // Each side may say what is too much for it.
            Self::LinkName { .. } | Self::TooMany { .. } => "AMQP 1.0 part 2, 2.8.15",
            Self::State { rule, .. } => rule,
        }
    }

    /// The condition with which the connection is closed (part 2, sections 2.8.15 to 2.8.18).
    pub fn condition(&self) -> &'static str {
        match self {
            Self::State { rule, .. } => match rule.rsplit(' ').next() {
                Some("2.5.6") => "amqp:session:window-violation",
                Some("2.6.2") => "amqp:session:unattached-handle",
                Some("2.6.7") => "amqp:link:transfer-limit-exceeded",
                Some("2.7.1" | "2.7.2") => "amqp:connection:framing-error",
                Some("2.7.3") => "amqp:session:handle-in-use",
                Some("2.7.5" | "2.8.7") => "amqp:invalid-field",
                _ => "amqp:illegal-state",
            },
            Self::FrameSize { .. } | Self::FrameHeader { .. } | Self::FrameType { .. } => {
                "amqp:connection:framing-error"
            }
            Self::LinkName { .. } | Self::TooMany { .. } => "amqp:resource-limit-exceeded",
            _ => "amqp:decode-error",
        }
    }
}
