//! Lists of devices in each of their forms.

use proptest::prelude::*;

use super::*;
use crate::pki::TestPki;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

fn no_files() -> ReadFile {
    Arc::new(|_| Err(std::io::ErrorKind::NotFound.into()))
}

fn read(text: &str) -> Result<Vec<Member>, String> {
    let list = Cursor::new(text.to_owned());
    listed(list, Shard::WHOLE, no_files())
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

fn names(members: &[Member]) -> Vec<(u64, &str)> {
    members.iter().map(|member| (member.number, member.registration_id.as_str())).collect()
}

#[test]
fn plain_lines_are_names() {
    let members = read("\n  pump-1\r\n\npump-2\npump-3").unwrap();

    assert_eq!(names(&members), [(0, "pump-1"), (1, "pump-2"), (2, "pump-3")]);
    assert_eq!(read("").unwrap().len(), 0);
}

#[test]
fn all_forms_say_the_same() {
    let json = format!(
        "{{\"registrationId\":\"pump-1\",\"payload\":{{\"a\":\"b,c\"}},\"deviceKey\":\"{KEY}\"}}\n\
         {{\"registrationId\":\"pump-2\",\"expectedHub\":\"a.net\"}}\n"
    );
    let csv = format!(
        "expectedHub, registrationId,deviceKey,payload\n\
         ,pump-1,{KEY},\"{{\"\"a\"\":\"\"b,c\"\"}}\"\n\
         a.net,pump-2,,\n"
    );

    for text in [json, csv] {
        let members = read(&text).unwrap();

        let [first, second] = &members[..] else { panic!("{members:?}") };
        assert_eq!(names(&members), [(0, "pump-1"), (1, "pump-2")]);
        assert_eq!(first.payload.as_ref().unwrap().as_json(), r#"{"a":"b,c"}"#);
        let Some(Credential::SymmetricKey(key)) = &first.credential else { panic!("{first:?}") };
        assert_eq!(*key, KEY.parse().unwrap());
        assert_eq!(first.expected_hub, None);
        assert_eq!(second.expected_hub, Some("a.net".parse().unwrap()));
        assert!(second.payload.is_none() && second.credential.is_none());
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_without_keys() {
    let secret = "c2VjcmV0c2VjcmV0c2VjcmV0!";
    let long = "x".repeat(MAX_MESSAGE);
    for (text, said) in [
        ("a\n\nb c\n".to_owned(), "line 3: \"b c\" is no registration ID"),
        ("{\"registrationId\":\"a\"}\n{\"id\":\"b\"}".to_owned(), "line 2: unknown member `id`"),
        (
            "{\"registrationId\":5}".to_owned(),
            "line 1: registrationId: expected a string, found the number 5",
        ),
        ("{}".to_owned(), "line 1: the member `registrationId` is missing"),
        ("\nregistrationId,hub\na,b".to_owned(), "line 2: there is no column \"hub\""),
        ("registrationId,payload\na,1\nb".to_owned(), "line 3: it has 1 fields, and the header 2"),
        ("registrationId,payload\na,{".to_owned(), "line 2: payload: not valid JSON"),
        (format!("registrationId,payload\na,{{\"x\":\"{long}\"}}"), "line 2: "),
        (format!("{{\"registrationId\":\"a\",\"payload\":\"{long}\"}}"), "line 1: payload: it has"),
        (format!("registrationId,deviceKey\na,{secret}"), "line 2: deviceKey: "),
        (format!("{{\"registrationId\":\"a\",\"deviceKey\":\"{secret}\"}}"), "line 1: deviceKey: "),
        (
            format!("registrationId,deviceKey,certificate\na,{KEY},a.pem"),
            "line 2: it has both a deviceKey and a certificate",
        ),
        (
            "registrationId,certificateKey\na,a.pem".to_owned(),
            "line 2: it has a certificateKey, but",
        ),
        (
            "registrationId,certificate\na,a.pem".to_owned(),
            "line 2: certificate: cannot read a.pem: ",
        ),
        (format!("registrationId,certificate\na,-----BEGIN {secret}"), "line 2: certificate: "),
        (
            "{\"registrationId\":\"a\",\"certificate\":{}}".to_owned(),
            "line 1: certificate: expected a string, found an object",
        ),
        ("{\"registrationId\":nul}".to_owned(), "line 1: it is not JSON: column "),
        ("{\"registrationId\":\"a\"} x".to_owned(), "line 1: it is not JSON: column 24: more text"),
        (
            "{\"registrationId\":\"a\"".to_owned(),
            "line 1: it is not JSON: column 21: the text ends",
        ),
        (
            "registrationId,expectedErrorCode\na,teapot".to_owned(),
            "line 2: expectedErrorCode: expected a number such as 400207, or a kind of failure such \
             as deadline, found \"teapot\"",
        ),
        (
            "registrationId,expectedErrorCode,expectedHub\na,400207,b.net".to_owned(),
            "line 2: it has both an expectedHub and an expectedErrorCode",
        ),
    ] {
        let error = read(&text).unwrap_err();

        assert!(error.starts_with(said), "{said}: {error}");
        assert!(!error.contains(secret), "{error}");
    }
    let bytes =
        listed(Cursor::new(b"registrationId\n\xff\xfe".to_vec()), Shard::WHOLE, no_files()).next();
    assert!(bytes.unwrap().unwrap_err().to_string().contains("not UTF-8"));
}

/// J-168.
#[test]
fn d_5_certificates_are_pem_or_files_beside_the_list() {
    let made = TestPki::new().unwrap().device(&"pump-1".parse().unwrap()).unwrap();
    let (chain, key) = (made.chain_pem().to_owned(), made.key_pem().to_string());
    let escaped = |pem: &str| serde_json::to_string(pem).unwrap();
    let within = format!(
        "{{\"registrationId\":\"pump-1\",\"certificate\":{},\"certificateKey\":{}}}",
        escaped(&chain),
        escaped(&key)
    );
    let both = format!("{chain}{key}");
    let files: ReadFile = Arc::new(move |name| match name {
        "pump-1.pem" => Ok(Zeroizing::new(both.clone().into_bytes())),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    });
    let read = |text: String| {
        let mut members = listed(Cursor::new(text), Shard::WHOLE, files.clone());
        members.next().unwrap().map_err(|error| error.to_string())
    };

    for text in [within, "registrationId,certificate\npump-1,pump-1.pem".to_owned()] {
        let member = read(text).unwrap();
        let Some(Credential::X509(proof)) = &member.credential else { panic!("{member:?}") };
        assert_eq!(proof.leaf().common_name(), Some("pump-1"));
    }
    let other = read("registrationId,certificate\npump-2,pump-1.pem".to_owned()).unwrap_err();
    assert!(other.starts_with("line 2: certificate: ") && other.contains("pump-1"), "{other}");
}

/// J-231.
#[test]
fn a_code_that_is_expected_is_a_number_or_a_kind_of_failure() {
    let json = "{\"registrationId\":\"a\",\"expectedErrorCode\":400207}\n\
                {\"registrationId\":\"b\",\"expectedErrorCode\":\"deadline\"}\n\
                {\"registrationId\":\"c\",\"expectedErrorCode\":null}\n";
    let csv = "registrationId,expectedErrorCode\na,400207\nb,deadline\nc,\n";

    for list in [json, csv] {
        let codes: Vec<_> =
            read(list).unwrap().into_iter().map(|member| member.expected_error_code).collect();
        assert_eq!(codes, [Some("400207".to_owned()), Some("deadline".to_owned()), None]);
    }
}

#[test]
fn a_shard_takes_its_devices_with_the_numbers_that_they_have_in_the_whole() {
    let shard = Shard::new(1, 3).unwrap();

    let listed: Vec<_> =
        listed(Cursor::new("a\nb\nc\nd\ne\n"), shard, no_files()).map(Result::unwrap).collect();
    let numbered: Vec<_> =
        numbered("d-{n}".parse().unwrap(), 5, shard).map(Result::unwrap).collect();

    assert_eq!(names(&listed), [(1, "b"), (4, "e")]);
    assert_eq!(names(&numbered), [(1, "d-1"), (4, "d-4")]);
}

/// J-240.
#[test]
fn an_expected_hub_that_cannot_be_is_told_with_its_line() {
    let error =
        read("{\"registrationId\":\"a\"}\n{\"registrationId\":\"b\",\"expectedHub\":\"x y\"}\n");

    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("line 2: expectedHub: \"x y\" is no name of a hub"), "{error}");
}

proptest! {
    #[test]
    fn every_name_written_is_read_in_each_form(
        ids in proptest::collection::vec("[a-z][a-z0-9:.-]{0,10}[a-z0-9]", 1..40),
    ) {
        let plain = ids.join("\n");
        let json: String = ids.iter().map(|id| format!("{{\"registrationId\":\"{id}\"}}\n")).collect();
        let csv = format!("registrationId\n{plain}");

        for text in [plain, json, csv] {
            let members = read(&text).unwrap();
            let found: Vec<_> = members.iter().map(|m| m.registration_id.as_str().to_owned()).collect();
            prop_assert_eq!(&found, &ids);
        }
    }

    #[test]
    fn no_list_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = listed(Cursor::new(bytes), Shard::WHOLE, no_files()).take(300).count();
    }

    #[test]
    fn no_csv_makes_it_panic(text in "[a-z\",{}\n:]{0,100}") {
        let _ = read(&format!("registrationId,payload\n{text}"));
    }
}
