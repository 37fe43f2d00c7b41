import assert from "node:assert/strict";
import { test } from "node:test";
import { createHouse, instance, now, project, ref, start, whole } from "./memory-files.test-support.ts";

const from = "start_time=2026-01-01T00:00:00Z";
const day = 86_400_000;
const fullList = `/v3/${project}/instance/${instance}/auditlog/download-link`;

test("full SQL lists nothing until it is switched on, and then each file with its link", async () => {
  const { ask, files, links } = createHouse();
  files.add(ref, 4096, { id: "f1", name: "n1", begin: start, end: start + 1, closed: start + day });
  assert.deepEqual((await ask(`${fullList}?${whole}`)).body, { files: [] });
  await files.setPolicy(ref, { ...(await files.policy(ref)), fullSql: true });
  const { body } = await ask(`${fullList}?${whole}`);
  const { download_link: link, ...file } = body.files[0]!;
  assert.deepEqual(file, {
    name: "n1",
    full_name: "n1",
    size: 4,
    updated_time: "2026-01-02T08:00:00+0800",
    link_expired_time: "2026-01-02T11:09:05+0800",
  });
  const target = String(link).slice("http://audit.example:7548".length);
  assert.deepEqual(links.read(target, now), { ...ref, file: "f1", kind: "full-sql" });
});

test("full SQL is paged by name until a page is short, and no file is lost or had twice", async () => {
  const { ask, files } = createHouse();
  await files.setPolicy(ref, { ...(await files.policy(ref)), fullSql: true });
  const names = ["b", "a", "e", "c", "c", "c", "d", "A", "10", "9", "é"];
  for (const [at, name] of names.entries())
    files.add(ref, 1, { id: `f${at}`, name, begin: start + at * 1000, end: start + at * 1000 });
  const seen: string[] = [];
  for (let last = "", short = false; !short; ) {
    const { body } = await ask(`${fullList}?${whole}&limit=3&last_file_name=${encodeURIComponent(last)}`);
    const page = body.files.map(({ name }) => name);
    seen.push(...page);
    short = page.length < 3;
    last = page.at(-1) ?? "";
  }
  assert.deepEqual(seen, [...names].sort());
});

for (const [query, code] of [
  ["limit=0", "DBS.280001"],
  ["limit=51", "DBS.280001"],
  ["node_id=x", "DBS.280404"],
  [`node_id=${instance}`, "DBS.280404"],
  [`last_file_name=${"n".repeat(2000)}`, "DBS.280001"],
] as const)
  test(`full SQL asked with ${query.slice(0, 60)} is refused`, async () => {
    const { ask } = createHouse();
    const { status, body } = await ask(`${fullList}?${whole}&${query}`);
    assert.equal(status, 400);
    assert.equal(body.error_code, code);
  });

test("full SQL takes a node's id, and its times are checked as in the other lists", async () => {
  const { ask } = createHouse();
  const node = instance.replace("in01", "no07");
  assert.equal((await ask(`${fullList}?${whole}&node_id=${node}`)).status, 200);
  assert.equal((await ask(`${fullList}?${from}`)).status, 400);
});
