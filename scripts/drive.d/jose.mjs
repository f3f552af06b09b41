// jose, createRemoteJWKSet and jwtVerify. Claims are judged at the time of the scenario; the cache
// goes by the wall clock, as always.
import { createRemoteJWKSet, customFetch, jwtVerify } from "jose";
import { play } from "./play.mjs";

await play((setting, attempt) => {
  const counted = (url, options) => {
    attempt();
    return fetch(url, options);
  };
  const options = { ...setting.options, [customFetch]: counted };
  const keys = createRemoteJWKSet(new URL(setting.url), options);
  const { issuer, audience, algorithm, epoch_ms, leeway_s } = setting;
  const demands = { issuer, audience, algorithms: [algorithm], typ: "at+jwt",
    clockTolerance: leeway_s };
  return (token, at_ms) =>
    jwtVerify(token, keys, { ...demands, currentDate: new Date(epoch_ms + at_ms) });
});
