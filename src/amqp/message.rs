//! What a transfer carries: a message of up to seven kinds of sections (part 3, section 3.2).

use super::fields::{Fields, described, descriptor, list, optional};
use super::performative::unknown;
use super::read::Cursor;
use super::value::{Symbol, Value};
use super::violation::Violation;
use super::write::write_value;

const HEADER: u64 = 0x70;
const DELIVERY_ANNOTATIONS: u64 = 0x71;
const MESSAGE_ANNOTATIONS: u64 = 0x72;
const PROPERTIES: u64 = 0x73;
const APPLICATION_PROPERTIES: u64 = 0x74;
const DATA: u64 = 0x75;
const SEQUENCE: u64 = 0x76;
const VALUE: u64 = 0x77;
const FOOTER: u64 = 0x78;

const NAMES: [(u64, &str); 9] = [
    (HEADER, "amqp:header:list"),
    (DELIVERY_ANNOTATIONS, "amqp:delivery-annotations:map"),
    (MESSAGE_ANNOTATIONS, "amqp:message-annotations:map"),
    (PROPERTIES, "amqp:properties:list"),
    (APPLICATION_PROPERTIES, "amqp:application-properties:map"),
    (DATA, "amqp:data:binary"),
    (SEQUENCE, "amqp:amqp-sequence:list"),
    (VALUE, "amqp:amqp-value:*"),
    (FOOTER, "amqp:footer:map"),
];

/// The format of a message that stands for several, each in a data section of its own: what C and .NET
/// send to hubs, also for one (azure-iot-sdk-c `iothubtransport_amqp_telemetry_messenger.c`).
pub const BATCH_FORMAT: u32 = 0x8001_3700;

/// A message. Header, delivery annotations and footer are for those who store and forward messages,
/// and read over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// For how many messages it stands, if its format is [`BATCH_FORMAT`]. Read, never written.
    pub batch: Option<usize>,
    /// What the two ends agreed on besides the standard.
    pub annotations: Vec<(Value, Value)>,
    /// What the standard lets a message say of itself.
    pub properties: Properties,
    /// What the application says.
    pub application: Vec<(Value, Value)>,
    /// What it is about.
    pub body: Body,
}

/// What a message says of itself (section 3.2.4); of thirteen members those that DPS and hubs need.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// Its ID: a string, number, UUID or bytes.
    pub message_id: Option<Value>,
    /// To which node it goes.
    pub to: Option<String>,
    /// Who sent it.
    pub user_id: Option<Vec<u8>>,
    /// What it is about.
    pub subject: Option<String>,
    /// To which node an answer is to go.
    pub reply_to: Option<String>,
    /// The ID of the message that it answers; of a request, what the answer is to have.
    pub correlation_id: Option<Value>,
    /// The media type of its body.
    pub content_type: Option<Symbol>,
    /// How its body is encoded on top of that.
    pub content_encoding: Option<Symbol>,
    /// When it is of no use any more, in milliseconds since 1970.
    pub absolute_expiry_time: Option<i64>,
}

/// What a message is about (sections 3.2.6 to 3.2.8).
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Body {
    /// Nothing. The standard wants something; there are SDKs that send none.
    #[default]
    None,
    /// Bytes, those of all data sections together.
    Data(Vec<u8>),
    /// Lists.
    Sequence,
    /// One value.
    Value(Value),
}

/// Without what it is: that may be a token.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Data(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            Self::Sequence => f.write_str("Sequence"),
            Self::Value(value) => write!(f, "Value({value:?})"),
        }
    }
}

impl Message {
    /// Reads a message of the standard's format, all of the bytes that its transfers carried.
    ///
    /// # Errors
    ///
    /// Says which rule of the standard the bytes break.
    pub fn read(bytes: &[u8]) -> Result<Self, Violation> {
        Self::read_as(bytes, 0)
    }

    /// Reads a message of a format.
    ///
    /// # Errors
    ///
    /// Says which rule of the standard the bytes break.
    pub fn read_as(bytes: &[u8], format: u32) -> Result<Self, Violation> {
        let mut message = Self::default();
        let mut data_sections = 0;
        let mut cursor = Cursor::new(bytes);
        let mut last = 0;
        while !cursor.is_empty() {
            let (code, value) = match cursor.value()? {
                Value::Described(code, value) => (code, *value),
                other => {
                    let section = format!("a {}", other.type_name());
                    return Err(Violation::SectionOrder { section });
                }
            };
            let code = descriptor(&code, &NAMES)
                .ok_or_else(|| Violation::SectionOrder { section: unknown(&code) })?;
            // Bodies of bytes or lists may have several sections, all of one kind.
            let again = code == last && matches!(code, DATA | SEQUENCE);
            let body_twice =
                matches!(last, DATA | SEQUENCE | VALUE) && matches!(code, DATA | SEQUENCE | VALUE);
            if !again && (code <= last || body_twice) {
                return Err(Violation::SectionOrder { section: section(code) });
            }
            last = code;
            data_sections += usize::from(code == DATA);
            message.take(code, value)?;
        }
        message.batch = (format == BATCH_FORMAT).then_some(data_sections);
        Ok(message)
    }

