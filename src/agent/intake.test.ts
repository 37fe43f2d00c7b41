import assert from "node:assert/strict";
import { test } from "node:test";
import type { Batch } from "./input.ts";
import { Intake } from "./intake.ts";

const group = (lane: string, count: number, bytes = 10) => ({
  lane,
  bytes,
  arrivals: Array.from({ length: count }, (_, n) => ({ record: { text: `${lane}${n}`, read: 1 } })),
});

function intakeOf(more: Partial<ConstructorParameters<typeof Intake>[0]> = {}) {
  const intake = new Intake({ clock: { now: () => 1 }, mostBytes: 100, mostLanes: 10, laneIdleMs: 1_000, ...more });
  const batches: Batch[] = [];
  const run = (resume?: unknown): Promise<void> =>
    intake.run(async (batch) => {
      batches.push(batch);
    }, resume);
  return { intake, batches, run };
}

test("what waits is handed over in batches of a lane, none in two, lanes in turn, numbered through", async () => {
  const { intake, batches, run } = intakeOf();
  for (const [lane, count] of [
    ["a", 600],
    ["b", 1],
    ["a", 600],
    ["a", 2_500],
  ] as const)
    intake.put(group(lane, count));
  assert.equal(intake.records, 3_701);
  intake.close();
  await run({ stream: "n-1", count: 7 });
  assert.deepEqual(
    batches.map(({ lane, records, stream, resume }) => [lane, records[0]?.offset, records.length, stream, resume]),
    [
      ["a", 8, 600, "n-1", { stream: "n-1", count: 607 }],
      ["b", 608, 1, "n-1", { stream: "n-1", count: 608 }],
      ["a", 609, 600, "n-1", { stream: "n-1", count: 1_208 }],
      ["a", 1_209, 2_500, "n-1", { stream: "n-1", count: 3_708 }],
    ],
  );
  assert.equal(intake.records, 0);
});

test("above so many lanes the one unused the longest is over", async () => {
  const { intake, batches, run } = intakeOf({ mostLanes: 2 });
  for (const lane of ["a", "b", "a", "c", "d"]) intake.put(group(lane, 1));
  intake.close();
  await run();
  // The second record of "a" was handed over with its first.
  assert.deepEqual(
    batches.map(({ lane, laneEnds }) => (laneEnds ? `${lane} ends` : lane)),
    ["a", "b", "c", "a ends", "d", "b ends"],
  );
  assert.match(batches[0]!.stream, /^n-[0-9a-f]{32}$/);
});

test("who waits for room gets it when records were handed over, or when there will be none", async () => {
  const { intake, run } = intakeOf();
  intake.put(group("a", 1, 100));
  assert.ok(intake.isFull);
  let roomy = false;
  const room = intake.room().then(() => {
    roomy = true;
  });
  await new Promise(setImmediate);
  assert.equal(roomy, false);
  const running = run();
  await room;
  intake.close();
  await running;
  assert.equal(intake.isFull, false);
});

test("what is taken back is not handed over, and what fails is told to all who wait", async () => {
  const { intake } = intakeOf();
  const told: (string | undefined)[] = [];
  const withTelling = (lane: string) => ({
    ...group(lane, 1),
    settled: (failure?: Error) => told.push(failure?.message),
  });
  const [one, two, three] = [withTelling("a"), withTelling("a"), withTelling("b")];
  for (const each of [one, two, three]) intake.put(each);
  assert.equal(intake.withdraw(two), true);
  assert.equal(intake.withdraw(two), false);
  await assert.rejects(
    intake.run(() => Promise.reject(new Error("no disk")), undefined),
    /no disk/,
  );
  assert.deepEqual(told, ["no disk", "no disk"]);
  intake.put(one);
  assert.deepEqual(told.at(-1), "the input is stopping");
});
