//! What the frames of a connection say (part 2, section 2.7).

use super::fields::{Fields, described, descriptor, filled, list, optional};
use super::terminus::{End as LinkEnd, Terminus};
use super::value::{Symbol, Value};
use super::violation::Violation;

const NAMES: [(u64, &str); 9] = [
    (0x10, "amqp:open:list"),
    (0x11, "amqp:begin:list"),
    (0x12, "amqp:attach:list"),
    (0x13, "amqp:flow:list"),
    (0x14, "amqp:transfer:list"),
    (0x15, "amqp:disposition:list"),
    (0x16, "amqp:detach:list"),
    (0x17, "amqp:end:list"),
    (0x18, "amqp:close:list"),
];

const ERROR: [(u64, &str); 1] = [(0x1d, "amqp:error:list")];

const OUTCOMES: [(u64, &str); 5] = [
    (0x23, "amqp:received:list"),
    (0x24, "amqp:accepted:list"),
    (0x25, "amqp:rejected:list"),
    (0x26, "amqp:released:list"),
    (0x27, "amqp:modified:list"),
];

/// One of the nine things that a frame of a connection can say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Performative {
    /// A connection begins.
    Open(Open),
    /// A session begins.
    Begin(Begin),
    /// A link begins.
    Attach(Attach),
    /// How much more may be sent.
    Flow(Flow),
    /// A message, or a part of one.
    Transfer(Transfer),
    /// What became of messages.
    Disposition(Disposition),
    /// A link ends.
    Detach(Detach),
    /// A session ends.
    End(End),
    /// The connection ends.
    Close(Close),
}

/// A connection begins (section 2.7.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// Who says so.
    pub container_id: String,
    /// Whom it means to have reached.
    pub hostname: Option<String>,
    /// The largest frame that it takes, in bytes; 4 GB if it does not say.
    pub max_frame_size: Option<u32>,
    /// The highest channel that may be used; 65,535 if it does not say.
    pub channel_max: Option<u16>,
    /// After how many milliseconds without a frame it takes the connection for dead.
    pub idle_time_out: Option<u32>,
    /// What else it says of itself.
    pub properties: Vec<(Value, Value)>,
}

/// A session begins (section 2.7.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begin {
    /// The channel of the one who began it, in the answer to it.
    pub remote_channel: Option<u16>,
    /// The number of the first transfer.
    pub next_outgoing_id: u32,
    /// How many transfers it takes.
    pub incoming_window: u32,
    /// How many transfers it will send.
    pub outgoing_window: u32,
    /// The highest handle that may be used; 4,294,967,295 if it does not say.
    pub handle_max: Option<u32>,
}

/// Who of the two ends of a link speaks (section 2.8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one that sends messages.
    Sender,
    /// The one that is sent them.
    Receiver,
}

impl Role {
    /// That of the other end.
    pub fn other(self) -> Self {
        match self {
            Self::Sender => Self::Receiver,
            Self::Receiver => Self::Sender,
        }
    }

    fn read(is_receiver: bool) -> Self {
        if is_receiver { Self::Receiver } else { Self::Sender }
    }

    fn write(self) -> Value {
        Value::Boolean(self == Self::Receiver)
    }
}

/// A link begins (section 2.7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// The name of the link.
    pub name: String,
    /// The number that stands for it from now on.
    pub handle: u32,
    /// Who says so.
    pub role: Role,
    /// 0 unsettled, 1 settled, 2 mixed.
    pub snd_settle_mode: Option<u8>,
    /// 0 first, 1 second.
    pub rcv_settle_mode: Option<u8>,
    /// Where messages come from.
    pub source: Option<Terminus>,
    /// Where they go.
    pub target: Option<Terminus>,
    /// The number of the first message, of a sender.
    pub initial_delivery_count: Option<u32>,
    /// The largest message that is taken, in bytes.
    pub max_message_size: Option<u64>,
    /// What else is said of the link.
    pub properties: Vec<(Value, Value)>,
}

