import assert from "node:assert/strict";
import type { KeyObject } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { openSigningKey } from "../durable/secret-file.ts";
import { parseEntry } from "../event/entry.ts";
import { readEvent } from "../event/read.ts";
import { Anchor } from "../ledger/anchor.ts";
import { fsck } from "../ledger/fsck.ts";
import { linkingSigner, type RotatedLog, rotatedType, rotateLogKey } from "../ledger/key-rotation.ts";
import { openLedger } from "../ledger/segments.ts";
import { CheckpointSigner, publicKeyOf, sha256, verifyCheckpoint } from "../ledger/signer.ts";
import { LedgerReader } from "../ledger/store.ts";
import { LedgerWriter } from "../ledger/writer.ts";
import { createLog } from "../log.ts";
import { formatVerifierKey, parseNote, parseVerifierKey, signaturesBy } from "../merkle/note.ts";
import { backUp, checkBackup, restore } from "./backup.ts";
import { dataPaths } from "./data-paths.ts";
import { appendEvents } from "./event-appender.ts";
import { type House, openHouse } from "./house.ts";
import { LogKeyFiles } from "./log-key-files.ts";

const accounts = ["2100000001", "2100000002"];
const directories: string[] = [];

const houses: House[] = [];

afterEach(async () => {
  for (const opened of houses.splice(0)) await opened.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

interface Place {
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string;
}

function place(): Place {
  const top = mkdtempSync(join(tmpdir(), "taishi-rotation-"));
  directories.push(top);
  return { data: join(top, "data"), secrets: join(top, "secrets"), anchor: join(top, "anchor.json") };
}

async function house({ data, secrets, anchor }: Place, socketPath?: string): Promise<House> {
  const opened = await openHouse({
    data,
    secrets,
    anchor,
    index: true,
    log: createLog("silent"),
    segmentBytes: 1e9,
    segmentSeconds: 1e6,
    auditFiles: { maxBytes: 1e6, maxAgeMs: 1e6, onFailure: () => {} },
    onFatal: (error) => {
      throw error;
    },
    deliverFirstKey: () => {},
    ...(socketPath === undefined ? {} : { socketPath }),
  });
  houses.push(opened);
  return opened;
}

async function append({ ledger }: House, account: string, count: number): Promise<void> {
  const event = readEvent(
    { kind: "security", time: 1_700_000_000_000, type: "T", resource: { type: "t", id: "r" } },
    0,
  );
  await appendEvents(
    ledger,
    account,
    Array.from({ length: count }, () => event),
  );
}

/** A data directory with two accounts of some entries, closed. */
async function filled(): Promise<Place> {
  const at = place();
  const opened = await house(at);
  for (const id of accounts) {
    await opened.operations.createAccount({ name: `n${id}`, id });
    await append(opened, id, 300);
  }
  await opened.close();
  return at;
}

const files = (at: Place): LogKeyFiles => new LogKeyFiles(dataPaths(at.data, at.secrets));

/** Everything fsck says. */
async function problems(at: Place): Promise<readonly string[]> {
  const reader = LedgerReader.open(dataPaths(at.data, at.secrets).ledger);
  try {
    const report = await fsck(reader, { keys: () => files(at).publicKeys(), anchor: new Anchor(at.anchor) });
    return report.problems.map(({ account, what }) => `${account}: ${what}`);
  } finally {
    reader.close();
  }
}

/** Of every log: how many entries say that its key was rotated, and its checkpoints' notes. */
function logsOf(at: Place) {
  const reader = LedgerReader.open(dataPaths(at.data, at.secrets).ledger);
  try {
    const { logs, checkpoints } = reader.snapshot();
    return logs.map(({ id, account, origin, size }) => ({
      account,
      origin,
      rotations: reader
        .read(
          account,
          Array.from({ length: size }, (_, seq) => seq),
        )
        .map((bytes) => parseEntry(bytes).event)
        .filter((event) => event.kind === "system" && event.type === rotatedType),
      notes: checkpoints.filter(({ log }) => log === id).map(({ note }) => note),
    }));
  } finally {
    reader.close();
  }
}

/** The ledger's writer in place, as its thread has it; what `work` throws is the stop. */
function stopped(at: Place, work: (writer: LedgerWriter, clockKey: KeyObject) => void): void {
  const paths = dataPaths(at.data, at.secrets);
  const clockKey = openSigningKey(paths.clockKey, { create: false });
  const next = files(at).next();
  const keys = { logKey: files(at).current(), clockKey };
  const database = openLedger(paths.ledger, () => "");
  const writer = new LedgerWriter({
    database,
    signer: next === undefined ? new CheckpointSigner(keys) : linkingSigner({ ...keys, nextKey: next }),
    clock: { now: () => Date.parse("2026-01-02T03:04:05Z") },
    anchor: new Anchor(at.anchor),
  });
  try {
    work(writer, clockKey);
  } finally {
    if (database.isOpen) database.close();
  }
}

const rotateIn = (at: Place, writer: LedgerWriter, clockKey: KeyObject): readonly RotatedLog[] =>
  rotateLogKey(writer, { logKey: files(at).current(), nextKey: files(at).next()!, clockKey }, 1_767_323_045_000);

class Stop extends Error {}

/** The writer, stopping at its nth call of a method. */
function stoppingAt(writer: LedgerWriter, method: "append" | "checkpoint" | "changeSigner", when: "before" | "after") {
  return new Proxy(writer, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (name === method && when === "before") throw new Stop();
        const result: unknown = value.apply(target, args);
        if (name === method) throw new Stop();
        return result;
      };
    },
  });
}