    fn take(&mut self, code: u64, value: Value) -> Result<(), Violation> {
        match code {
            HEADER => {
                Fields::new("header", value, 5)?;
            }
            DELIVERY_ANNOTATIONS => {
                map("delivery-annotations", value)?;
            }
            MESSAGE_ANNOTATIONS => self.annotations = map("message-annotations", value)?,
            PROPERTIES => self.properties = Properties::read(value)?,
            APPLICATION_PROPERTIES => self.application = map("application-properties", value)?,
            DATA => match (value, &mut self.body) {
                (Value::Binary(bytes), Body::Data(data)) => data.extend_from_slice(&bytes),
                (Value::Binary(bytes), body) => *body = Body::Data(bytes),
                (other, _) => return Err(mismatch("data", "binary", &other)),
            },
            SEQUENCE => match value {
                Value::List(_) => self.body = Body::Sequence,
                other => return Err(mismatch("amqp-sequence", "list", &other)),
            },
            VALUE => self.body = Body::Value(value),
            _ => {
                map("footer", value)?;
            }
        }
        Ok(())
    }

    /// The bytes of a message.
    pub fn write(self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut section = |code, value| write_value(&described(code, value), &mut out);
        if !self.annotations.is_empty() {
            section(MESSAGE_ANNOTATIONS, Value::Map(self.annotations));
        }
        if self.properties != Properties::default() {
            section(PROPERTIES, self.properties.write());
        }
        if !self.application.is_empty() {
            section(APPLICATION_PROPERTIES, Value::Map(self.application));
        }
        match self.body {
            Body::None => {}
            Body::Data(bytes) => section(DATA, Value::Binary(bytes)),
            Body::Sequence => section(SEQUENCE, Value::List(Vec::new())),
            Body::Value(value) => section(VALUE, value),
        }
        out
    }

    /// What the application says under a name.
    pub fn application(&self, name: &str) -> Option<&Value> {
        find(&self.application, name)
    }

    /// What an annotation of a name says.
    pub fn annotation(&self, name: &str) -> Option<&Value> {
        find(&self.annotations, name)
    }
}

/// The value of a name in a map of names, which are strings or symbols.
pub(crate) fn find<'a>(map: &'a [(Value, Value)], name: &str) -> Option<&'a Value> {
    map.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn section(code: u64) -> String {
    let name = NAMES.iter().find(|(known, _)| *known == code).map_or("", |(_, name)| name);
    format!("the section {}", name.trim_start_matches("amqp:").split(':').next().unwrap_or(name))
}

fn mismatch(of: &'static str, expected: &'static str, seen: &Value) -> Violation {
    Violation::Type { of, member: "all", expected, seen: seen.type_name() }
}

fn map(of: &'static str, value: Value) -> Result<Vec<(Value, Value)>, Violation> {
    match value {
        Value::Map(entries) => Ok(entries),
        other => Err(mismatch(of, "map", &other)),
    }
}

impl Properties {
    fn read(value: Value) -> Result<Self, Violation> {
        let mut fields = Fields::new("properties", value, 13)?;
        let present = |value| (value != Value::Null).then_some(value);
        let message_id = present(fields.any());
        let user_id = fields.binary("user-id")?;
        // An address may have any type; one that is no text is nobody's here.
        let to = fields.any().as_text().map(str::to_owned);
        let subject = fields.string("subject")?;
        let reply_to = fields.any().as_text().map(str::to_owned);
        let correlation_id = present(fields.any());
        Ok(Self {
            message_id,
            user_id,
            to,
            subject,
            reply_to,
            correlation_id,
            content_type: fields.symbol("content-type")?,
            content_encoding: fields.symbol("content-encoding")?,
            absolute_expiry_time: fields.timestamp("absolute-expiry-time")?,
        })
    }

    fn write(self) -> Value {
        list(vec![
            self.message_id.unwrap_or(Value::Null),
            optional(self.user_id, Value::Binary),
            optional(self.to, Value::String),
            optional(self.subject, Value::String),
            optional(self.reply_to, Value::String),
            self.correlation_id.unwrap_or(Value::Null),
            optional(self.content_type, Value::Symbol),
            optional(self.content_encoding, Value::Symbol),
            optional(self.absolute_expiry_time, Value::Timestamp),
        ])
    }
}