/// How much more may be sent (section 2.7.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    /// The number of the transfer that is expected next.
    pub next_incoming_id: Option<u32>,
    /// How many transfers are taken.
    pub incoming_window: u32,
    /// The number of the transfer that will be sent next.
    pub next_outgoing_id: u32,
    /// How many transfers will be sent.
    pub outgoing_window: u32,
    /// The link that it is about, if it is about one.
    pub handle: Option<u32>,
    /// How many messages had been sent.
    pub delivery_count: Option<u32>,
    /// How many more may be sent.
    pub link_credit: Option<u32>,
    /// Whether the credit is to be used up at once.
    pub drain: bool,
    /// Whether an answer is asked for.
    pub echo: bool,
}

/// A message, or a part of one (section 2.7.5).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Transfer {
    /// The link.
    pub handle: u32,
    /// The number of the message, in its first part.
    pub delivery_id: Option<u32>,
    /// Its sender's name for it, in its first part.
    pub delivery_tag: Option<Vec<u8>>,
    /// How the message is written; 0 is the only one defined.
    pub message_format: Option<u32>,
    /// Whether nobody waits to hear what became of it.
    pub settled: Option<bool>,
    /// Whether another part follows.
    pub more: bool,
    /// Whether it is given up.
    pub aborted: bool,
    /// The message, or this part of it.
    pub payload: Vec<u8>,
}

/// Without the message: it may hold a token.
impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transfer")
            .field("handle", &self.handle)
            .field("delivery_id", &self.delivery_id)
            .field("settled", &self.settled)
            .field("more", &self.more)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// What became of messages (section 2.7.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// Who says so.
    pub role: Role,
    /// The first message that it is about.
    pub first: u32,
    /// The last one; the first if it does not say.
    pub last: Option<u32>,
    /// Whether nobody will speak of them again.
    pub settled: bool,
    /// What became of them.
    pub state: Option<Outcome>,
}

/// What became of a message (part 3, section 3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is on its way.
    Received,
    /// It is done.
    Accepted,
    /// It is refused.
    Rejected(Option<Failure>),
    /// Nothing was done; it may be sent again.
    Released,
    /// Nothing was done; it may be sent again, changed.
    Modified,
}

/// Why a link, session, connection or message came to nothing (section 2.8.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub condition: Symbol,
    /// For people.
    pub description: Option<String>,
    /// For programs.
    pub info: Vec<(Value, Value)>,
}

/// A link ends (section 2.7.7).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detach {
    /// The link.
    pub handle: u32,
    /// Whether for ever.
    pub closed: bool,
    /// Why, if it failed.
    pub error: Option<Failure>,
}

/// A session ends (section 2.7.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct End {
    /// Why, if it failed.
    pub error: Option<Failure>,
}

/// The connection ends (section 2.7.9).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Close {
    /// Why, if it failed.
    pub error: Option<Failure>,
}

