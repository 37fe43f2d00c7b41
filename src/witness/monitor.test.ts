// Every alarm of a monitor, each by one thing that is wrong with a log that is otherwise right; and none where nothing is.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { formatNote, parseNote } from "../merkle/note.ts";
import { parseTilePath } from "../merkle/tile.ts";
import { cosign, cosignerKey } from "./ed25519.ts";
import { type AlarmKind, checkLog, type Findings, type MonitorOptions } from "./monitor.ts";
import { MonitorState } from "./monitor-state.ts";
import { type TestLog, testLog } from "./test-log.test-support.ts";
import { GapError, type LogFiles, UnreachableError } from "./tile-reader.ts";

const time = 1_700_000_000;

/** A log as its files: only what its newest checkpoint covers, each file as an honest server or a tampering one gives it. */
function served(log: TestLog, size: number, tamper: (path: string, bytes: Uint8Array) => Uint8Array = (_, b) => b) {
  const file = async (path: string): Promise<Uint8Array> => {
    const tile = parseTilePath(path);
    assert.ok(tile !== undefined, path);
    const { level, index, width } = tile;
    const bytes =
      level === "entries"
        ? bundle(Array.from({ length: width }, (_, i) => log.entry(index * 256 + i)))
        : await log.hashes(level, index * 256, width);
    return tamper(path, Uint8Array.from(bytes));
  };
  return { checkpoint: async () => log.note(size, time), tile: file, bundle: file } satisfies LogFiles;
}

function bundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(entries.flatMap((one) => [Buffer.from([one.length >> 8, one.length & 255]), one]));
}

function look(log: TestLog, files: LogFiles, remembered?: string, more: Partial<MonitorOptions> = {}) {
  const options: MonitorOptions = {
    files,
    keys: [log.key],
    clockKey: log.clockKey,
    policy: undefined,
    maxAgeMs: 180_000,
    entries: true,
    clock: { now: () => time * 1000 + 1_000 },
    ...more,
  };
  return checkLog(options, remembered);
}

function alarmed(found: Findings, kind: AlarmKind, message?: RegExp): void {
  assert.deepEqual(
    found.alarms.map((alarm) => alarm.kind),
    [kind],
    JSON.stringify(found.alarms),
  );
  if (message !== undefined) assert.match(found.alarms[0]!.message, message);
}

const log = testLog("log.example/1");

test("a log that only grows raises none, from nothing on, over tiles and bundles, full and partial", async () => {
  let remembered: string | undefined;
  let sum = 0;
  for (const size of [0, 1, 255, 256, 257, 512, 700, 700]) {
    const found = await look(log, served(log, size), remembered);
    assert.deepEqual(found.alarms, [], `at ${size}`);
    assert.equal(found.verified, log.note(size, time));
    assert.equal(found.time, time * 1000);
    sum += found.checked;
    remembered = found.verified;
  }
  assert.equal(sum, 700, "each entry is read once");
  assert.equal((await look(log, served(log, 700), undefined)).checked, 700);
});

test("rollback, fork and another history are found out, each with both signed notes", async () => {
  const remembered = log.note(300, time);
  const smaller = await look(log, served(log, 299), remembered);
  alarmed(smaller, "rollback", /299 entries, after 300/);
  const fork = log.fork(290);
  alarmed(await look(log, served(fork, 300), remembered), "fork");
  const other = await look(log, served(fork, 320), remembered);
  alarmed(other, "inconsistent");
  for (const found of [smaller, other]) {
    assert.equal(found.verified, undefined, "what contradicts is not remembered");
    assert.equal(found.alarms[0]?.remembered, remembered);
    assert.notEqual(found.alarms[0]?.note, remembered);
  }
  // A history that only differs after what was verified is this monitor's history.
  assert.deepEqual((await look(log, served(log.fork(300), 320), remembered)).alarms, []);
});

