// A ledger in a directory of its own, its batches and what is in it, for the tests of this folder.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { afterEach } from "node:test";
import { type Entry, entryHead, parseEntry } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { readEvent } from "../event/read.ts";
import { factsOf } from "../event/stream.ts";
import { Anchor } from "./anchor.ts";
import { fsck } from "./fsck.ts";
import type { AppendBatch } from "./port.ts";
import { openLedger } from "./segments.ts";
import { CheckpointSigner } from "./signer.ts";
import { LedgerReader } from "./store.ts";
import { LedgerWriter, type Outcome, type SegmentLimits } from "./writer.ts";

export const account = "2100000001";
export const newKey = () => generateKeyPairSync("ed25519").privateKey;
export const signer = new CheckpointSigner({ logKey: newKey(), clockKey: newKey() });
export const keys = () => ({ retired: [], current: signer.verifier("any/1").publicKey });
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

export function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), "taishi-ledger-"));
  directories.push(directory);
  return directory;
}

export interface Open {
  readonly database: DatabaseSync;
  readonly writer: LedgerWriter;
  readonly clock: { time: number; now(): number };
}

/** @param limits when a file closes at rollIfDue(); never, where absent */
export function open(
  directory: string,
  anchor?: string,
  limits?: Omit<SegmentLimits, "directory">,
  signedBy: CheckpointSigner = signer,
): Open {
  const clock = { time: 1_700_000_000_000, now: () => clock.time };
  const database = openLedger(directory, () => "testservice");
  try {
    const writer = new LedgerWriter({
      database,
      signer: signedBy,
      clock,
      ...(limits === undefined ? {} : { segments: { directory, ...limits } }),
      ...(anchor === undefined ? {} : { anchor: new Anchor(anchor) }),
    });
    writer.createLog(account);
    return { database, writer, clock };
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

export function batchOf(markers: readonly string[], more: Partial<AppendBatch> = {}): AppendBatch {
  const events = markers.map((marker, i) =>
    readEvent(
      {
        kind: "security",
        time: 1_690_000_000_000 + i,
        resource: { type: "endpoint", id: "ep-1" },
        type: "SshLogin",
        contents: { Marker: marker },
      },
      i,
    ),
  );
  return batchOfEvents(events, more);
}

export function batchOfEvents(events: readonly Event[], more: Partial<AppendBatch> = {}): AppendBatch {
  const prepared = events.map((event) => entryHead(event));
  const heads = prepared.map(({ head }) => Buffer.from(head));
  let end = 0;
  return {
    account,
    heads: Buffer.concat(heads),
    ends: Uint32Array.from(heads, (head) => (end += head.length)),
    blobs: prepared.flatMap(({ blobs }) => blobs),
    facts: factsOf(events),
    ...more,
  };
}

export const numbered = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `m${from + i}`);

export function receiptOf(outcome: Outcome | undefined): {
  first: number;
  last: number;
  treeSize: number;
  duplicates: number;
} {
  assert.ok(outcome !== undefined && "receipt" in outcome, JSON.stringify(outcome));
  return outcome.receipt;
}

export function firstValue({ event }: Entry): string | undefined {
  return event.kind === "security" ? event.contents[0]?.value : undefined;
}

export function markersIn(reader: LedgerReader, size: number): (string | undefined)[] {
  return reader
    .read(
      account,
      Array.from({ length: size }, (_, seq) => seq),
    )
    .map((bytes) => firstValue(parseEntry(bytes)));
}

export const check = (directory: string) => {
  const reader = LedgerReader.open(directory);
  return fsck(reader, { keys }).finally(() => reader.close());
};
