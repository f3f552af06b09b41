//! The class table, with a row for every kind of faulty or good token that this suite knows. The
//! rows follow the contract's order of work.

mod claims;
mod deviation;
mod force;
mod form;
mod good;
mod key;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use jwtbench_verifier::rejection::Rejection;

use crate::token::class::{ClassRow, Deviation, Family, Flood, KeyRole, Need, Stage};
use crate::token::draft::Draft;

type Alter = fn(&mut Draft<'_>);

/// The class of the user's own tokens, which are not minted here.
static OWN: ClassRow = row(
    "own",
    None,
    Stage::Good,
    "A token of your own; what is due is what the core says.",
    |_| {},
)
.kept()
.deviates(deviation::OWN);

/// The number of tokens of a class if it does not depend on holders. It is enough for every
/// variant.
const POOL: u32 = 120;

/// The table. The class of the user's own tokens is at its end.
pub static CLASSES: LazyLock<Vec<&'static ClassRow>> = LazyLock::new(|| {
    let good = good::ROWS.iter().chain(&form::ROWS).chain(&key::ROWS);
    good.chain(&claims::ROWS).chain(&force::ROWS).chain([&OWN]).collect()
});

const fn row(
    name: &'static str,
    due: Option<Rejection>,
    stage: Stage,
    about: &'static str,
    alter: Alter,
) -> ClassRow {
    ClassRow {
        name,
        due,
        stage,
        forged: false,
        need: Need::Nothing,
        only: None,
        signing_key: KeyRole::Current,
        pool: POOL,
        is_reissued: matches!(stage, Stage::Good),
        asks_for_key: false,
        is_versioned: false,
        flood: None,
        deviation: None,
        about,
        alter,
    }
}

impl ClassRow {
    const fn forged(mut self) -> ClassRow {
        self.forged = true;
        self
    }

    const fn needs(mut self, need: Need) -> ClassRow {
        self.need = need;
        self
    }

    const fn only(mut self, family: Family) -> ClassRow {
        self.only = Some(family);
        self
    }

    const fn signed_with(mut self, key: KeyRole) -> ClassRow {
        self.signing_key = key;
        self
    }

    const fn pool(mut self, pool: u32) -> ClassRow {
        self.pool = pool;
        self
    }

    const fn kept(mut self) -> ClassRow {
        self.is_reissued = false;
        self
    }

    const fn asks_for_key(mut self) -> ClassRow {
        self.asks_for_key = true;
        self
    }

    const fn versioned(mut self) -> ClassRow {
        self.is_versioned = true;
        self
    }

    const fn flood(mut self, flood: Flood) -> ClassRow {
        self.flood = Some(flood);
        self
    }

    const fn deviates(mut self, deviation: Deviation) -> ClassRow {
        self.deviation = Some(deviation);
        self
    }
}

fn base64_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The text with an unused bit of its last character set. A lax decoder decodes it to the same
/// bytes. `None` if the text has no unused bits.
fn stray_bits(text: &str) -> Option<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = text.bytes().last().filter(|_| !text.len().is_multiple_of(4))?;
    let value = ALPHABET.iter().position(|known| *known == last)?;
    Some(format!("{}{}", &text[..text.len() - 1], char::from(ALPHABET[value | 1])))
}

/// A text that is not empty and not among those taken: the one given, or a similar one. `taken`
/// must not be empty.
fn unlike(taken: &[String], mut text: String) -> String {
    if text.is_empty() {
        text.clone_from(&taken[0]);
    }
    while taken.contains(&text) {
        text.push_str("-v2");
    }
    text
}

/// Moves `iat` and `exp` this many seconds into the past.
fn age(draft: &mut Draft<'_>, seconds: i64) {
    draft.claims.insert("iat".into(), json!(draft.issued_at - seconds));
    draft.claims.insert("exp".into(), json!(draft.issued_at - seconds + draft.lifetime));
}
