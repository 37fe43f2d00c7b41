import assert from "node:assert/strict";
import { test } from "node:test";
import { get, openHouse, post, problemOf, sampleEvent } from "./doubles.test-support.ts";

const path = "/api/v1/story";

test("a story says of each event its lane and why it is there, and what it lacks", async () => {
  await using house = await openHouse();
  await post(house, JSON.stringify({ events: [sampleEvent(), sampleEvent({ type: "Connection" })] }));
  const [login, connection] = house.ledger.log("2100000001");
  house.ledger.told = {
    size: 2,
    threads: [
      { entry: { ...login!, raw: "sshd: …" }, lane: "login", joined: undefined },
      { entry: connection!, lane: "connection", joined: { by: "process", value: "endpoint/e#7", with: 0 } },
    ],
    common: [{ by: "address", value: "192.0.2.1", events: 250 }],
    scanned: 12,
    around: { from: Date.UTC(2026, 0, 1), to: Number.MAX_SAFE_INTEGER },
    cut: { asked: true, around: false, events: false },
  };
  const answer = await get(house, `${path}?resourceId=ep-1&resourceType=endpoint&from=2026-01-01T00:00:00Z&limit=7`);
  assert.equal(answer.status, 200, await answer.clone().text());
  const story = (await answer.json()) as Record<string, unknown> & { events: { event: object }[] };
  assert.deepEqual(story.events[0]!.event, await (await get(house, "/api/v1/events/0")).json());
  assert.deepEqual(
    { ...story, events: story.events.map(({ event: _event, ...why }) => why) },
    {
      size: 2,
      events: [
        { lane: "login", joined: null },
        { lane: "connection", joined: { by: "process", value: "endpoint/e#7", with: 0 } },
      ],
      lanes: [
        { lane: "login", count: 1 },
        { lane: "connection", count: 1 },
      ],
      common: [{ by: "address", value: "192.0.2.1", events: 250 }],
      scanned: 12,
      around: { from: "2026-01-01T00:00:00.000Z", to: "9999-12-31T23:59:59.999Z" },
      cut: { asked: true, around: false, events: false },
    },
  );
  assert.deepEqual(house.ledger.stories, [
    {
      filter: { account: "2100000001", resourceId: "ep-1", resourceType: "endpoint", from: Date.UTC(2026, 0, 1) },
      limit: 7,
    },
  ]);
});

test("one thing is asked about, and only of the caller's log", async () => {
  await using house = await openHouse();
  for (const [query, field] of [
    ["", "resourceId"],
    ["?from=2026-01-01T00:00:00Z", "resourceId"],
    ["?resourceType=endpoint", "resourceId"],
    ["?user=a&ip=10.0.0.1", "user"],
    ["?resourceId=a&ip=10.0.0.1", "ip"],
    ["?user=a&resourceType=endpoint", "resourceType"],
    ["?ip=nonsense", "ip"],
    ["?user=a&limit=501", "limit"],
    ["?user=a&q=b", "q"],
  ] as const) {
    const problem = await problemOf(await get(house, path + query));
    assert.equal(problem.field, field, query);
  }
  assert.deepEqual(house.ledger.stories, []);
  assert.equal((await get(house, `${path}?ip=10.0.0.1`, "other")).status, 200);
  assert.deepEqual(house.ledger.stories, [{ filter: { account: "2100000002" }, limit: 300, ip: "10.0.0.1" }]);
  assert.equal((await get(house, `${path}?ip=10.0.0.1`, "writer")).status, 403);
});