impl Performative {
    /// Its name in the standard.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Begin(_) => "begin",
            Self::Attach(_) => "attach",
            Self::Flow(_) => "flow",
            Self::Transfer(_) => "transfer",
            Self::Disposition(_) => "disposition",
            Self::Detach(_) => "detach",
            Self::End(_) => "end",
            Self::Close(_) => "close",
        }
    }

    /// Why, of those that say that something came to nothing.
    pub(super) fn failure_mut(&mut self) -> Option<&mut Failure> {
        match self {
            Self::Detach(Detach { error, .. })
            | Self::End(End { error })
            | Self::Close(Close { error }) => error.as_mut(),
            Self::Disposition(Disposition { state: Some(Outcome::Rejected(error)), .. }) => {
                error.as_mut()
            }
            _ => None,
        }
    }

    /// Reads what a described value says.
    pub(super) fn read(value: Value) -> Result<Self, Violation> {
        let (code, value) = match value {
            Value::Described(code, value) => (code, *value),
            other => {
                return Err(Violation::NoPerformative { seen: format!("a {}", other.type_name()) });
            }
        };
        match descriptor(&code, &NAMES) {
            Some(0x10) => Open::read(value).map(Self::Open),
            Some(0x11) => Begin::read(value).map(Self::Begin),
            Some(0x12) => Attach::read(value).map(Self::Attach),
            Some(0x13) => Flow::read(value).map(Self::Flow),
            Some(0x14) => Transfer::read(value).map(Self::Transfer),
            Some(0x15) => Disposition::read(value).map(Self::Disposition),
            Some(0x16) => Detach::read(value).map(Self::Detach),
            Some(0x17) => Ok(Self::End(End { error: only_error("end", value)? })),
            Some(0x18) => Ok(Self::Close(Close { error: only_error("close", value)? })),
            _ => Err(Violation::NoPerformative { seen: unknown(&code) }),
        }
    }

    /// The described value that says this. What a transfer carries stands behind it.
    pub(super) fn write(self) -> Value {
        match self {
            Self::Open(open) => described(0x10, open.write()),
            Self::Begin(begin) => described(0x11, begin.write()),
            Self::Attach(attach) => described(0x12, attach.write()),
            Self::Flow(flow) => described(0x13, flow.write()),
            Self::Transfer(transfer) => described(0x14, transfer.write()),
            Self::Disposition(disposition) => described(0x15, disposition.write()),
            Self::Detach(detach) => described(0x16, detach.write()),
            Self::End(end) => described(0x17, list(vec![optional(end.error, Failure::write)])),
            Self::Close(close) => {
                described(0x18, list(vec![optional(close.error, Failure::write)]))
            }
        }
    }
}

/// A descriptor that is not known, in words.
pub(super) fn unknown(code: &Value) -> String {
    match code {
        Value::Ulong(code) => format!("the descriptor {code:#x}"),
        Value::Symbol(symbol) => format!("the descriptor {}", symbol.as_str().escape_debug()),
        other => format!("a descriptor that is a {}", other.type_name()),
    }
}

fn only_error(of: &'static str, value: Value) -> Result<Option<Failure>, Violation> {
    let mut fields = Fields::new(of, value, 1)?;
    Failure::read(of, fields.any())
}

impl Open {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("open", value, 10)?;
        let container_id = fields.string("container-id")?;
        let open = Self {
            container_id: fields.needed("container-id", container_id)?,
            hostname: fields.string("hostname")?,
            max_frame_size: fields.uint("max-frame-size")?,
            channel_max: fields.ushort("channel-max")?,
            idle_time_out: fields.uint("idle-time-out")?,
            properties: {
                fields.symbols("outgoing-locales")?;
                fields.symbols("incoming-locales")?;
                fields.symbols("offered-capabilities")?;
                fields.symbols("desired-capabilities")?;
                fields.map("properties")?.unwrap_or_default()
            },
        };
        Ok(open)
    }

    fn write(self) -> Value {
        list(vec![
            Value::String(self.container_id),
            optional(self.hostname, Value::String),
            optional(self.max_frame_size, Value::Uint),
            optional(self.channel_max, Value::Ushort),
            optional(self.idle_time_out, Value::Uint),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            filled(self.properties),
        ])
    }
}

impl Begin {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("begin", value, 8)?;
        let remote_channel = fields.ushort("remote-channel")?;
        let next_outgoing_id = fields.uint("next-outgoing-id")?;
        let incoming_window = fields.uint("incoming-window")?;
        let outgoing_window = fields.uint("outgoing-window")?;
        Ok(Self {
            remote_channel,
            next_outgoing_id: fields.needed("next-outgoing-id", next_outgoing_id)?,
            incoming_window: fields.needed("incoming-window", incoming_window)?,
            outgoing_window: fields.needed("outgoing-window", outgoing_window)?,
            handle_max: fields.uint("handle-max")?,
        })
    }

    fn write(self) -> Value {
        list(vec![
            optional(self.remote_channel, Value::Ushort),
            Value::Uint(self.next_outgoing_id),
            Value::Uint(self.incoming_window),
            Value::Uint(self.outgoing_window),
            optional(self.handle_max, Value::Uint),
        ])
    }
}

