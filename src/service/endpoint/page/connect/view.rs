//! The page: an ID and an enrollment in, the exact lines out. The key stands in them only for who asked.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::Response;

use crate::recipes::{Client, Reach, Recipe, recipes};
use crate::service::endpoint::page::address::{address, asked, of_enrollment};
use crate::service::endpoint::page::answer;
use crate::service::endpoint::page::choose;
use crate::service::endpoint::page::posted::Posted;
use crate::service::endpoint::page::shell::{Section, Shell};
use crate::service::endpoint::page::site::Site;
use crate::text::inert;
use crate::wire::GLOBAL_ENDPOINT;

#[derive(Debug, Template)]
#[template(path = "page/connect.html")]
struct Page {
    shell: Shell,
    id: String,
    enrollment: String,
    enrollments: Vec<String>,
    complaint: Option<String>,
    lines: Option<Lines>,
}

/// The lines for one device and one client.
#[derive(Debug)]
struct Lines {
    tabs: Vec<Tab>,
    client: &'static str,
    sdk: &'static str,
    needs: Vec<String>,
    steps: Vec<Step>,
    enrollment: String,
    enrollment_address: String,
    /// Whether the enrollment has keys, so that one can be asked for.
    can_have_key: bool,
    key: Option<String>,
    /// Where `curl` gets the CA's certificate.
    ca: String,
}

#[derive(Debug)]
struct Tab {
    label: &'static str,
    sdk: &'static str,
    address: String,
    is_here: bool,
}

#[derive(Debug)]
struct Step {
    language: &'static str,
    text: String,
    anchor: String,
}

/// What is asked for.
struct Asked {
    id: String,
    enrollment: String,
    sdk: String,
}

/// `GET /ui/connect`.
pub(in crate::service::endpoint::page) async fn connect(
    State(site): State<Arc<Site>>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let asked = |name| asked(query.as_deref(), name);
    let asked = Asked { id: asked("id"), enrollment: asked("enrollment"), sdk: asked("sdk") };
    answer::page(&page(&site, &asked, false))
}

/// `POST /ui/connect`: the same with the device's key.
pub(in crate::service::endpoint::page) async fn with_key(
    State(site): State<Arc<Site>>,
    posted: Posted,
) -> Response<Body> {
    let text = |name| posted.text(name).unwrap_or_default().to_owned();
    let asked = Asked { id: text("id"), enrollment: text("enrollment"), sdk: text("sdk") };
    answer::page(&page(&site, &asked, true))
}

fn page(site: &Site, asked: &Asked, wants_key: bool) -> Page {
    let lines = match asked.id.is_empty() {
        true => Ok(None),
        false => lines(site, asked, wants_key).map(Some),
    };
    let (lines, complaint) = match lines {
        Ok(lines) => (lines, None),
        Err(complaint) => (None, Some(complaint)),
    };
    Page {
        shell: Shell::new(site, "Connect a device", Some(Section::Connect)),
        id: inert(&asked.id).into_owned(),
        enrollment: inert(&asked.enrollment).into_owned(),
        enrollments: choose::names(site),
        complaint,
        lines,
    }
}

fn lines(site: &Site, asked: &Asked, wants_key: bool) -> Result<Lines, String> {
    let (id, enrollment) = choose::device(site, &asked.id, &asked.enrollment)?;
    let key = choose::key(&enrollment, &id);
    let can_have_key = key.is_some();
    let key = key.filter(|_| wants_key).map(|key| key.to_base64().to_string());
    let hubs: Vec<_> =
        site.registrar.instance().linked_hubs.iter().map(|it| it.host_name.as_str()).collect();
    let scope = site.registrar.instance().id_scope.to_string();
    let [mqtt, https, amqp] = [site.mqtt, site.https, site.amqp].map(|it| it.to_string());
    let gateway = site.gateway.map(|gateway| gateway.to_string());
    let all = recipes(&Reach {
        id_scope: &scope,
        host: if gateway.is_some() { GLOBAL_ENDPOINT } else { "localhost" },
        hubs: &hubs,
        ca_file: None,
        mqtt: &mqtt,
        https: &https,
        amqp: &amqp,
        gateway: gateway.as_deref(),
        registration_id: id.as_str(),
        device_key: key.as_deref(),
    });
    let chosen = all.iter().find(|recipe| word(recipe.client) == asked.sdk);
    let chosen = chosen
        .or_else(|| all.iter().find(|recipe| recipe.client == Client::Python))
        .ok_or_else(|| "There is nothing to show.".to_owned())?;
    let tabs = all.iter().map(|recipe| {
        let sdk = word(recipe.client);
        let query = [("id", id.as_str()), ("enrollment", &*asked.enrollment), ("sdk", sdk)];
        Tab {
            label: recipe.client.title(),
            sdk,
            address: address("/ui/connect", &query),
            is_here: recipe.client == chosen.client,
        }
    });
    Ok(Lines {
        tabs: tabs.collect(),
        client: chosen.client.title(),
        sdk: word(chosen.client),
        needs: chosen.needs.iter().map(|need| inert(need).into_owned()).collect(),
        steps: steps(chosen),
        enrollment: inert(enrollment.name()).into_owned(),
        enrollment_address: of_enrollment(enrollment.kind(), enrollment.name()),
        can_have_key,
        key,
        ca: "/ca.pem".to_owned(),
    })
}

fn steps(recipe: &Recipe) -> Vec<Step> {
    let steps = recipe.steps.iter().enumerate();
    let step = |(index, step): (usize, &crate::recipes::Step)| Step {
        language: step.language,
        // Nothing but an ID, a scope and names of hubs comes from others, and none has room for tricks.
        text: step.text.clone(),
        anchor: format!("step-{index}"),
    };
    steps.map(step).collect()
}

/// A client as addresses have it.
fn word(client: Client) -> &'static str {
    match client {
        Client::C => "c",
        Client::Python => "python",
        Client::Node => "node",
        Client::DotNet => "dotnet",
        Client::Java => "java",
        Client::Az => "az",
        Client::Curl => "curl",
    }
}