const stops: Readonly<Record<string, (at: Place) => void>> = {
  "the new key is on disk": () => {},
  "entries are committed, not covered": (at) =>
    stopped(
      at,
      (writer, clock) => void assert.throws(() => rotateIn(at, stoppingAt(writer, "append", "after"), clock), Stop),
    ),
  "entries are covered": (at) =>
    stopped(
      at,
      (writer, clock) =>
        void assert.throws(() => rotateIn(at, stoppingAt(writer, "changeSigner", "before"), clock), Stop),
    ),
  "all logs are linked": (at) => stopped(at, (writer, clock) => void rotateIn(at, writer, clock)),
  "the new key has signed more": (at) =>
    stopped(at, (writer, clock) => {
      rotateIn(at, writer, clock);
      writer.createLog("77");
      writer.close();
    }),
  "the old key is listed as retired": (at) => {
    stopped(at, (writer, clock) => void rotateIn(at, writer, clock));
    const publicKey = Buffer.from(publicKeyOf(files(at).current())).toString("base64");
    writeFileSync(join(at.secrets, "log.retired.json"), JSON.stringify([{ publicKey, retired: 1 }]));
  },
};

for (const [name, stop] of Object.entries(stops))
  test(`a rotation stopped when ${name} is finished at the next start`, async () => {
    const at = await filled();
    const [old, next] = [files(at).current(), files(at).begin()];
    stop(at);
    assert.deepEqual(await problems(at), [], "fsck in between");

    await (await house(at)).close();
    assert.deepEqual(await problems(at), []);
    assert.ok(!existsSync(join(at.secrets, "log.next.pem")));
    assert.deepEqual(files(at).publicKeys(), { retired: [publicKeyOf(old)], current: publicKeyOf(next) });
    const keys = { logKey: old, clockKey: old };
    for (const { account, origin, rotations, notes } of logsOf(at)) {
      const [before, after] = [old, next].map((key) => new CheckpointSigner({ ...keys, logKey: key }).verifier(origin));
      assert.equal(rotations.length, 1, `entries in the log of ${account}`);
      const links = notes.filter((note) =>
        [before, after].every((key) => signaturesBy(parseNote(note), key!).length === 1),
      );
      assert.ok(links.length >= 1);
      for (const link of links) {
        assert.equal(verifyCheckpoint(link, before!).size, verifyCheckpoint(link, after!).size);
        assert.deepEqual(parseNote(link).signatures[0]?.keyId, after!.keyId, "the new key's line comes first");
      }
    }
  });

test("a rotation beside a running house: entries, links and files are there when it answers, and a second follows it", async () => {
  const at = await filled();
  const first = files(at).current();
  const opened = await house(at, join(at.data, "none.sock"));
  const changes = await opened.operations.rotateLogKey();
  assert.deepEqual(
    changes.map(({ account }) => account),
    logsOf(at).map(({ account }) => account),
    "every log, the operators' own among them",
  );
  assert.ok(!existsSync(join(at.secrets, "log.next.pem")));
  assert.equal(statSync(join(at.secrets, "log.pem")).mode & 0o777, 0o600);
  const second = files(at).current();
  assert.notDeepEqual(publicKeyOf(first), publicKeyOf(second));
  for (const { account, oldKey, newKey, seq, note } of changes) {
    const [before, after] = [oldKey, newKey].map((key) => parseVerifierKey(sha256, key));
    assert.deepEqual([before!.publicKey, after!.publicKey], [publicKeyOf(first), publicKeyOf(second)]);
    assert.ok(verifyCheckpoint(note, before!).size > seq);
    assert.ok(verifyCheckpoint(note, after!).size > seq);
    const page = await opened.index!.list({
      filter: { account, kinds: ["system"], types: [rotatedType] },
      order: "desc",
      window: { offset: 0, limit: 10 },
    });
    assert.equal(page.total, 1, "the index knows the entry");
  }
  assert.deepEqual(await problems(at), []);

  await opened.operations.createAccount({ name: "later", id: "2100000003" });
  await append(opened, accounts[0]!, 5);
  const again = await opened.operations.rotateLogKey();
  assert.equal(
    again.find(({ account }) => account === accounts[0])?.oldKey,
    changes.find(({ account }) => account === accounts[0])?.newKey,
  );
  await append(opened, accounts[0]!, 5);
  await opened.close();
  assert.equal(files(at).publicKeys().retired.length, 2);
  assert.deepEqual(await problems(at), []);
});

