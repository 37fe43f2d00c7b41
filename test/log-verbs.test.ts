// The log as others check it, through the real program: over HTTP, as exported files, and from the command line, with a
// server and without one. All three must say the same.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sha256, verifyCheckpoint } from "../src/ledger/signer.ts";
import { parseCheckpoint } from "../src/merkle/checkpoint.ts";
import { fromBase64, parseNote, parseVerifierKey } from "../src/merkle/note.ts";
import { verifyConsistency, verifyInclusion } from "../src/merkle/proof.ts";
import { tilePath, tilesOf } from "../src/merkle/tile.ts";
import { parseTlogProof } from "../src/merkle/tlog-proof.ts";
import { leafHash } from "../src/merkle/tree.ts";
import { root } from "./repository.ts";
import { type Credentials, firstKey, TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

let base: string;
let data: string;
let service: TaishiProcess;
let admin: Credentials;
let flags: readonly string[];

before(async () => {
  base = mkdtempSync(join(tmpdir(), "taishi-log-"));
  data = join(base, "data");
  service = await TaishiProcess.serve({ data });
  admin = firstKey(data);
  flags = ["--account", admin.account, "--data", data];
  await append(admin, 600);
});

after(async () => {
  await service.stop();
  rmSync(base, { recursive: true, force: true });
});

async function append({ token }: Credentials, count: number): Promise<void> {
  const event = { kind: "security", time: "2024-09-29T11:38:34Z", type: "SshLogin" };
  const events = Array.from({ length: count }, (_, i) => ({
    ...event,
    resource: { type: "endpoint", id: `ep-${i}` },
    ...(i === 7 ? { detail: "x".repeat(70_000) } : {}),
  }));
  const answer = await fetch(`${service.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  assert.equal(answer.status, 200, await answer.text());
}

const get = (path: string, token: string | undefined = admin.token) =>
  fetch(service.url + path, token === "" ? {} : { headers: { authorization: `Bearer ${token}` } });

async function bytesOf(path: string, token?: string): Promise<Buffer> {
  const answer = await get(path, token);
  assert.equal(answer.status, 200, path);
  return Buffer.from(await answer.arrayBuffer());
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1));
}

test("an export beside the running server is what the server serves, and a second one continues it", async () => {
  const directory = join(base, "export");
  // What was appended is signed within a second; until then the export is of less.
  for (let size = 0; size < 600; )
    ({ size } = await taishiJson<{ size: number }>("log", "export", directory, ...flags));
  const note = readFileSync(join(directory, "checkpoint"), "utf8");
  const { size } = parseCheckpoint(parseNote(note).text);
  for (const tile of tilesOf(size)) {
    const path = tilePath(tile);
    const served = await bytesOf(`/log/${admin.account}/${path}`);
    assert.ok(readFileSync(join(directory, path)).equals(served), path);
  }
  const [blob] = filesIn(directory).filter((path) => path.startsWith("blob/"));
  assert.equal(readFileSync(join(directory, blob!), "utf8"), "x".repeat(70_000));
  assert.equal(statSync(join(directory, "checkpoint")).mode & 0o777, 0o600);

  await append(admin, 300);
  const next = await taishiJson<{ size: number; written: number; kept: number }>("log", "export", directory, ...flags);
  assert.ok(next.kept >= 4, JSON.stringify(next));
  assert.match((await taishi("log", "export", directory, ...flags)).stdout, /\d+ entries; \d+ files written/);
});

test("an entry just appended is proven at once, over HTTP and by the command line, under the printed key", async () => {
  const { vkey, clockVkey } = await taishiJson<{ vkey: string; clockVkey: string }>("log", "key", ...flags);
  const state = (await (await get("/api/v1/log")).json()) as Record<string, unknown>;
  assert.deepEqual([state.vkey, state.clockVkey, state.account], [vkey, clockVkey, admin.account]);
  const printed = (await taishi("log", "key", ...flags)).stdout;
  assert.equal(printed, `log    ${vkey}\nclock  ${clockVkey}\n`);

  const key = parseVerifierKey(sha256, vkey);
  const seqOf = (line: string): { seq: number } => JSON.parse(line) as { seq: number };
  await append(admin, 1);
  const listed = await taishi("list", ...flags, "--kind", "security", "--order", "asc", "--limit", "100000", "--json");
  const { seq } = seqOf(listed.stdout.trim().split("\n").at(-1)!);
  const answer = await get(`/api/v1/events/${seq}/proof`);
  assert.equal(answer.status, 200);
  const file = join(base, "one.tlog-proof");
  assert.equal((await taishi("proof", String(seq), ...flags, "--out", file)).code, 0);
  const texts = [
    await answer.text(),
    readFileSync(file, "utf8"),
    (await taishi("proof", String(seq), ...flags)).stdout,
  ];
  for (const text of texts) {
    const proof = parseTlogProof(text);
    const { size, root: expected } = verifyCheckpoint(proof.checkpoint, key);
    const leaf = leafHash(sha256, proof.extra!);
    verifyInclusion(sha256, { index: proof.index, size, leaf, proof: proof.hashes, root: expected });
    assert.equal(proof.index, seq);
    assert.match(Buffer.from(proof.extra!).toString(), /"id":"ep-0"/);
  }
  const beyond = await taishi("proof", "1000000", ...flags);
  assert.deepEqual([beyond.code, beyond.stdout], [1, ""]);
  assert.match(beyond.stderr, /no entry 1000000/);
  assert.equal((await get("/api/v1/events/1000000/proof")).status, 404);
});

test("two checkpoints that were served are shown to be of one history", async () => {
  const served = async () =>
    parseCheckpoint(parseNote((await bytesOf(`/log/${admin.account}/checkpoint`)).toString()).text);
  const before = await served();
  await append(admin, 10);
  let newest = await served();
  while (newest.size <= before.size) newest = await served();
  const [from, to] = [before.size, newest.size];
  const overHttp = await (await get(`/api/v1/log/consistency?from=${from}&to=${to}`)).json();
  assert.deepEqual(await taishiJson("log", "consistency", String(from), String(to), ...flags), overHttp);
  const proof = (overHttp as { proof: string[] }).proof.map(fromBase64);
  verifyConsistency(sha256, { oldSize: from, oldRoot: before.root, newSize: to, newRoot: newest.root, proof });
});

test("visibility is set by the operator, holds at once, is audited, and hashes need salts", async () => {
  const made = await taishiJson<{ account: string }>("account", "create", "--name", "s", "--salted", "--data", data);
  const key = await taishiJson<Credentials>(
    "key",
    "create",
    "--account",
    made.account,
    "--role",
    "admin",
    "--data",
    data,
  );
  await append(key, 3);
  const log = `/log/${made.account}`;
  assert.equal((await get(`${log}/checkpoint`, "")).status, 401);
  assert.equal((await get(`${log}/checkpoint`)).status, 404, "of another account");
  const set = (id: string, visibility: string) =>
    taishi("account", "set", "--id", id, "--log-visibility", visibility, "--data", data);
  assert.equal((await set(made.account, "hashes")).code, 0);
  while (!/^.*\n[1-9]/.test((await bytesOf(`${log}/checkpoint`, "")).toString()))
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await get(`${log}/tile/0/000.p/1`, "")).status, 200);
  assert.equal((await get(`${log}/tile/entries/000.p/1`, "")).status, 401);
  const unsalted = await set(admin.account, "hashes");
  assert.deepEqual([unsalted.code, (await get(`/log/${admin.account}/checkpoint`, "")).status], [1, 401]);
  assert.match(unsalted.stderr, /no salts/);
  assert.equal((await set("0", "all")).code, 1);
  assert.equal((await set("77", "all")).code, 1);
  assert.equal((await set(made.account, "everyone")).code, 2);
  assert.equal((await set(made.account, "all")).code, 0);
  const { accounts } = await taishiJson<{ accounts: object[] }>("account", "list", "--data", data);
  assert.ok(accounts.some((each) => JSON.stringify(each).includes('"logVisibility":"all"')));
  const audited = await (await get("/api/v1/events?kind=trail&type=UpdateLogVisibility", key.token)).json();
  assert.equal((audited as { total: number }).total, 2);

  assert.equal(await service.stop(), 0);
  service = await TaishiProcess.serve({ data });
  assert.equal((await get(`${log}/tile/entries/000.p/1`, "")).status, 200, "after a restart");
});

test("without a server: a directory of long ago is exported, proven, and shown to have received nothing since", async () => {
  const golden = join(base, "golden");
  cpSync(join(root, "testdata/format-1"), golden, { recursive: true });
  for (const name of readdirSync(join(golden, "secrets"))) chmodSync(join(golden, "secrets", name), 0o600);
  const { account } = JSON.parse(readFileSync(join(golden, "what-is-in-it.json"), "utf8")) as { account: string };
  const at = ["--account", account, "--data", golden];
  const { size } = await taishiJson<{ size: number }>("log", "export", join(base, "old"), ...at);
  const whole = [...tilesOf(size)].map(tilePath);
  assert.deepEqual(
    filesIn(join(base, "old"))
      .filter((path) => path.startsWith("tile/"))
      .sort(),
    whole.sort(),
  );
  assert.equal((await taishi("proof", "0", ...at)).code, 0);
  // The log is idle, so its newest checkpoint may be up to a minute old: nothing newer than the last command's is asked for.
  const { time: newest } = await taishiJson<{ time: number }>("checkpoint", ...at);
  const now = Math.floor(newest / 1000) * 1000;
  const interval = (from: number, to: number) =>
    ["--from", new Date(from).toISOString(), "--to", new Date(to).toISOString(), ...at] as const;
  const evidence = await taishiJson<{ size: number; before: { checkpoint: string }; after: { checkpoint: string } }>(
    "log",
    "absence",
    ...interval(now - 3_600_000, now - 1_000),
  );
  const key = parseVerifierKey(sha256, (await taishiJson<{ vkey: string }>("log", "key", ...at)).vkey);
  const [first, last] = [evidence.before, evidence.after].map(({ checkpoint }) => verifyCheckpoint(checkpoint, key));
  assert.deepEqual(first, last);
  assert.equal(evidence.size, first!.size);
  const printed = await taishi("log", "absence", ...interval(now - 3_600_000, now - 1_000));
  assert.equal(printed.stdout, `${evidence.before.checkpoint}\n${evidence.after.checkpoint}`);
  const future = await taishi("log", "absence", ...interval(now, now + 3_600_000));
  assert.equal(future.code, 1);
  assert.match(future.stderr, /no checkpoint from .* or after yet/);
  assert.equal((await taishi("fsck", "--data", golden)).code, 0);
});
