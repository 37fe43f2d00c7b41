// `npm run test:crash`: the whole crash run. Prints its seed, a line a kill, and one line at the end; with --write that line
// goes into docs/reliability.md too.
import { parseArgs } from "node:util";
import { runCrashes } from "./crash-run.ts";
import { writeIntoPage } from "./written-page.ts";

const heading = `# Reliability

The last output of \`npm run test:crash -- --write\`: the running service is killed (SIGKILL) at random moments of a load of appends
over four connections, started again, and asked for everything it had acknowledged.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: "string", default: "200" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      "kills-per-directory": { type: "string", default: "25" },
      write: { type: "boolean", default: false },
    },
  });
  const [kills, seed, killsPerDirectory] = [values.kills, values.seed, values["kills-per-directory"]].map(Number);
  if (
    ![kills, seed, killsPerDirectory].every((value) => Number.isSafeInteger(value) && value! >= 0) ||
    killsPerDirectory === 0
  ) {
    process.stderr.write("usage: npm run test:crash -- [--kills N] [--seed N] [--kills-per-directory N] [--write]\n");
    process.exitCode = 2;
    return;
  }
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(`seed ${seed}`);
  const begin = performance.now();
  const done = await runCrashes({ kills: kills!, seed: seed!, killsPerDirectory: killsPerDirectory!, say });
  const line =
    `${done.kills} kills of ${done.directories} data directories and ${done.startsKilled} of a start, ` +
    `${Math.round((performance.now() - begin) / 1000)} s: all ${done.events} events are there once, in order; ` +
    `of ${done.unanswered} batches without an answer ${done.storedUnanswered} had been stored; fsck passed ${done.fscks} times`;
  say(line);
  const command = `npm run test:crash -- --kills ${kills} --seed ${seed} --kills-per-directory ${killsPerDirectory}`;
  const date = new Date().toISOString().slice(0, 10);
  if (values.write)
    say(`written to ${writeIntoPage("reliability.md", heading, `${date}, \`${command}\`:\n\n    ${line}`)}`);
}

await main();
