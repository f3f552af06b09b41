//! `verify`: gives a verdict on every token of a file or of standard input, under a policy and a
//! key set from files, on all cores. Nothing is measured and nothing is fetched.

pub(crate) mod batch;
mod presented;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::PathBuf;

use batch::{LineBatch, Piece};
use clap::Args as ClapArgs;
use rayon::prelude::*;
use serde::Serialize;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::clock::unix_now;
use jwtbench_verifier::backend::Backend;
use jwtbench_verifier::explanation::Explanation;
use jwtbench_verifier::proof::Target;
use jwtbench_verifier::unix_time::UnixTime;

use crate::flag::filter::meant;
use crate::output::tell;
use crate::own::lines::Lines;
use crate::own::presented::Refusal;
use crate::own::token_judge::{PolicyAndKeys, TokenJudge};
use crate::{Exit, Failure};

/// Judge tokens, one a line, under a policy file and a JWK set.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "A verdict is a JSON object on a line of its own:\n  \
    {\"line\":1,\"verdict\":\"accept\"}\n  \
    {\"line\":2,\"verdict\":\"reject\",\"code\":\"JWT_EXPIRED\",\"status\":401}\n\
    Revocation is not asked for. A token that is bound to a key (cnf) is accepted with its\n\
    proof or its certificate alone; a proof is accepted once.\n\n\
    Examples:\n  \
    jwtbench verify --policy api.toml --jwks jwks.json tokens.txt\n  \
    jwtbench verify --policy api.toml --jwks jwks.json --explain < tokens.txt\n  \
    jwtbench verify --policy api.toml --jwks jwks.json --now 1767225600 tokens.txt\n\n\
    Exit codes: 0 every line has its verdict, rejections too; 1 error; 2 usage or a bad file.")]
pub struct Args {
    /// The policy: TOML with the keys of a scenario's [policy], and `algorithms`
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// The key set (RFC 7517), as the issuer's JWKS endpoint serves it
    #[arg(long, value_name = "FILE")]
    jwks: PathBuf,
    /// Judge as of this instant, in seconds since 1970 [default: the wall clock]
    #[arg(long, value_name = "UNIX_SECONDS", allow_negative_numbers = true)]
    now: Option<i64>,
    /// The verifier core over this backend
    #[arg(long, default_value = "core:ring")]
    contender: String,
    /// DPoP proofs (RFC 9449), one a line: that of token i is line i. A token with a proof is
    /// presented under DPoP, and one whose line is empty under Bearer
    #[arg(long, value_name = "FILE", requires = "request")]
    proofs: Option<PathBuf>,
    /// Client certificates, one a line as RFC 9440 has them (`:base64 of DER:`), or an empty line
    #[arg(long, value_name = "FILE")]
    certificates: Option<PathBuf>,
    /// The request that carries the tokens, such as 'GET https://api.example/x'
    #[arg(long, value_name = "METHOD URL", requires = "proofs", value_parser = request)]
    request: Option<(String, Target)>,
    /// A nonce that was given out of late, for a policy with proof-nonce = "required" (repeatable)
    #[arg(long, value_name = "VALUE", requires = "proofs")]
    nonce: Vec<String>,
    /// Add the step that decided and what was compared; never the token, its sub or its jti
    #[arg(long)]
    explain: bool,
    /// Say nothing of entries of the key set that are not used
    #[arg(short, long)]
    quiet: bool,
    /// One token a line; `-` is standard input
    #[arg(default_value = "-")]
    tokens: PathBuf,
}

/// One line of output.
#[derive(Serialize)]
struct AnswerLine {
    line: u64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<String>,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let policy_and_keys = PolicyAndKeys::read(&args.policy, &args.jwks)?;
    let backend = args.backend()?;
    let workers = 0..rayon::current_num_threads();
    let benches: Vec<TokenJudge> =
        workers.map(|_| TokenJudge::new(backend, &policy_and_keys)).collect::<Result<_, _>>()?;
    if !args.quiet {
        benches[0].notes().iter().for_each(tell);
    }
    let judged = match args.proofs.is_some() || args.certificates.is_some() {
        true => args.judge_presented(benches, policy_and_keys.policy.spec()),
        false => args.judge_all(benches, args.open()?),
    };
    match judged {
        Ok(()) => Ok(Exit::Passed),
        Err(FaultySide::Lines(fault)) => Err(Failure::Usage(fault)),
        Err(FaultySide::Read(error)) => Err(args.unreadable(&error)),
        // A reader that is gone (`| head`) is no fault.
        Err(FaultySide::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(Exit::Passed)
        }
        Err(FaultySide::Write(error)) => {
            Err(Failure::Error(format!("cannot write verdicts: {error}")))
        }
    }
}

