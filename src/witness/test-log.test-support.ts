// A log in memory for tests of this layer: its tree, its checkpoints, and another history under the same key.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { formatCheckpoint } from "../merkle/checkpoint.ts";
import { ed25519, formatNote, type VerifierKey, verifierKey } from "../merkle/note.ts";
import type { HashReader } from "../merkle/proof.ts";
import { leafHash, TreeEdge } from "../merkle/tree.ts";
import { cosign, cosignerKey, sha256 } from "./ed25519.ts";

export interface TestLog extends HashReader {
  readonly key: VerifierKey;
  readonly privateKey: KeyObject;
  /** Entry `seq` as it is in the log. */
  entry(seq: number): Uint8Array;
  root(size: number): Uint8Array;
  /** The signed checkpoint of its first `size` entries; with the clock's line where a time in seconds is given. */
  note(size: number, time?: number): string;
  /** The key of the clock's lines. */
  readonly clockKey: VerifierKey;
  /** Another history under the same keys: all entries from `from` on are others. */
  fork(from?: number): TestLog;
}

/** @param like whose entries it has, under a key of its own */
export function testLog(origin: string, like?: TestLog): TestLog {
  const log = generateKeyPairSync("ed25519").privateKey;
  const clock = generateKeyPairSync("ed25519").privateKey;
  return make(origin, { log, clock }, like?.entry ?? ((seq) => Buffer.from(`entry ${seq}`)));
}

function make(
  origin: string,
  keys: { readonly log: KeyObject; readonly clock: KeyObject },
  entry: (seq: number) => Uint8Array,
): TestLog {
  const { x } = createPublicKey(keys.log).export({ format: "jwk" });
  const key = verifierKey(sha256, origin, ed25519, new Uint8Array(Buffer.from(x as string, "base64url")));
  const clockKey = cosignerKey(`${origin.split("/")[0]}/clock`, keys.clock);
  const leaves: Uint8Array[] = [];
  const leaf = (seq: number): Uint8Array => {
    leaves[seq] ??= leafHash(sha256, entry(seq));
    return leaves[seq];
  };
  const subtree = (from: number, count: number): Uint8Array => {
    const edge = new TreeEdge(sha256);
    for (let i = 0; i < count; i++) edge.append(leaf(from + i));
    return edge.root();
  };
  return {
    key,
    privateKey: keys.log,
    clockKey,
    entry,
    root: (size) => subtree(0, size),
    note: (size, time) => {
      const text = formatCheckpoint({ origin, size, root: subtree(0, size) });
      const signature = sign(null, Buffer.from(text), keys.log);
      const line = { name: key.name, keyId: key.keyId, signature };
      const timed = time === undefined ? [] : [cosign(clockKey, keys.clock, text, time)];
      return formatNote({ text, signatures: [line, ...timed] });
    },
    hashes: (level, from, count) => {
      const width = 256 ** level;
      return Buffer.concat(Array.from({ length: count }, (_, i) => subtree((from + i) * width, width)));
    },
    fork: (from = 0) => make(origin, keys, (seq) => (seq < from ? entry(seq) : Buffer.from(`other entry ${seq}`))),
  };
}
