// The whole house on one page: which store is opened with what, which dialect is mounted, what happens on a signal.
// Data flows from a request through the appender to the ledger, from there to the index, and through queries back out.
import { systemClock } from "./clock.ts";
import { isSigned, readCredential } from "./clouds/volcengine/credential.ts";
import { verifySignature } from "./clouds/volcengine/signature.ts";
import type { Config } from "./config.ts";
import { diskFloor } from "./durable/disk-floor.ts";
import { Fatal, TaishiError } from "./errors.ts";
import type { CallRecord } from "./exchange.ts";
import { accountAdministration } from "./flow/administration.ts";
import { Collecting } from "./flow/collecting.ts";
import { readConsole } from "./flow/console-build.ts";
import { ControlServer, controlSocketPath } from "./flow/control.ts";
import { dataPaths } from "./flow/data-paths.ts";
import { appendEvents } from "./flow/event-appender.ts";
import { eventDialects } from "./flow/event-dialects.ts";
import { openHouse } from "./flow/house.ts";
import { IndexLag } from "./flow/index-lag.ts";
import type { IndexProgress } from "./flow/index-thread.ts";
import { createMounts } from "./flow/mounts.ts";
import { SelfAudit } from "./flow/self-audit.ts";
import { stopOnFatal } from "./flow/thread-calls.ts";
import { readTls } from "./flow/tls-files.ts";
import { Witnessing } from "./flow/witnessing.ts";
import { ConsoleSessions } from "./identity/console-sessions.ts";
import type { FirstKey } from "./identity/identity-records.ts";
import { RateLimit } from "./identity/rate-limit.ts";
import type { LogStatus } from "./ledger/writer.ts";
import { createLog } from "./log.ts";
import { AgentBoard } from "./server/agent-routes.ts";
import { bearerKeyring } from "./server/bearer-keyring.ts";
import { createServer } from "./server/server.ts";
import { readVersion } from "./version.ts";

export interface Service {
  /** Where clients reach it, e.g. "http://127.0.0.1:7548". */
  readonly url: string;
  /** Reads the TLS files again. */
  reload(): void;
  /** Finishes what is in flight, closes every store. */
  close(): Promise<void>;
}

export interface ServeOptions {
  readonly deliverFirstKey: (key: FirstKey, firstKeyFile: string) => void;
  /** Ends the process; called when state is unknown. */
  readonly exit: (code: number, error: Fatal) => void;
}

const tickMs = 1_000;
const exportMs = 3_000;
const retentionMs = 3_600_000;

/** @throws Fatal where the data directory must not be served, TaishiError or Error where an address or a file is wrong */
export async function serve(config: Config, options: ServeOptions): Promise<Service> {
  // What was opened is closed in the opposite order, at the end as when a later part cannot be opened.
  const opened = new AsyncDisposableStack();
  try {
    return await open(config, options, opened);
  } catch (thrown) {
    await opened.disposeAsync();
    throw thrown;
  }
}

