import assert from "node:assert/strict";
import { test } from "node:test";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { get, type House, openHouse, post, sampleEvent, send } from "./doubles.test-support.ts";

type Node = Readonly<Record<string, unknown>>;

async function documentOf(house: House): Promise<Node> {
  const answer = await fetch(`${house.url}/openapi.json`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json; charset=utf-8");
  return (await answer.json()) as Node;
}

function at(node: unknown, ...path: readonly string[]): Node {
  let here = node;
  for (const name of path) here = (here as Node | undefined)?.[name];
  assert.equal(typeof here, "object", path.join(" / "));
  return here as Node;
}

function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield value as Node;
  for (const item of Object.values(value)) yield* nodesOf(item);
}

/** The schema with its references put in place. */
function resolve(document: Node, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => resolve(document, item));
  const { $ref } = value as { $ref?: string };
  if ($ref !== undefined) return resolve(document, at(document, ...$ref.slice(2).split("/")));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(document, item)]));
}

test("the document and the mounted routes are the same", async () => {
  await using house = await openHouse();
  const paths = at(await documentOf(house), "paths");
  const described = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item as Node).map((method) => `${method.toUpperCase()} ${path}`),
  );
  assert.deepEqual(described.sort(), house.server.routes.map(({ method, path }) => `${method} ${path}`).sort());
  assert.ok(described.length >= 4);
  for (const place of described) {
    const [method = "", path = ""] = place.split(" ");
    const answer = await fetch(house.url + path.replaceAll(/\{\w+\}/g, "0"), { method });
    const open = at(paths, path, method.toLowerCase()).security !== undefined;
    assert.equal(answer.status, open ? 403 : 401, `${place} is there, and wants credentials or a page of its origin`);
  }
});

/** What is no JSON, by how its path ends. */
const streamed = {
  "/proof": "text/plain",
  "/content": "text/plain",
  "/tail": "text/event-stream",
  "/export": "application/x-ndjson",
};

