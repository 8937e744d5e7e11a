//! Devices that are connected over AMQP, have both of their links, and then say nothing but that they
//! live: a connection of the library's own, over TLS.

use std::sync::Arc;
use std::time::Duration;

use provision_sim::amqp::engine::{Connection, Event, Limits};
use provision_sim::amqp::{
    Attach, Frame, Kind, Open, Protocol, Role, Sasl, SaslCode, Symbol, Terminus, Value, next_frame,
};
use provision_sim::net::{Route, dial};
use provision_sim::wire::{AMQP_PORT, LINK_API_VERSION, RegistrationId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::{AT_ONCE, World};

/// After how long a device shows that it lives.
const BEAT: Duration = Duration::from_secs(60);

/// Connects them; each then goes on until its connection ends, which is told as an error.
pub async fn take_seats(
    world: &Arc<World>,
    devices: u64,
) -> Vec<impl Future<Output = Result<(), String>> + Send + use<>> {
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let tasks: Vec<_> = (0..devices)
        .map(|number| {
            let (world, gate) = (world.clone(), gate.clone());
            tokio::spawn(async move {
                let _turn = gate.acquire_owned().await.expect("a turn");
                Seat::take(&world, number).await.expect("a connection")
            })
        })
        .collect();
    let mut seats = Vec::new();
    for task in tasks {
        seats.push(task.await.expect("a device").stay());
    }
    seats
}

struct Seat {
    stream: TlsStream<TcpStream>,
    engine: Connection,
    inbox: Vec<u8>,
}

impl Seat {
    async fn take(world: &World, number: u64) -> Result<Self, String> {
        let id: RegistrationId = format!("idle-amqp-{number}").parse().expect("an ID");
        let address = format!("{}/registrations/{id}", world.id_scope);
        let token = world.token(&id);
        let route = Route::default();
        let dialed = dial(&world.amqp, AMQP_PORT, &route, world.tls.clone(), |_| {});
        let stream = dialed.await.map_err(|error| error.to_string())?.stream;
        let engine = Connection::new(Open::default(), Limits::default());
        let mut seat = Self { stream, engine, inbox: Vec::new() };
        seat.sign_in(format!("\0{address}\0{}", token.as_str())).await?;
        seat.attach(&address).await?;
        Ok(seat)
    }

    async fn sign_in(&mut self, response: String) -> Result<(), String> {
        let mut first = Protocol::Sasl.bytes().to_vec();
        let (mechanism, response) = (Symbol::known("PLAIN"), Some(response.into_bytes()));
        Frame::Sasl(Sasl::Init { mechanism, response, hostname: None }).write(&mut first);
        self.say(&first).await?;
        self.header().await?;
        loop {
            match next_frame(&self.inbox, Kind::Sasl, 512).map_err(|error| error.to_string())? {
                Some((frame, used)) => {
                    self.inbox.drain(..used);
                    match frame {
                        Frame::Sasl(Sasl::Outcome(SaslCode::Ok)) => break,
                        Frame::Sasl(Sasl::Mechanisms(_)) => {}
                        other => return Err(format!("{other:?}")),
                    }
                }
                None => self.fill().await?,
            }
        }
        self.say(&Protocol::Amqp.bytes()).await?;
        self.header().await
    }

    /// One session with a link either way, as the SDKs have it.
    async fn attach(&mut self, address: &str) -> Result<(), String> {
        self.engine.open();
        let session = self.engine.begin().ok_or("no session")?;
        for (name, role) in [("receiver", Role::Receiver), ("sender", Role::Sender)] {
            let (there, here) = (Some(Terminus::at(address)), Some(Terminus::default()));
            let (source, target) = match role {
                Role::Receiver => (there, here),
                Role::Sender => (here, there),
            };
            let attach = Attach {
                name: name.to_owned(),
                handle: 0,
                role,
                snd_settle_mode: None,
                rcv_settle_mode: None,
                source,
                target,
                initial_delivery_count: (role == Role::Sender).then_some(0),
                max_message_size: None,
                properties: vec![(Value::symbol(LINK_API_VERSION), Value::text("2021-06-01"))],
            };
            let link = self.engine.attach(session, attach).ok_or("no link")?;
            if role == Role::Receiver {
                self.engine.grant(link, 100);
            }
        }
        let mut attached = 0;
        while attached < 2 {
            match self.engine.next_event() {
                Some(Event::Attached(..)) => attached += 1,
                Some(Event::Opened(_) | Event::Begun { .. } | Event::Credit(..)) => {}
                Some(other) => return Err(format!("{other:?}")),
                None => self.turn().await?,
            }
        }
        Ok(())
    }

    /// Says what there is to say, and takes what comes.
    async fn turn(&mut self) -> Result<(), String> {
        let said = self.engine.output();
        self.say(&said).await?;
        if self.inbox.is_empty() {
            self.inbox = Vec::new();
        }
        self.fill().await?;
        self.engine.read(&mut self.inbox).map_err(|error| error.to_string())
    }

    async fn stay(mut self) -> Result<(), String> {
        loop {
            match timeout(BEAT, self.turn()).await {
                Ok(ended) => ended?,
                Err(_) => self.engine.beat(),
            }
            match self.engine.next_event() {
                None | Some(Event::Credit(..)) => {}
                Some(other) => return Err(format!("{other:?}")),
            }
        }
    }

    async fn header(&mut self) -> Result<(), String> {
        while self.inbox.len() < Protocol::LENGTH {
            self.fill().await?;
        }
        let _ = self.inbox.drain(..Protocol::LENGTH);
        Ok(())
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(|error| error.to_string())?;
        self.stream.flush().await.map_err(|error| error.to_string())
    }

    async fn fill(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.inbox).await {
            Ok(0) => Err("the service hung up".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}
