// Plays arrivals on time against a library under Node. Reads, one JSON value a line: the setting,
// the arrivals, then the instant of tick 0 in milliseconds since 1970. Prints a verdict a line, and
// at the end the starts of its attempts. No token is printed.
import { createInterface } from "node:readline";

const print = (value) => process.stdout.write(JSON.stringify(value) + "\n");

/** `library` makes of the setting, and of a function to call at each attempt, a function that
 * verifies a token at an instant of the scenario, in milliseconds. */
export async function play(library) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value);
  const setting = await next();
  const arrivals = await next();
  let begin = 0;
  const clock = () => Date.now() - begin;
  const attempts = [];
  const verify = library(setting, () => attempts.push(clock()));
  print({ ready: true });
  begin = await next();

  const one = async (arrival, number) => {
    const verdict = { number, start_ms: clock(), accepted: false };
    try {
      await verify(arrival.token, arrival.at_ms);
      verdict.accepted = true;
    } catch (error) {
      verdict.why = error.code ?? error.name;
    }
    verdict.end_ms = clock();
    print(verdict);
  };
  arrivals.forEach((arrival, number) =>
    setTimeout(() => one(arrival, number), arrival.at_ms - clock()));
  setTimeout(() => {
    print({ attempts_ms: attempts });
    process.exit(0);
  }, setting.until_ms - clock());
}