test("a command that finds its rotation finished at the start answers with that one", async () => {
  const at = await filled();
  const next = files(at).begin();
  const opened = await house(at);
  const changes = await opened.operations.rotateLogKey();
  await opened.close();
  assert.deepEqual(parseVerifierKey(sha256, changes[0]!.newKey).publicKey, publicKeyOf(next));
  assert.deepEqual(publicKeyOf(files(at).current()), publicKeyOf(next));
});

test("a ledger from before the rotation is refused, even without its anchor (I2)", async () => {
  const at = await filled();
  const older = join(at.data, "..", "older");
  cpSync(join(at.data, "ledger"), older, { recursive: true });
  const opened = await house(at);
  await opened.operations.rotateLogKey();
  await opened.close();
  rmSync(join(at.data, "ledger"), { recursive: true });
  cpSync(older, join(at.data, "ledger"), { recursive: true });
  rmSync(at.anchor);
  await assert.rejects(house(at), { name: "Fatal", message: /its log key did not sign/ });
  assert.match((await problems(at)).join("\n"), /no checkpoint links the key/);
});

test("a backup from before a rotation is whole, and goes on as new logs under the key in use", async () => {
  const at = await filled();
  const copy = join(at.data, "..", "copy");
  const silent = (): void => {};
  assert.deepEqual((await backUp(copy, at, undefined, silent)).problems, []);
  const opened = await house(at);
  await opened.operations.rotateLogKey();
  await opened.close();
  assert.deepEqual((await checkBackup(copy, files(at).publicKeys())).problems, []);
  const options = { newLog: false, passphrase: undefined };
  await assert.rejects(restore(copy, at, options, silent), { message: /has signed \d+ entries/ });
  await restore(copy, at, { ...options, newLog: true }, silent);
  assert.deepEqual(await problems(at), []);
  const again = await house(at);
  await again.operations.rotateLogKey();
  await again.close();
  assert.deepEqual(await problems(at), []);
});

test("fsck refuses a stranger's key, a missing list of retired keys, a missing link and a retired key's return", async () => {
  const at = await filled();
  const old = files(at).current();
  const opened = await house(at);
  await opened.operations.rotateLogKey();
  await append(opened, accounts[0]!, 5);
  await opened.close();
  assert.deepEqual(await problems(at), []);
  const clockKey = openSigningKey(join(at.secrets, "clock.pem"), { create: false });
  const stranger = openSigningKey(join(at.data, "..", "stranger.pem"), { create: true });
  const pristine = join(at.data, "..", "pristine");
  cpSync(at.data, pristine, { recursive: true });
  const retiredList = readFileSync(join(at.secrets, "log.retired.json"));

  /** Signs the newest checkpoint of the first account's log anew, as one that is later still. */
  const resign = (logKey: KeyObject) => (): void => {
    const database = openLedger(join(at.data, "ledger"), () => "");
    const reader = LedgerReader.of(database, join(at.data, "ledger"));
    const { id, origin, size } = reader.log(accounts[0]!)!;
    const root = reader.edgeAt(reader.log(accounts[0]!)!, size).root();
    const note = new CheckpointSigner({ logKey, clockKey }).sign({ origin, size, root }, Date.now());
    database
      .prepare("INSERT INTO checkpoint (log, size, time, kept, note) VALUES (?, ?, ?, 1, ?)")
      .run(id, size, 1, note);
    database.close();
  };
  const damages: readonly [() => void, RegExp][] = [
    [resign(stranger), /not valid: no valid signature/],
    [resign(old), /signed by a key retired before it/],
    [() => rmSync(join(at.secrets, "log.retired.json")), /not valid: no valid signature/],
    [
      () => {
        const publicKey = Buffer.from(publicKeyOf(stranger)).toString("base64");
        const keys = [...JSON.parse(retiredList.toString()), { publicKey, retired: 2 }];
        writeFileSync(join(at.secrets, "log.retired.json"), JSON.stringify(keys));
      },
      /do not follow each other/,
    ],
    [
      () => {
        const database = openLedger(join(at.data, "ledger"), () => "");
        database.exec("DELETE FROM checkpoint WHERE note LIKE '%—%—%—%'");
        database.close();
      },
      /no checkpoint links the key/,
    ],
  ];
  for (const [damage, expected] of damages) {
    damage();
    assert.match((await problems(at)).join("\n"), expected);
    rmSync(at.data, { recursive: true });
    cpSync(pristine, at.data, { recursive: true });
    writeFileSync(join(at.secrets, "log.retired.json"), retiredList);
  }
  assert.deepEqual(await problems(at), []);
  assert.throws(
    () =>
      verifyCheckpoint(
        logsOf(at)[0]!.notes.at(-1)!,
        parseVerifierKey(
          sha256,
          formatVerifierKey(new CheckpointSigner({ logKey: stranger, clockKey }).verifier(logsOf(at)[0]!.origin)),
        ),
      ),
    SyntaxError,
  );
});
