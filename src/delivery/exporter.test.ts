import assert from "node:assert/strict";
import { hash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { SystemEvent } from "../event/event.ts";
import { DeliveryStates } from "./delivery-state.ts";
import { Exporter, type ExporterOptions } from "./exporter.ts";
import { MemoryQueries } from "./memory-queries.test-support.ts";
import type { TrailSettings } from "./port.ts";
import { TrailStore } from "./trail-store.ts";

const account = "2100000001";
const start = Date.UTC(2026, 0, 2, 3, 4, 5);

function settings(change: Partial<TrailSettings> = {}): TrailSettings {
  return { name: "main", scope: "All", sources: [], bucket: "audit", prefix: "a/b", labels: {}, ...change };
}

interface Manifest {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly events: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly previous: { readonly file: string; readonly manifestSha256: string } | null;
}

/** A data directory of its own and everything over it; `open` is a start of the service. */
function house(context: TestContext, options: Partial<ExporterOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "taishi-delivery-"));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const exports = join(directory, "exports");
  const queries = new MemoryQueries();
  const clock = { time: start, now: () => clock.time };
  const errors: unknown[] = [];
  const appendSystem = async (to: string, event: SystemEvent): Promise<void> => queries.put(to, clock.time, event);
  const open = (more: Partial<ExporterOptions> = {}) => {
    const states = new DeliveryStates(exports);
    const store = new TrailStore({ queries, appendSystem, states, clock });
    const exporter = new Exporter({
      exports,
      accounts: () => [account],
      store,
      states,
      queries,
      origin: (of) => `0123456789abcdef.taishi/${of}`,
      clock,
      quotaBytes: 1024 * 1024,
      holdMs: 0,
      onError: (error) => errors.push(error),
      ...options,
      ...more,
    });
    return { states, store, exporter };
  };
  const append = (...names: readonly string[]): void => {
    for (const requestId of names)
      queries.append(account, clock.time, { kind: "trail", time: start, type: "GetUser", source: "iam", requestId });
  };
  const files = (): string[] =>
    existsSync(exports)
      ? readdirSync(exports, { recursive: true, withFileTypes: true })
          .filter((item) => item.isFile() && !item.parentPath.endsWith(".trails"))
          .map((item) => join(item.parentPath, item.name).slice(exports.length + 1))
          .sort()
      : [];
  /** What the files hold, after checking each against its manifest and the manifests against each other. */
  const delivered = (): string[] => {
    const requests: string[] = [];
    let before: Manifest["previous"] = null;
    let last = -1;
    for (const name of files().filter((one) => one.endsWith(".manifest.json"))) {
      const text = readFileSync(join(exports, name), "utf8");
      const manifest = JSON.parse(text) as Manifest;
      const data = readFileSync(join(exports, account, manifest.file));
      const lines = gunzipSync(data).toString().split("\n").slice(0, -1);
      const entries = lines.map((line) => JSON.parse(line) as { seq: number; event: { requestId: string } });
      assert.deepEqual(manifest.previous, before);
      assert.deepEqual([manifest.sha256, manifest.bytes], [hash("sha256", data, "hex"), data.length]);
      assert.deepEqual([manifest.events, manifest.firstSeq], [lines.length, entries[0]!.seq]);
      assert.ok(manifest.firstSeq > last && entries.at(-1)!.seq <= manifest.lastSeq);
      last = manifest.lastSeq;
      before = { file: manifest.file, manifestSha256: hash("sha256", text, "hex") };
      requests.push(...entries.map(({ event }) => event.requestId));
    }
    assert.equal(files().filter((one) => one.endsWith(".json.gz")).length * 2, files().length);
    return requests;
  };
  return { exports, queries, clock, errors, open, append, files, delivered };
}

test("a trail delivers what is logged between its start and its stop, and nothing before or after", async (context) => {
  const { open, append, clock, delivered, files } = house(context);
  const { store, exporter } = open();
  await store.create(account, settings());
  append("before");
  await exporter.tick();
  assert.deepEqual(files(), []);
  await store.setLogging(account, "main", true);
  append("a", "b");
  await exporter.tick();
  clock.time += 1000;
  append("c");
  await exporter.tick();
  await exporter.tick();
  append("d");
  await store.setLogging(account, "main", false);
  append("paused");
  // Stopped and started again before the exporter looked: neither what was logged is lost, nor the pause delivered.
  await store.setLogging(account, "main", true);
  append("e");
  await exporter.tick();
  assert.deepEqual(delivered(), ["a", "b", "c", "d", "e"]);
  const [trail] = await store.list(account);
  assert.equal(trail!.delivery.delivered, clock.time);
  assert.equal(files()[0]!.startsWith(`${account}/audit/a/b/AccountLogs/${account}/CloudTrail/2026/01/02/`), true);
});