test("a byte changed in an entry, an entry swapped, removed, doubled: each is named", async () => {
  const only = (path: string, change: (bytes: Uint8Array) => Uint8Array) => (at: string, bytes: Uint8Array) =>
    at === path ? change(bytes) : bytes;
  const entries = (list: (all: Uint8Array[]) => Uint8Array[]) =>
    only("tile/entries/001.p/44", () => bundle(list(Array.from({ length: 44 }, (_, i) => log.entry(256 + i)))));
  const at = (tamper: Parameters<typeof served>[2]) => look(log, served(log, 300, tamper), log.note(10, time));
  alarmed(
    await at(entries((all) => [...all.slice(0, 3), Buffer.from("forged"), ...all.slice(4)])),
    "tree",
    /entry 259/,
  );
  alarmed(await at(entries((all) => [...all.slice(0, 5), all[6]!, all[5]!, ...all.slice(7)])), "tree", /entry 261/);
  alarmed(await at(entries((all) => all.slice(0, 43))), "gap", /43 entries instead of 44/);
  alarmed(await at(entries((all) => [...all, all[43]!])), "gap", /45 entries instead of 44/);
  alarmed(await at(only("tile/entries/001.p/44", (bytes) => bytes.subarray(0, -1))), "gap", /ends within/);
  alarmed(await at(only("tile/0/001.p/44", (bytes) => bytes.subarray(32))), "gap", /instead of/);
});

test("a bit changed in any hash of any tile", async () => {
  for (const [path, place] of [
    ["tile/0/000", 31 * 32],
    ["tile/0/001", 0],
    ["tile/0/002.p/188", 100 * 32],
    ["tile/1/000.p/2", 0],
    ["tile/1/000.p/2", 32],
  ] as const) {
    const tamper = (at: string, bytes: Uint8Array): Uint8Array => {
      if (at === path) bytes[place]! ^= 1;
      return bytes;
    };
    const found = await look(log, served(log, 700, tamper), undefined);
    alarmed(found, "tree");
    assert.equal(found.verified, undefined);
    const later = await look(log, served(log, 700, tamper), log.note(300, time));
    assert.equal(later.alarms.length === 0, later.verified !== undefined, `${path} ${place}`);
  }
});

test("what the checkpoint covers and is not there is a gap; what was pruned is counted; what fails is unreachable", async () => {
  const files = served(log, 300);
  const missing = { ...files, bundle: () => Promise.reject(new GapError("tile/entries/000 is not there (404)")) };
  alarmed(await look(log, missing), "gap", /404/);
  const pruned = { ...files, bundle: async (path: string) => (path.includes("000") ? undefined : files.bundle(path)) };
  const found = await look(log, pruned);
  assert.deepEqual([found.alarms, found.checked, found.pruned], [[], 44, 256]);
  // Of what came since the last look none can be past its retention.
  const withheld = await look(log, pruned, log.note(100, time));
  alarmed(withheld, "gap", /156 of the 200 new entries are withheld/);
  assert.equal(withheld.verified, log.note(300, time), "the tree is right");
  const away = { ...files, checkpoint: () => Promise.reject(new UnreachableError("no connection")) };
  alarmed(await look(log, away, log.note(10, time)), "unreachable");
  const long = { clock: { now: () => (time + 500) * 1000 } };
  assert.deepEqual(
    (await look(log, away, log.note(10, time), long)).alarms.map(({ kind }) => kind),
    ["unreachable", "stale"],
  );
});

test("a checkpoint by another key, of another log, or that is none", async () => {
  const impostor = testLog("log.example/1");
  const stranger = testLog("log.example/2");
  for (const files of [served(impostor, 5), served(stranger, 5)]) alarmed(await look(log, files), "signature");
  for (const text of ["", "nonsense", parseNote(log.note(5)).text])
    alarmed(await look(log, { ...served(log, 5), checkpoint: async () => text }), "signature");
});

test("a checkpoint gone stale by its clock's line; a time that the clock did not sign does not count", async () => {
  const clock = { now: () => (time + 181) * 1000 };
  const late = await look(log, served(log, 5), undefined, { clock });
  alarmed(late, "stale", /181 s ago/);
  assert.equal(late.verified, log.note(5, time), "an old checkpoint may still be true");
  assert.deepEqual((await look(log, served(log, 5), undefined, { clock, maxAgeMs: undefined })).alarms, []);
  const foreign = testLog("log.example/9").clockKey;
  alarmed(await look(log, served(log, 5), undefined, { clockKey: foreign }), "stale", /no time/);
  assert.deepEqual((await look(log, served(log, 5), undefined, { clockKey: undefined })).alarms, []);
});

