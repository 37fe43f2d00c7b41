// The checkpoints by which a reader who holds an old key of a log comes to the one in use: each is signed by two keys, the
// newer first. Pure; where they lie is store.ts's.
import { TaishiError } from "../errors.ts";
import { formatVerifierKey } from "../merkle/note.ts";
import { type LogKeys, publicKeysOf } from "./log-keys.ts";
import type { LogLink } from "./port.ts";
import { logVerifier, verifyCheckpointBy } from "./signer.ts";
import type { CheckpointRow } from "./store.ts";

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
