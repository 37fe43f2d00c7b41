import assert from "node:assert/strict";
import { createPublicKey, hash, verify } from "node:crypto";
import { test } from "node:test";
import { cosignatureBlob, formatCheckpoint, parseCheckpoint, parseCosignatureBlob } from "./checkpoint.ts";
import { isSignedBy } from "./cosignature.ts";
import {
  formatNote,
  formatVerifierKey,
  fromBase64,
  parseNote,
  parseVerifierKey,
  signaturesBy,
  toBase64,
} from "./note.ts";
import { portable } from "./primitives.ts";
import { digest, type Sha256 } from "./tree.ts";

const sha256: Sha256 = (data, into, at) => into.set(hash("sha256", data, "buffer"), at);
// The example key and note of the C2SP signed-note specification.
const vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const text = "This is an example message.\n";

test("the specification's example key parses, prints again and has the id it says", () => {
  const key = parseVerifierKey(sha256, vkey);
  assert.equal(key.name, "example.com/foo");
  assert.equal(key.type, 1);
  assert.equal(Buffer.from(key.keyId).toString("hex"), "530d903a");
  assert.equal(formatVerifierKey(key), vkey);
});

test("a verifier key whose hash does not fit is refused", () => {
  assert.throws(() => parseVerifierKey(sha256, vkey.replace("530d903a", "530d903b")), SyntaxError);
  assert.throws(() => parseVerifierKey(sha256, vkey.replace("foo", "bar")), SyntaxError);
  assert.throws(() => parseVerifierKey(sha256, "no key"), SyntaxError);
});

test("a note prints and parses to the same text and signatures, and finds those of a key", () => {
  const key = parseVerifierKey(sha256, vkey);
  const signature = new Uint8Array(64).fill(7);
  const note = formatNote({
    text,
    signatures: [
      { name: key.name, keyId: key.keyId, signature },
      { name: "someone.else", keyId: Uint8Array.of(1, 2, 3, 4), signature },
    ],
  });
  assert.equal(note.split("\n\n")[0], text.trimEnd());
  const parsed = parseNote(note);
  assert.equal(parsed.text, text);
  assert.equal(parsed.signatures.length, 2);
  assert.deepEqual(
    signaturesBy(parsed, key).map(({ name }) => name),
    ["example.com/foo"],
  );
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.publicKey).toString("base64url") },
    format: "jwk",
  });
  assert.equal(verify(null, Buffer.from(text), publicKey, signature), false);
});

test("notes signed by other implementations verify: the specification's example and that of Go's package note", () => {
  const examples = [
    {
      vkey,
      text,
      line: "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    },
    {
      vkey: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
      line: "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    },
  ];
  for (const example of examples) {
    const key = parseVerifierKey(sha256, example.vkey);
    const note = `${example.text}\n${example.line}`;
    assert.equal(formatNote(parseNote(note)), note);
    assert.equal(isSignedBy(portable, parseNote(note), key), true);
    assert.equal(isSignedBy(portable, parseNote(note.replace("m", "n")), key), false);
    for (const other of examples)
      if (other !== example)
        assert.equal(isSignedBy(portable, parseNote(note), parseVerifierKey(sha256, other.vkey)), false);
  }
});

test("what is wrong in a note is told with its line", () => {
  const line = `— name ${Buffer.alloc(68, 1).toString("base64")}\n`;
  const fails = (bad: string, why: RegExp): void => assert.throws(() => parseNote(bad), why, JSON.stringify(bad));
  fails(`a\nb\n\n${line}- name AAAA\n`, /^SyntaxError: line 5 of the note is no signature line$/);
  fails(`a\nb\n\n${line}— name AAAA\n`, /line 5 of the note: the signature is too short/);
  fails(`a\nb\n\n${line}— name A\n`, /line 5 of the note: the signature is not base64/);
  fails(`a\n\n— na+me ${line.split(" ")[2]}`, /line 3 of the note/);
  fails(`a\nb\r\n\n${line}`, /line 2 of the note holds a control character/);
  assert.equal(parseNote(`a\n\n${line.repeat(100)}`).signatures.length, 100);
  fails(`a\n\n${line.repeat(101)}`, /at most 100/);
});

test("what is no note is refused", () => {
  for (const bad of ["", "text\n", "text\n\n— name", "text\n\n- name AAAA\n", "text\n\n— name AAAA\n"])
    assert.throws(() => parseNote(bad), SyntaxError, JSON.stringify(bad));
});

test("a checkpoint prints its three lines and parses again; other texts are refused", () => {
  const root = digest(sha256, Buffer.from("root"));
  const body = formatCheckpoint({ origin: "log.example/1", size: 12, root });
  assert.equal(body, `log.example/1\n12\n${Buffer.from(root).toString("base64")}\n`);
  assert.deepEqual(parseCheckpoint(body).size, 12);
  for (const bad of [
    "",
    body.slice(0, -1),
    body.replace("12", "012"),
    body.replace("12", "-1"),
    "a\n1\nAAAA\n",
    `${body}\n`,
  ])
    assert.throws(() => parseCheckpoint(bad), SyntaxError, JSON.stringify(bad));
});

test("a cosignature's blob holds its time as eight big-endian bytes", () => {
  const blob = cosignatureBlob(1_700_000_000, new Uint8Array(64).fill(9));
  assert.equal(Buffer.from(blob.slice(0, 8)).readBigUInt64BE(), 1_700_000_000n);
  assert.deepEqual(parseCosignatureBlob(blob).time, 1_700_000_000);
});

test("base64 is read in its canonical form only, so that no two texts are the same bytes", () => {
  for (const text of ["", "AA==", "AAA=", "AAAA", "/+8="]) assert.equal(toBase64(fromBase64(text)), text);
  for (const text of ["AA", "AAA", "AB==", "AAB=", "AA A=", "AAAA\n", "AAAA====", "=AAA", "AA-_", "A==="])
    assert.throws(() => fromBase64(text), SyntaxError, JSON.stringify(text));
});
