// A data directory that an earlier version wrote, format 1, is opened by this one to the same answers. Made once by the
// command line (300 security events, one with a text beyond an entry's size, a trail event, a statement); never changed.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./repository.ts";
import { TaishiProcess, taishiJson } from "./taishi-process.ts";

const golden = join(root, "testdata/format-1");

interface Known {
  readonly account: string;
  readonly project: string;
  readonly instance: string;
  readonly token: string;
}

test("a directory of format 1 verifies, is served, and its index is made from it", async () => {
  const base = mkdtempSync(join(tmpdir(), "taishi-golden-"));
  const data = join(base, "data");
  cpSync(golden, data, { recursive: true });
  for (const name of readdirSync(join(data, "secrets"))) chmodSync(join(data, "secrets", name), 0o600);
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
