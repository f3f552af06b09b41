//! The judge: two judgements of every operation, the ledger in which they are entered, and the
//! evaluation of a scenario's expectations. The module knows no contender, clock or socket.

pub mod evaluate;
pub mod finding;
pub mod history;
pub mod judgement;
pub mod ledger;
mod state;
mod steady;

pub(crate) use steady::verdict_stream;

#[cfg(test)]
mod tests {
    use jwtbench_result::record::outcome::OUTAGES;
    use jwtbench_verifier::rejection::Rejection;

    #[test]
    fn a_result_knows_the_codes_of_outages() {
        let outages = Rejection::ALL.iter().filter(|code| code.status() == 503);
        assert!(outages.map(|code| code.code()).eq(OUTAGES));
    }
}
