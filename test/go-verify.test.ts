// Tools that we did not write check what we sign: a Go program on golang.org/x/mod/sumdb/{note,tlog} verifies a checkpoint,
// proofs and the whole log as the running server gives them, and refuses every tampering that it can see.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openSigningKey } from "../src/durable/secret-file.ts";
import { CheckpointSigner } from "../src/ledger/signer.ts";
import { type Checkpoint, parseCheckpoint } from "../src/merkle/checkpoint.ts";
import { parseNote } from "../src/merkle/note.ts";
import { formatTlogProof, parseTlogProof, type TlogProof } from "../src/merkle/tlog-proof.ts";
import { ensurePackages } from "./debian.ts";
import { root } from "./repository.ts";
import { type Credentials, firstKey, TaishiProcess, taishiJson } from "./taishi-process.ts";

const go = ensurePackages(["golang-go", "golang-golang-x-mod-dev"]);
const options = { skip: go.missing ?? false };

let base: string;
let program: string;
let service: TaishiProcess;
let reader: Credentials;
let vkey: string;
/** Checkpoints of when the log held 300 and 1,000 events, and what the service added of its own. */
let old: string;
let newest: string;
/** The proof of event 123 under the newest checkpoint. */
let file: string;
let proof: TlogProof;
let consistency: readonly string[];

interface Claim {
  readonly Kind: "checkpoint" | "inclusion" | "consistency" | "tiles";
  readonly [member: string]: unknown;
}

/** What Go says of each claim: "" where it holds. */
function verdicts(claims: readonly Claim[], key = vkey): readonly string[] {
  const input = JSON.stringify({ Vkey: key, Claims: claims });
  const output = execFileSync(program, { input, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] });
  return output
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string);
}

function holds(claim: Claim): void {
  assert.deepEqual(verdicts([claim]), [""]);
}

function refuses(claim: Claim, why: RegExp): void {
  const [said] = verdicts([claim]);
  assert.match(said ?? "", why);
}

async function get(path: string): Promise<Response> {
  const answer = await fetch(service.url + path, { headers: { authorization: `Bearer ${reader.token}` } });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer;
}

