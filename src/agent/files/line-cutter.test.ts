import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { cutLines, LongLine, longestLine } from "./line-cutter.ts";

const most = { records: 1_000, bytes: 1024 * 1024 };

test("lines are cut at LF, with the offsets of the bytes after them", () => {
  const bytes = Buffer.from("one\ntwo\r\n\n\r\nthr\0ee\nhalf");
  const { records, used } = cutLines(bytes, 100, 7, most);
  assert.equal(used, bytes.length - 4);
  assert.deepEqual(records, [
    { record: { text: "one", read: 7 }, offset: 104 },
    { record: { text: "two", crlf: true, read: 7 }, offset: 109 },
    { record: { text: "thr\0ee", read: 7 }, offset: 119 },
  ]);
});

test("no byte is lost: lines of any bytes come out as they are", () => {
  const byte = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.filter((b) => b !== 10 && b !== 13)));
  fc.assert(
    fc.property(fc.array(byte), (lines) => {
      const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
      const { records, used } = cutLines(bytes, 0, 0, most);
      assert.equal(used, bytes.length);
      const out = records.map(({ record }) => Buffer.from(record.bytes ?? record.text));
      assert.deepEqual(
        out.map((line) => line.toString("hex")),
        lines.filter((line) => line.length > 0).map((line) => line.toString("hex")),
      );
    }),
  );
});

test("a batch stops at its records or its bytes, but has one record at least", () => {
  const bytes = Buffer.from("aaaa\nbbbb\ncccc\n");
  assert.equal(cutLines(bytes, 0, 0, { records: 2, bytes: 100 }).records.length, 2);
  assert.equal(cutLines(bytes, 0, 0, { records: 9, bytes: 10 }).records.length, 2);
  assert.equal(cutLines(bytes, 0, 0, { records: 9, bytes: 1 }).records.length, 1);
});

test("a long line is the same in whatever pieces it comes", () => {
  const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "\r", "é"), maxLength: 9 }));
  fc.assert(
    fc.property(pieces, (parts) => {
      const line = new LongLine(5);
      for (const part of parts) assert.equal(line.add(Buffer.from(part)), false);
      assert.equal(line.add(Buffer.from("\nnext")), true);
      const whole = Buffer.from(parts.join(""));
      const { record, offset, cut } = line.record(0, true);
      assert.equal(offset, 5 + whole.length + 1);
      assert.equal(line.next, offset);
      assert.equal(record.text, whole.toString().replace(/\r$/, ""));
      assert.equal(cut, undefined);
    }),
  );
});

test("16 MiB fit, a byte more is cut", () => {
  for (const extra of [0, 1]) {
    const line = new LongLine(0);
    const bytes = Buffer.alloc(longestLine + extra, "0123456789");
    for (let at = 0; at < bytes.length; at += 1_000_000) line.add(bytes.subarray(at, at + 1_000_000));
    line.add(Buffer.from("\r\n"));
    const { record, cut, offset } = line.record(0, true);
    assert.equal(offset, bytes.length + 2);
    assert.equal(record.text, bytes.toString("latin1", 0, extra === 0 ? bytes.length : 65_536));
    const digest = createHash("sha256").update(bytes).digest("hex");
    assert.deepEqual(cut, extra === 0 ? undefined : { digest, size: bytes.length });
  }
});
