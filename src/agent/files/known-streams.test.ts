import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, idOf, KnownStreams, type Stream } from "./known-streams.ts";

const now = Date.UTC(2026, 10, 21);
const dayMs = 86_400_000;

async function matchOf(streams: KnownStreams, text: string, whole = false) {
  const bytes = Buffer.from(text);
  const tailAt = async (offset: number): Promise<string | undefined> =>
    offset > bytes.length ? undefined : hashOf(bytes.subarray(Math.max(0, offset - 1024), offset));
  return streams.match(bytes.subarray(0, 1024), whole, bytes.length, tailAt, () => false);
}

async function read(streams: KnownStreams, text: string, { rotated = false, at = now } = {}): Promise<Stream> {
  const match = await matchOf(streams, text, true);
  assert.ok(typeof match === "object");
  const stream = "stream" in match ? match.stream : streams.create(match.head, rotated, at);
  stream.offset = text.length;
  stream.tail = hashOf(Buffer.from(text).subarray(-1024));
  stream.day = Math.floor(at / dayMs);
  return stream;
}

const kept = (streams: KnownStreams): KnownStreams => new KnownStreams(JSON.parse(JSON.stringify(streams.kept())));

test("a head ends with a line at byte 16 or later, or at byte 1024", async () => {
  const streams = new KnownStreams(undefined);
  assert.equal(await matchOf(streams, "short\nlines\n"), "undecided");
  assert.equal(await matchOf(streams, ""), "undecided");
  const lengths = [];
  for (const text of ["short\nlines\nend\nmore\n", "x".repeat(1024), `${"x".repeat(1023)}\n`, "short\nlines\n"]) {
    const match = await matchOf(streams, text, true);
    assert.ok(typeof match === "object" && "head" in match);
    lengths.push([match.head.length, match.head.full]);
  }
  assert.deepEqual(lengths, [
    [16, true],
    [1024, true],
    [1024, true],
    [12, false],
  ]);
});

test("what begins alike and goes on alike is the same, else it has a number of its own", async () => {
  const streams = new KnownStreams(undefined);
  const first = await read(streams, "# a common header\nfirst\n");
  assert.equal(await read(kept(streams), "# a common header\nfirst\nand more\n").then(idOf), idOf(first));
  const second = await read(streams, "# a common header\nother\n");
  assert.equal(idOf(second), `${idOf(first)}#2`);
  assert.equal(await read(kept(streams), "# a common header\nthird\n").then(idOf), `${idOf(first)}#3`);
});

test("a short file that was rotated away is not the beginning of another", async () => {
  const streams = new KnownStreams(undefined);
  const short = await read(streams, "x\n", { rotated: true });
  assert.deepEqual(await matchOf(streams, "x\n", true), { stream: short });
  assert.ok("head" in ((await matchOf(streams, "x\nand much more than that\n")) as object));
  const growing = await read(new KnownStreams(undefined), "x\n");
  assert.equal(growing.headKind, "growing");
});

test("what was not seen for 30 days is forgotten, but for its number", async () => {
  const streams = new KnownStreams(undefined);
  const gone = await read(streams, "# a common header\nfirst\n");
  const present = await read(streams, "one that is still there\n");
  streams.prune(now + 29 * dayMs, new Set([present]));
  assert.equal(streams.kept().streams.length, 2);
  streams.prune(now + 31 * dayMs, new Set([present]));
  assert.deepEqual(
    streams.kept().streams.map(([head]) => head),
    [present.head],
  );
  const again = await read(kept(streams), "# a common header\nfirst\n", { at: now + 32 * dayMs });
  assert.equal(idOf(again), `${idOf(gone)}#2`);
});

test("at most 10,000 are known, and what is there is not forgotten for others", async () => {
  const streams = new KnownStreams(undefined);
  const present = new Set<Stream>();
  const text = (i: number): string => `this is stream number ${i}\n`;
  for (let i = 0; i < 10_000; i++) {
    const stream = await read(streams, text(i), { at: now + (i % 7) * dayMs });
    if (i < 9_500) present.add(stream);
  }
  assert.ok(streams.isFull);
  streams.prune(now + 7 * dayMs, present);
  assert.ok(!streams.isFull);
  assert.equal(streams.kept().streams.length, 9_500);
  for (const i of [0, 5_000, 9_499]) assert.ok("stream" in ((await matchOf(streams, text(i))) as object), text(i));
  assert.ok("head" in ((await matchOf(streams, text(9_500))) as object));
});

test("a stream of which nothing was handed over is not kept, nor its number used up", async () => {
  const streams = new KnownStreams(undefined);
  const match = await matchOf(streams, "a line of a new file\n");
  assert.ok(typeof match === "object" && "head" in match);
  const unread = streams.create(match.head, false, now);
  assert.deepEqual(streams.kept().streams, []);
  streams.discard(unread);
  assert.equal(streams.create(match.head, false, now).number, 1);
});