async function append(count: number): Promise<void> {
  const event = { kind: "security", time: "2024-09-29T11:38:34Z", type: "SshLogin" };
  const events = Array.from({ length: count }, (_, i) => ({ ...event, resource: { type: "endpoint", id: `ep-${i}` } }));
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${reader.token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

/** A checkpoint that covers at least so many entries, as the log serves it. */
async function checkpointOf(size: number): Promise<string> {
  for (;;) {
    const text = await (await get(`/log/${reader.account}/checkpoint`)).text();
    if (bodyOf(text).size >= size) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const bodyOf = (text: string): Checkpoint => parseCheckpoint(parseNote(text).text);
const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1);

/** A checkpoint of other content, signed with the log's own key: what only an attacker who holds it can make. */
function forged(change: Partial<Checkpoint>): string {
  const [logKey, clockKey] = ["log.pem", "clock.pem"].map((name) =>
    openSigningKey(join(base, "data/secrets", name), { create: false }),
  ) as [ReturnType<typeof openSigningKey>, ReturnType<typeof openSigningKey>];
  return new CheckpointSigner({ logKey, clockKey }).sign({ ...bodyOf(newest), ...change }, Date.now());
}

before(async () => {
  if (!go.ready) return;
  base = mkdtempSync(join(tmpdir(), "taishi-go-"));
  program = join(base, "verify");
  execFileSync("go", ["build", "-o", program, join(root, "test/go/verify.go")], {
    // Debian's sources, nothing from the network.
    env: { ...process.env, GO111MODULE: "off", GOFLAGS: "", GOPATH: "/usr/share/gocode", GOCACHE: join(base, "cache") },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const data = join(base, "data");
  service = await TaishiProcess.serve({ data });
  const first = firstKey(data);
  reader = first;
  vkey = (await taishiJson<{ vkey: string }>("log", "key", "--account", first.account, "--data", data)).vkey;
  await append(300);
  old = await checkpointOf(300);
  await append(700);
  await checkpointOf(1000);
  file = await (await get("/api/v1/events/123/proof")).text();
  proof = parseTlogProof(file);
  newest = proof.checkpoint;
  const sizes = `from=${bodyOf(old).size}&to=${bodyOf(newest).size}`;
  consistency = ((await (await get(`/api/v1/log/consistency?${sizes}`)).json()) as { proof: string[] }).proof;
});

after(async () => {
  if (!go.ready) return;
  await service.stop();
  rmSync(base, { recursive: true, force: true });
});

const inclusionOf = (change: Partial<TlogProof>): Claim => ({
  Kind: "inclusion",
  File: formatTlogProof({ ...proof, ...change }),
});
const continuing = (change: object): Claim => ({
  Kind: "consistency",
  Old: old,
  Checkpoint: newest,
  Proof: consistency,
  ...change,
});
const served = (change: object = {}): Claim => ({
  Kind: "tiles",
  Checkpoint: newest,
  Prefix: `${service.url}/log/${reader.account}/`,
  Token: reader.token,
  ...change,
});

test("Go opens the checkpoint with our key", options, () => {
  holds({ Kind: "checkpoint", Checkpoint: newest });
  assert.ok(bodyOf(newest).size >= 1000 && bodyOf(old).size >= 300);
});

test("Go verifies the proof of an event", options, () => {
  assert.match(Buffer.from(proof.extra!).toString(), /"id":"ep-123"/);
  holds({ Kind: "inclusion", File: file });
});

test("Go verifies that the newest log continues the old one", options, () => {
  assert.ok(consistency.length > 0);
  holds(continuing({}));
});

test("Go reads the whole log by its tiles and finds every entry where its hash is", options, () => {
  holds(served());
});

test("Go refuses an entry with one byte changed", options, () => {
  refuses(inclusionOf({ extra: flipped(proof.extra!) }), /invalid transparency proof/);
});

test("Go refuses another entry in its place", options, async () => {
  const { extra } = parseTlogProof(await (await get("/api/v1/events/124/proof")).text());
  refuses(inclusionOf({ extra: extra! }), /invalid transparency proof/);
});

test("Go refuses another number for the entry", options, () => {
  refuses(inclusionOf({ index: proof.index + 1 }), /invalid transparency proof/);
});

test("Go refuses a proof with any hash changed, left out, or added", options, () => {
  const changed = proof.hashes.map((hash, i) => proof.hashes.with(i, flipped(hash)));
  const lists = [...changed, proof.hashes.slice(1), proof.hashes.slice(0, -1), [...proof.hashes, new Uint8Array(32)]];
  const said = verdicts(lists.map((hashes) => inclusionOf({ hashes })));
  assert.equal(said.length, proof.hashes.length + 3);
  for (const [i, why] of said.entries()) assert.match(why, /invalid transparency proof/, `list ${i}`);
});

test("Go refuses a checkpoint with another root, or another size, under the old signature", options, () => {
  const { size, root: hash } = bodyOf(newest);
  const text = Buffer.from(hash).toString("base64");
  const otherRoot = newest.replace(text, Buffer.from(flipped(hash)).toString("base64"));
  refuses({ Kind: "checkpoint", Checkpoint: otherRoot }, /invalid signature/);
  refuses({ Kind: "checkpoint", Checkpoint: newest.replace(`\n${size}\n`, `\n${size + 1}\n`) }, /invalid signature/);
  refuses(inclusionOf({ checkpoint: otherRoot }), /invalid signature/);
});

test("Go refuses a checkpoint signed again with another key", options, () => {
  const other = () => generateKeyPairSync("ed25519").privateKey;
  const checkpoint = new CheckpointSigner({ logKey: other(), clockKey: other() }).sign(bodyOf(newest), Date.now());
  refuses({ Kind: "checkpoint", Checkpoint: checkpoint }, /no verifiable signatures/);
});

test("Go refuses a checkpoint of another log of the same service", options, () => {
  const origin = bodyOf(newest).origin.replace(/\/\d+$/, "/1");
  refuses({ Kind: "checkpoint", Checkpoint: forged({ origin }) }, /no verifiable signatures/);
});

test("Go refuses an entry under another tree, even one signed with the log's own key", options, () => {
  refuses(inclusionOf({ checkpoint: forged({ root: flipped(bodyOf(newest).root) }) }), /invalid transparency proof/);
  refuses(inclusionOf({ checkpoint: forged({ size: 300 }) }), /invalid transparency proof/);
});

test("Go refuses a log that does not continue what was seen before, even signed with its own key", options, () => {
  const { size, root: hash } = bodyOf(old);
  const otherOld = forged({ size, root: flipped(hash) });
  const otherNew = forged({ root: flipped(bodyOf(newest).root) });
  holds({ Kind: "checkpoint", Checkpoint: otherOld });
  refuses(continuing({ Old: otherOld }), /invalid transparency proof/);
  refuses(continuing({ Checkpoint: otherNew }), /invalid transparency proof/);
});

test("Go refuses a log that is shorter than it was", options, () => {
  refuses(continuing({ Old: newest, Checkpoint: old }), /invalid/);
});

test("Go refuses a consistency proof with any hash changed, left out, or added", options, () => {
  const change = (hash: string): string => Buffer.from(flipped(Buffer.from(hash, "base64"))).toString("base64");
  const zeros = Buffer.alloc(32).toString("base64");
  const lists = [...consistency.map((hash, i) => consistency.with(i, change(hash))), consistency.slice(1)];
  const said = verdicts([...lists, [...consistency, zeros]].map((list) => continuing({ Proof: list })));
  assert.equal(said.length, consistency.length + 2);
  for (const [i, why] of said.entries()) assert.match(why, /invalid transparency proof/, `list ${i}`);
});

test("Go refuses tiles and bundles that were served with one bit changed", options, () => {
  const apart = /entry \d+ does not have the hash in its tile|downloaded inconsistent tile/;
  refuses(served({ Flip: "tile/entries/001" }), apart);
  refuses(served({ Flip: "tile/0/002" }), apart);
  const rest = Math.floor(bodyOf(newest).size / 256);
  refuses(served({ Flip: `tile/1/000.p/${rest}` }), /downloaded inconsistent tile/);
});

test("Go refuses the whole log under another root, even one signed with the log's own key", options, () => {
  const checkpoint = forged({ root: flipped(bodyOf(newest).root) });
  refuses(served({ Checkpoint: checkpoint }), /downloaded inconsistent tile|do not make the signed root/);
});

test("Go gets nothing without a reader's token", options, () => {
  refuses(served({ Token: "" }), /401/);
});