test("too few cosignatures; enough of them, and only of the policy's keys", async () => {
  const witness = (name: string) => {
    const { privateKey } = testLog(name);
    return { key: cosignerKey(name, privateKey), privateKey };
  };
  const [one, two] = [witness("w.example/1"), witness("w.example/2")];
  const policy = {
    witnesses: [
      { name: "one", key: one.key },
      { name: "two", key: two.key },
    ],
    isQuorum: (names: ReadonlySet<string>) => names.size === 2,
  };
  const note = parseNote(log.note(5, time));
  const line = ({ key, privateKey }: typeof one, text = note.text) => cosign(key, privateKey, text, time);
  const files = (...lines: ReturnType<typeof cosign>[]) => ({
    ...served(log, 5),
    checkpoint: async () => formatNote({ ...note, signatures: [...note.signatures, ...lines] }),
  });
  alarmed(await look(log, files(), undefined, { policy }), "quorum", /valid: none/);
  alarmed(await look(log, files(line(one)), undefined, { policy }), "quorum", /valid: one/);
  alarmed(await look(log, files(line(one), line(two, "other\n")), undefined, { policy }), "quorum", /valid: one/);
  assert.deepEqual((await look(log, files(line(one), line(two)), undefined, { policy })).alarms, []);
});

test("following only hashes reads no entry and finds out a fork all the same", async () => {
  const files = { ...served(log, 600), bundle: () => Promise.reject(new Error("an entry was asked for")) };
  const found = await look(log, files, log.note(300, time), { entries: false });
  assert.deepEqual([found.alarms, found.checked, found.pruned], [[], 300, 0]);
  const fork = { ...served(log.fork(100), 600), bundle: files.bundle };
  alarmed(await look(log, fork, log.note(300, time), { entries: false }), "inconsistent");
});

/** A checkpoint of the log that both keys sign, as a rotation makes one. */
function linking(old: TestLog, next: TestLog, size: number): string {
  const [before, after] = [parseNote(old.note(size, time)), parseNote(next.note(size))];
  return formatNote({ text: before.text, signatures: [...after.signatures, ...before.signatures] });
}

test("a log whose key was rotated is followed on by both keys; what the old one signs alone afterwards is a forgery", async () => {
  const next = testLog("log.example/1", log);
  const keys = [log.key, next.key];
  const by = (note: string, size: number) => ({ ...served(log, size), checkpoint: async () => note });
  const unaged = { maxAgeMs: undefined };
  const linked = linking(log, next, 310);
  let remembered: string | undefined;
  for (const [note, size] of [
    [log.note(300), 300],
    [linked, 310],
    [next.note(320), 320],
  ] as const) {
    // The new key is known once there is a link.
    const known = size === 300 ? [log.key] : keys;
    const found = await look(log, by(note, size), remembered, { keys: known, ...unaged });
    assert.deepEqual(found.alarms, [], `at ${size}`);
    remembered = found.verified;
  }
  assert.equal(remembered, next.note(320));
  alarmed(await look(log, by(next.note(320), 320), log.note(300), unaged), "signature", /not signed by/);
  assert.deepEqual((await look(log, by(next.note(320), 320), log.note(300), { keys, ...unaged })).alarms, []);
  for (const before of [log.note(300), linked, next.note(320)]) {
    const forged = await look(log, by(log.note(330), 330), before, { keys, ...unaged });
    alarmed(forged, "signature", /taken the place of/);
    assert.equal(forged.verified, undefined);
    assert.equal(forged.alarms[0]?.remembered, before);
  }
  // Also a log of other entries under the new key is one that does not continue what the old one signed.
  const other = testLog("log.example/1", log.fork(290));
  const forked = { ...served(other, 320), checkpoint: async () => other.note(320) };
  alarmed(await look(log, forked, log.note(300), { keys: [log.key, other.key], ...unaged }), "inconsistent");
});

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "taishi-monitor-"));
});
after(() => rmSync(directory, { recursive: true }));

test("the state outlasts the process, belongs to one key, and is not taken from a file that was altered", () => {
  const path = join(directory, "state.json");
  const state = new MonitorState(path, [log.key]);
  assert.equal(state.note, undefined);
  state.remember(log.note(5, time));
  assert.equal(new MonitorState(path, [log.key]).note, log.note(5, time));
  const next = testLog("log.example/1", log);
  assert.throws(() => new MonitorState(path, [next.key]), /not of this log/);
  const both = new MonitorState(path, [log.key, next.key]);
  assert.equal(both.note, log.note(5, time));
  both.remember(next.note(6));
  assert.equal(new MonitorState(path, [next.key]).note, next.note(6), "then the old key is needed no more");
  assert.throws(() => new MonitorState(path, [log.key]), /not of this log/);
  writeFileSync(path, JSON.stringify({ ...JSON.parse("{}"), format: 1, checkpoint: log.note(5) }));
  assert.throws(() => new MonitorState(path, [log.key]), /not of this log/);
  writeFileSync(path, "{");
  assert.throws(() => new MonitorState(path, [log.key]), /not of this log/);
});