/// The side of the command that failed, reading or writing.
enum FaultySide {
    Read(io::Error),
    Write(io::Error),
    /// The files have no line for each other's lines.
    Lines(String),
}

/// The method and the URL of a request.
fn request(text: &str) -> Result<(String, Target), String> {
    let form = "write a method and a URL, such as 'GET https://api.example/x'";
    let (method, url) = text.split_once(' ').ok_or(form)?;
    // RFC 9110 §9.1: a method is a token.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if method.is_empty() || !method.chars().all(is_token) {
        return Err(form.into());
    }
    let target = Target::parse(url).ok_or_else(|| format!("`{url}` is no http or https URL"))?;
    Ok((method.to_owned(), target))
}

impl Args {
    fn backend(&self) -> Result<&'static dyn Backend, Failure> {
        let all = ContenderSpec::all().into_iter();
        let fit = all.filter(|spec| spec.has_key_cache());
        let named: Vec<(String, ContenderSpec)> =
            fit.map(|spec| (spec.to_string(), spec)).collect();
        match named.iter().find(|(name, _)| *name == self.contender) {
            Some((_, spec)) => Ok(spec.backend()),
            None => {
                let known: Vec<String> = named.into_iter().map(|(name, _)| name).collect();
                Err(Failure::Usage(format!(
                    "--contender {}: `verify` judges by the contract, which only the verifier core \
                     does{}; on this machine: {}",
                    self.contender,
                    meant(&self.contender, &known, "core:"),
                    known.join(", ")
                )))
            }
        }
    }

    fn open(&self) -> Result<Box<dyn Read>, Failure> {
        if self.tokens.as_os_str() == "-" {
            return Ok(Box::new(io::stdin()));
        }
        let file = File::open(&self.tokens).map_err(|error| self.unreadable(&error))?;
        Ok(Box::new(file))
    }

    fn unreadable(&self, error: &io::Error) -> Failure {
        let shown = self.tokens.display();
        Failure::Usage(format!(
            "{shown}: cannot be read ({error}); name a file of tokens, one a line, or `-`"
        ))
    }

    fn judge_all(
        &self,
        mut benches: Vec<TokenJudge>,
        tokens: Box<dyn Read>,
    ) -> Result<(), FaultySide> {
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        let source = BufReader::with_capacity(1 << 20, tokens);
        let mut lines = Lines::new(source, benches[0].max_token_bytes());
        let mut batch = LineBatch::default();
        loop {
            // A batch is judged as soon as the next line would block, so that its verdicts need not
            // wait for that line.
            while batch.has_room() && (batch.is_empty() || !lines.may_block()) {
                match lines.next().map_err(FaultySide::Read)? {
                    Some(line) => batch.push(&line),
                    None => break,
                }
            }
            if batch.is_empty() {
                return out.flush().map_err(FaultySide::Write);
            }
            let now = self.now.map_or_else(unix_now, UnixTime::from_seconds);
            let pieces = batch.pieces(benches.len());
            let verdicts = benches.par_iter_mut().zip(pieces);
            let texts: Vec<io::Result<Vec<u8>>> =
                verdicts.map(|(judge, piece)| self.judge(judge, &piece, now)).collect();
            for text in texts {
                let text = text.map_err(FaultySide::Write)?;
                out.write_all(&text).map_err(FaultySide::Write)?;
            }
            batch.clear();
            if lines.may_block() {
                out.flush().map_err(FaultySide::Write)?;
            }
        }
    }

    /// The verdicts on one worker's piece of a batch, as printed.
    fn judge(
        &self,
        judge: &mut TokenJudge,
        piece: &Piece<'_>,
        now: UnixTime,
    ) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        for (number, line) in piece.lines() {
            let verdict = judge.judge(line.token, now);
            let why = self.explain.then(|| judge.explain(verdict, &line, now));
            let answer = AnswerLine::new(number, verdict.map_err(Refusal::from), why);
            serde_json::to_writer(&mut out, &answer)?;
            out.push(b'\n');
        }
        Ok(out)
    }
}

impl AnswerLine {
    fn new(line: u64, verdict: Result<(), Refusal>, why: Option<Explanation>) -> AnswerLine {
        let code = verdict.err();
        AnswerLine {
            line,
            verdict: if code.is_none() { "accept" } else { "reject" },
            status: code.map(Refusal::status),
            code,
            step: why.as_ref().map(|why| why.step.number()),
            step_name: why.as_ref().map(|why| why.step.name()),
            compared: why.map(|why| why.compared),
        }
    }
}
