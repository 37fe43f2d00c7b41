// One trial of the append path of the real program: a fresh copy of one prepared data directory, one append on it watched
// from its request to the signed checkpoint after it, perhaps with a fault in one file call, and what must be true of what
// is left. The process may die or refuse, but never answer wrongly. After it: fsck, a start, every acknowledged event once
// and in order under its number (I1), the watched batch wholly there or not at all and sent again without being doubled
// (I8), no checkpoint ever seen contradicted (I2), and appending goes on.
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../src/ledger/signer.ts";
import { LedgerReader } from "../src/ledger/store.ts";
import { parseCheckpoint } from "../src/merkle/checkpoint.ts";
import { parseNote } from "../src/merkle/note.ts";
import { leafHash, TreeEdge } from "../src/merkle/tree.ts";
import { checkReceipts, checkRound, checkTotal, totalOf } from "./crash-check.ts";
import { type Batch, type Receipt, send, sendOnce } from "./crash-load.ts";
import { anchoredHeads, type Place, preparedEvents, type Scenario, watchedFiles } from "./crash-scenarios.ts";
import { type Call, type Injection, Trace, threadNamed } from "./strace.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

/** What the process did: was killed, stopped by itself, refused the append or put the checkpoint off, or did without the call. */
export type Outcome = "was killed" | "stopped" | "refused" | "went on";

/** A checkpoint that was seen: roots in base64. */
interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: string;
}

const span = { from: Date.UTC(2025, 0, 1), to: Date.UTC(2025, 0, 2) };
/** A little more than the service's interval: what it does at its first checkpoint is done then. */
const firstCheckpointMs = 1_000;
/** Between the two locks that a transaction lets go there is less. */
const quietMs = 50;
/** Far more than it takes, because a machine may have much else to do. */
const settleTimeoutMs = 60_000;
/** What `taishi serve` ends with where a store's state is unknown. */
const fatalExit = 70;

/** A log that is idle for a minute is signed again; a directory is begun anew before that, so that all trials begin alike. */
const freshMs = 40_000;

/** A data directory with a full bundle, a tail, a second account's log and a checkpoint that was handed out. */
interface Prepared {
  readonly root: string;
  readonly credentials: Credentials;
  readonly batches: readonly Batch[];
  readonly heads: readonly Head[];
}

/** Makes what trials begin with, and holds everything they leave. */
export class Preparation {
  readonly base = mkdtempSync(join(tmpdir(), "taishi-syscalls-"));
  #newest: Promise<Prepared> | undefined;
  #made = 0;

  /** One that is not older than `freshMs`. */
  fresh(): Promise<Prepared> {
    if (this.#newest === undefined || performance.now() - this.#made > freshMs) {
      this.#made = performance.now();
      this.#newest = this.#make();
    }
    return this.#newest;
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  async #make(): Promise<Prepared> {
    const root = mkdtempSync(join(this.base, "prepared-"));
    const place = placeIn(root);
    const service = await serve(place);
    const agent = new Agent({ keepAlive: true });
    try {
      const credentials = firstKey(place.data);
      await taishiJson("account", "create", "--name", "beside", "--data", place.data);
      const batch = newBatch([], credentials, preparedEvents);
      batch.receipt = await send(agent, service.host, batch);
      const head = await checkpointOf(service, credentials);
      assert.equal(await service.stop(), 0);
      return { root, credentials, batches: [batch], heads: [head, ...headsIn(place.anchor)] };
    } finally {
      agent.destroy();
      await service.kill();
    }
  }
}

/** One copy of the prepared directory, from its copying to its removal. */
export class Trial {
  readonly #place: Place;
  readonly #root: string;
  readonly #scenario: Scenario;
  readonly #injection: Injection | undefined;
  readonly #credentials: Credentials;
  readonly #batches: Batch[];
  readonly #heads: Head[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #service: TaishiProcess | undefined;

  private constructor(prepared: Prepared, root: string, scenario: Scenario, injection: Injection | undefined) {
    this.#root = root;
    cpSync(prepared.root, root, { recursive: true });
    this.#place = placeIn(this.#root);
    this.#scenario = scenario;
    this.#injection = injection;
    this.#credentials = prepared.credentials;
    this.#batches = prepared.batches.map((batch) => ({ ...batch }));
    this.#heads = [...prepared.heads];
  }

  static async run(
    preparation: Preparation,
    scenario: Scenario,
    injection: Injection | undefined,
  ): Promise<{ readonly calls: readonly Call[]; readonly outcome: Outcome }> {
    const prepared = await preparation.fresh();
    return new Trial(prepared, mkdtempSync(join(preparation.base, "trial-")), scenario, injection).#run();
  }

