// Every answer of add-checkpoint, what is remembered after it, and who wins when two ask at once.
import assert from "node:assert/strict";
import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pino from "pino";
import { formatCheckpoint } from "../merkle/checkpoint.ts";
import { ed25519, formatNote, parseNote, parseVerifierKey, toBase64, type VerifierKey } from "../merkle/note.ts";
import { consistencyProof } from "../merkle/proof.ts";
import { formatSubmission, judge, parseSubmission } from "./add-checkpoint.ts";
import { cosignatureBy, isSignedBy, sha256 } from "./ed25519.ts";
import { type TestLog, testLog } from "./test-log.test-support.ts";
import { Witness } from "./witness.ts";
import { WitnessStore } from "./witness-store.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "taishi-witness-"));
});
after(() => rmSync(directory, { recursive: true }));

const { privateKey } = generateKeyPairSync("ed25519");
let made = 0;
let now = 1_700_000_000_000;

function witnessOf(logs: readonly VerifierKey[], path = join(directory, `${++made}.db`)) {
  const store = WitnessStore.open(path, "witness.example/w1");
  const witness = new Witness({
    store,
    privateKey,
    logs,
    clock: { now: () => now },
    log: pino({ level: "silent" }),
  });
  const add = (body: string) => witness.answer({ method: "POST", path: "/add-checkpoint", body });
  return { witness, store, path, add };
}

/** A submission of the log's first `size` leaves, proven from `oldSize`. */
async function submission(log: TestLog, oldSize: number, size: number): Promise<string> {
  const proof = await consistencyProof(sha256, log, oldSize, size);
  return formatSubmission({ oldSize, proof, checkpoint: log.note(size) });
}

test("200: a first checkpoint is cosigned, then each that continues it, with the time", async () => {
  const log = testLog("log.example/1");
  const { add, store, witness } = witnessOf([log.key]);
  const key = parseVerifierKey(sha256, witness.vkey);
  assert.equal(key.type, 4);
  let old = 0;
  for (const size of [0, 1, 7, 256, 300, 300]) {
    now += 1_500;
    const answer = add(await submission(log, old, size));
    assert.equal(answer.status, 200, String(answer.body));
    assert.match(String(answer.body), /^— witness\.example\/w1 [A-Za-z0-9+/]+=*\n$/);
    // As the spec suggests: put behind the checkpoint it is a note that verifies.
    const note = parseNote(`${log.note(size)}${answer.body}`);
    assert.equal(cosignatureBy(note, key)?.time, Math.floor(now / 1000));
    assert.equal(store.latest(log.key.name)?.size, size);
    old = size;
  }
});

test("what was cosigned is remembered by the next start, and shown below the hash of its origin", async () => {
  const log = testLog("log.example/1");
  const first = witnessOf([log.key]);
  const path = `/${hash("sha256", "log.example/1", "hex")}/checkpoint`;
  assert.equal(first.witness.answer({ method: "GET", path, body: "" }).status, 404);
  assert.equal(first.add(await submission(log, 0, 20)).status, 200);
  first.store.close();
  const second = witnessOf([log.key], first.path);
  const again = second.add(await submission(log, 0, 30));
  assert.deepEqual([again.status, again.body], [409, "20\n"]);
  const shown = second.witness.answer({ method: "GET", path, body: "" });
  const note = parseNote(String(shown.body));
  assert.equal(note.text, parseNote(log.note(20)).text);
  assert.ok(isSignedBy(note, log.key));
  assert.ok(cosignatureBy(note, parseVerifierKey(sha256, second.witness.vkey)));
  assert.equal(second.add(await submission(log, 20, 30)).status, 200);
  assert.throws(() => WitnessStore.open(first.path, "witness.example/other"), /is named witness\.example\/w1/);
});

