//! Tokens that are presented with proofs or certificates: line by line from files of equal length.
//! They are judged on all cores, and used up in the order of the lines.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::Path;

use rayon::prelude::*;

use jwtbench_engine::real::clock::unix_now;
use jwtbench_verifier::explanation::{Explanation, Step};
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::proof::replay::ReplayCache;
use jwtbench_verifier::proof::{AcceptedProof, ProofFault};
use jwtbench_verifier::unix_time::UnixTime;

use crate::own::lines::{Lines, TokenLine};
use crate::own::presented::{Presentation, PresentedRequest, Refusal};
use crate::own::token_judge::TokenJudge;

use super::batch::{LineBatch, Piece};
use super::{AnswerLine, Args, FaultySide};

/// The longest certificate that is read whole, in bytes of its line.
const MAX_CERTIFICATE: usize = 1 << 16;
/// The proofs that are remembered.
const MAX_REMEMBERED: usize = 1 << 20;

/// The lines of a file beside the tokens; a file that was not named has an empty line for each.
struct LinesBeside {
    lines: Option<Lines<Box<dyn Read>>>,
    batch: LineBatch,
    /// The flag, for messages.
    flag: &'static str,
}

/// A verdict on a line, before its proof is used up.
struct JudgedLine {
    number: u64,
    verdict: Result<Option<AcceptedProof>, Refusal>,
    why: Option<Explanation>,
}

impl LinesBeside {
    fn open(
        path: Option<&Path>,
        (flag, limit): (&'static str, usize),
    ) -> Result<LinesBeside, FaultySide> {
        let open = |path: &Path| match File::open(path) {
            Ok(file) => Ok(Lines::new(BufReader::new(Box::new(file) as Box<dyn Read>), limit)),
            Err(error) => {
                let shown = path.display();
                Err(FaultySide::Lines(format!("{flag} {shown}: cannot be read ({error})")))
            }
        };
        let lines = path.map(open).transpose()?;
        Ok(LinesBeside { lines, batch: LineBatch::default(), flag })
    }

    /// Takes the line of a token.
    fn take(&mut self, number: u64) -> Result<(), FaultySide> {
        let empty = TokenLine { token: b"", length: 0 };
        let line = match &mut self.lines {
            None => Some(empty),
            Some(lines) => lines.next().map_err(FaultySide::Read)?,
        };
        let Some(line) = line else {
            return Err(FaultySide::Lines(format!(
                "{} has no line {number}, and the tokens have; give each token a line, empty if it \
                 has none",
                self.flag
            )));
        };
        self.batch.push(&line);
        Ok(())
    }

    /// Whether there is no line more than there are tokens.
    fn end(&mut self, tokens: u64) -> Result<(), FaultySide> {
        let Some(lines) = &mut self.lines else {
            return Ok(());
        };
        match lines.next().map_err(FaultySide::Read)? {
            None => Ok(()),
            Some(_) => Err(FaultySide::Lines(format!(
                "{} has more lines than the {tokens} of the tokens; give each token one",
                self.flag
            ))),
        }
    }
}

impl Args {
    /// Judges all tokens with what they are presented with.
    pub(super) fn judge_presented(
        &self,
        mut benches: Vec<TokenJudge>,
        spec: &PolicySpec,
    ) -> Result<(), FaultySide> {
        if !self.nonce.is_empty() && !spec.proof.needs_nonce {
            let shown = self.policy.display();
            return Err(FaultySide::Lines(format!(
                "--nonce has no effect, as {shown} asks for none; set proof-nonce = \"required\" \
                 there"
            )));
        }
        let request = self.presented_request(spec);
        let limit = request.as_ref().map_or(0, |request| request.policy.max_bytes);
        let mut proofs = LinesBeside::open(self.proofs.as_deref(), ("--proofs", limit))?;
        let certificates = self.certificates.as_deref();
        let mut certificates =
            LinesBeside::open(certificates, ("--certificates", MAX_CERTIFICATE))?;
        let tokens = self.open().map_err(|failure| FaultySide::Lines(failure.to_string()))?;
        let source = BufReader::with_capacity(1 << 20, tokens);
        let mut lines = Lines::new(source, benches[0].max_token_bytes());
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let (mut batch, mut number) = (LineBatch::default(), 0);
        let mut used = ReplayCache::new(MAX_REMEMBERED);
        loop {
            let has_room =
                |one: &LineBatch| one.has_room() && (one.is_empty() || !lines.may_block());
            let beside = [&proofs.batch, &certificates.batch];
            if has_room(&batch)
                && beside.iter().all(|one| one.has_room())
                && let Some(line) = lines.next().map_err(FaultySide::Read)?
            {
                batch.push(&line);
                number += 1;
                proofs.take(number)?;
                certificates.take(number)?;
                continue;
            }
            if batch.is_empty() {
                out.flush().map_err(FaultySide::Write)?;
                proofs.end(number)?;
                return certificates.end(number);
            }
            let now = self.now.map_or_else(unix_now, UnixTime::from_seconds);
            let (count, request) = (benches.len(), request.as_ref());
            let pieces = batch.pieces(count).into_iter().zip(proofs.batch.pieces(count));
            let pieces: Vec<_> = pieces.zip(certificates.batch.pieces(count)).collect();
            let judged: Vec<Vec<JudgedLine>> = benches
                .par_iter_mut()
                .zip(pieces)
                .map(|(judge, ((tokens, proofs), certificates))| {
                    self.judge_piece(judge, [&tokens, &proofs, &certificates], (request, now))
                })
                .collect();
            for line in judged.into_iter().flatten() {
                let answer = line.used(&mut used, now);
                serde_json::to_writer(&mut out, &answer)
                    .map_err(io::Error::from)
                    .and_then(|()| out.write_all(b"\n"))
                    .map_err(FaultySide::Write)?;
            }
            for lines in [&mut batch, &mut proofs.batch, &mut certificates.batch] {
                lines.clear();
            }
            if lines.may_block() {
                out.flush().map_err(FaultySide::Write)?;
            }
        }
    }

