import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Framing } from "./framing.ts";
import { dropsIn } from "./kernel-drops.ts";

const limit = 128 * 1024;
const texts = (pieces: readonly (string | Buffer)[], done = true): readonly string[] => {
  const framing = new Framing(limit);
  const arrivals = [...pieces.flatMap((piece) => framing.take(Buffer.from(piece), 1)), ...framing.end(1, done)];
  return arrivals.map(({ record, torn }) => (torn === undefined ? record.text : `TORN ${record.text}`));
};

const counted = (text: string): string => `${Buffer.byteLength(text)} ${text}`;
const first = "<34>1 2026-11-21T08:00:00Z host-a su 12 ID47 - \ufeff'su root' failed for 'käthe'";
const second = "<13>Nov 21 08:00:01 host-a sshd[7]: a\nb";
const third = "<86>Nov 21 08:00:02 host-a sshd[8]: Accepted publickey for 太史 from 192.0.2.4 port 1 ssh2";

test("counted messages, lines and both in turn come out the same wherever the stream is cut", () => {
  const stream = Buffer.from(
    `${counted(first)}${counted(second)}${third}\n${counted(third)}${first}\r\n${counted(second)}`,
  );
  const whole = [first, second, third, third, first, second];
  assert.deepEqual(texts([stream]), whole);
  for (let at = 0; at <= stream.length; at++)
    assert.deepEqual(texts([stream.subarray(0, at), stream.subarray(at)]), whole, `cut at ${at}`);
  assert.deepEqual(texts([...stream].map((byte) => Buffer.from([byte]))), whole, "byte by byte");
});

test("what transports put between and after messages is no part of them, NULs and control characters within are", () => {
  assert.deepEqual(texts(["<1>a\0\n", "\n\0\r\n", "<1>b\r\n", counted("<1>c\n\0"), "\n", counted("\0\0")]), [
    "<1>a",
    "<1>b",
    "<1>c",
  ]);
  assert.deepEqual(texts(["<1>a\0b\x1b[2J\n"]), ["<1>a\0b\x1b[2J"]);
});

test("a digit that begins no count begins a line", () => {
  assert.deepEqual(texts(["2026-11-21T08:00:00Z a\n", "0 b\n", "999999999999 c\n", "99999999 d\n", "7"]), [
    "2026-11-21T08:00:00Z a",
    "0 b",
    "999999999999 c",
    "99999999 d",
    "7",
  ]);
});

test("less than was counted is torn; a line without its end only where the sender was not done", () => {
  assert.deepEqual(texts(["20 <1>half"]), ["TORN <1>half"]);
  assert.deepEqual(texts(["<1>half"]), ["<1>half"]);
  assert.deepEqual(texts(["<1>half"], false), ["TORN <1>half"]);
  assert.deepEqual(texts(["20 "]), []);
});

test("bytes that are no UTF-8 are kept beside the text", () => {
  const framing = new Framing(limit);
  const [arrival] = framing.take(Buffer.from([60, 49, 62, 0xff, 0xfe, 10]), 5);
  assert.deepEqual(arrival?.record, { text: "<1>\ufffd\ufffd", bytes: Buffer.from([60, 49, 62, 0xff, 0xfe]), read: 5 });
});

test("a message above the limit is cut: its first 64 KiB, its size and the digest of all of it", () => {
  const long = Buffer.from(`<1>${"0123456789".repeat(50_000)}`);
  for (const stream of [
    Buffer.concat([long, Buffer.from("\n<1>next\n")]),
    Buffer.from(`${counted(`${long}`)}<1>next\n`),
  ]) {
    const framing = new Framing(limit);
    const arrivals: ReturnType<Framing["take"]>[number][] = [];
    for (let at = 0; at < stream.length; at += 7_919)
      arrivals.push(...framing.take(stream.subarray(at, at + 7_919), 1));
    assert.deepEqual(
      arrivals.map(({ record, cut }) => [record.text, cut]),
      [
        [
          long.subarray(0, 65_536).toString(),
          { size: long.length, digest: createHash("sha256").update(long).digest("hex") },
        ],
        ["<1>next", undefined],
      ],
    );
  }
});

test("a message of exactly the limit is whole", () => {
  const text = `<1>${"a".repeat(limit - 3)}`;
  assert.deepEqual(texts([`${text}\n`, counted(text)]), [text, text]);
});

test("drops are read from the kernel's table by port", () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1000: 00000000:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 12
 1001: 0100007F:0202 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 3
 1002: 0100007F:0203 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0000000000000000 7
`;
  assert.equal(dropsIn(table, 514), 15);
  assert.equal(dropsIn(table, 515), 7);
  assert.equal(dropsIn("", 514), 0);
});