  async #run(): Promise<{ readonly calls: readonly Call[]; readonly outcome: Outcome }> {
    try {
      const { calls, outcome, batch } = await this.#faulted();
      await this.#fsck();
      await this.#recovered(batch);
      this.#checkHeads();
      rmSync(this.#root, { recursive: true, force: true });
      return { calls, outcome };
    } finally {
      this.#agent.destroy();
      await this.#service?.kill();
    }
  }

  /** The append and the checkpoint after it, with the fault in it; afterwards the process is gone. */
  async #faulted(): Promise<{ calls: readonly Call[]; outcome: Outcome; batch: Batch }> {
    const service = await this.#serve();
    await new Promise((resolve) => setTimeout(resolve, firstCheckpointMs));
    const { leadUp, events, padding } = this.#scenario;
    await leadUp?.({ place: this.#place, append: (size) => this.#append(service, this.#newBatch(size)) });

    let dead: number | NodeJS.Signals | undefined;
    void service.ended.then((how) => {
      dead = how;
    });
    const trace = await Trace.attach({
      thread: threadNamed(service.pid, "writer"),
      files: watchedFiles(this.#place),
      injection: this.#injection,
      kill: () => process.kill(service.pid, "SIGKILL"),
    });
    const batch = this.#newBatch(events, padding);
    let refused = false;
    try {
      const answer = await sendOnce(this.#agent, service.host, batch);
      if (answer.status === 200) batch.receipt = JSON.parse(answer.text) as Receipt;
      else if (answer.status === 503) {
        // Known to be undone: the same process must take the same batch when it is sent again.
        assert.match(answer.text, /disk-full/, answer.text);
        refused = true;
        await this.#append(service, batch);
        assert.equal(batch.receipt?.duplicates, 0, "a batch that was refused had been stored");
      }
      // Any other answer is no acknowledgement either, but only a process that is about to end may give it.
      else await endOf(service, answer.text);
    } catch (thrown) {
      if (thrown instanceof assert.AssertionError) throw thrown;
      await endOf(service, String(thrown)); // the connection broke
    }
    const over = (): boolean => dead !== undefined || trace.over || isSettled(trace);
    await trace.until(over, settleTimeoutMs, "a signed checkpoint");
    // A kill is known here from strace first.
    if (trace.over) await endOf(service, trace.said);
    await new Promise(setImmediate);
    const outcome = ended(dead) ?? (refused || wasDelayed(trace, this.#place) ? "refused" : "went on");
    if (outcome === "stopped") assert.equal(dead, fatalExit, service.stderr);
    await service.kill();
    await trace.end();
    return { calls: trace.calls, outcome, batch };
  }

  /** A start on what is left. */
  async #recovered(batch: Batch): Promise<void> {
    this.#see(...headsIn(this.#place.anchor));
    const service = await this.#serve();
    const total = await totalOf(service, this.#credentials);
    const others = this.#batches.filter((other) => other !== batch).reduce((sum, { size }) => sum + size, 0);
    const before = batch.receipt;
    const stored = total - others;
    // All or nothing, and all where it was acknowledged.
    if (stored !== batch.size) assert.deepEqual([stored, before], [0, undefined], "events of the batch that are there");
    const again = await send(this.#agent, service.host, batch);
    assert.equal(again.duplicates, stored, "duplicates of the batch sent again");
    if (before !== undefined) assert.deepEqual([again.first, again.last], [before.first, before.last]);
    batch.receipt = again;
    await this.#append(service, this.#newBatch(3));
    this.#see(await checkpointOf(service, this.#credentials));
    checkReceipts(this.#batches);
    await checkRound(service, this.#credentials, span, this.#batches);
    await checkTotal(service, this.#credentials, others + batch.size + 3);
    assert.equal(await service.stop(), 0, service.stderr);
    this.#see(...headsIn(this.#place.anchor));
  }

  /** Every checkpoint that anybody saw has the root that the entries have at its size (I2). */
  #checkHeads(): void {
    const reader = LedgerReader.open(join(this.#place.data, "ledger"));
    try {
      for (const { account, origin, size } of reader.logs()) {
        const edge = new TreeEdge(sha256);
        const roots = new Map<number, string>([[0, base64(edge.root())]]);
        for (let n = 0; edge.size < size; n++)
          for (const entry of reader.bundle(account, n)) {
            edge.append(leafHash(sha256, entry));
            roots.set(edge.size, base64(edge.root()));
          }
        for (const head of this.#heads.filter((one) => one.origin === origin))
          assert.equal(roots.get(head.size), head.root, `the checkpoint of ${origin} at size ${head.size}`);
      }
      const known = new Set(reader.logs().map(({ origin }) => origin));
      for (const { origin } of this.#heads) assert.ok(known.has(origin), `the log ${origin} is gone`);
    } finally {
      reader.close();
    }
  }

  async #fsck(): Promise<void> {
    this.#see(...headsIn(this.#place.anchor));
    const { code, stdout, stderr } = await taishi("fsck", "--data", this.#place.data, "--anchor", this.#place.anchor);
    assert.equal(code, 0, `fsck:\n${stdout}${stderr}`);
  }

  async #serve(): Promise<TaishiProcess> {
    this.#service = await serve(this.#place, this.#scenario.settings);
    return this.#service;
  }

  #newBatch(size: number, padding?: number): Batch {
    const batch = newBatch(this.#batches, this.#credentials, size, padding);
    this.#batches.push(batch);
    return batch;
  }

  async #append(service: TaishiProcess, batch: Batch): Promise<Batch> {
    batch.receipt = await send(this.#agent, service.host, batch);
    return batch;
  }

  #see(...heads: readonly Head[]): void {
    this.#heads.push(...heads);
  }
}

function placeIn(root: string): Place {
  // The anchor has a directory of its own, so that its entries are its alone.
  mkdirSync(join(root, "anchor"), { recursive: true });
  return { data: join(root, "data"), anchor: join(root, "anchor", "anchor.json") };
}

function serve({ data, anchor }: Place, settings: readonly string[] = []): Promise<TaishiProcess> {
  return TaishiProcess.serve({ data, arguments: ["--anchor", anchor, ...settings] });
}

function newBatch(before: readonly Batch[], credentials: Credentials, size: number, padding?: number): Batch {
  const first = before.reduce((sum, batch) => sum + batch.size, 0);
  return {
    id: before.length,
    connection: 0,
    style: { credentials, signed: false, ndjson: false },
    size,
    times: Float64Array.from({ length: size }, (_, i) => span.from + first + i),
    ...(padding === undefined ? {} : { padding }),
    receipt: undefined,
  };
}

/** The newest checkpoint as the service hands it out, which then is kept for ever. */
async function checkpointOf(service: TaishiProcess, { token }: Credentials): Promise<Head> {
  const answer = await fetch(`${service.url}/api/v1/log`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 200, `the log's state: ${await answer.clone().text()}`);
  const { checkpoint } = (await answer.json()) as { checkpoint: string };
  const { origin, size, root } = parseCheckpoint(parseNote(checkpoint).text);
  return { origin, size, root: base64(root) };
}

function headsIn(anchor: string): readonly Head[] {
  return Object.entries(anchoredHeads(anchor)).map(([origin, head]) => ({ origin, ...head }));
}

/** Whether the checkpoint of what was appended is anchored and committed: the last lock of a transaction after it is let go. */
function isSettled(trace: Trace): boolean {
  const anchored = trace.calls.findLastIndex(({ name }) => name === "rename");
  if (anchored < 0 || !trace.calls[anchored]!.succeeded || trace.quietMs < quietMs) return false;
  const after = trace.calls.slice(anchored);
  const last = after.at(-1)!;
  if (last.name !== "fcntl" || !last.line.includes("F_UNLCK")) return false;
  return after.some(({ name, path, succeeded }) => /^f(data)?sync$/.test(name) && path.endsWith("-wal") && succeeded);
}

/** Whether the signed checkpoint was put off: the anchor was written more than once for it. */
function wasDelayed(trace: Trace, { anchor }: Place): boolean {
  return trace.calls.filter(({ name, path }) => name === "openat" && path === `${anchor}.new`).length > 1;
}

function ended(how: number | NodeJS.Signals | undefined): Outcome | undefined {
  if (how === undefined) return undefined;
  return how === "SIGKILL" ? "was killed" : "stopped";
}

/** Waits for the end of a process that has just shown that it is about to. @throws AssertionError where it lives on */
async function endOf(service: TaishiProcess, sign: string): Promise<void> {
  const lives = new Promise<"lives">((resolve) => setTimeout(resolve, settleTimeoutMs, "lives").unref());
  const how = await Promise.race([service.ended, lives]);
  assert.notEqual(how, "lives", `the service goes on after: ${sign}\n${service.stderr}`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
