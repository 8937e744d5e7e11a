//! The device's TPM at an address: J-425 to J-428, by the rules and with a real one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use provision_sim::attestation::{DeviceKey, KeyBlob, SoftwareTpm, Tpm, TpmError, TpmRefusal};
use provision_sim::device::RemoteTpm;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::tpm::{
    ACTIVATE_CREDENTIAL, CREATE_PRIMARY, FLUSH, HMAC, IMPORT, LOAD, POLICY_SECRET, PUBLIC,
    START_SESSION, STARTUP, Script, ScriptedTpm, Swtpm, code, created,
};
use crate::support::within;

fn at(address: SocketAddr) -> RemoteTpm {
    RemoteTpm::new(address.to_string().parse().unwrap())
}

/// For TPMs whose silence is what the test is about.
fn impatient(address: SocketAddr) -> RemoteTpm {
    RemoteTpm::with_patience(address.to_string().parse().unwrap(), Duration::from_millis(100))
}

/// A blob for some TPM, which a scripted one takes as any other.
fn some_blob() -> KeyBlob {
    let tpm = SoftwareTpm::with_one_pair();
    KeyBlob::wrap(&key(), tpm.endorsement_key(), tpm.storage_root_key()).unwrap()
}

fn key() -> DeviceKey {
    "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=".parse().unwrap()
}

