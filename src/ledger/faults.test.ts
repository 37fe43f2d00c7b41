// The table {failed, failed but persisted} × every call of the store that the writer makes: one story of appends, checkpoints,
// new logs and checkpoints handed out, told again for every call, each time with that call failing. A refusal leaves a
// writer that knows what is stored and goes on; anything else is Fatal, and a fresh writer goes on with what is there.
import assert from "node:assert/strict";
import { generateKeyPairSync, hash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Fatal, TaishiError } from "../errors.ts";
import { entryHead, parseEntry } from "../event/entry.ts";
import { readEvent } from "../event/read.ts";
import type { Checkpoint } from "../merkle/checkpoint.ts";
import { equalBytes } from "../merkle/note.ts";
import { leafHash, TreeEdge } from "../merkle/tree.ts";
import { Anchor } from "./anchor.ts";
import { Failure, type Way, ways } from "./failing-store.test-support.ts";
import { fsck } from "./fsck.ts";
import type { HeadBatch, Receipt } from "./port.ts";
import { openLedger } from "./segments.ts";
import { CheckpointSigner, publicKeyOf, sha256, verifyCheckpoint } from "./signer.ts";
import { LedgerReader } from "./store.ts";
import { LedgerWriter } from "./writer.ts";

/** What is tried is what the writer makes of failures, hundreds of times over; how fast a disk syncs is nothing to it. */
const memoryOrTemporary = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const newKey = () => generateKeyPairSync("ed25519").privateKey;
const keys = { logKey: newKey(), clockKey: newKey() };
const signingKeys = { retired: [], current: publicKeyOf(keys.logKey) };

/** Keeps what it signs: a checkpoint counts from then on, wherever it gets lost afterwards (I2). */
class RememberingSigner extends CheckpointSigner {
  readonly signed: Checkpoint[] = [];

  override sign(checkpoint: Checkpoint, time: number): string {
    this.signed.push(checkpoint);
    return super.sign(checkpoint, time);
  }
}

interface Batch {
  readonly account: string;
  readonly key: string;
  readonly markers: readonly string[];
}

const batch = (account: string, key: string, count: number): Batch => ({
  account,
  key,
  markers: Array.from({ length: count }, (_, i) => `${key}-${i}`),
});

type Act =
  | { readonly createLog: string }
  | { readonly append: readonly Batch[] }
  | { readonly checkpoint: number }
  | { readonly handOut: string }
  /** In order, with a last checkpoint; or as a killed process leaves it. */
  | { readonly restart: "closed" | "killed" };

/** Recognised by where its events stand, instead of by a key. */
const isPositioned = ({ key }: Batch): boolean => key.startsWith("at");

/** Few rows, but every kind of them: tails, a full bundle with its node, a blob, receipts, marks, kept and dropped checkpoints. */
const story: readonly Act[] = [
  { createLog: "1" },
  { append: [batch("1", "a", 3)] },
  { checkpoint: 1_000 },
  { handOut: "1" },
  { append: [batch("1", "b", 255), batch("1", "blob", 1), batch("1", "at-x", 2)] },
  { restart: "killed" },
  { checkpoint: 1_000 },
  { append: [batch("1", "c", 1)] },
  { createLog: "2" },
  { append: [batch("2", "d", 1), batch("1", "e", 2), batch("2", "at-y", 1)] },
  { checkpoint: 61_000 },
  { append: [batch("2", "f", 1)] },
  { handOut: "2" },
  { checkpoint: 8 * 24 * 3_600_000 },
  { append: [batch("1", "g", 2)] },
  { restart: "closed" },
];

const headBatches = new Map<Batch, HeadBatch>();

function headBatch(batch: Batch): HeadBatch {
  const known = headBatches.get(batch) ?? makeHeadBatch(batch);
  headBatches.set(batch, known);
  return known;
}

function makeHeadBatch({ account, key, markers }: Batch): HeadBatch {
  const prepared = markers.map((marker, i) =>
    entryHead(
      readEvent(
        {
          kind: "security",
          time: 1_690_000_000_000 + i,
          resource: { type: "endpoint", id: "ep-1" },
          type: "SshLogin",
          contents: { Marker: marker, ...(key === "blob" ? { Long: "=".repeat(70_000) } : {}) },
        },
        i,
      ),
      key.startsWith("at") ? { position: { source: "agent", stream: key, offset: i } } : undefined,
    ),
  );
  const heads = prepared.map(({ head }) => Buffer.from(head));
  let end = 0;
  return {
    account,
    heads: Buffer.concat(heads),
    ends: Uint32Array.from(heads, (head) => (end += head.length)),
    blobs: prepared.flatMap(({ blobs }) => blobs),
    ...(key.startsWith("at")
      ? {
          positions: {
            streams: [{ source: "agent", stream: key }],
            of: new Uint32Array(markers.length),
            offsets: Float64Array.from(markers.keys()),
          },
        }
      : { idempotency: { key, digest: hash("sha256", `${account} ${markers.join()}`) } }),
  };
}