test("a line holds the event as the ledger has it, its number and its EventID", async (context) => {
  const { open, append, exports, files, queries } = house(context);
  const { store, exporter } = open();
  await store.create(account, settings());
  await store.setLogging(account, "main", true);
  append("a");
  await exporter.tick();
  const data = files().find((name) => name.endsWith(".json.gz"))!;
  const line = JSON.parse(gunzipSync(readFileSync(join(exports, data))).toString()) as Record<string, unknown>;
  const { event, received, seq } = queries.log(account).at(-1)!;
  assert.match(String(line.eventId), /^[0-9a-f]{8}-[0-9a-f]{4}-8000-8[0-9a-f]{3}-000000000002$/);
  assert.deepEqual(line, { eventId: line.eventId, seq, received, event });
});

test("events are chosen by source and by whether they only read; those that do not say so count as writing", async (context) => {
  const { open, queries, delivered } = house(context);
  const { store, exporter } = open();
  const put = (requestId: string, source: string, readOnly?: boolean): void =>
    queries.append(account, start, {
      kind: "trail",
      time: start,
      type: "X",
      source,
      requestId,
      ...(readOnly !== undefined && { readOnly }),
    });
  await store.create(account, settings({ scope: "Read", sources: ["iam", "kms"] }));
  await store.setLogging(account, "main", true);
  put("1", "iam", true);
  put("2", "iam", false);
  put("3", "tos", true);
  put("4", "kms");
  await exporter.tick();
  assert.deepEqual(delivered(), ["1"]);
  await store.update(account, settings({}).name, () => settings({ scope: "Write", sources: ["iam", "kms"] }));
  put("5", "iam", true);
  put("6", "iam", false);
  put("7", "kms");
  await exporter.tick();
  assert.deepEqual(delivered(), ["1", "6", "7"]);
});

test("a stop at any step of a delivery leads to the same files, nothing twice and nothing lost", async (context) => {
  // What is on disk after each step, as a crash would leave it: reached by making the step after it fail.
  for (const step of ["data", "manifest", "state"] as const) {
    const { open, append, exports, files, delivered, clock, errors } = house(context);
    const first = open();
    await first.store.create(account, settings());
    await first.store.setLogging(account, "main", true);
    append("a", "b");
    await first.exporter.tick();
    append("c");
    const folder = join(exports, files()[0]!, "..");
    const name = `${account}_CloudTrail_main_000000000000004`;
    // writeFileDurably writes beside and renames: a directory in the file's place fails the rename.
    const blocked =
      step === "data"
        ? join(folder, `${name}.json.gz`)
        : step === "manifest"
          ? join(folder, `${name}.manifest.json`)
          : undefined;
    if (blocked !== undefined) mkdirSync(join(blocked, "x"), { recursive: true });
    if (step === "state") {
      const { states } = first;
      const write = states.write.bind(states);
      let writes = 0;
      states.write = (...parts) => {
        if (++writes > 1) throw new Error("stopped");
        write(...parts);
      };
    }
    await first.exporter.tick();
    assert.equal(errors.length, 1, step);
    if (blocked !== undefined) rmSync(blocked, { recursive: true });
    // More arrives before the next start; the interrupted file must not grow by it.
    append("d");
    clock.time += 1;
    const second = open();
    await second.exporter.tick();
    await second.exporter.tick();
    assert.deepEqual(delivered(), ["a", "b", "c", "d"], step);
    assert.equal(files().length, 6, step);
    assert.equal((await second.store.list(account))[0]!.delivery.error, undefined, step);
  }
});

test("after a restart trails are as they were, and a new trail of an old name starts anew", async (context) => {
  const { open, append, clock, files } = house(context);
  const first = open();
  await first.store.create(account, settings({ labels: { TosBucketRegion: "cn-beijing" } }));
  clock.time += 1000;
  await first.store.setLogging(account, "main", true);
  append("a");
  await first.exporter.tick();
  const before = await first.store.list(account);
  const { store, exporter } = open();
  assert.deepEqual(await store.list(account), before);
  assert.deepEqual(before[0], {
    ...settings({ labels: { TosBucketRegion: "cn-beijing" } }),
    created: start,
    updated: start,
    logging: true,
    loggingStarted: start + 1000,
    delivery: { delivered: start + 1000 },
  });
  await store.remove(account, "main");
  append("between");
  await store.create(account, settings({ bucket: "other" }));
  assert.deepEqual((await store.list(account))[0]!.delivery, {});
  await store.setLogging(account, "main", true);
  append("b");
  await exporter.tick();
  assert.equal(files().filter((name) => name.includes("/other/")).length, 2);
});

