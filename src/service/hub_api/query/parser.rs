//! Words to a query, by descent.

use serde_json::Value;

use super::expression::{Comparison, Expression, Operand, Path};
use super::statement::{Query, QueryError, Selection};
use super::word::{Kind, Word, words};

/// How deeply parentheses and NOTs may be nested: more than anybody writes, and no danger for the
/// stack.
const MAX_DEPTH: usize = 64;

/// What a twin has at its top, besides tags and properties.
const MEMBERS: [&str; 16] = [
    "deviceId",
    "etag",
    "deviceEtag",
    "status",
    "statusReason",
    "statusUpdateTime",
    "connectionState",
    "lastActivityTime",
    "cloudToDeviceMessageCount",
    "authenticationType",
    "x509Thumbprint",
    "version",
    "tags",
    "properties",
    "capabilities",
    "moduleId",
];

impl Query {
    /// Reads `SELECT … FROM devices [WHERE …][;]`.
    ///
    /// # Errors
    ///
    /// The first word that does not belong there.
    pub(in crate::service::hub_api) fn read(text: &str) -> Result<Self, QueryError> {
        let mut parser = Parser { text, words: words(text), at: 0, depth: 0 };
        let query = parser.query()?;
        parser.accept(";");
        match parser.word().kind {
            Kind::End => Ok(query),
            _ => {
                Err(parser
                    .expected("the query ends here; WHERE takes conditions with AND, OR and NOT"))
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word<'a>>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn query(&mut self) -> Result<Query, QueryError> {
        self.require("SELECT")?;
        let top = self.top()?;
        let selection = self.selection()?;
        self.require("FROM")?;
        self.require("devices")?;
        let condition = if self.accept("WHERE") { Some(self.any_of()?) } else { None };
        Ok(Query { top, selection, condition })
    }

    fn top(&mut self) -> Result<Option<usize>, QueryError> {
        if !self.accept("TOP") {
            return Ok(None);
        }
        let is_in_parentheses = self.accept("(");
        let count = match &self.word().kind {
            Kind::Literal(Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let count = count.and_then(|count| usize::try_from(count).ok());
        let count = count.ok_or_else(|| self.expected("TOP takes a whole number"))?;
        self.advance();
        if is_in_parentheses {
            self.require(")")?;
        }
        Ok(Some(count))
    }

    fn selection(&mut self) -> Result<Selection, QueryError> {
        if self.accept("*") {
            return Ok(Selection::Everything);
        }
        if self.word().is("COUNT") && self.following_is("(") {
            self.advance();
            self.require("(")?;
            self.require(")")?;
            return Ok(Selection::Count(self.alias()?.unwrap_or_else(|| "$1".to_owned())));
        }
        let mut columns = Vec::new();
        loop {
            let path = self.path()?;
            let name = self.alias()?.unwrap_or_else(|| path.last().to_owned());
            columns.push((path, name));
            if !self.accept(",") {
                return Ok(Selection::Columns(columns));
            }
        }
    }

    fn alias(&mut self) -> Result<Option<String>, QueryError> {
        if !self.accept("AS") {
            return Ok(None);
        }
        match self.word() {
            Word { kind: Kind::Name, text, .. } => {
                let name = (*text).to_owned();
                self.advance();
                Ok(Some(name))
            }
            _ => Err(self.expected("AS takes a name")),
        }
    }

    fn any_of(&mut self) -> Result<Expression, QueryError> {
        let first = self.all_of()?;
        let mut parts = vec![first];
        while self.accept("OR") {
            parts.push(self.all_of()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn all_of(&mut self) -> Result<Expression, QueryError> {
        let mut parts = vec![self.condition()?];
        while self.accept("AND") {
            parts.push(self.condition()?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn condition(&mut self) -> Result<Expression, QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(self.expected("conditions may not be nested so deeply"));
        }
        self.depth += 1;
        let condition = if self.accept("NOT") {
            self.condition().map(|inner| Expression::Not(Box::new(inner)))
        } else if self.accept("(") {
            self.any_of().and_then(|inner| self.require(")").map(|()| inner))
        } else if self.word().is("IS_DEFINED") && self.following_is("(") {
            self.is_defined()
        } else {
            self.comparison()
        };
        self.depth -= 1;
        condition
    }

    fn is_defined(&mut self) -> Result<Expression, QueryError> {
        self.advance();
        self.require("(")?;
        let path = self.path()?;
        self.require(")")?;
        Ok(Expression::IsDefined(path))
    }

    fn comparison(&mut self) -> Result<Expression, QueryError> {
        let left = self.operand()?;
        if self.accept("IN") {
            return Ok(Expression::In(left, self.list()?));
        }
        if self.accept("NIN") || (self.word().is("NOT") && self.following_is("IN")) {
            if self.accept("NOT") {
                self.advance();
            }
            let found = Expression::In(left, self.list()?);
            return Ok(Expression::Not(Box::new(found)));
        }
        let word = self.word();
        let comparison = if word.kind == Kind::Mark { Comparison::of(word.text) } else { None };
        match comparison {
            Some(comparison) => {
                self.advance();
                Ok(Expression::Compare(left, comparison, self.operand()?))
            }
            None if self.may_end() => Ok(Expression::Is(left)),
            None => Err(self.expected("a comparison is one of = != <> < <= > >= IN NIN")),
        }
    }

    /// Whether a condition may end before the next word.
    fn may_end(&self) -> bool {
        let word = self.word();
        word.kind == Kind::End
            || ["AND", "OR", ")", ";", "GROUP", "ORDER"].iter().any(|it| word.is(it))
    }

    fn operand(&mut self) -> Result<Operand, QueryError> {
        if let Kind::Literal(value) = &self.word().kind {
            let value = value.clone();
            self.advance();
            return Ok(Operand::Literal(value));
        }
        self.path().map(Operand::Member)
    }

    fn list(&mut self) -> Result<Vec<Value>, QueryError> {
        let end = if self.accept("(") { ")" } else { "]" };
        if end == "]" {
            self.require("[")?;
        }
        let mut values = Vec::new();
        loop {
            let Kind::Literal(value) = &self.word().kind else {
                return Err(self.expected("a list takes texts, numbers, true, false and null"));
            };
            values.push(value.clone());
            self.advance();
            if !self.accept(",") {
                break;
            }
        }
        self.require(end)?;
        Ok(values)
    }

    /// `[devices.]member[.member…]`. The first member is known, so a misspelt one can be told.
    fn path(&mut self) -> Result<Path, QueryError> {
        if self.word().is("devices") && self.following_is(".") {
            self.advance();
            self.advance();
        }
        let word = self.word();
        let is_name = word.kind == Kind::Name;
        let known = MEMBERS.iter().find(|known| is_name && word.text.eq_ignore_ascii_case(known));
        let Some(known) = known else {
            return Err(
                self.expected(&format!("a condition or selection names {}", MEMBERS.join(", ")))
            );
        };
        let mut names = vec![(*known).to_owned()];
        self.advance();
        while self.accept(".") {
            let name = match self.word() {
                Word { kind: Kind::Quoted(name), .. } => name.clone(),
                Word { kind: Kind::Name, text, .. } => (*text).to_owned(),
                _ => return Err(self.expected("a member's name; [[…]] takes any")),
            };
            names.push(name);
            self.advance();
        }
        Ok(Path(names))
    }

    fn word(&self) -> &Word<'a> {
        // The last word is the end, and nothing goes beyond it.
        &self.words[self.at.min(self.words.len() - 1)]
    }

    fn following_is(&self, text: &str) -> bool {
        self.words.get(self.at + 1).is_some_and(|word| word.is(text))
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    fn accept(&mut self, text: &str) -> bool {
        let is_it = self.word().is(text);
        if is_it {
            self.advance();
        }
        is_it
    }

    fn require(&mut self, text: &str) -> Result<(), QueryError> {
        if self.accept(text) { Ok(()) } else { Err(self.expected(&format!("{text} is expected"))) }
    }

    fn expected(&self, expected: &str) -> QueryError {
        let word = self.word();
        let found = match word.kind {
            Kind::End => "the end of the text".to_owned(),
            _ => format!("{:?}", word.text),
        };
        let position = self.text[..word.start].chars().count() + 1;
        QueryError { found, position, expected: expected.to_owned() }
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.swap_remove(0) } else { many(parts) }
}