impl Attach {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("attach", value, 14)?;
        let name = fields.string("name")?;
        let handle = fields.uint("handle")?;
        let role = fields.boolean("role")?;
        let attach = Self {
            name: fields.needed("name", name)?,
            handle: fields.needed("handle", handle)?,
            role: Role::read(fields.needed("role", role)?),
            snd_settle_mode: fields.ubyte("snd-settle-mode")?,
            rcv_settle_mode: fields.ubyte("rcv-settle-mode")?,
            source: Terminus::read(LinkEnd::Source, fields.any())?,
            target: Terminus::read(LinkEnd::Target, fields.any())?,
            initial_delivery_count: {
                fields.map("unsettled")?;
                fields.boolean("incomplete-unsettled")?;
                fields.uint("initial-delivery-count")?
            },
            max_message_size: fields.ulong("max-message-size")?,
            properties: {
                fields.symbols("offered-capabilities")?;
                fields.symbols("desired-capabilities")?;
                fields.map("properties")?.unwrap_or_default()
            },
        };
        if attach.role == Role::Sender {
            fields.needed("initial-delivery-count", attach.initial_delivery_count)?;
        }
        Ok(attach)
    }

    fn write(self) -> Value {
        list(vec![
            Value::String(self.name),
            Value::Uint(self.handle),
            self.role.write(),
            optional(self.snd_settle_mode, Value::Ubyte),
            optional(self.rcv_settle_mode, Value::Ubyte),
            optional(self.source, |source| source.write(LinkEnd::Source)),
            optional(self.target, |target| target.write(LinkEnd::Target)),
            Value::Null,
            Value::Null,
            optional(self.initial_delivery_count, Value::Uint),
            optional(self.max_message_size, Value::Ulong),
            Value::Null,
            Value::Null,
            filled(self.properties),
        ])
    }
}

impl Flow {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("flow", value, 11)?;
        let next_incoming_id = fields.uint("next-incoming-id")?;
        let incoming_window = fields.uint("incoming-window")?;
        let next_outgoing_id = fields.uint("next-outgoing-id")?;
        let outgoing_window = fields.uint("outgoing-window")?;
        Ok(Self {
            next_incoming_id,
            incoming_window: fields.needed("incoming-window", incoming_window)?,
            next_outgoing_id: fields.needed("next-outgoing-id", next_outgoing_id)?,
            outgoing_window: fields.needed("outgoing-window", outgoing_window)?,
            handle: fields.uint("handle")?,
            delivery_count: fields.uint("delivery-count")?,
            link_credit: fields.uint("link-credit")?,
            drain: {
                fields.uint("available")?;
                fields.boolean("drain")?.unwrap_or_default()
            },
            echo: fields.boolean("echo")?.unwrap_or_default(),
        })
    }

    fn write(self) -> Value {
        let flag = |is: bool| if is { Value::Boolean(true) } else { Value::Null };
        list(vec![
            optional(self.next_incoming_id, Value::Uint),
            Value::Uint(self.incoming_window),
            Value::Uint(self.next_outgoing_id),
            Value::Uint(self.outgoing_window),
            optional(self.handle, Value::Uint),
            optional(self.delivery_count, Value::Uint),
            optional(self.link_credit, Value::Uint),
            Value::Null,
            flag(self.drain),
            flag(self.echo),
        ])
    }
}

impl Transfer {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("transfer", value, 11)?;
        let handle = fields.uint("handle")?;
        Ok(Self {
            handle: fields.needed("handle", handle)?,
            delivery_id: fields.uint("delivery-id")?,
            delivery_tag: fields.binary("delivery-tag")?,
            message_format: fields.uint("message-format")?,
            settled: fields.boolean("settled")?,
            more: fields.boolean("more")?.unwrap_or_default(),
            aborted: {
                fields.ubyte("rcv-settle-mode")?;
                fields.skip(); // state: of links that are taken up again, which are not here
                fields.boolean("resume")?;
                fields.boolean("aborted")?.unwrap_or_default()
            },
            payload: Vec::new(),
        })
    }

    fn write(self) -> Value {
        let flag = |is: bool| if is { Value::Boolean(true) } else { Value::Null };
        list(vec![
            Value::Uint(self.handle),
            optional(self.delivery_id, Value::Uint),
            optional(self.delivery_tag, Value::Binary),
            optional(self.message_format, Value::Uint),
            optional(self.settled, Value::Boolean),
            flag(self.more),
            Value::Null,
            Value::Null,
            Value::Null,
            flag(self.aborted),
        ])
    }
}

