// An identity store in a temporary directory, with a clock that stands still and a scrypt that costs nothing but counts:
// how often it ran, how many at once. Removed when the test file ends.
import { createHash, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { IdentityStore } from "./identity-store.ts";
import type { Scrypt } from "./password.ts";

export class CountingScrypt {
  calls = 0;
  running = 0;
  mostAtOnce = 0;
  /** While set, every call waits for it. */
  gate: Promise<void> | undefined;

  readonly scrypt: Scrypt = async (password, salt, length) => {
    this.calls++;
    this.running++;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    await (this.gate ?? new Promise((resolve) => setImmediate(resolve)));
    this.running--;
    return createHash("sha256").update(salt).update(password).digest().subarray(0, length);
  };
}

export class StillClock {
  time = 1_700_000_000_000;

  now(): number {
    return this.time;
  }
}

export interface IdentityHouse {
  readonly path: string;
  readonly sealingKey: KeyObject;
  readonly clock: StillClock;
  readonly counting: CountingScrypt;
  readonly scrypt: Scrypt;
  store: IdentityStore;
  /** The store as the next start finds it. */
  reopen(): IdentityStore;
}

/** To be called once in a test file: gives what makes houses. */
export function houses(): () => IdentityHouse {
  const root = mkdtempSync(join(tmpdir(), "taishi-identity-"));
  const made: IdentityHouse[] = [];
  after(() => {
    for (const { store } of made) store.close();
    rmSync(root, { recursive: true, force: true });
  });
  return () => {
    const counting = new CountingScrypt();
    const parts = {
      path: join(root, `identity-${made.length}.db`),
      sealingKey: createSecretKey(randomBytes(32)),
      clock: new StillClock(),
      counting,
      scrypt: counting.scrypt,
    };
    const house: IdentityHouse = {
      ...parts,
      store: new IdentityStore(parts),
      reopen() {
        this.store.close();
        this.store = new IdentityStore(parts);
        return this.store;
      },
    };
    made.push(house);
    return house;
  };
}
