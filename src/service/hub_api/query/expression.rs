//! Conditions on a twin.
//!
//! What a twin lacks has no value, and a comparison with it, or between values of two kinds, is
//! neither true nor false (as in the SQL of Azure Cosmos DB, from which the language descends). A
//! twin is found if its condition is true.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use crate::wire::{Members, Payload};

/// A member of a twin, and of the members within.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path(pub(super) Vec<String>);

impl Path {
    /// It as it is written, if the twin has it.
    pub(super) fn text(&self, twin: &Members) -> Option<Payload> {
        let (first, within) = self.0.split_first()?;
        within.iter().try_fold(twin.get(first)?.clone(), |value, name| {
            let members: Members = serde_json::from_str(value.as_json()).ok()?;
            members.get(name).cloned()
        })
    }

    fn value(&self, twin: &Members) -> Option<Value> {
        serde_json::from_str(self.text(twin)?.as_json()).ok()
    }

    /// The last name in it.
    pub(super) fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

/// Something with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// What a twin has there.
    Member(Path),
    /// This value.
    Literal(Value),
}

impl Operand {
    fn of(&self, twin: &Members) -> Option<Cow<'_, Value>> {
        match self {
            Self::Member(path) => path.value(twin).map(Cow::Owned),
            Self::Literal(value) => Some(Cow::Borrowed(value)),
        }
    }
}

/// `= != < <= > >=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that a mark stands for.
    pub(super) fn of(mark: &str) -> Option<Self> {
        Some(match mark {
            "=" => Self::Equal,
            "!=" | "<>" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Compare(Operand, Comparison, Operand),
    In(Operand, Vec<Value>),
    IsDefined(Path),
    /// A member that is itself true or false.
    Is(Operand),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
}

impl Expression {
    /// Whether it is true of a twin.
    pub(super) fn holds(&self, twin: &Members) -> bool {
        self.truth(twin) == Some(true)
    }

    /// True, false, or neither.
    fn truth(&self, twin: &Members) -> Option<bool> {
        match self {
            Self::Compare(left, comparison, right) => {
                let (left, right) = (left.of(twin)?, right.of(twin)?);
                order(&left, &right).map(|order| comparison.holds(order))
            }
            Self::In(operand, values) => {
                let value = operand.of(twin)?;
                Some(values.iter().any(|other| order(&value, other).is_some_and(Ordering::is_eq)))
            }
            Self::IsDefined(path) => Some(path.text(twin).is_some()),
            Self::Is(operand) => operand.of(twin)?.as_bool(),
            Self::Not(inner) => inner.truth(twin).map(|truth| !truth),
            Self::And(parts) => decided_by(false, parts, twin),
            Self::Or(parts) => decided_by(true, parts, twin),
        }
    }
}

/// One part with this truth decides; otherwise all must be known.
fn decided_by(truth: bool, parts: &[Expression], twin: &Members) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match part.truth(twin) {
            Some(found) if found == truth => return Some(truth),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(!truth)
}

/// How two values of one kind are ordered.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (left, right) => (left == right).then_some(Ordering::Equal),
    }
}
