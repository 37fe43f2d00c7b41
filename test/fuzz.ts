// `npm run fuzz`: gives each source a million damaged copies of its payloads' records, and stops at the first that crashes it,
// takes too long, is lost, or becomes an event with a word in it that was not there. The inputs are cut into rounds with seeds of
// their own, so that what fails can be done again by itself. With --write the outcome goes into docs/fuzz.md.
import { existsSync, readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { type FuzzCounts, fuzz, payloadsOf } from "../src/sources/source.contract.ts";
import type { Source } from "../src/sources/source.ts";
import { root } from "./repository.ts";
import { writeIntoPage } from "./written-page.ts";

const heading = `# Fuzzing of the sources

The last output of \`npm run fuzz -- --write\`.
`;
const usage = "usage: npm run fuzz -- [--inputs N] [--source NAME] [--seed N] [--write]\n";
const roundInputs = 20_000;
const folder = `${root}/src/sources`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "1000000" },
      source: { type: "string" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      write: { type: "boolean", default: false },
    },
  });
  const { source: only, write } = values;
  const [inputs, seed] = [Number(values.inputs), Number(values.seed)];
  const names = readdirSync(folder)
    .filter((name) => existsSync(`${folder}/${name}/source.ts`))
    .filter((name) => only === undefined || name === only)
    .sort();
  if (
    ![inputs, seed].every((value) => Number.isSafeInteger(value) && value >= 0) ||
    inputs === 0 ||
    names.length === 0
  ) {
    process.stderr.write(usage);
    process.exitCode = 2;
    return;
  }
  const lines: string[] = [];
  for (const name of names) {
    const line = await fuzzSource(name, inputs, seed);
    if (line === undefined) {
      process.exitCode = 1;
      return;
    }
    process.stdout.write(`${line}\n`);
    lines.push(`    ${line}`);
  }
  if (!write) return;
  const command = `npm run fuzz -- --inputs ${inputs} --seed ${seed}${only === undefined ? "" : ` --source ${only}`}`;
  const date = new Date().toISOString().slice(0, 10);
  process.stdout.write(
    `written to ${writeIntoPage("fuzz.md", heading, `${date}, \`${command}\`:\n\n${lines.join("\n")}`)}\n`,
  );
}

/** @returns what to say of it, or undefined where it failed, which has been said */
async function fuzzSource(name: string, inputs: number, seed: number): Promise<string | undefined> {
  const source = await sourceIn(name);
  const payloads = payloadsOf(source, `${folder}/${name}`);
  const begin = performance.now();
  let sum: FuzzCounts = { inputs: 0, events: 0, unparsed: 0 };
  for (let round = 0; sum.inputs < inputs; round++) {
    const now = Math.min(roundInputs, inputs - sum.inputs);
    try {
      const counts = fuzz(source, payloads, { inputs: now, seed: seed + round });
      sum = {
        inputs: sum.inputs + counts.inputs,
        events: sum.events + counts.events,
        unparsed: sum.unparsed + counts.unparsed,
      };
    } catch (error) {
      const again = `npm run fuzz -- --source ${name} --inputs ${now} --seed ${seed + round}`;
      process.stderr.write(`${name}: failed after ${sum.inputs} inputs; again by \`${again}\`\n${describe(error)}\n`);
      return undefined;
    }
  }
  const seconds = ((performance.now() - begin) / 1000).toFixed(0);
  const column = (value: number): string => String(value).padStart(9);
  return `${name.padEnd(24)}${column(sum.inputs)} inputs ${seconds.padStart(5)} s ${column(sum.events)} events ${column(sum.unparsed)} unparsed`;
}

/** A source is exported from source.ts of the folder that has its name. */
async function sourceIn(name: string): Promise<Source> {
  const exported = Object.values((await import(`${folder}/${name}/source.ts`)) as Record<string, unknown>);
  const source = exported.find((value) => (value as Partial<Source> | null)?.name === name);
  if (source === undefined) throw new Error(`src/sources/${name}/source.ts exports no source of that name`);
  return source as Source;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

await main();
