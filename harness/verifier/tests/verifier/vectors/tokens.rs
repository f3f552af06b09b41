//! Whole tokens that others signed: the examples of the RFCs, and one for the longest key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::vectors::{ACCEPTED, Case, Group, REFUSED, Tally, check};

#[derive(Deserialize)]
struct Vector {
    source: String,
    jwk: serde_json::Value,
    token: String,
}

#[test]
fn tokens_of_others() {
    let text = include_str!("tokens.json");
    let vectors: Vec<Vector> = serde_json::from_str(text).expect("the vectors");
    assert_eq!(vectors.len(), 7, "as many as there are");
    for Vector { source, jwk, token } in vectors {
        let (message, signature) = token.rsplit_once('.').expect("a token");
        let message = message.as_bytes().to_vec();
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let mut altered = signature.clone();
        altered[signature.len() / 2] ^= 1;
        let cases = vec![
            Case { id: 1, message: message.clone(), signature, due: ACCEPTED },
            Case { id: 2, message, signature: altered, due: REFUSED },
        ];
        let groups = [Group { jwk: jwk.to_string(), cases }];
        check(&source, &groups, Tally { accepted: 1, refused: 1, weak: 0 });
    }
}
