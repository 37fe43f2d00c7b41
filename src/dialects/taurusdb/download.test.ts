import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditFile } from "../../audit-files/port.ts";
import { TaishiError } from "../../errors.ts";
import { createDownload } from "./download.ts";
import { type LinkedPlace, Links } from "./links.ts";
import { directory, foreignInstance, instance, MemoryFiles, now, ref } from "./memory-files.test-support.ts";

const links = new Links(new Uint8Array(32).fill(7));
const text = Buffer.from(
  '"1", "2", "0", "Query", "2024-09-04T00:57:27 UTC", "select", "SELECT 1", "", "", "", "", ""\n',
);

function house(content: Uint8Array | number = text, file: Partial<AuditFile> = {}) {
  const files = new MemoryFiles();
  const kept = files.add(ref, content, { id: "f1", begin: now - 2000, end: now - 1000, ...file });
  return { files, kept, download: createDownload({ files, directory, links }) };
}

function target(place: Partial<LinkedPlace> = {}): string {
  return links.make("", { ...ref, file: "f1", kind: "sql-audit", ...place }, now).url;
}

function refusedAs(code: string) {
  return (thrown: unknown): boolean => thrown instanceof TaishiError && thrown.code === code;
}

async function drained(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("a link gives the file's bytes, its length, and headers that let nothing run", async () => {
  const { download, kept } = house();
  const opened = await download(target(), now);
  assert.deepEqual(opened.file, kept);
  assert.equal(opened.account, "1");
  assert.equal(opened.instance, instance);
  assert.equal(opened.length, text.length);
  assert.deepEqual(opened.headers, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(text.length),
    "content-disposition": 'attachment; filename="name-f1"',
    "content-security-policy": "sandbox",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
  });
  assert.deepEqual(await drained(opened.content), text);
});

test("the name of an imported file cannot end its header", async () => {
  const { download } = house(text, { name: `a"; filename="b.html\r\nset-cookie: x=1 é${"n".repeat(500)}` });
  const { headers } = await download(target(), now);
  assert.match(headers["content-disposition"]!, /^attachment; filename="[0-9A-Za-z._-]{1,200}"$/);
});

test("a link to a file that is retired since finds nothing", async () => {
  const { download, files } = house();
  const made = target();
  files.retire(ref, "f1");
  await assert.rejects(download(made, now), refusedAs("not-found"));
});

test("a link finds nothing where its instance is gone or not the account's", async () => {
  const { download } = house();
  const gone = { instance: "9d39c18788b54a919bab633874c159dfin01" };
  await assert.rejects(download(target(gone), now), refusedAs("not-found"));
  await assert.rejects(download(target({ instance: foreignInstance }), now), refusedAs("not-found"));
});

test("a void link is refused before anything is looked up", async () => {
  const { files } = house();
  const blind = { instance: () => assert.fail("looked up") };
  const download = createDownload({ files, directory: blind, links });
  await assert.rejects(download(target(), now + 300_000), refusedAs("link-void"));
  await assert.rejects(download(target().replace("/f1?", "/f2?"), now), refusedAs("link-void"));
});

test("content that is shorter or longer than the file breaks off as a failure", async () => {
  for (const bytes of [text.length + 1, text.length - 1]) {
    const { download } = house(text, { bytes });
    const { content, length } = await download(target(), now);
    assert.equal(length, bytes);
    let sent = 0;
    await assert.rejects(async () => {
      for await (const chunk of content) sent += chunk.length;
    }, refusedAs("internal"));
    assert.ok(sent <= bytes);
  }
});
