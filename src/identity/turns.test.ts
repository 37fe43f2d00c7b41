import assert from "node:assert/strict";
import { test } from "node:test";
import { TaishiError } from "../errors.ts";
import { Turns } from "./turns.ts";

/** Starts work in lanes and lets each piece end when told. */
class Bench {
  readonly started: string[] = [];
  readonly turns: Turns;
  readonly #ends = new Map<string, () => void>();

  constructor(turns: Turns) {
    this.turns = turns;
  }

  start(lane: string, piece: string): Promise<string> {
    return this.turns.run(lane, async () => {
      this.started.push(piece);
      await new Promise<void>((resolve) => this.#ends.set(piece, resolve));
      return piece;
    });
  }

  async end(piece: string): Promise<void> {
    this.#ends.get(piece)!();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const full = (thrown: unknown): boolean =>
  thrown instanceof TaishiError && thrown.code === "rate-limited" && thrown.details.retryAfter! > 0;

test("no more run at once than may, one a lane, and lanes take turns", async () => {
  const bench = new Bench(new Turns({ atOnce: 2, waiting: 10, waitingPerLane: 10 }));
  const all = ["a1", "a2", "a3", "b1", "b2", "c1"].map((piece) => bench.start(piece[0]!, piece));
  await settled();
  assert.deepEqual(bench.started, ["a1", "b1"]);
  await bench.end("a1");
  assert.deepEqual(bench.started, ["a1", "b1", "c1"], "a asked first, but has had its turn");
  await bench.end("c1");
  assert.deepEqual(bench.started.slice(3), ["a2"]);
  await bench.end("a2");
  assert.deepEqual(bench.started.slice(4), ["a3"], "b is still at its first");
  await bench.end("b1");
  await bench.end("a3");
  await bench.end("b2");
  assert.deepEqual(await Promise.all(all), ["a1", "a2", "a3", "b1", "b2", "c1"]);
  assert.deepEqual([bench.turns.running, bench.turns.waiting], [0, 0]);
});

test("the queue is bounded per lane and in all, and has room again when it is through", async () => {
  const bench = new Bench(new Turns({ atOnce: 1, waiting: 3, waitingPerLane: 2 }));
  const going = [bench.start("a", "a1"), bench.start("a", "a2"), bench.start("a", "a3")];
  await assert.rejects(bench.start("a", "a4"), full);
  going.push(bench.start("b", "b1"));
  await assert.rejects(bench.start("c", "c1"), full);
  assert.deepEqual([bench.turns.running, bench.turns.waiting], [1, 3]);
  await settled();
  for (const piece of ["a1", "b1", "a2", "a3"]) await bench.end(piece);
  await Promise.all(going);
  const late = bench.start("c", "c2");
  await settled();
  await bench.end("c2");
  assert.equal(await late, "c2");
});

test("work that fails gives its turn away all the same", async () => {
  const turns = new Turns({ atOnce: 1, waiting: 5, waitingPerLane: 5 });
  const failing = turns.run("a", async () => {
    throw new Error("broken");
  });
  const next = turns.run("a", async () => "next");
  await assert.rejects(failing, /broken/);
  assert.equal(await next, "next");
});