/** One telling of the story with one failure in it. */
class Telling {
  readonly #directory = mkdtempSync(join(memoryOrTemporary, "taishi-faults-"));
  readonly #anchorPath = join(this.#directory, "anchor.json");
  readonly #ledger = join(this.#directory, "ledger");
  readonly #signer = new RememberingSigner(keys);
  readonly #clock = { time: 1_700_000_000_000, now: (): number => this.#clock.time };
  readonly #failure: Failure;
  /** Of each log, what must be stored, in order. */
  readonly #expected = new Map<string, string[]>();
  readonly #receipts = new Map<string, Receipt>();
  #database: DatabaseSync | undefined;
  #writer: LedgerWriter | undefined;

  constructor(failure: Failure) {
    this.#failure = failure;
  }

  async tell(): Promise<void> {
    try {
      this.#start();
      for (const act of story) this.#act(act);
      this.#checkStored();
      await this.#fsck();
    } finally {
      // Where the telling failed it may be closed already, and what failed is what is to be told.
      if (this.#database?.isOpen === true) this.#database.close();
      rmSync(this.#directory, { recursive: true });
    }
  }

  /** No writer comes to be where a call of its start fails; the next start makes one. */
  #start(): void {
    for (;;) {
      const before = this.#failure.hit;
      try {
        this.#open();
        return;
      } catch (thrown) {
        if (this.#failure.hit === before) throw thrown;
        if (this.#database?.isOpen === true) this.#database.close();
      }
    }
  }

  #open(): void {
    const database = openLedger(this.#ledger, () => "testservice");
    this.#database = database;
    this.#writer = new LedgerWriter({
      database: this.#failure.database(database),
      signer: this.#signer,
      clock: this.#clock,
      anchor: this.#failure.anchor(this.#anchorPath),
    });
  }

  #act(act: Act): void {
    if ("checkpoint" in act) this.#clock.time += act.checkpoint;
    for (let attempt = 1; ; attempt++)
      try {
        this.#attempt(act);
        this.#checkMemory();
        return;
      } catch (thrown) {
        if (this.#failure.hit === undefined || attempt > 2 || thrown instanceof assert.AssertionError) throw thrown;
        if (thrown instanceof TaishiError) {
          assert.equal(thrown.code, "disk-full");
          this.#checkMemory();
        } else {
          // As on the writer's thread: this instance is not asked again.
          assert.ok(thrown instanceof Fatal, `not Fatal after ${this.#failure.hit}: ${(thrown as Error).stack}`);
          if (this.#database?.isOpen === true) this.#database.close();
          this.#start();
        }
        this.#checkAllOrNothing(act);
      }
  }

  #attempt(act: Act): void {
    const writer = this.#writer!;
    if ("restart" in act) {
      if (act.restart === "closed") writer.close();
      if (this.#database?.isOpen === true) this.#database.close();
      this.#start();
    } else if ("createLog" in act) writer.createLog(act.createLog);
    else if ("checkpoint" in act) writer.checkpoint();
    else if ("handOut" in act) {
      const { note, size } = writer.handOut(act.handOut);
      const { origin } = verifyCheckpoint(note, this.#signer.verifier(`testservice.taishi/${act.handOut}`));
      assert.ok(
        this.#signer.signed.some((one) => one.origin === origin && one.size === size),
        "what is handed out was signed",
      );
    } else {
      const outcomes = writer.append(act.append.map(headBatch));
      outcomes.forEach((outcome, i) => {
        if ("refusal" in outcome) throw outcome.refusal;
        this.#acknowledged(act.append[i]!, outcome.receipt);
      });
      // I8: the same again changes nothing and gives the first receipt.
      for (const one of act.append) {
        const [again] = writer.append([headBatch(one)]);
        assert.ok(again !== undefined);
        if ("refusal" in again) throw again.refusal;
        assert.equal(again.appended, false);
        if (!isPositioned(one)) assert.equal(again.receipt.first, this.#receipts.get(one.key)!.first);
        assert.equal(again.receipt.duplicates, one.markers.length);
      }
    }
  }

  #acknowledged(acknowledged: Batch, receipt: Receipt): void {
    const { account, key, markers } = acknowledged;
    const stored = this.#expected.get(account) ?? [];
    this.#expected.set(account, stored);
    const known = this.#receipts.get(key);
    if (known === undefined && isPositioned(acknowledged) && receipt.duplicates > 0) {
      // The attempt that failed was persisted; a position says that it is there, not at which number.
      assert.equal(receipt.duplicates, markers.length);
      stored.push(...markers);
      this.#receipts.set(key, receipt);
      return;
    }
    if (known !== undefined && isPositioned(acknowledged)) return;
    if (known === undefined) {
      assert.equal(receipt.first, stored.length, "numbers have no gaps");
      stored.push(...markers);
      this.#receipts.set(key, receipt);
    } else assert.equal(receipt.first, known.first);
    assert.equal(receipt.last, receipt.first + markers.length - 1);
  }

  /** What the writer says of its logs is what a reader finds: sizes and newest checkpoints. */
  #checkMemory(): void {
    const reader = LedgerReader.open(this.#ledger);
    try {
      const stored = reader.logs().map(({ id, account, size }) => {
        const { size: signedSize, time } = reader.latestCheckpoint(id)!;
        return { account, size, checkpoint: { size: signedSize, time } };
      });
      const said = this.#writer!.status().map(({ account, size, checkpoint }) => ({
        account,
        size,
        checkpoint: { size: checkpoint?.size, time: checkpoint?.time },
      }));
      const byAccount = (a: { account: string }, b: { account: string }): number => (a.account < b.account ? -1 : 1);
      assert.deepEqual(said.sort(byAccount), stored.sort(byAccount));
    } finally {
      reader.close();
    }
  }

