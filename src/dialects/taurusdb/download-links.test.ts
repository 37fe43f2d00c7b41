import assert from "node:assert/strict";
import { test } from "node:test";
import { createDownload } from "./download.ts";
import {
  createHouse,
  createHouseOf,
  directory,
  foreignInstance,
  now,
  ref,
  siblingInstance,
  start,
} from "./memory-files.test-support.ts";

const idsBody = { ids: ["f00"] };

test("links come one an id, in the order asked, and each gives its own file's bytes", async () => {
  const { ask, files, links } = createHouseOf(3);
  const download = createDownload({ files, directory, links });
  for (const path of ["audit-log-link", "auditlog-links"]) {
    const { status, body } = await ask(path, { method: "POST", body: { ids: ["f02", "f00", "f02"] } });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ["links"]);
    const contents = [];
    for (const link of body.links as string[]) {
      assert.ok(link.startsWith("http://audit.example:7548/download/audit-logs/1/"), link);
      const { content } = await download(link.slice("http://audit.example:7548".length), now);
      const chunks: Uint8Array[] = [];
      for await (const chunk of content) chunks.push(chunk);
      contents.push(Buffer.concat(chunks).toString());
    }
    assert.deepEqual(contents, ["content of 2", "content of 0", "content of 2"]);
  }
});

test("links lead to the public URL where there is one, else to the host that was asked", async () => {
  const link = async (options: { publicUrl?: string; tls?: boolean }, host?: string) => {
    const { ask, files } = createHouse(options);
    files.add(ref, 1, { id: "f00", begin: start, end: start });
    const headers = host === undefined ? {} : { host };
    return await ask("audit-log-link", { method: "POST", body: idsBody, headers });
  };
  const origin = async (...given: Parameters<typeof link>) => new URL((await link(...given)).body.links[0]!).origin;
  assert.equal(await origin({ publicUrl: "https://audit.public" }), "https://audit.public");
  assert.equal(await origin({ tls: true }, "10.0.0.1:7548"), "https://10.0.0.1:7548");
  assert.equal(await origin({}, "[::1]:7548"), "http://[::1]:7548");
  for (const host of ["", "a@b", "a/b", "a?b", "a#b", "a b", "a:b", "é"]) {
    const { status, body } = await link({}, host);
    assert.equal(status, 400, host);
    assert.match(body.error_msg, /Host/);
  }
});

test("one id that is unknown, retired or another instance's, and no link is given", async () => {
  const { ask, files } = createHouseOf(2);
  files.add({ account: "1", instance: siblingInstance }, 1, { id: "sibling", begin: start, end: start });
  files.add({ account: "2", instance: foreignInstance }, 1, { id: "foreign", begin: start, end: start });
  files.retire(ref, "f01");
  for (const id of ["f01", "f99", "sibling", "foreign", "../f00", " "]) {
    const { status, body } = await ask("audit-log-link", { method: "POST", body: { ids: ["f00", id] } });
    assert.equal(status, 404);
    assert.equal(body.error_code, "DBS.290013");
    assert.ok(body.error_msg.startsWith("Resource not found."));
    assert.ok(body.error_msg.includes(id));
    assert.equal(body.links, undefined);
  }
});

for (const [what, body] of [
  ["no ids", { name: "x" }],
  ["null", { ids: null }],
  ["an empty list", { ids: [] }],
  ["51 ids", { ids: Array.from({ length: 51 }, () => "f00") }],
  ["one id that is no list", { ids: "f00" }],
  ["a number", { ids: [1] }],
  ["an empty id", { ids: [""] }],
  ["a huge id", { ids: ["f".repeat(2000)] }],
] as const)
  test(`links asked for with ${what} are refused`, async () => {
    const { ask } = createHouseOf(1);
    const { status, body: told } = await ask("audit-log-link", { method: "POST", body });
    assert.equal(status, 400);
    assert.equal(told.error_code, "DBS.280001");
    assert.match(told.error_msg, /ids/);
  });

test("fifty ids are not too many", async () => {
  const { ask } = createHouseOf(1);
  const body = { ids: Array.from({ length: 50 }, () => "f00") };
  assert.equal((await ask("audit-log-link", { method: "POST", body })).body.links.length, 50);
});
