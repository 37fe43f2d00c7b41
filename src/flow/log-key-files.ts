// The files of the log's signing key: log.pem signs; log.next.pem is there while a rotation is under way; log.retired.json
// lists the public keys that signed before, for who checks old checkpoints. Owns the order in which they change: a stop
// between any two steps leaves either log.next.pem, and the next start goes on, or a rotation that is done.
// If log.retired.json is lost: fsck refuses old checkpoints, and nobody gets the links to the key in use; restore it. If an attacker writes it: fsck takes checkpoints of
// his key for old ones, but no log's last one, and not where the key in use does not follow his.
import type { KeyObject } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { readIfPresent, syncDirectory, writeFileDurably } from "../durable/files.ts";
import { openSigningKey } from "../durable/secret-file.ts";
import { Fatal } from "../errors.ts";
import type { LogKeys } from "../ledger/log-keys.ts";
import { publicKeyOf } from "../ledger/signer.ts";
import { fromBase64, toBase64 } from "../merkle/note.ts";

export interface LogKeyPaths {
  readonly logKey: string;
  readonly nextLogKey: string;
  readonly retiredLogKeys: string;
}

interface RetiredKey {
  /** The 32 bytes of the Ed25519 public key, in base64. */
  readonly publicKey: string;
  /** When another took its place, milliseconds since the epoch. */
  readonly retired: number;
}

export class LogKeyFiles {
  readonly #paths: LogKeyPaths;

  constructor(paths: LogKeyPaths) {
    this.#paths = paths;
  }

  /** The key that signs. @param options.create only where no log was ever signed */
  current(options: { readonly create: boolean } = { create: false }): KeyObject {
    return openSigningKey(this.#paths.logKey, options);
  }

  /** The key that is to take its place, where a rotation is under way. */
  next(): KeyObject | undefined {
    const { nextLogKey } = this.#paths;
    try {
      return existsSync(nextLogKey) ? openSigningKey(nextLogKey, { create: false }) : undefined;
    } catch (thrown) {
      // Read beside a server, it may take its place between the two looks.
      if (!existsSync(nextLogKey)) return undefined;
      throw thrown;
    }
  }

  /** Step 1 of a rotation: a new key, on disk before anything can be signed with it; one that is there is taken. */
  begin(): KeyObject {
    return openSigningKey(this.#paths.nextLogKey, { create: true });
  }

  /**
   * The last step, after every log is linked: the public half of the key in use joins the retired ones, then the next key
   * takes its place and the private half is gone.
   */
  finish(now: number): void {
    const { logKey, nextLogKey, retiredLogKeys } = this.#paths;
    const publicKey = toBase64(publicKeyOf(this.current()));
    const retired = this.#retired();
    if (!retired.some((key) => key.publicKey === publicKey))
      writeFileDurably(
        retiredLogKeys,
        `${JSON.stringify([...retired, { publicKey, retired: now }], null, 1)}\n`,
        0o600,
      );
    renameSync(nextLogKey, logKey);
    syncDirectory(dirname(logKey));
  }

  /** The public halves of all. */
  publicKeys(): LogKeys {
    // In this order, because a rotation that ends in between moves keys from the end of it to its beginning.
    const next = this.next();
    const current = publicKeyOf(this.current());
    const retired = this.#retired().map((key) => fromBase64(key.publicKey));
    return next === undefined ? { retired, current } : { retired, current, next: publicKeyOf(next) };
  }

  #retired(): readonly RetiredKey[] {
    const path = this.#paths.retiredLogKeys;
    const text = readIfPresent(path);
    if (text === undefined) return [];
    try {
      const keys = JSON.parse(text) as readonly RetiredKey[];
      for (const { publicKey } of keys)
        if (fromBase64(publicKey).length !== 32) throw new SyntaxError("a public key that has not 32 bytes");
      return keys;
    } catch (cause) {
      throw new Fatal(`${path} cannot be read`, {
        hint: "Restore the file from where your secrets are kept; it holds public keys only.",
        cause,
      });
    }
  }
}
