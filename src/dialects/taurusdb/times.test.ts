import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { timeLimit } from "../../event/time.ts";
import { formatInstant, parseInstant } from "./times.ts";

const seconds = fc.integer({ min: 0, max: timeLimit / 1000 - 86_400 }).map((value) => value * 1000);

/** The instant's wall clock at an offset in minutes, in pieces. */
function pieces(millis: number, offset: number) {
  const text = new Date(millis + offset * 60_000).toISOString();
  const size = Math.abs(offset);
  const two = (value: number): string => String(value).padStart(2, "0");
  return {
    date: text.slice(0, 10),
    time: text.slice(11, 19),
    sign: offset < 0 ? "-" : "+",
    hours: two(Math.floor(size / 60)),
    minutes: two(size % 60),
  };
}

test("an instant in every form that clients write reads back as itself", () => {
  const offsets = fc.oneof(fc.constant(480), fc.integer({ min: -14 * 60, max: 14 * 60 }));
  const property = (millis: number, offset: number): void => {
    const { date, time, sign, hours, minutes } = pieces(millis, millis < 86_400_000 ? Math.max(0, offset) : offset);
    const zulu = pieces(millis, 0);
    const signs = sign === "+" ? ["+", " "] : ["-"];
    const forms = ["T", "t", " ", "+"].flatMap((between) => [
      `${zulu.date}${between}${zulu.time}Z`,
      `${zulu.date}${between}${zulu.time}z`,
      ...signs.flatMap((mark) => [
        `${date}${between}${time}${mark}${hours}${minutes}`,
        `${date}${between}${time}${mark}${hours}:${minutes}`,
      ]),
    ]);
    for (const form of forms) assert.deepEqual(parseInstant(form), { millis, last: millis + 999 }, form);
  };
  fc.assert(fc.property(seconds, offsets, property));
});

test("a fraction is read to the millisecond and then means that millisecond alone", () => {
  fc.assert(
    fc.property(seconds, fc.integer({ min: 0, max: 999 }), fc.constantFrom("", "4", "999999"), (whole, part, rest) => {
      const text = `${new Date(whole + part).toISOString().slice(0, 23)}${rest}+0000`;
      assert.deepEqual(parseInstant(text), { millis: whole + part, last: whole + part });
    }),
  );
  assert.equal(parseInstant("2018-09-15T06:25:43.5+0800")?.millis, Date.UTC(2018, 8, 14, 22, 25, 43, 500));
});

test("what is written in an answer can be asked with again", () => {
  fc.assert(fc.property(seconds, (millis) => assert.equal(parseInstant(formatInstant(millis))?.millis, millis)));
  assert.equal(formatInstant(Date.UTC(2019, 10, 6, 1, 3, 34, 999)), "2019-11-06T09:03:34+0800");
});

for (const text of [
  "",
  "2018-09-15T06:25:43",
  "2018-09-15",
  "1536963943",
  "2018-02-29T00:00:00+0800",
  "2026-02-30T00:00:00+0800",
  "2018-04-31T00:00:00Z",
  "2018-13-01T00:00:00Z",
  "2018-00-01T00:00:00Z",
  "2018-09-15T24:00:00+0800",
  "2018-09-15T06:60:00+0800",
  "2018-09-15T06:25:60+0800",
  "2018-09-15T06:25:43+2400",
  "2018-09-15T06:25:43+0860",
  "2018-09-15T06:25:43+08",
  "2018-09-15T06:25:43  0800",
  "2018-09-15T06:25:43 Z",
  "2018-09-15T06:25:43.Z",
  "2018-09-15T06:25:43,5Z",
  "2018-9-15T06:25:43+0800",
  "2018-09-15T06:25:43+0800 ",
  "２018-09-15T06:25:43+0800",
  "0018-09-15T06:25:43+0800",
])
  test(`"${text}" is no time`, () => {
    assert.equal(parseInstant(text), undefined);
  });
