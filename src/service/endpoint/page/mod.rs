//! The page of the management listener: what came in, live, for people with a browser.
//!
//! Rendered here, from templates that escape what they are given; the script only puts fresher parts into
//! what is there, and without it the page works but for its liveness. Nothing is had from anywhere else.
//! What devices wrote passes [`inert`](crate::text::inert) on its way into a view model, so that a page
//! shows every character that could hide something.
//!
//! - `shown`: texts of others, as a page shows them.
//! - `token`: what tells a form of ours from one of another page.
//! - `site`: what the pages are made from.
//! - `assets`: style, script and icon, as they are in the program.
//! - `shell`: what stands on every page.
//! - `answer`: pages and redirects as answers, and the headers of all of them.
//! - `posted`: what a form of ours sent.
//! - `address`: addresses within the site.
//! - `live`: a part of a page that is told anew.
//! - `choose`: which enrollment is meant.
//! - `judged`: what came of a request to a webhook.
//! - `request`: requests to the service API.
//! - `registrations`: the list of what came in, live.
//! - `registration`: one of them, the whole conversation.
//! - `records`: the record of a device's registration.
//! - `enrollments`: who may register.
//! - `hubs`: the hubs, their devices and twins.
//! - `connect`: what to type for each SDK.
//! - `trial`: a simulated device, and a webhook asked without one.
//! - `faults`: what goes wrong on purpose.
//! - `router`: which path shows what.

mod address;
mod answer;
mod assets;
mod choose;
mod connect;
mod enrollments;
mod faults;
mod hubs;
mod judged;
mod live;
mod posted;
mod records;
mod registration;
mod registrations;
mod request;
mod router;
mod shell;
mod shown;
mod site;
mod token;
mod trial;

pub(super) use router::router;
pub(super) use site::Site;
pub(super) use token::Token;
