// aws-jwt-verify, JwtVerifier over its own cache, penalty box and fetcher. It speaks HTTPS only; an
// HTTP agent is all that is changed for our endpoint, and counts its connections: one an attempt.
// It reads the wall clock for claims, so they have ten years of grace.
import http from "node:http";
import { JwtVerifier } from "aws-jwt-verify";
import { SimpleFetcher } from "aws-jwt-verify/https";
import { SimpleJwksCache, SimplePenaltyBox } from "aws-jwt-verify/jwk";
import { play } from "./play.mjs";

await play((setting, attempt) => {
  class Counted extends http.Agent {
    createConnection(...all) {
      attempt();
      return super.createConnection(...all);
    }
  }
  const { waitSeconds, ...timeouts } = setting.options;
  const defaultRequestOptions = { ...timeouts, agent: new Counted() };
  const jwksCache = new SimpleJwksCache({
    fetcher: new SimpleFetcher({ defaultRequestOptions }),
    penaltyBox: new SimplePenaltyBox({ waitSeconds }),
  });
  const { issuer, audience, url: jwksUri } = setting;
  const graceSeconds = 315_360_000;
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri, graceSeconds }, { jwksCache });
  return (token) => verifier.verify(token);
});
