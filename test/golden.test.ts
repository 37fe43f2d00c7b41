// Data directories that earlier versions wrote are opened by this one to the same answers. Each was made once and is never
// changed. Format 1, by the command line: 300 security events, one with a text beyond an entry's size, a trail event, a
// statement. Format 2: three files, of which the first has given its only bundle to retention, but for a system entry.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./repository.ts";
import { TaishiProcess, taishiJson } from "./taishi-process.ts";

/** A copy that may be written to, with the modes that a checkout does not keep. */
function copyOf(format: string): { base: string; data: string } {
  const base = mkdtempSync(join(tmpdir(), "taishi-golden-"));
  const data = join(base, "data");
  cpSync(join(root, "testdata", format), data, { recursive: true });
  for (const name of readdirSync(join(data, "secrets"))) chmodSync(join(data, "secrets", name), 0o600);
  return { base, data };
}

interface Known {
  readonly account: string;
  readonly project: string;
  readonly instance: string;
  readonly token: string;
}

test("a directory of format 1 verifies, is served, and its index is made from it", async () => {
  const { base, data } = copyOf("format-1");
  const known = JSON.parse(readFileSync(join(data, "what-is-in-it.json"), "utf8")) as Known;

  const report = await taishiJson<{ ok: boolean; entries: number; blobs: number }>("fsck", "--data", data);
  assert.deepEqual([report.ok, report.blobs], [true, 1]);
  const service = await TaishiProcess.serve({ data });
  const get = async (query: string) => {
    const answer = await fetch(`${service.url}/api/v1/events?${query}`, {
      headers: { authorization: `Bearer ${known.token}` },
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    return (await answer.json()) as { total: number; events: { detail?: string; type?: string }[] };
  };
  assert.equal((await get("kind=security&limit=1")).total, 301);
  assert.equal((await get("resourceId=ep-1&limit=1")).total, 100);
  assert.equal((await get("kind=security&resourceId=ep-long")).events[0]?.detail, "x".repeat(70_000));
  assert.equal((await get("kind=trail&type=GetUser")).total, 1);
  assert.equal((await get(`kind=database&resourceId=${known.instance}`)).total, 1);
  const users = await taishiJson<{ users: { name: string }[] }>("user", "list", "--data", data);
  assert.deepEqual(
    users.users.map(({ name }) => name),
    ["reader"],
  );
  await service.stop();
  rmSync(base, { recursive: true });
});

test("a directory of format 2 verifies, is served, and what is past its retention stays gone", async () => {
  const { base, data } = copyOf("format-2");
  const { account, token } = JSON.parse(readFileSync(join(data, "what-is-in-it.json"), "utf8")) as Known;
  const report = await taishiJson<{ ok: boolean; entries: number; blobs: number }>("fsck", "--data", data);
  assert.deepEqual([report.ok, report.blobs], [true, 1]);
  const service = await TaishiProcess.serve({ data });
  const get = (path: string) => fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const total = async (query: string): Promise<number> =>
    ((await (await get(`/api/v1/events?${query}&limit=1`)).json()) as { total: number }).total;
  // 649 events, of which the first 255 went with the only bundle of the first file.
  assert.equal(await total("kind=security"), 649 - 255);
  assert.equal(await total("kind=trail&type=GetUser"), 0);
  assert.equal(await total("kind=system"), 2);
  assert.equal((await get("/api/v1/events/255")).status, 410);
  assert.equal((await get("/api/v1/events/0")).status, 200);
  assert.equal((await get("/api/v1/events/256/proof")).status, 200);
  assert.equal((await get(`/log/${account}/tile/entries/000`)).status, 410);
  assert.equal((await get(`/log/${account}/tile/0/000`)).status, 200);
  const long = (await (await get("/api/v1/events?resourceId=ep-long")).json()) as { events: { detail: string }[] };
  assert.equal(long.events[0]?.detail, "x".repeat(70_000));
  await service.stop();
  assert.deepEqual((await taishiJson<{ ok: boolean }>("fsck", "--data", data)).ok, true);
  rmSync(base, { recursive: true });
});
