// The checkpoints by which a reader who holds an old key of a log comes to the one in use: each is signed by two keys, the
// newer first.
import { TaishiError } from "../errors.ts";
import { formatVerifierKey, parseNote, toHex } from "../merkle/note.ts";
import { type LogKeys, publicKeysOf } from "./log-keys.ts";
import type { LogLink } from "./port.ts";
import type { Segment } from "./segment.ts";
import { logVerifier, verifyCheckpointBy } from "./signer.ts";
import type { CheckpointRow, LogRow } from "./store.ts";

/**
 * @param checkpoints that link keys, oldest first
 * @throws TaishiError internal where one is not signed by two of the keys: the list of retired ones may be lost
 */
export function logLinks(origin: string, checkpoints: readonly CheckpointRow[], keys: LogKeys): readonly LogLink[] {
  const verifiers = publicKeysOf(keys).map((key) => logVerifier(origin, key));
  return checkpoints.map(({ note, size }) => {
    try {
      const [newer, older] = verifyCheckpointBy(note, verifiers).by;
      if (newer === undefined || older === undefined) throw new SyntaxError("two keys that are known did not sign it");
      return { oldKey: formatVerifierKey(verifiers[older]!), newKey: formatVerifierKey(verifiers[newer]!), note };
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TaishiError(
        "internal",
        `the linking checkpoint of size ${size} is not valid: ${why}; run taishi fsck`,
        {
          cause,
        },
      );
    }
  });
}

/**
 * One checkpoint for each rotation of a log's key, oldest first. The keys never come back, so each is found by halving: all
 * checkpoints before it are signed by the old key first, it and those after it by the new.
 * @param segments oldest first
 */
export function linkingCheckpoints(
  segments: Iterable<Segment>,
  { id, origin }: Pick<LogRow, "id" | "origin">,
): readonly CheckpointRow[] {
  const linking: CheckpointRow[] = [];
  let signer = "";
  for (const segment of segments)
    for (let from = 0; ; ) {
      const found = segment.keptSince(id, from, ({ note }) => signersOf(note, origin)[0] !== signer);
      if (found === undefined) break;
      from = found.id + 1;
      const [newer = "", older] = signersOf(found.note, origin);
      // What a roll took along may be older than the last rotation.
      if (signer !== "" && older !== signer) continue;
      signer = newer;
      if (older !== undefined) linking.push(found);
    }
  return linking;
}

/** The ids of the log's keys that signed a note, in the order of its lines. */
function signersOf(note: string, origin: string): readonly string[] {
  return parseNote(note)
    .signatures.filter(({ name }) => name === origin)
    .map(({ keyId }) => toHex(keyId));
}
