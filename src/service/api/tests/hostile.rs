//! Whatever comes, there is an answer, and it is none of the 500s.

use proptest::prelude::*;

use super::super::testing::{request, world};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn h_1_every_request_gets_an_answer(
        method in prop_oneof!["GET", "PUT", "POST", "DELETE", "[A-Z]{0,9}"],
        family in prop_oneof!["enrollments", "enrollmentGroups", "registrations", "\\PC{0,9}"],
        rest in prop_oneof!["", "/query", "/a", "/a/query", "/a/attestationmechanism", "(/\\PC{0,9}){0,4}"],
        if_match in "[ \"*=A-Za-z]{0,6}",
        body in prop_oneof![
            Just(String::new()),
            "\\PC{0,30}",
            r#"\{"(registrationId|enrollmentGroupId|attestation|mode|query|enrollments)":("\*"|null|\[1\]|\{\})\}"#,
        ],
    ) {
        let headers = [("if-match", if_match.as_str())];
        let request = request(&method, &format!("/{family}{rest}"), &headers, &body);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();

        let answer = runtime.block_on(world().send(request));

        prop_assert!((200..500).contains(&answer.status), "{answer:?}");
        if answer.status >= 400 {
            prop_assert_eq!(u64::from(answer.status), answer.error().1 / 1000);
        }
    }
}