async fn unusable(tpm: &RemoteTpm) -> String {
    match within("the keys", tpm.keys()).await {
        Err(TpmError::Unusable(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn j_426_each_thing_that_is_wanted_leaves_nothing_in_the_tpm() {
    let scripted = ScriptedTpm::raw(Script::default()).await;
    let tpm = at(scripted.address());

    let keys = within("the keys", tpm.keys()).await.unwrap();
    let signer = within("the key", tpm.take_key(some_blob().as_bytes())).await.unwrap();
    let signature = within("a signature", signer.signature(b"message")).await.unwrap();

    assert_eq!((&keys.endorsement, &keys.storage_root), (&*PUBLIC, &*PUBLIC));
    assert_eq!(signature, [7; 32]);
    let keys = [STARTUP, CREATE_PRIMARY, CREATE_PRIMARY, FLUSH, FLUSH];
    let taken = [STARTUP, CREATE_PRIMARY, CREATE_PRIMARY, START_SESSION, POLICY_SECRET];
    let signed = [STARTUP, CREATE_PRIMARY, LOAD, HMAC, FLUSH, FLUSH];
    let flushed = [ACTIVATE_CREDENTIAL, IMPORT, FLUSH, FLUSH, FLUSH];
    assert_eq!(scripted.heard(), [&keys[..], &taken, &flushed, &signed].concat());
}

#[tokio::test]
async fn j_426_what_was_made_is_removed_after_an_error_too() {
    let script = Script::default().answer(IMPORT, code(0x3DF));
    let scripted = ScriptedTpm::raw(script).await;
    let tpm = at(scripted.address());

    let refused = within("the key", tpm.take_key(some_blob().as_bytes())).await.unwrap_err();

    let address = scripted.address();
    let text = format!(
        "{address}: TPM2_Import: TPM_RC_INTEGRITY, the integrity check failed (0x3DF, parameter 3)"
    );
    assert_eq!(refused, TpmRefusal::Other(text).into());
    assert!(scripted.heard().ends_with(&[IMPORT, FLUSH, FLUSH, FLUSH]), "{:X?}", scripted.heard());
}

#[tokio::test]
async fn j_426_what_was_made_is_removed_when_nobody_waits_for_it_any_more() {
    let go = Arc::new(Notify::new());
    let mut scripted = ScriptedTpm::raw(Script::default().hold(CREATE_PRIMARY, &go)).await;
    let tpm = at(scripted.address());

    tokio::select! {
        keys = tpm.keys() => panic!("{keys:?}"),
        () = scripted.hears(|heard| heard.contains(&CREATE_PRIMARY)) => (),
    }
    go.notify_one();
    scripted.hears(|heard| heard.ends_with(&[CREATE_PRIMARY, CREATE_PRIMARY])).await;
    go.notify_one();

    scripted.hears(|heard| heard.ends_with(&[FLUSH, FLUSH])).await;
}

#[tokio::test]
async fn j_425_microsofts_simulator_is_known_by_what_it_does_and_switched_on() {
    let scripted = ScriptedTpm::simulator(Script::default()).await;
    let tpm = at(scripted.address());

    for _ in 0..2 {
        within("the keys", tpm.keys()).await.unwrap();
    }
    let once = [STARTUP, CREATE_PRIMARY, CREATE_PRIMARY, FLUSH, FLUSH];
    assert_eq!(scripted.heard(), [once, once].concat());
}

#[tokio::test]
async fn j_428_a_command_that_the_tpm_did_not_come_to_is_sent_again() {
    let script = Script::default()
        .answer(HMAC, code(0x922))
        .answer(HMAC, code(0x90A))
        .answer(HMAC, code(0x908));
    let scripted = ScriptedTpm::raw(script).await;
    let tpm = at(scripted.address());

    let signer = within("the key", tpm.take_key(some_blob().as_bytes())).await.unwrap();
    within("a signature", signer.signature(b"message")).await.unwrap();

    assert!(scripted.heard().ends_with(&[LOAD, HMAC, HMAC, HMAC, HMAC, FLUSH, FLUSH]));
}

#[tokio::test]
async fn j_425_what_is_no_tpm_is_told_in_words() {
    let http = ScriptedTpm::stranger(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    assert_eq!(
        unusable(&at(http.address())).await,
        format!(
            "{}: TPM2_Startup: its answer is none of a TPM: it does not begin as one",
            http.address()
        )
    );
    let closes = ScriptedTpm::stranger(None).await;
    assert_eq!(
        unusable(&at(closes.address())).await,
        format!(
            "{}: it answers neither a TPM command nor the handshake of Microsoft's simulator; is it the TPM's own port?",
            closes.address()
        )
    );
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text = unusable(&at(nobody)).await;
    assert!(text.contains("connection refused") && text.ends_with("is it running?"), "{text}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(
        unusable(&impatient(silent.local_addr().unwrap())).await,
        format!(
            "{}: no answer to TPM2_Startup within 100 ms; a TPM of software serves one connection at a time: does another program hold it?",
            silent.local_addr().unwrap()
        )
    );
    let old = ScriptedTpm::stranger(Some(b"\x00\xC4\0\0\0\x0A\0\0\0\x1E")).await;
    let text = unusable(&at(old.address())).await;
    assert!(text.contains("TPM_RC_BAD_TAG, it is no TPM 2.0"), "{text}");
}

#[tokio::test]
async fn j_427_a_key_that_is_none_by_the_templates_is_told_in_words() {
    let script = Script::default()
        .answer(CREATE_PRIMARY, created(PUBLIC.as_bytes()))
        .answer(CREATE_PRIMARY, created(b"\0\x03pub"));
    let scripted = ScriptedTpm::raw(script).await;

    assert_eq!(
        unusable(&at(scripted.address())).await,
        format!(
            "{}: its storage root key is of no use: its type is 0x7075, and has to be 0x0001 (RSA) or 0x0023 (ECC)",
            scripted.address()
        )
    );
}

#[tokio::test]
async fn j_427_no_more_is_signed_than_a_tpm_signs_at_once() {
    let scripted = ScriptedTpm::raw(Script::default()).await;
    let tpm = at(scripted.address());
    let signer = within("the key", tpm.take_key(some_blob().as_bytes())).await.unwrap();

    let refused = within("a signature", signer.signature(&[0; 1025])).await.unwrap_err();

    let address = scripted.address();
    assert_eq!(
        refused.to_string(),
        format!("{address}: a TPM signs 1024 bytes at once, and these are 1025")
    );
}

#[tokio::test]
async fn j_427_a_real_software_tpm_takes_a_key_and_signs_with_it() {
    let Some(swtpm) = Swtpm::start().await else { return };
    let tpm = at(swtpm.address());
    let keys = within("the keys", tpm.keys()).await.unwrap();
    let blob = KeyBlob::wrap(&key(), &keys.endorsement, &keys.storage_root).unwrap();

    let signer = within("the key", tpm.take_key(blob.as_bytes())).await.unwrap();

    // More often than there is place for keys in it.
    for message in ["one", "two", "three", "four"] {
        let signature = within("a signature", signer.signature(message.as_bytes())).await.unwrap();
        assert_eq!(signature, key().sign(message.as_bytes()), "{message}");
    }
    // Of each part a byte: the credential, its seed, the private part, its seed, the public part.
    let others = KeyBlob::wrap(&key(), &keys.endorsement, &keys.endorsement).unwrap();
    within("another's", tpm.take_key(others.as_bytes())).await.unwrap_err();
    for at in [40, 100, 350, 500, 750] {
        let mut changed = blob.as_bytes().to_vec();
        changed[at] ^= 1;
        match within("a changed blob", tpm.take_key(&changed)).await {
            Err(TpmError::Refused(TpmRefusal::Other(text))) => {
                assert!(text.contains("TPM2_"), "{at}: {text}");
            }
            other => panic!("{at}: {other:?}"),
        }
    }
    // None of these took the place of another.
    assert_eq!(within("the keys", tpm.keys()).await.unwrap(), keys);
}