async function open(config: Config, options: ServeOptions, opened: AsyncDisposableStack): Promise<Service> {
  const log = createLog(config.logLevel);
  const clock = systemClock;
  const onFatal = stopOnFatal(log, options.exit);
  const socketPath = controlSocketPath(config.data);
  const paths = dataPaths(config.data, config.secrets);
  const house = await openHouse({
    ...config,
    log,
    index: true,
    auditFiles: {
      maxBytes: config.auditFileBytes,
      maxAgeMs: config.auditFileSeconds * 1000,
      onFailure: (thrown) => {
        log.warn({ err: thrown }, "a database audit file could not be closed yet");
        if (thrown instanceof Fatal) onFatal(thrown);
      },
    },
    onFatal,
    socketPath,
    deliverFirstKey: (key) => options.deliverFirstKey(key, paths.firstKey),
  });
  opened.defer(() => house.close());
  const { identity, ledger, operations } = house;
  const queries = house.index!;

  const audit = new SelfAudit({
    append: (account, event) => appendEvents(ledger, account, [event]),
    isKey: (accessKey) => identity.key(accessKey) !== undefined,
    log,
  });
  opened.defer(() => audit.close());
  const onCall = (record: CallRecord): Promise<void> => audit.onCall(record);

  const sessions = new ConsoleSessions({ identity, clock });

  const policyFile = config.witnessPolicy;
  const witnessing =
    policyFile === undefined ? undefined : new Witnessing({ policyFile, ledger, reads: queries, clock, log });
  if (witnessing !== undefined) {
    opened.defer(() => witnessing.close());
    house.logs!.witnessedBy(witnessing);
  }

  // What health and metrics show, looked at once a second.
  const floor = diskFloor(config.data, config.minFreeBytes === undefined ? {} : { minBytes: config.minFreeBytes });
  let disk = floor.check();
  let logs: readonly LogStatus[] = [];
  let progress: IndexProgress = await queries.progress();
  const lag = new IndexLag();
  const look = async (): Promise<void> => {
    disk = floor.check();
    ledger.refuseAppends(disk.below ? new TaishiError("disk-full", undefined, { retryAfter: 30 }) : undefined);
    [logs, progress] = await Promise.all([ledger.status(), queries.progress()]);
    lag.look(clock.now(), progress);
    witnessing?.tick(logs);
  };
  await look();
  let looking = false;
  const timer = setInterval(() => {
    audit.tick(clock.now());
    sessions.sweep();
    house.databaseAudit?.tick();
    if (looking) return;
    looking = true;
    look()
      .catch((thrown: unknown) => log.warn({ err: thrown }, "the parts could not be looked at"))
      .finally(() => {
        looking = false;
      });
  }, tickMs);
  opened.defer(() => clearInterval(timer));

  const limit = config.rateLimit;
  const rateLimit =
    limit === undefined ? { take: () => true as const } : new RateLimit({ rate: limit, burst: limit, clock });
  let listening = config.publicUrl ?? "";
  const { exporter, ...mounted } = createMounts({
    house,
    queries,
    files: house.databaseAudit!.view,
    appendSystem: async (account, event) => void (await appendEvents(ledger, account, [event])),
    data: config.data,
    exportQuotaBytes: config.exportQuotaBytes,
    publicUrl: () => listening,
    configuredUrl: config.publicUrl,
    tls: config.tls !== undefined,
    rateLimit,
    onCall,
    onFault: (error, requestId) => {
      log.error({ err: error, requestId }, "a call failed");
      if (error instanceof Fatal) onFatal(error);
    },
    clock,
    log,
  });
  const retention = house.retention!;
  const retentionTimer = setInterval(() => void retention.tick(), retentionMs);
  void retention.tick();
  opened.defer(() => clearInterval(retentionTimer));
  const exportTimer = setInterval(() => {
    exporter.tick().catch((thrown: unknown) => log.warn({ err: thrown }, "trails could not be exported"));
  }, exportMs);
  opened.defer(async () => {
    clearInterval(exportTimer);
    await exporter.close();
  });
  const size = (): number => [...ledger.sizes.values()].reduce((sum, entries) => sum + entries, 0);
  const signed = (): number => logs.reduce((sum, { checkpoint }) => sum + (checkpoint?.size ?? 0), 0);
  const ready = (): boolean => lag.keepsUp && !disk.below && (witnessing?.health.contradicted ?? 0) === 0;
  const started = clock.now();
  const agents = new AgentBoard(clock);
  const version = readVersion();
  const server = await createServer({
    agents,
    console: readConsole(),
    appender: ledger,
    queries,
    size: (account) => ledger.size(account),
    status: (account) => {
      const log = logs.find((each) => each.account === account);
      return {
        stored: ledger.size(account),
        signed: log?.checkpoint?.size ?? 0,
        witnessed: witnessing === undefined ? null : (log?.witnessed?.size ?? 0),
        minimumIndex: ledger.minimum(account),
        checkpointTime: log?.checkpoint?.time,
        index: progress,
        disk,
        ready: ready(),
        started,
      };
    },
    logs: house.logs!,
    logVisibility: (account) => identity.logVisibility(account),
    directory: identity,
    auditFiles: house.databaseAudit!.view,
    accounts: accountAdministration(identity, ledger),
    keys: identity,
    searches: identity.searches,
    dialects: (entry, account, acceptLanguage) =>
      eventDialects(entry, account, { origin: (id) => `${ledger.service}.taishi/${id}`, acceptLanguage }),
    keyring: bearerKeyring(identity, identity),
    sessions,
    accountName: (account) => identity.account(account)?.name,
    verify: (request) => verifySignature(request, identity, clock.now()).caller,
    precheck: (headers, target) => void readCredential({ method: "POST", headers, target }, identity, clock.now()),
    isSigned: (headers, target) => isSigned({ method: "POST", headers, target }),
    ...mounted,
    rateLimit,
    onCall,
    health: () => ({
      ready: ready(),
      index: { covered: progress.covered, size: progress.size },
      ledger: { size: size(), signed: signed(), waiting: ledger.waiting },
      ...(witnessing === undefined ? {} : { witnesses: witnessing.health }),
      disk,
    }),
    metricsSources: [
      ...(witnessing?.metricsSources ?? []),
      { name: "taishi_ledger_entries", help: "Entries stored, over all logs.", read: size },
      { name: "taishi_ledger_signed_entries", help: "Entries covered by a signed checkpoint.", read: signed },
      {
        name: "taishi_checkpoint_age_seconds",
        help: "Age of the newest checkpoint of any log.",
        read: () => age(logs, clock.now()),
      },
      {
        name: "taishi_writer_waiting_batches",
        help: "Appends that wait for the writer.",
        read: () => ledger.waiting.batches,
      },
      {
        name: "taishi_writer_waiting_bytes",
        help: "Bytes that wait for the writer.",
        read: () => ledger.waiting.bytes,
      },
      { name: "taishi_index_covered_entries", help: "Entries the index covers.", read: () => progress.covered },
      {
        name: "taishi_index_memory_events",
        help: "Events only in the index's memory.",
        read: () => progress.stats.inMemory,
      },
      { name: "taishi_index_runs", help: "Immutable runs of the index.", read: () => progress.stats.runs },
      { name: "taishi_disk_free_bytes", help: "Free disk under the data directory.", read: () => disk.free },
    ],
    clock,
    log,
    version,
    ...(config.tls === undefined ? {} : { tls: readTls(config.tls) }),
    trustedProxies: config.trustedProxies,
    challenges: ["Bearer", "HMAC-SHA256"],
    onFatal,
  });

  if (config.collect !== undefined) {
    const collecting = await Collecting.start({
      file: config.collect,
      defaultSpool: paths.spool,
      appender: ledger,
      accountExists: (account) => identity.listAccounts().some(({ id }) => id === account),
      onStatus: (account, { agent, time: _, ...report }) => agents.put(account, agent, { version, ...report }),
      onFatal,
      logLevel: config.logLevel,
    });
    opened.defer(() => collecting.close());
  }

  const control = await ControlServer.start(socketPath, config.data, operations, { log, onFatal });
  opened.defer(() => control.close());
  opened.defer(() => server.close());
  const { address, family, port } = await server.listen(config.host, config.port);
  const host = family === "IPv6" ? `[${address}]` : address;
  const url = `${config.tls === undefined ? "http" : "https"}://${host}:${port}`;
  if (listening === "") listening = url;
  return {
    url,
    reload: () => {
      if (config.tls !== undefined) server.reloadTls(readTls(config.tls));
    },
    close: () => opened.disposeAsync(),
  };
}

function age(logs: readonly LogStatus[], now: number): number | undefined {
  const times = logs.flatMap(({ checkpoint }) => (checkpoint === undefined ? [] : [checkpoint.time]));
  return times.length === 0 ? undefined : (now - Math.max(...times)) / 1000;
}