test("400: a body that is no submission, and an old size above the new one", async () => {
  const log = testLog("log.example/1");
  const { add, store } = witnessOf([log.key]);
  const good = await submission(log, 0, 5);
  const hashLine = toBase64(new Uint8Array(32));
  for (const bad of [
    "",
    "old 0\n",
    "old 0\n\n",
    good.replace("old 0", "old 00"),
    good.replace("old 0", "old -1"),
    good.replace("old 0", "old  0"),
    good.replace("old 0", "new 0"),
    good.replace("old 0", "old 99999999999999999999"),
    good.replace("old 0\n", "old 0\nAAAA\n"),
    good.replace("old 0\n", `old 0\n${hashLine} \n`),
    good.replace("old 0\n", `old 0\n${`${hashLine}\n`.repeat(64)}`),
    good.replace("\n5\n", "\n05\n"),
    good.slice(0, -1),
    good.replace("old 0", "old 6"),
  ])
    assert.equal(add(bad).status, 400, JSON.stringify(bad));
  assert.equal(store.latest(log.key.name), undefined);
});

test("404: an origin that is not configured; 403: a known one without a signature by its key", async () => {
  const log = testLog("log.example/1");
  const stranger = testLog("log.example/2");
  const impostor = testLog("log.example/1");
  const { add, store, witness } = witnessOf([log.key]);
  assert.equal(add(await submission(stranger, 0, 5)).status, 404);
  assert.equal(add(await submission(impostor, 0, 5)).status, 403);
  const flipped = (await submission(log, 0, 5)).replace(
    /— (\S+) (.{20})./,
    (_all, name, begin) => `— ${name} ${begin}!`,
  );
  assert.equal(add(flipped).status, 400);
  const unsigned = formatSubmission({
    oldSize: 0,
    proof: [],
    checkpoint: formatNote({
      text: parseNote(log.note(5)).text,
      signatures: [{ name: log.key.name, keyId: log.key.keyId, signature: new Uint8Array(64) }],
    }),
  });
  assert.equal(add(unsigned).status, 403);
  assert.equal(store.latest(log.key.name), undefined);
  witness.trust([log.key, stranger.key]);
  assert.equal(add(await submission(stranger, 0, 5)).status, 200);
});

test("a signature of one trusted key among others is enough, and unknown ones are ignored", async () => {
  const log = testLog("log.example/1");
  const rotated = testLog("log.example/1", log);
  const { add } = witnessOf([log.key, rotated.key]);
  assert.equal(add(await submission(log, 0, 5)).status, 200);
  assert.equal(add(await submission(rotated, 5, 9)).status, 200);
  const { text, signatures } = parseNote(log.note(12));
  const both = formatNote({ text, signatures: [...parseNote(testLog("x").note(1)).signatures, ...signatures] });
  const proof = await consistencyProof(sha256, log, 9, 12);
  assert.equal(add(formatSubmission({ oldSize: 9, proof, checkpoint: both })).status, 200);
});

test("409: another old size than the one cosigned, answered with that one as text/x.tlog.size", async () => {
  const log = testLog("log.example/1");
  const { add, store } = witnessOf([log.key]);
  assert.equal(add(await submission(log, 0, 40)).status, 200);
  for (const [old, size] of [
    [0, 50],
    [39, 50],
    [41, 50],
    [0, 10],
    [10, 20],
    [0, 40],
  ] as const) {
    const answer = add(await submission(log, old, size));
    assert.deepEqual([answer.status, answer.body], [409, "40\n"], `old ${old}, size ${size}`);
    assert.equal(answer.headers["content-type"], "text/x.tlog.size");
  }
  assert.equal(store.latest(log.key.name)?.size, 40);
  assert.deepEqual(store.contradictions(log.key.name), []);
});

test("409: two roots of one size are refused and kept as proof, whatever old size is named", async () => {
  const log = testLog("log.example/1");
  const fork = log.fork();
  const { add, store } = witnessOf([log.key]);
  assert.equal(add(await submission(log, 0, 40)).status, 200);
  for (const old of [40, 0]) {
    const answer = add(await submission(fork, old, 40));
    assert.deepEqual([answer.status, answer.body], [409, "40\n"]);
  }
  const kept = store.contradictions(log.key.name);
  assert.equal(kept.length, 2);
  for (const { proven, submission: body, cosigned } of kept) {
    assert.equal(proven, true);
    // The two notes alone show it: one key, one size, two roots.
    const [one, other] = [parseNote(parseSubmission(body).checkpoint), parseNote(cosigned)];
    assert.ok(isSignedBy(one, log.key) && isSignedBy(other, log.key));
    assert.equal(one.text.split("\n")[1], other.text.split("\n")[1]);
    assert.notEqual(one.text, other.text);
  }
});

