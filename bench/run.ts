// `npm run bench`: workload W into the product and into its peer, in the same run on the same machine; prints the machine,
// the versions, each figure's median and spread, the ratio to the peer, and whether each mark is reached. Everything it
// makes is temporary and removed at the end, also on SIGINT.
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ensurePackages } from "../test/debian.ts";
import { root } from "../test/repository.ts";
import { writeIntoPage } from "../test/written-page.ts";
import { Figures } from "./figures.ts";
import { postgresLookups, taishiLookups } from "./lookup-round.ts";
import { describeMachine, fileSystem } from "./machine.ts";
import { parseRound } from "./parse-round.ts";
import { findPrograms, settings as postgresSettings } from "./postgres-cluster.ts";
import { postgresRound } from "./postgres-round.ts";
import { performanceHeading, reportText } from "./report.ts";
import { taishiRound } from "./taishi-round.ts";
import { eventAt, expectedOf, seed } from "./workload.ts";

const usage = `usage: npm run bench -- [options]
  --events N       events of W (1000000)
  --rounds N       rounds, each on fresh data (3)
  --requests N     requests per page and question (300)
  --peers LIST     postgres or none (postgres)
  --only SYSTEM    taishi or postgres: measure one alone
  --dir DIR        where the temporary files go (${tmpdir()})
  --write          put the output into docs/performance.md too
`;

interface Options {
  readonly events: number;
  readonly rounds: number;
  readonly requests: number;
  readonly systems: readonly string[];
  readonly directory: string;
  readonly write: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      events: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "3" },
      requests: { type: "string", default: "300" },
      peers: { type: "string", default: "postgres" },
      only: { type: "string" },
      dir: { type: "string", default: tmpdir() },
      write: { type: "boolean", default: false },
    },
  });
  const count = (name: "events" | "rounds" | "requests"): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1`);
    return value;
  };
  if (!["postgres", "none"].includes(values.peers)) throw new Error("--peers must be postgres or none");
  if (values.only !== undefined && !["taishi", "postgres"].includes(values.only))
    throw new Error("--only must be taishi or postgres");
  if (!existsSync(values.dir)) throw new Error(`--dir ${values.dir} does not exist`);
  const all = values.peers === "none" ? ["taishi"] : ["taishi", "postgres"];
  return {
    events: count("events"),
    rounds: count("rounds"),
    requests: count("requests"),
    systems: values.only === undefined ? all : [values.only],
    directory: resolve(values.dir),
    write: values.write,
  };
}

async function bench(options: Options, cleanUp: AsyncDisposableStack): Promise<string> {
  const { events, rounds, requests, systems, directory } = options;
  const began = performance.now();
  const progress = (text: string): void =>
    void process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  const notes: string[] = [];
  if (fileSystem(directory) === "tmpfs") notes.push("the temporary files are in memory: fsync costs nothing here");
  const date = new Date().toISOString().slice(0, 10);
  const machine = describeMachine(directory);
  const withPeer = systems.includes("postgres");
  if (withPeer) {
    const { missing } = ensurePackages(["postgresql"]);
    if (missing !== undefined && findPrograms() === undefined)
      throw new Error(`PostgreSQL is the peer: ${missing}; or give --peers none`);
  }

  const figures = new Figures();
  const expected = expectedOf(events);
  let postgresVersion = "";
  for (let i = 1; i <= rounds; i++) {
    progress(`round ${i} of ${rounds}`);
    const round = { directory, events, expected, requests, figures, cleanUp, progress };
    if (systems.includes("taishi")) await taishiRound(round);
    if (withPeer) postgresVersion = await postgresRound({ ...round, programs: findPrograms()! });
  }

  // Once: its figures are of single requests, not of a load.
  const lookups = { directory, events, requests, figures, cleanUp, progress };
  if (systems.includes("taishi")) await taishiLookups(lookups);
  if (systems.includes("taishi")) parseRound(figures, progress);
  if (withPeer) await postgresLookups({ ...lookups, programs: findPrograms()! });

  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const versions = [`Taishi ${version} on Node ${process.versions.node} with SQLite ${process.versions.sqlite}`];
  if (withPeer) {
    const changed = Object.entries(postgresSettings).map(([name, value]) => `${name} = ${value}`);
    versions.push(`PostgreSQL ${postgresVersion}, as Debian ships it but for ${changed.join(", ")}`);
    notes.push(
      "PostgreSQL: a row per event (jsonb, key, two indexes), one INSERT of 500 rows per transaction through a Unix socket, " +
        "vacuumed before it is asked; its bytes are the table's and its indexes', without its write-ahead log",
    );
  }
  const args = process.argv.slice(2).join(" ");
  return reportText(
    {
      command: args === "" ? "npm run bench" : `npm run bench -- ${args}`,
      date,
      machine,
      versions,
      workload: `workload W: ${events.toLocaleString("en-US")} events of ${meanBytes()} bytes of JSON each, seed ${seed}, batches of 500 over 4 connections, client on the same machine`,
      rounds,
      notes,
    },
    figures,
  );
}

function meanBytes(): number {
  const sample = 1000;
  const lengths = Array.from({ length: sample }, (_, i) => Buffer.byteLength(JSON.stringify(eventAt(i))));
  return Math.round(lengths.reduce((sum, length) => sum + length, 0) / sample);
}

async function main(): Promise<void> {
  let options: Options;
  try {
    options = readOptions();
  } catch (thrown) {
    process.stderr.write(`${(thrown as Error).message}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const cleanUp = new AsyncDisposableStack();
  const interrupted = new Promise<undefined>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(undefined));
  });
  try {
    const measured = bench(options, cleanUp);
    measured.catch(() => {}); // after an interruption nobody waits for it
    const text = await Promise.race([measured, interrupted]);
    if (text === undefined) {
      process.stderr.write("interrupted: cleaning up\n");
      process.exitCode = 130;
    } else {
      process.stdout.write(`${text}\n`);
      if (options.write)
        process.stderr.write(`written to ${writeIntoPage("performance.md", performanceHeading, text)}\n`);
    }
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.stack : String(thrown)}\n`);
    process.exitCode = 1;
  } finally {
    await cleanUp.disposeAsync();
  }
  // What was under way when it was interrupted holds connections that nobody closes any more.
  process.exit();
}

await main();
