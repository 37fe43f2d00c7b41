// What taishi/verify accepts, and that nothing altered is accepted: with the portable primitives, as in a browser.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, hash, type KeyObject, sign, verify } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { cosignatureBlob, cosignedMessage, formatCheckpoint } from "./checkpoint.ts";
import {
  ed25519,
  ed25519Cosignature,
  formatNote,
  formatVerifierKey,
  type NoteSignature,
  toBase64,
  type VerifierKey,
  verifierKey,
} from "./note.ts";
import { type Primitives, portable } from "./primitives.ts";
import { consistencyProof, inclusionProof, ProofError } from "./proof.ts";
import { formatTlogProof } from "./tlog-proof.ts";
import { leafHash, TreeEdge } from "./tree.ts";
import { parsePolicy, verifyAbsence, verifyCheckpoint, verifyConsistency, verifyProof } from "./verify.ts";

interface Signer {
  readonly key: VerifierKey;
  readonly vkey: string;
  readonly privateKey: KeyObject;
}

function signer(name: string, type: number = ed25519): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  const key = verifierKey(portable.sha256, name, type, new Uint8Array(Buffer.from(x as string, "base64url")));
  return { key, vkey: formatVerifierKey(key), privateKey };
}

const origin = "0011223344556677.taishi/21";
const log = signer(origin);
const clock = signer("0011223344556677.taishi/clock", ed25519Cosignature);
const witness = signer("witness.example/w", ed25519Cosignature);
const entries = Array.from({ length: 300 }, (_, i) => Buffer.from(`{"event":{"n":${i}},"v":1}`));
const leaves = entries.map((entry) => leafHash(portable.sha256, entry));
const reader = {
  hashes: (_level: number, from: number, count: number) => Buffer.concat(leaves.slice(from, from + count)),
};

function root(size: number): Uint8Array {
  const edge = new TreeEdge(portable.sha256);
  for (const leaf of leaves.slice(0, size)) edge.append(leaf);
  return edge.root();
}

function line({ key, privateKey }: Signer, text: string, time?: number): NoteSignature {
  const { name, keyId } = key;
  if (time === undefined) return { name, keyId, signature: sign(null, Buffer.from(text), privateKey) };
  const signature = sign(null, Buffer.from(cosignedMessage(time, text)), privateKey);
  return { name, keyId, signature: cosignatureBlob(time, signature) };
}

function checkpoint(size: number, time = 1_700_000_000, by: Signer = log, more: readonly Signer[] = []): string {
  const text = formatCheckpoint({ origin, size, root: root(size) });
  return formatNote({
    text,
    signatures: [line(by, text), line(clock, text, time), ...more.map((other) => line(other, text, time + 1))],
  });
}

async function proof(index: number, size: number, note = checkpoint(size)): Promise<string> {
  // Tiles above level 0 are not needed below 257 leaves.
  const hashes = await inclusionProof(portable.sha256, reader, index, size);
  return formatTlogProof({ index, extra: entries[index]!, hashes, checkpoint: note });
}

/** Node's, which are fast enough to try every bit. */
const platform: Primitives = {
  sha256: (data, into, at) => into.set(hash("sha256", data, "buffer"), at),
  ed25519: (publicKey, message, signature) => {
    const x = Buffer.from(publicKey).toString("base64url");
    return verify(null, message, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }), signature);
  },
};

const trust = { keys: [log.vkey] };

test("a proof gives its entry, where it stands, and who cosigned it when", async () => {
  const policy = parsePolicy(`log ${log.vkey}\nwitness w ${witness.vkey}\nquorum w\n`);
  const text = await proof(7, 200, checkpoint(200, 1_700_000_000, log, [witness]));
  const { entry, index, checkpoint: signed } = verifyProof(text, { ...trust, policy });
  assert.deepEqual(Buffer.from(entry), entries[7]);
  assert.deepEqual([index, signed.size, signed.origin], [7, 200, origin]);
  assert.deepEqual([...signed.cosigned], [["w", 1_700_000_001]]);
  await assert.rejects(
    async () => verifyProof(await proof(7, 200), { ...trust, policy }),
    /cosigned by no witness of the policy/,
  );
});

test("after a rotation either key verifies; a stranger's, another log's or none does not", async () => {
  const text = await proof(3, 10);
  const next = signer(origin);
  assert.equal(verifyProof(text, { keys: [next.vkey, log.vkey] }).index, 3);
  assert.throws(
    () => verifyProof(text, { keys: [next.vkey] }),
    /no signature line of the checkpoint is one by the key/,
  );
  assert.throws(
    () => verifyProof(text, { keys: [signer("other.taishi/1").vkey] }),
    /the key given is of other.taishi\/1/,
  );
  assert.throws(() => verifyProof(text, { keys: [] }), ProofError);
});

