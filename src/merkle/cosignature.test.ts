// Cosignatures: what of them is read as the specification shows it, and what a bad line does.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { cosignatureBlob, cosignedMessage, parseCheckpoint, parseCosignatureBlob } from "./checkpoint.ts";
import { checkSignatures, cosignatureBy, describeProblem, isSignedBy } from "./cosignature.ts";
import {
  ed25519,
  ed25519Cosignature,
  formatVerifierKey,
  type Note,
  type NoteSignature,
  parseNote,
  type VerifierKey,
  verifierKey,
} from "./note.ts";
import { checkPolicy, parsePolicy } from "./policy.ts";
import { portable } from "./primitives.ts";

// The example of tlog-cosignature. The specification publishes no key of it, so that its forms can be read, not verified.
const example = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`;

test("the specification's example is read: its size, whose lines it has, the time, and what is signed", () => {
  const note = parseNote(example);
  assert.equal(parseCheckpoint(note.text).size, 20852163);
  assert.deepEqual(
    note.signatures.map(({ name, signature }) => [name, signature.length]),
    [
      ["example.com/behind-the-sofa", 64],
      ["witness.example.com/w1", 72],
    ],
  );
  assert.equal(Buffer.from(note.signatures[1]!.keyId).toString("hex"), "8d66cf3f");
  const { time } = parseCosignatureBlob(note.signatures[1]!.signature);
  assert.equal(
    cosignedMessage(time, note.text),
    "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
  );
});

interface Signer {
  readonly key: VerifierKey;
  readonly privateKey: KeyObject;
}

function signer(name: string, type: number): Signer {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  return {
    key: verifierKey(portable.sha256, name, type, new Uint8Array(Buffer.from(x as string, "base64url"))),
    privateKey,
  };
}

const text = "log.example/1\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const log = signer("log.example/1", ed25519);
const other = signer("log.example/2", ed25519);
const witness = signer("w.example/one", ed25519Cosignature);

function signed({ key, privateKey }: Signer, over = text): NoteSignature {
  return { name: key.name, keyId: key.keyId, signature: sign(null, Buffer.from(over), privateKey) };
}

function cosigned({ key, privateKey }: Signer, time: number, over = text): NoteSignature {
  const signature = cosignatureBlob(time, sign(null, Buffer.from(cosignedMessage(time, over)), privateKey));
  return { name: key.name, keyId: key.keyId, signature };
}

const note = (...signatures: readonly NoteSignature[]): Note => ({ text, signatures });

test("every line by a known key is checked, the newest time counts, and one bad line spoils the note", () => {
  const good = note(signed(log), cosigned(witness, 10), cosigned(witness, 30), cosigned(witness, 20));
  const all = checkSignatures(portable, good, [log.key, other.key, witness.key]);
  assert.deepEqual([[...all.signed], [...all.times], all.problem], [[log.key], [[witness.key, 30]], undefined]);

  const check = (bad: NoteSignature): string => {
    const { problem } = checkSignatures(portable, note(signed(log), cosigned(witness, 10), bad), [
      log.key,
      witness.key,
    ]);
    return problem === undefined ? "none" : describeProblem(problem, "the checkpoint");
  };
  const third = /^line 7 of the checkpoint: the signature by w\.example\/one [0-9a-f]{8} does not fit/;
  assert.match(check(cosigned(witness, 10, `${text}more\n`)), third);
  assert.match(check({ ...cosigned(witness, 10), signature: cosigned(witness, 11).signature.with(7, 10) }), third);
  assert.match(check({ ...cosigned(witness, 10), signature: new Uint8Array(64) }), third, "no time in it");
  assert.match(check(cosigned(witness, 2 ** 53)), third, "signed, but no time that a number can tell from the next");
  assert.match(check(signed(log, "else\n")), /^line 7 of the checkpoint: the signature by log\.example\/1/);
});

test("lines of kinds and by keys that are not known are ignored", () => {
  // An ML-DSA-44 cosignature has another key id, and 2420 bytes after its time.
  const mlDsa = { name: witness.key.name, keyId: Uint8Array.of(1, 2, 3, 4), signature: new Uint8Array(8 + 2420) };
  const strange = note(mlDsa, signed(other), signed(log), cosigned(witness, 10));
  const { signed: by, times, problem } = checkSignatures(portable, strange, [log.key, witness.key]);
  assert.deepEqual([by.size, times.get(witness.key), problem], [1, 10, undefined]);
  // A key of a type that is not understood verifies nothing, though a line be there under its name and id.
  const key = verifierKey(portable.sha256, witness.key.name, 6, witness.key.publicKey);
  const under = note({ ...cosigned(witness, 10), keyId: key.keyId });
  assert.equal(cosignatureBy(portable, under, key), undefined);
  assert.equal(isSignedBy(portable, under, key), false);
  const none = checkSignatures(portable, under, [key]);
  assert.deepEqual([none.signed.size, none.times.size, none.problem], [0, 0, undefined]);
});

test("one key as a log's and as a cosigner's is two: the one's line is not taken for the other's", () => {
  const both: Signer = {
    key: verifierKey(portable.sha256, log.key.name, ed25519Cosignature, log.key.publicKey),
    privateKey: log.privateKey,
  };
  const { signed: by, times } = checkSignatures(portable, note(cosigned(both, 10)), [log.key, both.key]);
  assert.deepEqual([by.size, times.get(both.key)], [0, 10]);
  assert.equal(isSignedBy(portable, note(cosigned(both, 10)), log.key), false);
});

test("a policy holds by a log for its own name, by enough witnesses, and by no line that does not fit", () => {
  const policy = parsePolicy(
    portable.sha256,
    `log ${formatVerifierKey(log.key)}\nlog ${formatVerifierKey(other.key)}\nwitness w ${formatVerifierKey(witness.key)}\nquorum w\n`,
  );
  const outcome = (...lines: NoteSignature[]) => checkPolicy(portable, policy, note(...lines));
  const good = outcome(signed(log), cosigned(witness, 10));
  assert.deepEqual([good.holds, good.problem, [...good.cosigned]], [true, undefined, [["w", 10]]]);
  assert.match(outcome(signed(other), cosigned(witness, 10)).problem!, /signed by no log of the policy/);
  assert.match(outcome(cosigned(witness, 10)).problem!, /signed by no log of the policy/);
  assert.match(outcome(signed(log)).problem!, /cosigned by no witness of the policy, which is no quorum/);
  const spoilt = outcome(signed(log), cosigned(witness, 10), cosigned(witness, 11, "else\n"));
  assert.deepEqual([spoilt.holds, spoilt.problem?.startsWith("line 7 of the checkpoint")], [false, true]);
});
