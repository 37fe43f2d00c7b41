// `npm run test:crash`: the whole crash suite. First a fault in every file call of the append path, one at a time; then kills
// at random moments of a load; then kills of an agent and of the service it sends to. Prints a line a fault and a line a kill,
// and a summary at the end of each part; with --write the summaries go into docs/reliability.md too.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { runCollectCrashes } from "./collect-run.ts";
import { runCrashes } from "./crash-run.ts";
import { listCalls, runSteps, Summary, stepsOf } from "./crash-syscalls.ts";
import { Preparation } from "./crash-trial.ts";
import { whyNoStrace } from "./strace.ts";
import { writeIntoPage, writtenIn } from "./written-page.ts";

const page = "reliability.md";
const heading = `# Reliability

The last output of \`npm run test:crash -- --write\`.
`;

const usage = `usage: npm run test:crash -- [--part calls|kills|collect] [--kills N] [--seed N] [--kills-per-directory N] [--write]
`;

/** By part, the title it has in the page. */
const titles = {
  calls: "A fault in every file call",
  kills: "Kills under load",
  collect: "Kills of agent and service",
} as const;
type Part = keyof typeof titles;
/** Lines that flow through rotations while agent and service are killed. */
const collectedLines = 200_000;

interface Kills {
  readonly kills: number;
  readonly seed: number;
  readonly killsPerDirectory: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: "string" },
      kills: { type: "string", default: "200" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      "kills-per-directory": { type: "string", default: "25" },
      write: { type: "boolean", default: false },
    },
  });
  const { part, write } = values;
  const [kills, seed, killsPerDirectory] = [values.kills, values.seed, values["kills-per-directory"]].map(Number);
  if (
    ![kills, seed, killsPerDirectory].every((value) => Number.isSafeInteger(value) && value! >= 0) ||
    killsPerDirectory === 0 ||
    (part !== undefined && !(part in titles))
  ) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const options = { kills: kills!, seed: seed!, killsPerDirectory: killsPerDirectory! };
  const run: Readonly<Record<Part, () => Promise<string>>> = {
    calls: faultEveryCall,
    kills: () => killAtRandom(options),
    collect: () => killWhileCollecting(options),
  };
  const rest = `--kills ${kills} --seed ${seed} --kills-per-directory ${killsPerDirectory}`;
  for (const one of Object.keys(titles) as Part[])
    if (part === undefined || part === one) {
      const text = await run[one]();
      // Each part is written when it is done: the next ones take long.
      if (write) writePart(one, `npm run test:crash -- --part ${one}${one === "calls" ? "" : ` ${rest}`}`, text);
    }
}

/** Puts a part's outcome into the page, in place of the last one of this part. */
function writePart(part: Part, command: string, text: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const written = new Map(
    writtenIn(page)
      .split(/^### /m)
      .filter((section) => section !== "")
      .map((section) => [section.split("\n", 1)[0]!, `### ${section.trim()}`]),
  );
  written.set(titles[part], `### ${titles[part]}\n\n${date}, \`${command}\`:\n\n${text}`);
  const inOrder = Object.values(titles).flatMap((title) => written.get(title) ?? []);
  say(`written to ${writeIntoPage(page, heading, inOrder.join("\n\n"))}`);
}

async function faultEveryCall(): Promise<string> {
  const reason = whyNoStrace();
  if (reason !== undefined) throw new Error(reason);
  const begin = performance.now();
  const preparation = new Preparation();
  try {
    const listed = await listCalls(preparation);
    const summary = new Summary(listed);
    const steps = [...listed].flatMap(([scenario, calls]) => stepsOf(scenario, calls));
    await runSteps(preparation, steps, {
      lanes: 2 * availableParallelism(),
      onDone: (step, outcome) => {
        summary.done(step, outcome);
        const { name, nth, role, fault } = step;
        say(`fault ${summary.faults} of ${steps.length}: ${name} ${nth} (${role}), ${fault}: the process ${outcome}`);
      },
    });
    const line =
      `${summary.faults} faults in ${summary.calls} file calls of ${listed.size} appends, ${seconds(begin)} s: after each one all ` +
      "acknowledged events are there once, in order; fsck passed each time";
    return print([line, ...summary.lines()]);
  } finally {
    preparation.remove();
  }
}

async function killAtRandom(options: Kills): Promise<string> {
  say(`seed ${options.seed}`);
  const begin = performance.now();
  const done = await runCrashes({ ...options, largeBatchEvents: 10_000, say });
  return print([
    `${done.kills} kills of ${done.directories} data directories and ${done.startsKilled} of a start, ` +
      `${seconds(begin)} s: all ${done.events} events are there once, in order; ` +
      `of ${done.unanswered} batches without an answer ${done.storedUnanswered} had been stored; fsck passed ${done.fscks} times`,
  ]);
}

async function killWhileCollecting({ kills, seed }: Kills): Promise<string> {
  say(`seed ${seed}`);
  const done = await runCollectCrashes({ lines: collectedLines, kills, seed, say });
  return print([
    `${done.agentKills} kills of the agent and ${done.serviceKills} of the service while ${done.lines} lines flowed through ` +
      `${done.rotations} rotations, ${Math.round(done.seconds)} s: each line is there once, in order; fsck passed`,
  ]);
}

function seconds(begin: number): number {
  return Math.round((performance.now() - begin) / 1000);
}

/** Says the lines. @returns them as a page shows them */
function print(lines: readonly string[]): string {
  for (const line of lines) say(line);
  return lines.map((line) => `    ${line}`).join("\n");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
