// What the console's proof believes over a rotation of the log's key: the key this browser knows, and nothing that the service
// says. The service is played, by logs with real trees and signatures; Node stands in for the browser.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { formatNote, formatVerifierKey, parseNote, toBase64 } from "../src/merkle/note.ts";
import { consistencyProof, inclusionProof } from "../src/merkle/proof.ts";
import { formatTlogProof } from "../src/merkle/tlog-proof.ts";
import { sha256 } from "../src/witness/ed25519.ts";
import { type TestLog, testLog } from "../src/witness/test-log.test-support.ts";

const origin = "log.example/1";
const time = 1_700_000_000;
const received = "2026-01-02T03:04:05.000Z";

/** A log whose entries from `from` on say another user. */
function logOf(from = Number.POSITIVE_INFINITY): TestLog {
  const entry = (seq: number): Uint8Array =>
    Buffer.from(JSON.stringify({ event: { type: seq < from ? "T" : "Forged" }, received: Date.parse(received), v: 1 }));
  return testLog(origin, { entry } as TestLog);
}

const old = logOf();
const account = "2100000001";
const place = `taishi-log:${account}`;
const remembered = new Map<string, string>();
Object.assign(globalThis, {
  localStorage: {
    getItem: (key: string) => remembered.get(key) ?? null,
    setItem: (key: string, value: string) => void remembered.set(key, value),
  },
});
const { prove } = (await import("../console/src/proof.ts" as string)) as {
  prove: (event: object) => Promise<{ readonly rotations: number; readonly since?: { readonly size: number } }>;
};

/** A checkpoint that both keys sign, over the entries of `next`. */
function linking(before: TestLog, next: TestLog, size: number): string {
  const [first, second] = [next.note(size), testLogNote(before, next, size)].map((note) => parseNote(note));
  return formatNote({ text: first!.text, signatures: [...first!.signatures, ...second!.signatures] });
}

/** The checkpoint of `entries`'s log, signed by the key of `signer`. */
function testLogNote(signer: TestLog, entries: TestLog, size: number): string {
  const same = signer.root(size).every((byte, i) => byte === entries.root(size)[i]);
  assert.ok(same, "the old key signs what it knows");
  return signer.note(size);
}

interface Served {
  readonly log: TestLog;
  readonly size: number;
  readonly links: readonly object[];
  readonly clockVkey?: string;
}

/** The service as `prove` asks it. @returns what the proof of entry `seq` says */
function prover({ log, size, links, clockVkey = formatVerifierKey(log.clockKey) }: Served) {
  Object.assign(globalThis, {
    fetch: async (address: string) => {
      const { pathname, searchParams } = new URL(address, "http://taishi.example");
      if (pathname === "/api/v1/log")
        return Response.json({ account, origin: log.key.name, vkey: formatVerifierKey(log.key), clockVkey });
      if (pathname === "/api/v1/log/links") return Response.json({ links });
      if (pathname === "/api/v1/log/consistency") {
        const [from, to] = ["from", "to"].map((name) => Number(searchParams.get(name)));
        return Response.json({ proof: (await consistencyProof(sha256, log, from!, to!)).map(toBase64) });
      }
      const seq = Number(/^\/api\/v1\/events\/(\d+)\/proof$/.exec(pathname)![1]);
      const hashes = await inclusionProof(sha256, log, seq, size);
      return new Response(
        formatTlogProof({ index: seq, extra: log.entry(seq), hashes, checkpoint: log.note(size, time) }),
      );
    },
  });
  return (seq: number) => {
    const { event } = JSON.parse(Buffer.from(log.entry(seq)).toString()) as { event: object };
    return prove({ seq, received, ...event });
  };
}

const link = (before: TestLog, next: TestLog, checkpoint: string) => ({
  oldKey: formatVerifierKey(before.key),
  newKey: formatVerifierKey(next.key),
  checkpoint,
});

beforeEach(() => {
  remembered.clear();
});

test("a rotation is followed from what is remembered, and then the new key is", async () => {
  assert.equal((await prover({ log: old, size: 5, links: [] })(2)).rotations, 0);
  const next = testLog(origin, old);
  const links = [link(old, next, linking(old, next, 6))];
  const proved = await prover({ log: next, size: 8, links })(7);
  assert.deepEqual([proved.rotations, proved.since?.size], [1, 6]);
  assert.equal(JSON.parse(remembered.get(place)!).vkey, formatVerifierKey(next.key));
  const again = await prover({ log: next, size: 9, links })(0);
  assert.deepEqual([again.rotations, again.since?.size], [0, 8]);
});

test("a link behind what is remembered leads nowhere: the log could be another from there on", async () => {
  await prover({ log: old, size: 10, links: [] })(9);
  const before = remembered.get(place);
  const forged = logOf(5);
  const links = [link(old, forged, linking(old, forged, 5))];
  await assert.rejects(prover({ log: forged, size: 8, links })(7), /5 entries .* older than that of 10 entries/);
  await assert.rejects(prover({ log: forged, size: 12, links })(11), /older/);
  assert.equal(remembered.get(place), before);
});

test("a link that only one of the two signed, and none at all", async () => {
  await prover({ log: old, size: 5, links: [] })(2);
  const before = remembered.get(place);
  const next = testLog(origin, old);
  for (const checkpoint of [next.note(6), old.note(6)])
    await assert.rejects(prover({ log: next, size: 8, links: [link(old, next, checkpoint)] })(7), /by the key of/);
  await assert.rejects(prover({ log: next, size: 8, links: [] })(7), /no checkpoints that lead/);
  assert.equal(remembered.get(place), before);
});

test("a key of the log's kind, given out for the clock's, signs nothing", async () => {
  await prover({ log: old, size: 5, links: [] })(2);
  const next = testLog(origin, old);
  const clockVkey = formatVerifierKey(next.key);
  const links = [link(old, next, next.note(6))];
  await assert.rejects(prover({ log: next, size: 8, links, clockVkey })(7), /clock key that is none/);
  // Under the known key's own name too.
  const impostor = { ...next, key: old.key };
  await assert.rejects(prover({ log: impostor, size: 8, links: [], clockVkey })(7), /clock key that is none/);
});

test("another log under another name for the same account", async () => {
  await prover({ log: old, size: 5, links: [] })(2);
  const before = remembered.get(place);
  const stranger = testLog("log.example/2", old);
  await assert.rejects(prover({ log: stranger, size: 8, links: [] })(7), /knows the account's as log.example\/1/);
  assert.equal(remembered.get(place), before);
});