    /// The request; `None` without proofs.
    fn presented_request(&self, spec: &PolicySpec) -> Option<PresentedRequest> {
        let (method, target) = self.request.clone()?;
        let (policy, leeway) = (spec.proof.clone(), spec.leeway);
        Some(PresentedRequest { method, target, nonces: self.nonce.clone(), policy, leeway })
    }

    /// The verdicts on one worker's piece of a batch.
    fn judge_piece(
        &self,
        judge: &mut TokenJudge,
        [tokens, proofs, certificates]: [&Piece<'_>; 3],
        (request, now): (Option<&PresentedRequest>, UnixTime),
    ) -> Vec<JudgedLine> {
        let beside = proofs.lines().zip(certificates.lines());
        let lines = tokens.lines().zip(beside);
        let judged = lines.map(|((number, token), ((_, proof), (_, certificate)))| {
            let presented =
                Presentation { request, proof: proof.token, certificate: certificate.token };
            let verdict = judge.judge_presented(token.token, &presented, now);
            let why =
                self.explain.then(|| explanation(judge, verdict.as_ref().err(), (&token, now)));
            JudgedLine { number, verdict, why }
        });
        judged.collect()
    }
}

/// The explanation of a verdict on a presented token.
fn explanation(
    judge: &TokenJudge,
    refusal: Option<&Refusal>,
    (token, now): (&TokenLine<'_>, UnixTime),
) -> Explanation {
    match refusal {
        None => judge.explain(Ok(()), token, now),
        Some(Refusal::Token(code)) => judge.explain(Err(*code), token, now),
        Some(Refusal::Proof(fault)) => sender(fault.compared()),
        Some(Refusal::Certificate) => sender("the certificate is not `:base64 of DER:`"),
    }
}

/// The explanation of a verdict on what a token is presented with.
fn sender(compared: &str) -> Explanation {
    Explanation { step: Step::Purpose, compared: compared.into() }
}

impl JudgedLine {
    /// Uses the proof up, and gives the answer.
    fn used(self, cache: &mut ReplayCache, now: UnixTime) -> AnswerLine {
        let JudgedLine { number, verdict, why } = self;
        let burned = |proof: Option<AcceptedProof>| -> Result<(), ProofFault> {
            proof.map_or(Ok(()), |proof| cache.burn(&proof, now))
        };
        match verdict.map(burned) {
            Ok(Ok(())) => AnswerLine::new(number, Ok(()), why),
            Ok(Err(fault)) => {
                let why = why.map(|_| sender(fault.compared()));
                AnswerLine::new(number, Err(Refusal::Proof(fault)), why)
            }
            Err(refusal) => AnswerLine::new(number, Err(refusal), why),
        }
    }
}