impl Disposition {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("disposition", value, 6)?;
        let role = fields.boolean("role")?;
        let first = fields.uint("first")?;
        Ok(Self {
            role: Role::read(fields.needed("role", role)?),
            first: fields.needed("first", first)?,
            last: fields.uint("last")?,
            settled: fields.boolean("settled")?.unwrap_or_default(),
            state: Outcome::read(fields.any())?,
        })
    }

    fn write(self) -> Value {
        list(vec![
            self.role.write(),
            Value::Uint(self.first),
            optional(self.last, Value::Uint),
            if self.settled { Value::Boolean(true) } else { Value::Null },
            optional(self.state, Outcome::write),
        ])
    }
}

impl Outcome {
    /// What a delivery state says; one that is not known, of transactions for instance, is none.
    fn read(value: Value) -> Result<Option<Self>, Violation> {
        let (code, value) = match value {
            Value::Described(code, value) => (code, *value),
            Value::Null => return Ok(None),
            other => {
                let seen = other.type_name();
                let of = "disposition";
                return Err(Violation::Type {
                    of,
                    member: "state",
                    expected: "described list",
                    seen,
                });
            }
        };
        Ok(match descriptor(&code, &OUTCOMES) {
            Some(0x23) => Some(Self::Received),
            Some(0x24) => Some(Self::Accepted),
            Some(0x25) => {
                let mut fields = Fields::new("rejected", value, 1)?;
                Some(Self::Rejected(Failure::read("rejected", fields.any())?))
            }
            Some(0x26) => Some(Self::Released),
            Some(0x27) => Some(Self::Modified),
            _ => None,
        })
    }

    fn write(self) -> Value {
        let empty = || Value::List(Vec::new());
        match self {
            Self::Received => described(0x23, list(vec![Value::Uint(0), Value::Ulong(0)])),
            Self::Accepted => described(0x24, empty()),
            Self::Rejected(error) => described(0x25, list(vec![optional(error, Failure::write)])),
            Self::Released => described(0x26, empty()),
            Self::Modified => described(0x27, empty()),
        }
    }
}

impl Failure {
    /// A failure with words for people.
    pub fn new(condition: &'static str, description: impl Into<String>) -> Self {
        Self {
            condition: Symbol::known(condition),
            description: Some(description.into()),
            info: Vec::new(),
        }
    }

    fn read(of: &'static str, value: Value) -> Result<Option<Self>, Violation> {
        let (code, value) = match value {
            Value::Described(code, value) => (code, *value),
            Value::Null => return Ok(None),
            other => {
                let seen = other.type_name();
                return Err(Violation::Type { of, member: "error", expected: "error", seen });
            }
        };
        if descriptor(&code, &ERROR).is_none() {
            let seen = "something else";
            return Err(Violation::Type { of, member: "error", expected: "error", seen });
        }
        let mut fields = Fields::new("error", value, 3)?;
        let condition = fields.symbol("condition")?;
        Ok(Some(Self {
            condition: fields.needed("condition", condition)?,
            description: fields.string("description")?,
            info: fields.map("info")?.unwrap_or_default(),
        }))
    }

    fn write(self) -> Value {
        described(
            0x1d,
            list(vec![
                Value::Symbol(self.condition),
                optional(self.description, Value::String),
                filled(self.info),
            ]),
        )
    }
}

impl Detach {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("detach", value, 3)?;
        let handle = fields.uint("handle")?;
        Ok(Self {
            handle: fields.needed("handle", handle)?,
            closed: fields.boolean("closed")?.unwrap_or_default(),
            error: Failure::read("detach", fields.any())?,
        })
    }

    fn write(self) -> Value {
        list(vec![
            Value::Uint(self.handle),
            if self.closed { Value::Boolean(true) } else { Value::Null },
            optional(self.error, Failure::write),
        ])
    }
}