test("422: a proof that does not show the continuation, for any bit of it", async () => {
  const log = testLog("log.example/1");
  const fork = log.fork();
  const { add, store } = witnessOf([log.key]);
  assert.equal(add(await submission(log, 0, 40)).status, 200);
  assert.equal(add(await submission(fork, 40, 90)).status, 422);
  const { proof, checkpoint } = parseSubmission(await submission(log, 40, 90));
  assert.equal(add(formatSubmission({ oldSize: 40, proof: proof.slice(1), checkpoint })).status, 422);
  assert.equal(add(formatSubmission({ oldSize: 40, proof: [...proof, proof[0]!], checkpoint })).status, 422);
  for (let i = 0; i < proof.length * 32; i += 5) {
    const altered = proof.map((one) => one.slice());
    altered[Math.floor(i / 32)]![i % 32]! ^= 1 << (i % 8);
    assert.equal(add(formatSubmission({ oldSize: 40, proof: altered, checkpoint })).status, 422);
  }
  assert.equal(store.latest(log.key.name)?.size, 40);
  const kept = store.contradictions(log.key.name);
  assert.equal(kept.length, 20, "what anyone can send does not fill the disk");
  assert.ok(kept.every(({ proven }) => !proven));
  assert.equal(add(await submission(log, 40, 90)).status, 200);
});

test("422: a proof where the old size is 0 or the size is the same, which need none", async () => {
  const log = testLog("log.example/1");
  const { add } = witnessOf([log.key]);
  const proof = [new Uint8Array(32)];
  assert.equal(add(formatSubmission({ oldSize: 0, proof, checkpoint: log.note(3) })).status, 422);
  assert.equal(add(await submission(log, 0, 3)).status, 200);
  assert.equal(add(formatSubmission({ oldSize: 3, proof, checkpoint: log.note(3) })).status, 422);
});

test("of two that read the same memory at once, only one is cosigned: no size is rolled back", async () => {
  const log = testLog("log.example/1");
  const first = witnessOf([log.key]);
  assert.equal(first.add(await submission(log, 0, 10)).status, 200);
  // Another process on the same file, between this one's reading and writing.
  const other = witnessOf([log.key], first.path);
  const larger = await submission(log, 10, 30);
  const reads = first.store.latest.bind(first.store);
  let once = true;
  first.store.latest = (origin) => {
    const head = reads(origin);
    if (once) {
      once = false;
      assert.equal(other.add(larger).status, 200);
    }
    return head;
  };
  const answer = first.add(await submission(log, 10, 20));
  assert.deepEqual([answer.status, answer.body], [409, "30\n"]);
  assert.equal(reads(log.key.name)?.size, 30);
});

test("paths and methods that a witness does not have", () => {
  const { witness } = witnessOf([testLog("log.example/1").key]);
  const status = (method: string, path: string) => witness.answer({ method, path, body: "" }).status;
  assert.equal(status("GET", "/add-checkpoint"), 405);
  assert.equal(status("POST", `/${"0".repeat(64)}/checkpoint`), 405);
  assert.equal(status("GET", `/${"0".repeat(64)}/checkpoint`), 404);
  assert.equal(status("GET", "/"), 404);
  assert.equal(status("GET", "/healthz"), 200);
});

test("the decision alone: extension lines are part of what is cosigned, and judged by the first three", () => {
  const log = testLog("log.example/1");
  const text = `${formatCheckpoint({ origin: log.key.name, size: 5, root: log.root(5) })}an extension\n`;
  const signature = sign(null, Buffer.from(text), log.privateKey as KeyObject);
  const checkpoint = formatNote({ text, signatures: [{ name: log.key.name, keyId: log.key.keyId, signature }] });
  const verdict = judge(
    formatSubmission({ oldSize: 0, proof: [], checkpoint }),
    () => [log.key],
    () => undefined,
  );
  assert.ok(verdict.status === 200 && verdict.note.text === text);
  assert.equal(log.key.type, ed25519);
});
