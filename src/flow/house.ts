// Opens and closes the stores of one data directory, in the order that crash safety asks for: the lock first, secrets
// before what they protect, the ledger before the index that follows it. What serves them is flow.ts.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../clock.ts";
import { acquireOwner, type Owner } from "../durable/owner.ts";
import { openSealingKey, openSigningKey } from "../durable/secret-file.ts";
import type { Fatal } from "../errors.ts";
import type { IssuedKey } from "../identity/identity-records.ts";
import { IdentityStore } from "../identity/identity-store.ts";
import { IndexClient } from "./index-client.ts";
import { LedgerClient } from "./ledger-client.ts";
import { Operations } from "./operations.ts";

export interface HouseOptions {
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string | undefined;
  /** Whether queries will be asked. */
  readonly index: boolean;
  /** Told when the state of a store is unknown: the process must stop. */
  readonly onFatal: (error: Fatal) => void;
  readonly socketPath?: string;
  /** Given the first key of a new data directory before it is committed, so that it cannot get lost unseen. */
  readonly deliverFirstKey: (key: IssuedKey) => void;
}

export interface House {
  readonly identity: IdentityStore;
  readonly ledger: LedgerClient;
  readonly index: IndexClient | undefined;
  readonly operations: Operations;
  close(): Promise<void>;
}

/** The files of a data directory. */
export function dataPaths(data: string, secrets: string) {
  return {
    identity: join(data, "identity.db"),
    ledger: join(data, "ledger"),
    index: join(data, "index"),
    firstKey: join(data, "first-key.json"),
    sealingKey: join(secrets, "seal.key"),
    logKey: join(secrets, "log.pem"),
    clockKey: join(secrets, "clock.pem"),
  } as const;
}

/** @throws Fatal where another process owns the directory, or a store must not be opened (I2) */
export async function openHouse(options: HouseOptions): Promise<House> {
  const paths = dataPaths(options.data, options.secrets);
  const owner = acquireOwner(options.data, { pid: process.pid, socketPath: options.socketPath });
  const closers: (() => void | Promise<void>)[] = [() => release(owner)];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    // A key is made only where nothing depends on it yet.
    const newIdentity = !existsSync(paths.identity);
    const newLedger = !existsSync(paths.ledger);
    const sealingKey = openSealingKey(paths.sealingKey, { create: newIdentity });
    const logKey = openSigningKey(paths.logKey, { create: newLedger });
    const clockKey = openSigningKey(paths.clockKey, { create: newLedger });

    const identity = new IdentityStore({ path: paths.identity, sealingKey, clock: systemClock });
    closers.push(() => identity.close());
    identity.bootstrap(options.deliverFirstKey);

    const ledger = await LedgerClient.start(
      {
        directory: paths.ledger,
        newServiceId: randomBytes(8).toString("hex"),
        logKey,
        clockKey,
        anchorFile: options.anchor,
      },
      options.onFatal,
    );
    closers.push(() => ledger.close());
    // A stop between the making of an account and of its log is mended here.
    for (const { id } of identity.listAccounts()) await ledger.createLog(id);

    let index: IndexClient | undefined;
    if (options.index) {
      index = await IndexClient.start(
        { indexDirectory: paths.index, ledgerDirectory: paths.ledger, service: ledger.service },
        (account) => ledger.size(account),
        options.onFatal,
      );
      const opened = index;
      closers.push(() => opened.close());
      ledger.onCommit((account, first, facts) => opened.committed(account, first, facts));
    }
    return { identity, ledger, index, operations: new Operations(identity, ledger, index), close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function release(owner: Owner): void {
  owner.release();
}
