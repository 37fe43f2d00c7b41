// Opens and closes the stores of one data directory, in the order that crash safety asks for: the lock first, secrets
// before what they protect, the ledger before the index that follows it. What serves them is flow.ts.
import { hkdfSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { acquireOwner, type Owner } from "../durable/owner.ts";
import { openSealingKey, openSigningKey } from "../durable/secret-file.ts";
import type { Fatal } from "../errors.ts";
import type { FirstKey } from "../identity/identity-records.ts";
import { IdentityStore } from "../identity/identity-store.ts";
import type { Pruned } from "../ledger/prune-segment.ts";
import { CheckpointSigner } from "../ledger/signer.ts";
import type { Log } from "../log.ts";
import { auditedOperations } from "./audited-operations.ts";
import { dataPaths } from "./data-paths.ts";
import { DatabaseAudit, type DatabaseAuditLimits } from "./database-audit.ts";
import { appendEvents } from "./event-appender.ts";
import { IndexClient } from "./index-client.ts";
import { LedgerClient } from "./ledger-client.ts";
import { LogClient } from "./log-client.ts";
import { LogKeyFiles } from "./log-key-files.ts";
import { LogKeyRotation } from "./log-key-rotation.ts";
import { Operations } from "./operations.ts";
import type { PrunerInput } from "./pruner-thread.ts";
import { Retention } from "./retention.ts";
import { trailEventOf } from "./self-audit.ts";
import { expectedService, rememberService } from "./service-file.ts";
import { startThread } from "./start-thread.ts";
import { ThreadCalls } from "./thread-calls.ts";

export interface HouseOptions {
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string | undefined;
  /** When a file of the ledger closes. */
  readonly segmentBytes: number;
  readonly segmentSeconds: number;
  /** Whether queries will be asked. */
  readonly index: boolean;
  /** Told when the state of a store is unknown: the process must stop. */
  readonly onFatal: (error: Fatal) => void;
  /** When database audit files close, and who is told of what fails there. */
  readonly auditFiles: DatabaseAuditLimits;
  readonly socketPath?: string;
  readonly log: Log;
  /** Given the first key of a new data directory before it is committed, so that it cannot get lost unseen. */
  readonly deliverFirstKey: (key: FirstKey) => void;
}

export interface House {
  readonly identity: IdentityStore;
  readonly ledger: LedgerClient;
  readonly index: IndexClient | undefined;
  /** With the index. */
  readonly logs: LogClient | undefined;
  /** With the index. */
  readonly databaseAudit: DatabaseAudit | undefined;
  /** With the index. */
  readonly retention: Retention | undefined;
  readonly operations: Operations;
  /** 32 secret bytes for one purpose, the same after every start. */
  derivedKey(purpose: string): Uint8Array;
  close(): Promise<void>;
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
    const service = expectedService(options.data, paths.ledger, () => randomBytes(8).toString("hex"));
    const sealingKey = openSealingKey(paths.sealingKey, { create: newIdentity });
    const logKeys = new LogKeyFiles(paths);
    const logKey = logKeys.current({ create: newLedger });
    const clockKey = openSigningKey(paths.clockKey, { create: newLedger });

    const identity = new IdentityStore({ path: paths.identity, sealingKey, clock: systemClock });
    closers.push(() => identity.close());
    identity.bootstrap(options.deliverFirstKey);

    const ledger = await LedgerClient.start(
      {
        directory: paths.ledger,
        newServiceId: service ?? "",
        logKey,
        nextLogKey: logKeys.next(),
        clockKey,
        anchorFile: options.anchor,
        segmentBytes: options.segmentBytes,
        segmentSeconds: options.segmentSeconds,
      },
      options.onFatal,
    );
    closers.push(() => ledger.close());
    if (ledger.rotated !== undefined) logKeys.finish(systemClock.now());
    let signer = new CheckpointSigner({ logKey: logKeys.current(), clockKey });
    rememberService(options.data, service, ledger.service);
    // A stop between the making of an account and of its log is mended here.
    for (const { id } of identity.listAccounts()) await ledger.createLog(id);

    let index: IndexClient | undefined;
    let logs: LogClient | undefined;
    let databaseAudit: DatabaseAudit | undefined;
    if (options.index) {
      index = await IndexClient.start(
        { indexDirectory: paths.index, ledgerDirectory: paths.ledger, service: ledger.service },
        (account) => ledger.size(account),
        options.onFatal,
      );
      const opened = index;
      closers.push(() => opened.close());
      logs = new LogClient({
        ledger,
        reads: opened,
        // Asked each time: a rotation puts another in its place.
        keys: {
          verifier: (origin) => signer.verifier(origin),
          vkey: (origin) => signer.vkey(origin),
          clockVkey: (origin) => signer.clockVkey(origin),
        },
        publicKeys: () => logKeys.publicKeys(),
        clock: systemClock,
      });
      const audit = new DatabaseAudit({
        appender: ledger,
        queries: opened,
        clock: systemClock,
        minimum: (account) => ledger.minimum(account),
        ...options.auditFiles,
      });
      closers.push(() => audit.close());
      databaseAudit = audit;
      ledger.onCommit((account, first, facts, followed) => {
        // Who follows statements must know of them before anyone can ask the index.
        if (followed !== undefined) audit.committed(account, first, followed);
        opened.committed(account, first, facts);
      });
      audit.resume(identity);
      // Statements may have come before their instance did.
      identity.onInstance(({ id: instance, account }) => audit.watch({ account, instance }));
    }
    // A command that finds its rotation finished has its answer; a server's next one is another.
    const resumed = options.socketPath === undefined ? ledger.rotated : undefined;
    const rotation = new LogKeyRotation({
      files: logKeys,
      ledger,
      clock: systemClock,
      resumed,
      onRotated: () => {
        signer = new CheckpointSigner({ logKey: logKeys.current(), clockKey });
        logs?.renewed();
      },
    });
    const retention = index === undefined ? undefined : openRetention(paths.ledger, identity, ledger, index, options);
    if (retention !== undefined) closers.push(() => retention.close());
    const operations = auditedOperations(
      new Operations({ identity, ledger, index, databaseAudit, retention, rotation }),
      systemClock,
      async (account, record) => {
        await appendEvents(ledger, account, [trailEventOf(record, 1)]);
      },
    );
    const derivedKey = (purpose: string): Uint8Array =>
      new Uint8Array(hkdfSync("sha256", sealingKey, "", `taishi ${purpose}`, 32));
    return { identity, ledger, index, logs, databaseAudit, retention, operations, derivedKey, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

function openRetention(
  directory: string,
  identity: IdentityStore,
  ledger: LedgerClient,
  index: IndexClient,
  { onFatal, log }: Pick<HouseOptions, "onFatal" | "log">,
): Retention {
  return new Retention({
    ledger,
    index,
    days: (account) => identity.retentionDays(account),
    accounts: () => identity.listAccounts().map(({ id }) => id),
    appendSystem: async (account, event) => void (await appendEvents(ledger, account, [event])),
    prune: async (number, minimums) => {
      const { calls } = await ThreadCalls.start(startThread("pruner", { directory } satisfies PrunerInput), onFatal);
      try {
        return await calls.call<Pruned | undefined>("prune", { number, minimums });
      } finally {
        await calls.end();
      }
    },
    onFatal,
    clock: systemClock,
    log,
  });
}

function release(owner: Owner): void {
  owner.release();
}
