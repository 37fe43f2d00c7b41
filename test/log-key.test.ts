// The signing key rotated while the real program serves under load, and while it is killed: nothing acknowledged is lost,
// fsck passes, and a reader who holds only the old key comes to the new one.
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

interface Change {
  readonly account: string;
  readonly oldKey: string;
  readonly newKey: string;
  readonly seq: number;
  readonly note: string;
}

const directories: string[] = [];
let running: TaishiProcess | undefined;

afterEach(async () => {
  await running?.kill();
  running = undefined;
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

async function start(data = mkdtempSync(join(tmpdir(), "taishi-log-key-"))) {
  if (!directories.includes(data)) directories.push(data);
  running = await TaishiProcess.serve({ data });
  return { data, service: running, key: firstKey(data) };
}

/** Appends batches, one after the other, until `until` says so or the service is gone; how many events were acknowledged. */
async function load(service: TaishiProcess, { token }: Credentials, until: () => boolean): Promise<number> {
  const one = { kind: "security", time: 1_700_000_000_000, type: "T", resource: { type: "endpoint", id: "ep" } };
  const body = JSON.stringify({ events: Array.from({ length: 40 }, () => one) });
  let acknowledged = 0;
  while (!until()) {
    const answer = await fetch(`${service.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
    }).catch(() => undefined);
    if (answer === undefined) break;
    assert.equal(answer.status, 200, await answer.text());
    acknowledged += 40;
  }
  return acknowledged;
}

/** As a program of another make would: from the spec of signed notes alone. @returns the checkpoint's size */
function verifyNote(note: string, vkey: string): number {
  // Base64 may hold plus signs of its own.
  const [, name = "", id = "", material = ""] = /^([^+]+)\+([^+]+)\+(.+)$/.exec(vkey) ?? [];
  const split = note.lastIndexOf("\n\n");
  const text = note.slice(0, split + 1);
  const x = Buffer.from(material, "base64").subarray(1).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const lines = note
    .slice(split + 2)
    .trimEnd()
    .split("\n");
  const valid = lines.some((line) => {
    const [, from, signature = ""] = line.split(" ");
    const bytes = Buffer.from(signature, "base64");
    return (
      from === name &&
      bytes.subarray(0, 4).toString("hex") === id &&
      verify(null, Buffer.from(text), key, bytes.subarray(4))
    );
  });
  assert.ok(valid, `no valid signature by ${vkey}`);
  return Number(text.split("\n")[1]);
}

test("rotated under append load: fsck passes, and the old key leads to the new one and no further", async () => {
  const { data, service, key } = await start();
  let done = false;
  const loads = [1, 2, 3].map(() => load(service, key, () => done));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const before = await taishiJson<{ note: string }>("checkpoint", "--data", data, "--account", key.account);
  const monitor = (...vkeys: string[]) =>
    taishi(
      ...["monitor", `${service.url}/log/${key.account}`, ...vkeys.flatMap((vkey) => ["--key", vkey])],
      ...["--token", key.token, "--state", join(data, "monitor.json"), "--once"],
    );
  const { vkey } = await taishiJson<{ vkey: string }>("log", "key", "--data", data, "--account", key.account);
  const first = await monitor(vkey);
  assert.equal(first.code, 0, first.stderr);
  const { logs } = await taishiJson<{ logs: Change[] }>("log", "rotate-key", "--data", data);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const beside = await taishi("fsck", "--data", data);
  done = true;
  const acknowledged = (await Promise.all(loads)).reduce((sum, count) => sum + count, 0);
  assert.equal(beside.code, 0, beside.stdout);
  const newest = await taishiJson<{ note: string }>("checkpoint", "--data", data, "--account", key.account);

  const change = logs.find(({ account }) => account === key.account)!;
  assert.notEqual(change.oldKey, change.newKey);
  assert.deepEqual(new Set(logs.map(({ account }) => account)), new Set(["0", key.account]));
  assert.ok(verifyNote(before.note, change.oldKey) <= change.seq);
  assert.ok(verifyNote(change.note, change.oldKey) > change.seq, "who knows the old key can take over the new one");
  const linked = verifyNote(change.note, change.newKey);
  assert.ok(verifyNote(newest.note, change.newKey) > linked);
  assert.throws(() => verifyNote(newest.note, change.oldKey), /no valid signature/);
  assert.throws(() => verifyNote(before.note, change.newKey), /no valid signature/);
  const { publicKey } = generateKeyPairSync("ed25519");
  const stranger = Buffer.concat([Buffer.of(1), Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url")]);
  const forged = change.newKey.split("+", 2).concat(stranger.toString("base64")).join("+");
  assert.throws(() => verifyNote(change.note, forged), /no valid signature/, "a key that only claims the id");

  const { links } = await taishiJson<{ links: Pick<Change, "oldKey" | "newKey" | "note">[] }>(
    ...["log", "links", "--data", data, "--account", key.account],
  );
  const { oldKey, newKey, note } = change;
  assert.deepEqual(links, [{ oldKey, newKey, note }]);

  const own = { headers: { authorization: `Bearer ${key.token}` } };
  const served = await fetch(`${service.url}/api/v1/log/links`, own);
  assert.deepEqual(await served.json(), { links: [{ oldKey, newKey, checkpoint: note }] });

  const unaware = await monitor(oldKey);
  assert.equal(unaware.code, 1);
  assert.match(unaware.stderr, /ALARM signature/);
  const forgetful = await monitor(newKey);
  assert.match(forgetful.stderr, /is not of this log.*give the key that the state is of as well/s);
  const followed = await monitor(oldKey, newKey);
  assert.equal(followed.code, 0, followed.stderr);
  const later = await monitor(newKey);
  assert.equal(later.code, 0, later.stderr);

  const state = await fetch(`${service.url}/api/v1/log`, own);
  assert.equal(((await state.json()) as { vkey: string }).vkey, newKey, "the running service tells the key in use");
  const shown = await taishiJson<{ vkey: string }>("log", "key", "--data", data, "--account", key.account);
  assert.equal(shown.vkey, newKey);

  const total = await fetch(`${service.url}/api/v1/events?kind=security&limit=1`, {
    headers: { authorization: `Bearer ${key.token}` },
  });
  assert.equal(((await total.json()) as { total: number }).total, acknowledged);
  assert.equal(await service.stop(), 0);
  const after = await taishi("fsck", "--data", data);
  assert.equal(after.code, 0, after.stdout);
});

test("killed while it rotates, it starts again with one key and no entry twice", async () => {
  const { data, service, key } = await start();
  const loading = load(service, key, () => false);
  await new Promise((resolve) => setTimeout(resolve, 400));
  // On a busy machine a rotation may begin and end between two looks: then there is another.
  let rotations = 0;
  for (let caught = false; !caught; ) {
    rotations++;
    const state = { over: false };
    const rotating = taishi("log", "rotate-key", "--data", data).finally(() => {
      state.over = true;
    });
    const isUnderWay = (): boolean => existsSync(join(data, "secrets", "log.next.pem"));
    while (!isUnderWay() && !state.over) await new Promise((resolve) => setTimeout(resolve, 1));
    caught = isUnderWay();
    if (caught) await service.kill();
    await rotating;
  }
  await loading;

  const again = await start(data);
  assert.ok(!existsSync(join(data, "secrets", "log.next.pem")));
  const retired = JSON.parse(readFileSync(join(data, "secrets", "log.retired.json"), "utf8")) as unknown[];
  assert.equal(retired.length, rotations);
  const answer = await fetch(`${again.service.url}/api/v1/events?kind=system&type=LogKeyRotated`, {
    headers: { authorization: `Bearer ${key.token}` },
  });
  assert.equal(((await answer.json()) as { total: number }).total, rotations);
  assert.equal(await again.service.stop(), 0);
  const checked = await taishi("fsck", "--data", data);
  assert.equal(checked.code, 0, checked.stdout);
});

test("without a server the command rotates in place, says both keys and what to publish", async () => {
  const { data, service, key } = await start();
  await service.stop();
  running = undefined;
  const { code, stdout } = await taishi("log", "rotate-key", "--data", data);
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`account ${key.account}\n  old \\S+\\+\\S+\n  new \\S+\\+\\S+\n`));
  assert.match(stdout, /Publish the new keys/);
  assert.equal((await taishi("fsck", "--data", data)).code, 0);
});
