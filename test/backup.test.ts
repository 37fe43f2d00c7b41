// Backup and restore as an operator runs them: beside a server under load, again after it grew, onto another machine, and
// over a log that has signed more since.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { firstKey, TaishiProcess, taishi, taishiFed, taishiJson } from "./taishi-process.ts";

const base = mkdtempSync(join(tmpdir(), "taishi-backup-"));
after(() => rmSync(base, { recursive: true, force: true }));

interface Report {
  readonly ok: boolean;
  readonly copied: number;
  readonly kept: number;
  readonly entries: number;
  readonly problems: readonly string[];
}

interface Running {
  readonly service: TaishiProcess;
  readonly token: string;
  readonly account: string;
}

async function serve(data: string, ...more: string[]): Promise<Running> {
  const service = await TaishiProcess.serve({ data, arguments: ["--segment-seconds", "1", ...more] });
  const { token, account } = firstKey(data);
  return { service, token, account };
}

let made = 0;
async function append({ service, token }: Running, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    kind: "security",
    time: 1_700_000_000_000 + made,
    resource: { type: "endpoint", id: "ep-1" },
    type: "SshLogin",
    contents: { N: String(made++) },
  }));
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function total({ service, token }: Running): Promise<number> {
  const answer = await fetch(`${service.url}/api/v1/events?kind=security&limit=1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await answer.json()) as { total: number }).total;
}

const segments = (data: string): string[] =>
  readdirSync(join(data, "ledger"))
    .filter((name) => /^\d{6}\.db$/.test(name))
    .sort();

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    assert.ok(waited < 100, "waited for 10 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("a backup beside a server verifies, copies only what changed, and comes back whole elsewhere", async () => {
  const data = join(base, "one");
  const copy = join(base, "one-backup");
  const running = await serve(data);
  await append(running, 600);
  await until(() => segments(data).length === 2);
  // Appends go on while it is made.
  let stop = false;
  const load = (async () => {
    while (!stop) await append(running, 50);
  })();
  const first = await taishiJson<Report>("backup", copy, "--data", data);
  stop = true;
  await load;
  assert.deepEqual([first.ok, first.problems], [true, []]);
  assert.ok(first.entries >= 600);
  await append(running, 300);
  const second = await taishiJson<Report>("backup", copy, "--data", data);
  assert.ok(second.ok);
  assert.ok(second.kept >= 1, "the first file was closed and is not copied again");
  assert.equal(existsSync(join(copy, "secrets.sealed")), false);
  const stored = await total(running);
  await running.service.stop();
  const last = await taishiFed("correct horse battery\n", "backup", copy, "--data", data, "--passphrase-stdin");
  assert.equal(last.code, 0, last.stderr);

  // On another machine: nothing is there, and the keys come with the passphrase.
  const elsewhere = join(base, "one-elsewhere");
  const refused = await taishi("restore", copy, "--data", elsewhere);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /--passphrase-stdin/);
  const wrong = await taishiFed("incorrect horse!\n", "restore", copy, "--data", elsewhere, "--passphrase-stdin");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /passphrase is wrong/);
  const done = await taishiFed("correct horse battery\n", "restore", copy, "--data", elsewhere, "--passphrase-stdin");
  assert.equal(done.code, 0, done.stderr);
  const again = await TaishiProcess.serve({ data: elsewhere });
  const restored = { service: again, token: running.token, account: running.account };
  assert.equal(await total(restored), stored, "every event, under the old token");
  await append(restored, 10);
  assert.equal(await total(restored), stored + 10);
  await again.stop();
  assert.equal((await taishiJson<{ ok: boolean }>("fsck", "--data", elsewhere)).ok, true);
});

test("an older backup over a log that has signed more is refused; a new log continues it and says so", async () => {
  const data = join(base, "two");
  const copy = join(base, "two-backup");
  const anchor = join(base, "two-anchor");
  const running = await serve(data, "--anchor", anchor);
  await append(running, 300);
  assert.ok((await taishiJson<Report>("backup", copy, "--data", data)).ok);
  await append(running, 20);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await running.service.stop();
  const key = await taishiJson<{ vkey: string }>("log", "key", "--account", running.account, "--data", data);

  const over = await taishi("restore", copy, "--data", data);
  assert.equal(over.code, 1);
  assert.match(over.stderr, /has signed \d+ entries.*--new-log/);
  // An empty directory knows nothing, but the anchor does.
  const empty = join(base, "two-empty");
  cpSync(join(data, "secrets"), join(empty, "secrets"), { recursive: true });
  const anchored = await taishi("restore", copy, "--data", empty, "--anchor", anchor);
  assert.equal(anchored.code, 1);
  assert.match(anchored.stderr, /the anchor has signed/);
  assert.deepEqual(readdirSync(empty).includes("ledger"), false, "nothing was put there");

  const fresh = await taishi("restore", copy, "--data", data, "--anchor", anchor, "--new-log");
  assert.equal(fresh.code, 0, fresh.stderr);
  const next = await TaishiProcess.serve({ data, arguments: ["--anchor", anchor] });
  const restored = { service: next, token: running.token, account: running.account };
  assert.equal(await total(restored), 300);
  const answer = await fetch(`${next.url}/api/v1/events?kind=system&type=LogRestored`, {
    headers: { authorization: `Bearer ${running.token}` },
  });
  const { events } = (await answer.json()) as { events: { data: { formerOrigin: string; size: number } }[] };
  assert.equal(events.length, 1);
  assert.equal(`${events[0]!.data.formerOrigin}`, key.vkey.split("+")[0]);
  await append(restored, 5);
  await next.stop();
  assert.equal((await taishiJson<{ ok: boolean }>("fsck", "--data", data, "--anchor", anchor)).ok, true);
  const nextKey = await taishiJson<{ vkey: string }>("log", "key", "--account", running.account, "--data", data);
  assert.notEqual(nextKey.vkey.split("+")[0], key.vkey.split("+")[0]);
  assert.equal(readdirSync(data).filter((name) => name.startsWith("replaced-")).length, 1, "what was there is kept");
});

test("a backup that was altered is not restored, and says which file", async () => {
  const data = join(base, "three");
  const copy = join(base, "three-backup");
  const running = await serve(data);
  await append(running, 300);
  await until(() => segments(data).length === 2);
  assert.ok((await taishiJson<Report>("backup", copy, "--data", data)).ok);
  await running.service.stop();
  const path = join(copy, "ledger/000001.db");
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  rmSync(path);
  writeFileSync(path, bytes);
  const refused = await taishi("restore", copy, "--data", data);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /ledger\/000001\.db has other content/);
  rmSync(path);
  const missing = await taishi("restore", copy, "--data", data);
  assert.match(missing.stderr, /ledger\/000001\.db is missing/);
  const other = await taishi("backup", base, "--data", data);
  assert.equal(other.code, 1);
  assert.match(other.stderr, /not empty and no backup/);
  // A run that finds the file gone copies it again.
  assert.ok((await taishiJson<Report>("backup", copy, "--data", data)).ok);
  assert.ok(statSync(path).size > 0);
});
