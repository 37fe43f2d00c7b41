// Events whose long strings are megabytes each: lists, searches, exports and tails give all of them, a part at a time, within
// little memory. The string is the same in all, so that the ledger has it once.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { after, before, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { type Credentials, firstKey, TaishiProcess, taishi } from "./taishi-process.ts";

const mebibyte = 1024 * 1024;
const events = 24;
const detail = "x".repeat(12 * mebibyte);
/** Of each event's, the number that it was sent with. */
const numbers = Array.from({ length: events }, (_, i) => String(i));

let data: string;
let service: TaishiProcess;
let key: Credentials;

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-large-"));
  // Less than what the answer to one question would take, were it made whole.
  service = await TaishiProcess.serve({ data, environment: { NODE_OPTIONS: "--max-old-space-size=256" } });
  key = firstKey(data);
  for (let first = 0; first < events; first += 4) {
    const batch = numbers.slice(first, first + 4).map((number) => ({
      kind: "security",
      time: 1_700_000_000_000 + Number(number),
      resource: { type: "endpoint", id: "ep-1" },
      type: "SshLogin",
      contents: { Number: number, User: "alice" },
      detail,
    }));
    const answer = await fetch(`${service.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${key.token}`, "content-type": "application/json", "content-encoding": "zstd" },
      body: zstdCompressSync(JSON.stringify({ events: batch })),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
});

after(async () => {
  await service?.stop();
  if (data !== undefined) rmSync(data, { recursive: true });
});

interface Answer {
  readonly events: readonly { readonly contents: readonly { readonly value: string }[]; readonly detail: string }[];
  readonly next: string | null;
  readonly total: number | null;
  readonly code?: string;
  readonly field?: string;
  readonly detail?: string;
}

async function get(path: string): Promise<Response> {
  return fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${key.token}` } });
}

async function ask(path: string): Promise<Answer> {
  return (await (await get(path)).json()) as Answer;
}

/** The numbers of all events behind a question, by its cursors; how many answers it took. */
async function walk(path: string): Promise<{ readonly numbers: readonly string[]; readonly answers: number }> {
  const found: string[] = [];
  let answers = 0;
  for (let next: string | null = ""; next !== null; ) {
    const page: Answer = await ask(`${path}${next === "" ? "" : `&cursor=${encodeURIComponent(next)}`}`);
    assert.ok(page.events !== undefined, JSON.stringify(page));
    for (const event of page.events) {
      assert.equal(event.detail.length, detail.length);
      found.push(event.contents[0]!.value);
    }
    answers++;
    next = page.next;
  }
  return { numbers: found, answers };
}

test("a list by its cursor has all of them, as many at a time as fit", async () => {
  const list = await walk("/api/v1/events?kind=security&order=asc&limit=1000");
  assert.deepEqual(list.numbers, numbers);
  assert.equal(list.answers, events / 2, "32 MiB an answer");
});

test("a search too", async () => {
  const search = await walk("/api/v1/events?kind=security&order=asc&limit=1000&user=alice");
  assert.deepEqual(search.numbers, numbers);
  assert.ok(search.answers >= events / 2, `${search.answers}`);
  const none = await walk("/api/v1/events?kind=security&user=bob");
  assert.deepEqual(none.numbers, []);
  assert.equal(none.answers, 2, "one answer looks at 256 MiB");
});

test("a page by its number is whole or refused, saying how many would fit", async () => {
  const refused = await get("/api/v1/events?kind=security&page=1&limit=1000");
  assert.equal(refused.status, 400);
  const problem = (await refused.json()) as Answer;
  assert.deepEqual([problem.code, problem.field], ["page-too-large", "limit"]);
  const [, fits] = /(\d+) of .* fit/.exec(problem.detail!)!;
  const page = await ask(`/api/v1/events?kind=security&page=1&limit=${fits}`);
  assert.equal(page.events.length, Number(fits));
  assert.equal(page.total, events);
});

test("an export has all of them", async () => {
  const { body } = await get("/api/v1/export?kind=security&order=asc");
  const found: string[] = [];
  for await (const line of createInterface(Readable.fromWeb(body as ReadableStream)))
    found.push((JSON.parse(line) as Answer["events"][number]).contents[0]!.value);
  assert.deepEqual(found, numbers);
});

test("a tail has all of them, for who follows together too", async () => {
  const follow = async (): Promise<readonly string[]> => {
    const { body } = await fetch(`${service.url}/api/v1/tail?kind=security&after=-1`, {
      headers: { authorization: `Bearer ${key.token}` },
    });
    const found: string[] = [];
    const stream = Readable.fromWeb(body as ReadableStream);
    for await (const line of createInterface(stream))
      if (line.startsWith("data: ")) {
        found.push((JSON.parse(line.slice(6)) as Answer["events"][number]).contents[0]!.value);
        if (found.length === events) break;
      }
    stream.destroy();
    return found;
  };
  assert.deepEqual(await Promise.all([follow(), follow()]), [numbers, numbers]);
  assert.deepEqual(await follow(), numbers);
});

test("a story is cut where it does not fit, and says so", async () => {
  const story = (await (await get("/api/v1/story?user=alice&limit=500")).json()) as {
    readonly events: readonly unknown[];
    readonly cut: { readonly events: boolean };
  };
  assert.ok(story.events.length > 0 && story.events.length < events);
  assert.equal(story.cut.events, true);
});

test("nothing of it has ended the service, and the ledger is whole", async () => {
  assert.equal((await get("/readyz")).status, 200);
  const { code, stdout } = await taishi("fsck", "--data", data);
  assert.equal(code, 0, stdout);
});
