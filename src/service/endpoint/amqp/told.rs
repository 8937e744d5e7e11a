//! What a client says over AMQP, as whoever watches is told of it.

use super::hub_conversation::HubConversation;
use super::provisioning::{address_of, property};
use super::sign_in::SignIn;
use crate::amqp::engine::Event;
use crate::amqp::{Attach, Role};
use crate::service::tap::{WireAttach, WireMoment, WireSignIn};
use crate::wire::{LINK_API_VERSION, LINK_CLIENT_VERSION};

/// What comes before AMQP.
pub(super) fn begun(sign_in: &SignIn) -> WireMoment {
    let user_name = sign_in.address().map(ToString::to_string);
    WireMoment::SignIn(WireSignIn { user_name, password: sign_in.token().cloned() })
}

/// None for what says nothing of its client, or is told by others.
pub(super) fn moment(event: &Event) -> Option<WireMoment> {
    Some(match event {
        Event::Opened(open) => WireMoment::Open(open.container_id.clone()),
        Event::Asked(_, attach) => {
            WireMoment::Attach(wire_attach(attach, HubConversation::is_meant_by(event)))
        }
        Event::Closed(error) => {
            WireMoment::Close(error.as_ref().map(|error| error.condition.to_string()))
        }
        _ => return None,
    })
}

fn wire_attach(attach: &Attach, is_for_hub: bool) -> WireAttach {
    let said = |name| property(attach, name).map(str::to_owned);
    WireAttach {
        address: address_of(attach).map(str::to_owned),
        receives: attach.role == Role::Receiver,
        api_version: said(LINK_API_VERSION),
        client_version: said(LINK_CLIENT_VERSION),
        is_for_hub,
    }
}