test("a full quota is the trail's delivery error and nothing else, and delivery goes on once there is room", async (context) => {
  const { open, append, clock, delivered, exports, files } = house(context);
  const small = open({ quotaBytes: 2000 });
  await small.store.create(account, settings());
  await small.store.setLogging(account, "main", true);
  append("a");
  await small.exporter.tick();
  mkdirSync(join(exports, account, "audit", "old"), { recursive: true });
  writeFileSync(join(exports, account, "audit", "old", "big"), Buffer.alloc(2000));
  append("b");
  const again = open({ quotaBytes: 2000 });
  await again.exporter.tick();
  const [trail] = await again.store.list(account);
  assert.equal(trail!.delivery.error, "The exports of this account would exceed their quota of 2000 bytes.");
  assert.equal(trail!.logging, true);
  rmSync(join(exports, account, "audit", "old"), { recursive: true });
  await again.exporter.tick();
  assert.equal(files().length, 2, "not tried again at once");
  clock.time += 61_000;
  await again.exporter.tick();
  assert.deepEqual(delivered(), ["a", "b"]);
  assert.equal((await again.store.list(account))[0]!.delivery.error, undefined);
});

test("one trail's failure does not hold up another, and what failed names no path", async (context) => {
  const { open, append, delivered, exports, errors } = house(context);
  const { store, exporter } = open();
  for (const [name, bucket] of [
    ["a-link", "linked"],
    ["main", "audit"],
  ] as const) {
    await store.create(account, settings({ name, bucket }));
    await store.setLogging(account, name, true);
  }
  mkdirSync(join(exports, account), { recursive: true });
  const outside = mkdtempSync(join(tmpdir(), "taishi-outside-"));
  context.after(() => rmSync(outside, { recursive: true }));
  symlinkSync(outside, join(exports, account, "linked"));
  append("a");
  await exporter.tick();
  assert.deepEqual(delivered(), ["a"]);
  assert.deepEqual(readdirSync(outside), []);
  const [linked] = await store.list(account);
  assert.equal(linked!.delivery.error, "There is a symbolic link in the path of the export.");
  assert.equal(errors.length, 1);
});

test("a state that cannot be read stops its trail and says so", async (context) => {
  const { open, append, exports, files } = house(context);
  const first = open();
  await first.store.create(account, settings());
  await first.store.setLogging(account, "main", true);
  append("a");
  await first.exporter.tick();
  const state = join(exports, account, ".trails", readdirSync(join(exports, account, ".trails"))[0]!);
  for (const content of ["", "null", "{", '{"format":2,"nextSeq":0}', '{"format":1,"nextSeq":"0"}']) {
    writeFileSync(state, content);
    const { store, exporter } = open();
    append("b");
    await exporter.tick();
    assert.equal(files().length, 2, content);
    assert.match((await store.list(account))[0]!.delivery.error!, /cannot be read/);
  }
});

test("a file waits for more events to join it, no longer than it was told", async (context) => {
  const { open, append, clock, delivered } = house(context, { holdMs: 30_000 });
  const { store, exporter } = open();
  await store.create(account, settings());
  await store.setLogging(account, "main", true);
  append("a");
  await exporter.tick();
  clock.time += 29_000;
  append("b");
  await exporter.tick();
  assert.deepEqual(delivered(), []);
  clock.time += 1000;
  await exporter.tick();
  assert.deepEqual(delivered(), ["a", "b"]);
});

test("a long backlog is read by walking and delivered over several files and ticks", async (context) => {
  const { open, append, queries, delivered, files } = house(context, { quotaBytes: 1e9 });
  const { store, exporter } = open();
  await store.create(account, settings());
  await store.setLogging(account, "main", true);
  const names = Array.from({ length: 10_050 }, (_, i) => `r${i}`);
  append(...names);
  await exporter.tick();
  assert.ok(queries.asked.includes("walk"));
  assert.equal(files().length, 4);
  assert.deepEqual(delivered(), names);
});

test("a tick during a tick waits for it, and after closing nothing is begun", async (context) => {
  const { open, append, delivered } = house(context);
  const { store, exporter } = open();
  await store.create(account, settings());
  await store.setLogging(account, "main", true);
  append("a");
  await Promise.all([exporter.tick(), exporter.tick(), exporter.tick()]);
  await exporter.close();
  append("b");
  await exporter.tick();
  assert.deepEqual(delivered(), ["a"]);
});

test("files are for their owner alone", { skip: process.getuid === undefined }, async (context) => {
  const { open, append, exports, files } = house(context);
  const { store, exporter } = open();
  await store.create(account, settings());
  await store.setLogging(account, "main", true);
  append("a");
  await exporter.tick();
  for (const name of files()) assert.equal(statSync(join(exports, name)).mode & 0o777, 0o600);
  assert.equal(statSync(join(exports, account)).mode & 0o777, 0o700);
});