test("a proof without its entry asks for it", async () => {
  const hashes = await inclusionProof(portable.sha256, reader, 5, 20);
  const bare = formatTlogProof({ index: 5, hashes, checkpoint: checkpoint(20) });
  assert.throws(() => verifyProof(bare, trust), /carries no entry/);
  assert.equal(verifyProof(bare, trust, entries[5]).index, 5);
  assert.throws(() => verifyProof(bare, trust, entries[6]), ProofError);
});

test("a proof with any character of what it rests on changed is refused", async () => {
  const text = await proof(77, 203);
  const clockLine = text.indexOf(`— ${clock.key.name}`);
  // Lines by others than the log's key are not looked at without a policy.
  const places = fc.nat({ max: clockLine - 1 });
  const characters = fc.constantFrom(..."ABCabc019+/=\n ");
  fc.assert(
    fc.property(places, characters, (at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      if (changed === text) return;
      assert.throws(() => verifyProof(changed, trust), `character ${at}`);
    }),
    { numRuns: 400 },
  );
});

/** By line of a proof: what an error about it may say. A changed hash shows where the path ends, at the root. */
const lines = (count: number): readonly RegExp[] => {
  const leads = "the proof of leaf \\d+ leads to the root|the inclusion proof has too|has no leaf";
  const signature = `line 5 of the checkpoint: the signature by ${origin} .* does not fit`;
  return [
    /line 1 of a proof/,
    RegExp(`line [23] of (a|the) proof|${leads}`),
    RegExp(`line 3 of a proof|${leads}`),
    ...Array.from({ length: count }, (_, i) => RegExp(`line ${4 + i} of the proof|${leads}`)),
    /^$/,
    /the checkpoint is of the log|the checkpoint cannot be read: line 1 of the note/,
    RegExp(`the checkpoint cannot be read: line 2 of the|${signature}`),
    RegExp(`the checkpoint cannot be read: line [34] of the|${signature}`),
    /^$/,
    RegExp(`line [56] of the note|${signature}|no signature line of the checkpoint is one by the key`),
  ];
};

test("every single bit of a proof, up to the end of the log's signature, is needed, and the error names its place", async () => {
  const text = Buffer.from(await proof(77, 203));
  const end = text.indexOf(`— ${clock.key.name}`);
  const expected = lines(text.toString().split("\n\n")[0]!.split("\n").length - 3);
  const wrong: string[] = [];
  for (let bit = 0, line = 0; bit < end * 8; bit++) {
    const at = bit >> 3;
    if ((bit & 7) === 0 && at > 0 && text[at - 1] === 0x0a) line++;
    const changed = Buffer.from(text);
    changed[at]! ^= 1 << (bit & 7);
    let problem = "accepted";
    try {
      verifyProof(changed.toString(), { ...trust, primitives: platform });
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError || thrown instanceof ProofError)) throw thrown;
      // Without its newline a line is part of the next, and either may be named.
      problem = text[at] === 0x0a || expected[line]?.test(thrown.message) === true ? "" : thrown.message;
    }
    if (problem !== "") wrong.push(`bit ${bit & 7} of byte ${at}, line ${line + 1}: ${problem}`);
  }
  assert.deepEqual(wrong, []);
});

test("a cosigner given as a key has its times checked, and a line of its that does not fit is named", async () => {
  const text = await proof(7, 200);
  const keys = [log.vkey, clock.vkey];
  assert.deepEqual([...verifyProof(text, { keys }).checkpoint.cosigned], [[clock.key.name, 1_700_000_000]]);
  assert.deepEqual([...verifyProof(text, trust).checkpoint.cosigned], [], "not checked, so not told");
  const forged = checkpoint(200, 1_700_000_000).replace(line(clock, "").name, "somebody/else");
  assert.doesNotThrow(() => verifyCheckpoint(forged, { keys }), "a line by nobody known");
  const other = checkpoint(201)
    .split("\n")
    .find((each) => each.startsWith(`— ${clock.key.name} `))!;
  const swapped = checkpoint(200).replace(/^— \S+\/clock .*$/m, other);
  assert.throws(
    () => verifyCheckpoint(swapped, { keys }),
    /^ProofError: line 6 of the checkpoint: the signature by .*clock/,
  );
  assert.doesNotThrow(() => verifyCheckpoint(swapped, trust), "without the key it is not looked at");
});

