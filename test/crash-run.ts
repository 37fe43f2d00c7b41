// Kills the running service at random moments, as often as asked, and checks after each kill that nothing acknowledged was
// lost, doubled or renumbered (I1, I8), that the ledger verifies (I3), and that checkpoints never shrink (I2). One data
// directory lives through many kills; now and then a start is killed too.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mulberry32 } from "../bench/workload.ts";
import { checkOne, checkReceipts, checkRound, checkTotal, type Span } from "./crash-check.ts";
import { type Batch, runUntilBroken, type Style, send } from "./crash-load.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

export interface CrashOptions {
  readonly kills: number;
  /** Decides sizes and moments; what the machine makes of them differs from run to run. */
  readonly seed: number;
  /** Kills after which a fresh data directory is begun. */
  readonly killsPerDirectory: number;
  /** Beyond this many events a round goes on in small batches: more commits to be hit, less to read back. */
  readonly largeBatchEvents: number;
  readonly say: (line: string) => void;
}

export interface CrashSummary {
  kills: number;
  directories: number;
  /** Starts that were killed before they listened. */
  startsKilled: number;
  events: number;
  /** Batches without an answer when the kill came, sent again after it. */
  unanswered: number;
  /** Of these, how many had been stored: the answer was lost, not the batch. */
  storedUnanswered: number;
  fscks: number;
}

const connections = 4;
const largestBatch = 500;
const roundMs = 3_600_000;
const firstRound = Date.UTC(2025, 0, 1);

export async function runCrashes(options: CrashOptions): Promise<CrashSummary> {
  let draws = 0;
  const random = (): number => mulberry32(options.seed, draws++);
  const summary: CrashSummary = {
    kills: 0,
    directories: 0,
    startsKilled: 0,
    events: 0,
    unanswered: 0,
    storedUnanswered: 0,
    fscks: 0,
  };
  while (summary.kills < options.kills) {
    const base = mkdtempSync(join(tmpdir(), "taishi-crash-"));
    const kills = Math.min(options.killsPerDirectory, options.kills - summary.kills);
    const life = new DirectoryLife(join(base, "data"), random, summary, options);
    try {
      await life.live(kills);
    } catch (thrown) {
      options.say(`failed at kill ${summary.kills} with seed ${options.seed}; the data directory is left in ${base}`);
      throw thrown;
    } finally {
      await life.end();
    }
    summary.directories++;
    rmSync(base, { recursive: true, force: true });
  }
  return summary;
}

interface Checkpoint {
  readonly size: number;
  readonly root: string;
}

/** One data directory from its first start to its clean stop. */
class DirectoryLife {
  readonly #data: string;
  readonly #random: () => number;
  readonly #summary: CrashSummary;
  readonly #options: CrashOptions;
  #service: TaishiProcess | undefined;
  #accounts: readonly Credentials[] = [];
  #styles: readonly Style[] = [];
  #batches: Batch[] = [];
  readonly #checkpoints = new Map<string, Checkpoint>();

  constructor(data: string, random: () => number, summary: CrashSummary, options: CrashOptions) {
    this.#data = data;
    this.#random = random;
    this.#summary = summary;
    this.#options = options;
  }

  async live(kills: number): Promise<void> {
    let service = await this.#serve();
    const first = firstKey(this.#data);
    const second = await this.#secondAccount();
    this.#accounts = [first, second];
    this.#styles = [
      { credentials: first, signed: false, ndjson: false },
      { credentials: first, signed: false, ndjson: true },
      { credentials: first, signed: true, ndjson: false },
      { credentials: second, signed: true, ndjson: false },
    ];
    for (let kill = 0; kill < kills; kill++) {
      const span = { from: firstRound + kill * roundMs, to: firstRound + (kill + 1) * roundMs };
      const begun = await this.#loadAndKill(service, span, kill % 3 === 2);
      if (kill % 2 === 1) await this.#fsck();
      await this.#killAStart();
      service = await this.#serve();
      const known = new Map(begun.map((batch) => [batch, batch.receipt]));
      await this.#sendAgain(service, begun);
      await this.#check(service, span, begun, known);
      if (kill % 2 === 0) await this.#fsck();
    }
    assert.equal(await service.stop(), 0, `the exit code on SIGTERM:\n${service.stderr}`);
    await this.#fsck();
  }

  /** Whatever happened, no process stays. */
  async end(): Promise<void> {
    await this.#service?.kill();
  }