  /** After a failed append the group is there as a whole or not at all, and what was acknowledged is there. */
  #checkAllOrNothing(act: Act): void {
    const reader = LedgerReader.open(this.#ledger);
    const group = "append" in act ? act.append : [];
    const states = reader.accounts().flatMap((account) => {
      const before = this.#expected.get(account)?.length ?? 0;
      const added = group.filter((one) => one.account === account).reduce((sum, one) => sum + one.markers.length, 0);
      const size = reader.size(account);
      assert.ok(size === before || size === before + added, `log ${account} has ${size} entries after ${before}`);
      return added === 0 ? [] : [size > before];
    });
    assert.ok(
      states.every((one) => one === states[0]),
      "of one group all logs have it, or none",
    );
    reader.close();
  }

  /** Every acknowledged event once, in order, at its number; and every checkpoint ever signed is one of this tree. */
  #checkStored(): void {
    const reader = LedgerReader.open(this.#ledger);
    try {
      assert.deepEqual([...reader.accounts()].sort(), ["1", "2"]);
      for (const { account, origin, size } of reader.logs()) {
        const entries = reader.read(
          account,
          Array.from({ length: size }, (_, seq) => seq),
        );
        const markers = entries.map((bytes) => {
          const { event } = parseEntry(bytes);
          return event.kind === "security" ? event.contents[0]?.value : undefined;
        });
        assert.deepEqual(markers, this.#expected.get(account));
        const edge = new TreeEdge(sha256);
        const signed = this.#signer.signed.filter((one) => one.origin === origin).sort((a, b) => a.size - b.size);
        for (const checkpoint of signed) {
          while (edge.size < checkpoint.size) edge.append(leafHash(sha256, entries[edge.size]!));
          assert.ok(equalBytes(checkpoint.root, edge.root()), `the checkpoint of size ${edge.size} that was signed`);
        }
      }
    } finally {
      reader.close();
    }
  }

  async #fsck(): Promise<void> {
    const reader = LedgerReader.open(this.#ledger);
    try {
      const anchor = new Anchor(this.#anchorPath, { readOnly: true });
      const { problems } = await fsck(reader, { keys: () => signingKeys, anchor });
      assert.deepEqual(problems, []);
    } finally {
      reader.close();
    }
  }
}

/** Tells the story with each of its calls failing, until a telling has fewer. @returns the calls that failed */
async function tellAll(way: Way): Promise<readonly string[]> {
  const hits: string[] = [];
  for (let nth = 1; ; nth++) {
    const failure = new Failure(nth, way);
    try {
      await new Telling(failure).tell();
    } catch (cause) {
      throw new Error(`call ${nth} ${way}: ${failure.hit}`, { cause });
    }
    if (failure.hit === undefined) return hits;
    hits.push(failure.hit);
  }
}

for (const way of ways)
  test(`whichever call of the store is "${way}", nothing acknowledged is lost or doubled, and nothing signed is contradicted`, async (context) => {
    const hits = await tellAll(way);
    context.diagnostic(`${hits.length} calls`);
    for (const part of ["COMMIT", "INSERT INTO log", "INSERT INTO bundle", "INTO receipt", "anchor.move"])
      assert.ok(
        hits.some((hit) => hit.includes(part)),
        `no call with ${part} failed`,
      );
  });
