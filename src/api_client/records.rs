//! Enrollments and enrollment groups, as the service writes them (E.1, E.2, E.5).

use std::fmt;

use hyper::Method;
use hyper::header::{HeaderMap, HeaderValue, IF_MATCH};
use percent_encoding::utf8_percent_encode;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Answer, CallError, ServiceClient};
use crate::wire::RESERVED;

const CONTINUATION: &str = "x-ms-continuation";

/// The two kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// An enrollment of one device.
    Individual,
    /// An enrollment group.
    Group,
}

impl Kind {
    /// Groups first, as files of records have them.
    pub const ALL: [Self; 2] = [Self::Group, Self::Individual];

    /// The member that names a record of this kind.
    pub fn id_member(self) -> &'static str {
        match self {
            Self::Individual => "registrationId",
            Self::Group => "enrollmentGroupId",
        }
    }

    /// The first segment of its paths; also the member of bulk calls and exports.
    pub fn collection(self) -> &'static str {
        match self {
            Self::Individual => "enrollments",
            Self::Group => "enrollmentGroups",
        }
    }

    /// What people call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Individual => "enrollment",
            Self::Group => "enrollment group",
        }
    }

    fn path(self, id: &str) -> String {
        format!("/{}/{}", self.collection(), utf8_percent_encode(id, RESERVED))
    }
}

/// JSON exactly as the service sent it; serializes to the same text. It may hold keys, so `Debug`
/// does not show it.
#[derive(Clone)]
pub struct Record(Box<RawValue>);

impl Record {
    /// The text as it came.
    pub fn as_json(&self) -> &str {
        self.0.get()
    }

    /// The same, read.
    pub fn value(&self) -> Value {
        // It was checked when it came; only numbers out of range are left to go wrong.
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes)", self.0.get().len())
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl ServiceClient {
    /// Creates a record, or with `if_match` (an etag, or `*`) replaces it. The answer holds
    /// symmetric keys, made ones too.
    ///
    /// # Errors
    ///
    /// 409 if it is there already, 412 if it is another version.
    pub async fn put(
        &self,
        kind: Kind,
        id: &str,
        record: &impl ToString,
        if_match: Option<&HeaderValue>,
    ) -> Result<Record, CallError> {
        let body = record.to_string();
        let path = kind.path(id);
        let put = self.ending(Method::PUT, &path, matching(if_match), body.clone()).await;
        let answer = match put.result {
            // An earlier try has made it, and its answer was lost.
            Err(CallError::Refused(refusal))
                if refusal.status == 409 && if_match.is_none() && put.may_be_done =>
            {
                let any = HeaderValue::from_static("*");
                self.call(Method::PUT, &path, matching(Some(&any)), body).await?
            }
            result => result?,
        };
        self.read(&answer)
    }

    /// A record without symmetric keys.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<Record, CallError> {
        self.read(&self.call(Method::GET, &kind.path(id), HeaderMap::new(), "").await?)
    }

    /// The attestation of a record, with its keys.
    ///
    /// # Errors
    ///
    /// 404 if there is no such record.
    pub async fn attestation(&self, kind: Kind, id: &str) -> Result<Record, CallError> {
        let path = format!("{}/attestationmechanism", kind.path(id));
        self.read(&self.call(Method::POST, &path, HeaderMap::new(), "").await?)
    }

    /// Deletes a record; with `if_match`, only that version.
    ///
    /// # Errors
    ///
    /// 404 if there is none, 412 if it is another version.
    pub async fn delete(
        &self,
        kind: Kind,
        id: &str,
        if_match: Option<&HeaderValue>,
    ) -> Result<(), CallError> {
        self.remove(&kind.path(id), matching(if_match)).await
    }

    /// Deletes what is at a path. That it is not there is no error behind a try that may have deleted
    /// it.
    pub(super) async fn remove(&self, path: &str, headers: HeaderMap) -> Result<(), CallError> {
        let ending = self.ending(Method::DELETE, path, headers, "").await;
        match ending.result {
            Err(CallError::Refused(refusal)) if refusal.status == 404 && ending.may_be_done => {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// All records of a kind without symmetric keys, page by page.
    ///
    /// # Errors
    ///
    /// If a page cannot be had.
    pub async fn list(&self, kind: Kind) -> Result<Vec<Record>, CallError> {
        self.list_first(kind, usize::MAX).await
    }

    /// As [`list`](Self::list), but no more than `count` records.
    ///
    /// # Errors
    ///
    /// If a page cannot be had.
    pub async fn list_first(&self, kind: Kind, count: usize) -> Result<Vec<Record>, CallError> {
        let path = format!("/{}/query", kind.collection());
        self.pages(&path, r#"{"query":"SELECT *"}"#, count).await
    }

    /// The pages of a query, until there is none left or there are `count` records.
    pub(super) async fn pages(
        &self,
        path: &str,
        query: &'static str,
        count: usize,
    ) -> Result<Vec<Record>, CallError> {
        let (mut records, mut headers) = (Vec::new(), HeaderMap::new());
        loop {
            let answer = self.call(Method::POST, path, headers.clone(), query).await?;
            let page = serde_json::from_slice::<Vec<Box<RawValue>>>(&answer.body);
            records.extend(page.map_err(|_| self.not_understood(&answer))?.into_iter().map(Record));
            if records.len() >= count {
                records.truncate(count);
                return Ok(records);
            }
            match answer.headers.get(CONTINUATION).filter(|token| !token.is_empty()) {
                // A service that answers with the token it was given would be asked forever.
                Some(token) if headers.get(CONTINUATION) != Some(token) => {
                    headers.insert(CONTINUATION, token.clone());
                }
                _ => return Ok(records),
            }
        }
    }

    pub(super) fn read(&self, answer: &Answer) -> Result<Record, CallError> {
        let record = serde_json::from_slice::<Box<RawValue>>(&answer.body);
        let record = record.ok().filter(|record| record.get().starts_with('{'));
        record.map(Record).ok_or_else(|| self.not_understood(answer))
    }

    fn not_understood(&self, answer: &Answer) -> CallError {
        CallError::NotUnderstood { host: self.host().to_owned(), status: answer.status.as_u16() }
    }
}

pub(super) fn matching(if_match: Option<&HeaderValue>) -> HeaderMap {
    if_match.map(|etag| (IF_MATCH, etag.clone())).into_iter().collect()
}