test("a policy's logs are believed where no log's key is given, each for its own name", () => {
  const policy = parsePolicy(`log ${log.vkey}\nwitness w ${witness.vkey}\nquorum none\n`);
  assert.equal(verifyCheckpoint(checkpoint(9), { keys: [], policy }).size, 9);
  assert.equal(verifyCheckpoint(checkpoint(9), { keys: [clock.vkey], policy }).cosigned.size, 1);
  const { older } = verifyConsistency(checkpoint(9), checkpoint(9), [], { keys: [], policy });
  assert.equal(older.size, 9);
  assert.throws(() => verifyCheckpoint(checkpoint(9), { keys: [clock.vkey] }), /the key given is of none/);
  const another = signer("other.taishi/1");
  const both = parsePolicy(`log ${log.vkey}\nlog ${another.vkey}\nquorum none\n`);
  assert.throws(
    () => verifyCheckpoint(checkpoint(9, 1, another), { keys: [], policy: both }),
    /no signature line of the checkpoint is one by the key of 0011/,
  );
  // The key given does not stand in for the policy's log.
  assert.throws(
    () => verifyCheckpoint(checkpoint(9), { ...trust, policy: parsePolicy(`log ${another.vkey}\nquorum none`) }),
    /signed by no log of the policy/,
  );
});

test("a key of small order signs nothing, neither for the portable primitives nor for Node's", () => {
  // The neutral point as key and as R, and S = 0: the equation without the key's check holds for any message.
  const neutral = Uint8Array.of(1, ...new Uint8Array(31));
  const signature = Uint8Array.of(...neutral, ...new Uint8Array(32));
  for (const { ed25519: verifies } of [portable, platform])
    assert.equal(verifies(neutral, Buffer.from("anything"), signature), false);
});

test("one checkpoint continues another, or it is said that it does not", async () => {
  const path = await consistencyProof(portable.sha256, reader, 100, 250);
  const { older, newer } = verifyConsistency(checkpoint(100), checkpoint(250), path, trust);
  assert.deepEqual([older.size, newer.size], [100, 250]);
  assert.throws(() => verifyConsistency(checkpoint(101), checkpoint(250), path, trust), ProofError);
  assert.throws(() => verifyConsistency(checkpoint(250), checkpoint(100), path, trust), /no tree of 100 leaves begins/);
  const fails = (older: string, newer: string, why: RegExp): void =>
    assert.throws(() => verifyConsistency(older, newer, path, trust), why);
  fails(checkpoint(100), checkpoint(250).replace("\n250\n", "\n251\n"), /line 5 of the newer checkpoint/);
  fails(checkpoint(100).replace("\n100\n", "\n101\n"), checkpoint(250), /line 5 of the older checkpoint/);
  fails(checkpoint(100).replace("\n100\n", "\n0100\n"), checkpoint(250), /the older checkpoint cannot be read: line 2/);
  for (let i = 0; i < path.length; i++) {
    const changed = path.map((hash, at) => (at === i ? hash.with(5, hash[5]! ^ 1) : hash));
    assert.throws(
      () => verifyConsistency(checkpoint(100), checkpoint(250), changed, trust),
      /the consistency proof leads/,
    );
  }
});

test("nothing was received between two checkpoints of one size, by the clock's times", () => {
  const absence = verifyAbsence(checkpoint(50, 1000), checkpoint(50, 5000), clock.vkey, trust);
  assert.deepEqual(absence, { origin, size: 50, from: 1000, to: 5000 });
  const fails = (before: string, after: string, key: string, why: RegExp): void =>
    assert.throws(() => verifyAbsence(before, after, key, trust), why);
  fails(checkpoint(50, 1000), checkpoint(51, 5000), clock.vkey, /grew from 50 to 51/);
  fails(checkpoint(50, 5000), checkpoint(50, 1000), clock.vkey, /older than the first/);
  fails(checkpoint(50, 1000), checkpoint(50, 5000), witness.vkey, /carries no time by witness/);
  fails(checkpoint(50, 1000), checkpoint(50, 5000), log.vkey, /none that signs times/);
  const bad = checkpoint(50, 5000).replace(/^(— \S+\/clock .{20})./m, (_, before) => `${before}/`);
  fails(checkpoint(50, 1000), bad, clock.vkey, /line 6 of the second checkpoint: the signature by .*clock/);
});

test("a checkpoint is refused for the reason it is wrong", () => {
  assert.throws(() => verifyCheckpoint("no note", trust), SyntaxError);
  assert.throws(() => verifyCheckpoint(checkpoint(5).replace(toBase64(root(5)), toBase64(root(6))), trust), ProofError);
  assert.throws(() => verifyCheckpoint(checkpoint(5, 1, signer(origin)), trust), ProofError);
});
