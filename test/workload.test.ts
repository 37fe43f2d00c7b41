// Workload W must be the same everywhere and for ever, or no two figures can be compared.
import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { eventAt, eventTypes, expectedOf, mulberry32, resourceNumber, typeOf } from "../bench/workload.ts";

/** mulberry32 as published, with its state kept. */
function published(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

test("entering mulberry32 anywhere gives the numbers of the published form", () => {
  const next = published(20_241_107);
  for (let i = 0; i < 10_000; i++) assert.equal(mulberry32(20_241_107, i), next());
  const far = published(7);
  for (let i = 0; i < 1_000_000; i++) far();
  assert.equal(mulberry32(7, 1_000_000), far());
});

test("W is what it was: the first 1000 events have the bytes they always had", () => {
  const text = JSON.stringify(Array.from({ length: 1000 }, (_, i) => eventAt(i)));
  assert.equal(hash("sha256", text), "c5051a6bcaf12f172ece71676826de21acedf97e3e57c29b08b0170068b9458d");
});

test("an event is about 700 bytes of JSON", () => {
  const bytes = Array.from({ length: 1000 }, (_, i) => Buffer.byteLength(JSON.stringify(eventAt(i))));
  const mean = bytes.reduce((sum, n) => sum + n, 0) / bytes.length;
  assert.ok(mean > 650 && mean < 750, String(mean));
});

test("resources are skewed as the square of a uniform number, types are uniform", () => {
  const count = 100_000;
  const expected = expectedOf(count);
  assert.equal(expected.total, count);
  assert.equal(expected.busiest.id, "ep-20241107-0");
  // P(k = 0) = P(u² < 1/1000) = 3.16 %
  assert.ok(Math.abs(expected.busiest.total / count - 0.0316) < 0.003);
  for (const type of eventTypes) assert.ok(Math.abs(expected.byType[type] / count - 1 / 7) < 0.01);
});

test("the expected counts are those of the events themselves", () => {
  const count = 5000;
  const events = Array.from({ length: count }, (_, i) => eventAt(i));
  const expected = expectedOf(count);
  const ofBusiest = events.filter(({ resource }) => resource.id === expected.busiest.id);
  assert.equal(ofBusiest.length, expected.busiest.total);
  assert.equal(events.filter(({ type }) => type === "KMSAccess").length, expected.byType.KMSAccess);
  assert.equal(ofBusiest.filter(({ type }) => type === "SshLogin").length, expected.busiest.byType.SshLogin);
  events.forEach(({ type, resource }, i) => {
    assert.equal(type, typeOf(i));
    assert.equal(resource.id, `ep-20241107-${resourceNumber(i)}`);
  });
});