test("the document is OpenAPI 3.1: every reference leads somewhere, every path parameter is declared", async () => {
  await using house = await openHouse();
  const document = await documentOf(house);
  assert.match(String(document.openapi), /^3\.1\.\d+$/);
  assert.equal(at(document, "info").version, "0.0.0-test");
  for (const { $ref, $id } of nodesOf(document)) {
    if (typeof $ref === "string") at(document, ...$ref.replace(/^#\//, "").split("/"));
    assert.equal($id, undefined, "an $id would move the base of references");
  }
  const ids = new Set<unknown>();
  for (const [path, item] of Object.entries(at(document, "paths")))
    for (const operation of Object.values(item as Node) as Node[]) {
      assert.ok(!ids.has(operation.operationId));
      ids.add(operation.operationId);
      const declared = ((operation.parameters ?? []) as Node[]).filter((parameter) => parameter.in === "path");
      assert.deepEqual(
        declared.map(({ name, required }) => [name, required]),
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => [name, true]),
      );
      for (const [status, response] of Object.entries(at(operation, "responses"))) {
        const done = Object.entries(streamed).find(([ending]) => path.endsWith(ending))?.[1] ?? "application/json";
        const type = status === "200" ? done : "application/problem+json";
        assert.equal(typeof (response as Node).description, "string");
        at(response, "content", type, "schema");
      }
    }
});

function signIn(house: House): Promise<globalThis.Response> {
  const headers = { "x-taishi-console": "1", origin: house.url };
  return send(house, "POST", "/api/v1/session", { token: "auditor" }, { headers });
}

test("answers are what the document says they are", async () => {
  await using house = await openHouse();
  const document = await documentOf(house);
  const schemaOf = (path: string, method: string, status: string, type: string): TSchema =>
    resolve(document, at(document, "paths", path, method, "responses", status, "content", type, "schema")) as TSchema;
  const events = "/api/v1/events";
  const appended = await post(house, JSON.stringify({ events: [sampleEvent({ detail: "d" })] }));
  const cases: readonly [globalThis.Response, TSchema][] = [
    [appended, schemaOf(events, "post", "200", "application/json")],
    [await get(house, events), schemaOf(events, "get", "200", "application/json")],
    [await get(house, `${events}/0`), schemaOf(`${events}/{seq}`, "get", "200", "application/json")],
    [await get(house, "/api/v1/whoami"), schemaOf("/api/v1/whoami", "get", "200", "application/json")],
    [await get(house, "/api/v1/stats"), schemaOf("/api/v1/stats", "get", "200", "application/json")],
    [await get(house, "/api/v1/stats/top"), schemaOf("/api/v1/stats/top", "get", "200", "application/json")],
    [await get(house, "/api/v1/status"), schemaOf("/api/v1/status", "get", "200", "application/json")],
    [await signIn(house), schemaOf("/api/v1/session", "post", "200", "application/json")],
    [await get(house, `${events}/7`), schemaOf(`${events}/{seq}`, "get", "404", "application/problem+json")],
    [await post(house, '{"events":[{}]}'), schemaOf(events, "post", "400", "application/problem+json")],
  ];
  house.logs.entries.set("2100000001", [Buffer.from("entry")]);
  const edge = { size: 1, time: 1_700_000_000_000, note: "note" };
  house.logs.evidence = { before: edge, after: edge };
  house.logs.rotations = [{ oldKey: "a", newKey: "b", note: "note" }];
  const log = "/api/v1/log";
  const interval = "from=2024-01-01T00:00:00Z&to=2024-01-01T00:00:01Z";
  const proven: readonly [globalThis.Response, TSchema][] = [
    [await get(house, log), schemaOf(log, "get", "200", "application/json")],
    [
      await get(house, `${log}/consistency?from=0&to=1`),
      schemaOf(`${log}/consistency`, "get", "200", "application/json"),
    ],
    [await get(house, `${log}/links`), schemaOf(`${log}/links`, "get", "200", "application/json")],
    [await get(house, `${log}/absence?${interval}`), schemaOf(`${log}/absence`, "get", "200", "application/json")],
    [
      await get(house, `${events}/9/proof`),
      schemaOf(`${events}/{seq}/proof`, "get", "404", "application/problem+json"),
    ],
  ];
  const projects = "/api/v1/projects";
  const instances = "/api/v1/instances";
  const users = "/api/v1/users";
  const user = `${users}/{id}`;
  const { id: project } = (await (await send(house, "POST", projects, { name: "a" })).json()) as { id: string };
  const alice = await send(house, "POST", users, { name: "alice", password: "12345678" });
  const { id } = (await alice.clone().json()) as { id: string };
  const administered: readonly [globalThis.Response, TSchema][] = [
    [await send(house, "POST", projects, { name: "b" }), schemaOf(projects, "post", "200", "application/json")],
    [await send(house, "POST", projects, { name: "b" }), schemaOf(projects, "post", "409", "application/problem+json")],
    [await get(house, projects, "admin"), schemaOf(projects, "get", "200", "application/json")],
    [await send(house, "POST", instances, { project }), schemaOf(instances, "post", "200", "application/json")],
    [await get(house, instances, "admin"), schemaOf(instances, "get", "200", "application/json")],
    [alice, schemaOf(users, "post", "200", "application/json")],
    [await get(house, users, "admin"), schemaOf(users, "get", "200", "application/json")],
    [
      await send(house, "PATCH", `${users}/${id}`, { status: "disabled" }),
      schemaOf(user, "patch", "200", "application/json"),
    ],
    [await send(house, "DELETE", `${users}/${id}`), schemaOf(user, "delete", "200", "application/json")],
    [await send(house, "DELETE", `${users}/${id}`), schemaOf(user, "delete", "404", "application/problem+json")],
  ];
  for (const [answer, schema] of [...cases, ...proven, ...administered]) {
    const value: unknown = await answer.json();
    assert.ok(Compile(schema).Check(value), `${answer.url}: ${JSON.stringify(value)}`);
    assert.ok(!Compile(schema).Check({}), "the schema would take anything");
  }
});

test("the document describes an event with the schema that validates it", async () => {
  await using house = await openHouse();
  const document = await documentOf(house);
  const content = at(document, "paths", "/api/v1/events", "post", "requestBody", "content");
  assert.deepEqual(Object.keys(content), [
    "application/json",
    "application/x-ndjson",
    "application/ndjson",
    "application/jsonl",
  ]);
  const batch = Compile(resolve(document, at(content, "application/json", "schema")) as TSchema);
  assert.ok(batch.Check({ events: [sampleEvent()] }));
  assert.ok(!batch.Check({ events: [sampleEvent({ risk: "Huge" })] }));
});