  async #serve(): Promise<TaishiProcess> {
    this.#service = await TaishiProcess.serve({ data: this.#data });
    return this.#service;
  }

  /** Made through the command line while the server runs. */
  async #secondAccount(): Promise<Credentials> {
    const where = ["--data", this.#data];
    const { account } = await taishiJson<{ account: string }>("account", "create", "--name", "crash", ...where);
    return taishiJson<Credentials>("key", "create", "--account", account, "--role", "admin", ...where);
  }

  /** @returns the batches begun, those without a receipt unanswered */
  async #loadAndKill(service: TaishiProcess, span: Span, watchCheckpoint: boolean): Promise<readonly Batch[]> {
    let events = 0;
    const load = runUntilBroken({
      host: service.host,
      styles: this.#styles,
      next: (connection) => {
        const batch = this.#newBatch(connection, span, events);
        events += batch.size;
        return batch;
      },
    });
    const watched = watchCheckpoint ? this.#observeDuringLoad() : undefined;
    const delay = 50 + this.#random() * 1450;
    const died = await Promise.race([
      new Promise<void>((resolve) => setTimeout(resolve, delay)),
      load.then(() => "the load ended before the kill"),
      service.ended.then((how) => `the service ended by itself with ${how}:\n${service.stderr}`),
    ]);
    if (died !== undefined) throw new Error(died);
    await service.kill();
    const begun = await load;
    const shrunk = await watched; // the command must be gone before the next start
    if (shrunk !== undefined) throw shrunk;
    this.#summary.kills++;
    this.#options.say(
      `kill ${this.#summary.kills} after ${Math.round(delay)} ms: ${events} events in ${begun.length} batches, ` +
        `${begun.filter(({ receipt }) => receipt === undefined).length} unanswered`,
    );
    return begun;
  }

  #newBatch(connection: number, span: Span, eventsBefore: number): Batch {
    const u = this.#random();
    const largest = eventsBefore < this.#options.largeBatchEvents ? largestBatch : 8;
    // Most are small, so that there are many commits; each size up to the largest happens.
    const size = u < 0.3 ? 1 : 1 + Math.floor(this.#random() ** 3 * largest);
    const times = Float64Array.from({ length: size }, (_, i) => {
      const time = span.from + 60_000 + (eventsBefore + i) * 2;
      return this.#random() < 0.02 ? time - Math.floor(this.#random() * 60_000) : time;
    });
    const batch: Batch = {
      id: this.#batches.length,
      connection,
      style: this.#styles[connection]!,
      size,
      times,
      receipt: undefined,
    };
    this.#batches.push(batch);
    return batch;
  }

  /** In one start of four: begins it and kills it at a random moment before the real one. */
  async #killAStart(): Promise<void> {
    if (this.#random() >= 0.25) return;
    const delay = this.#random() * 500;
    try {
      const service = await TaishiProcess.serve({
        data: this.#data,
        onSpawn: (kill) => void setTimeout(kill, delay),
      });
      await service.ended; // it was faster than the timer
    } catch {
      this.#summary.startsKilled++;
    }
  }

  /** Sends all that had no answer, and a few that had one: both get the receipt of their first time (I8). */
  async #sendAgain(service: TaishiProcess, begun: readonly Batch[]): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: connections });
    try {
      const answered = begun.filter(({ receipt }) => receipt !== undefined);
      const few = answered.filter(() => this.#random() < 5 / Math.max(5, answered.length));
      for (const batch of begun.filter(({ receipt }) => receipt === undefined)) {
        batch.receipt = await send(agent, service.host, batch);
        this.#summary.unanswered++;
        if (batch.receipt.duplicates > 0) this.#summary.storedUnanswered++;
      }
      for (const batch of [...few, ...answered.slice(-connections)]) {
        const again = await send(agent, service.host, batch);
        const { first, last } = batch.receipt!;
        assert.deepEqual({ first: again.first, last: again.last }, { first, last }, `batch ${batch.id} sent again`);
        assert.equal(again.duplicates, batch.size, `batch ${batch.id} sent again: duplicates`);
      }
    } finally {
      agent.destroy();
    }
  }

  async #check(
    service: TaishiProcess,
    span: Span,
    begun: readonly Batch[],
    known: ReadonlyMap<Batch, Batch["receipt"]>,
  ): Promise<void> {
    for (const [batch, receipt] of known) if (receipt !== undefined) assert.equal(batch.receipt, receipt);
    for (const credentials of this.#accounts) {
      const own = (batches: readonly Batch[]): Batch[] =>
        batches.filter(({ style }) => style.credentials.account === credentials.account);
      const all = own(this.#batches);
      checkReceipts(all);
      await checkRound(service, credentials, span, own(begun));
      await checkTotal(
        service,
        credentials,
        all.reduce((sum, { size }) => sum + size, 0),
      );
    }
    for (let i = 0; i < 10; i++) {
      const batch = this.#batches[Math.floor(this.#random() * this.#batches.length)]!;
      await checkOne(service, batch, Math.floor(this.#random() * batch.size));
    }
    this.#summary.events += begun.reduce((sum, { size }) => sum + size, 0);
    await this.#observeCheckpoints();
  }

  /** A checkpoint that was seen stands: a later one is not smaller, and one of the same size is the same (I2). */
  async #observeCheckpoints(): Promise<void> {
    for (const { account } of this.#accounts) {
      const seen = await taishiJson<Checkpoint>("checkpoint", "--account", account, "--data", this.#data);
      const before = this.#checkpoints.get(account);
      if (before !== undefined) {
        assert.ok(seen.size >= before.size, `the checkpoint of ${account} shrank from ${before.size} to ${seen.size}`);
        if (seen.size === before.size) assert.equal(seen.root, before.root, `the checkpoint of ${account} changed`);
      }
      this.#checkpoints.set(account, seen);
    }
  }

  /** The same while the load runs; the kill may cut the command off, which is no finding. */
  async #observeDuringLoad(): Promise<assert.AssertionError | undefined> {
    try {
      await this.#observeCheckpoints();
    } catch (thrown) {
      if (thrown instanceof assert.AssertionError) return thrown;
    }
    return undefined;
  }

  async #fsck(): Promise<void> {
    const { code, stdout, stderr } = await taishi("fsck", "--data", this.#data);
    assert.equal(code, 0, `fsck:\n${stdout}${stderr}`);
    this.#summary.fscks++;
  }
}
