// Projects and instances over real sockets: what an administrator makes and sees, and that nobody learns of another
// account's (I7).
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "../exchange.ts";
import { callers, get, openHouse, problemOf, send, toySignature } from "./doubles.test-support.ts";

type Members = Readonly<Record<string, unknown>>;

const projects = "/api/v1/projects";
const instances = "/api/v1/instances";
const { account } = callers.admin;
const hex = "0123456789abcdef0123456789abcdef";

async function made(answer: globalThis.Response): Promise<Members> {
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.json()) as Members;
}

test("a project is made, listed, and holds the instances made in it", async () => {
  await using house = await openHouse();
  const project = await made(await send(house, "POST", projects, { name: "cn-north-4" }));
  assert.deepEqual(Object.keys(project), ["id", "account", "name", "created"]);
  assert.equal(project.account, account);
  assert.equal(project.created, "2026-01-02T03:04:05.678Z");
  const other = await made(await send(house, "POST", projects, { name: "cn-east-3" }));
  const instance = await made(await send(house, "POST", instances, { project: project.id }));
  assert.deepEqual(instance, { id: instance.id, account, project: project.id, created: project.created });
  assert.match(String(instance.id), /^[0-9a-zA-Z]{32}in\d{2}$/);
  const elsewhere = await made(await send(house, "POST", instances, { project: other.id }));

  assert.deepEqual(await made(await get(house, projects, "admin")), { projects: [project, other] });
  assert.deepEqual(await made(await get(house, instances, "admin")), { instances: [instance, elsewhere] });
  const ofOne = await made(await get(house, `${instances}?project=${project.id}`, "admin"));
  assert.deepEqual(ofOne, { instances: [instance] });
});

test("readers see projects and instances, only administrators make them", async () => {
  await using house = await openHouse();
  for (const as of ["writer", "auditor"] as const)
    for (const path of [projects, instances]) {
      assert.equal((await get(house, path, as)).status, as === "auditor" ? 200 : 403);
      assert.equal((await problemOf(await send(house, "POST", path, { name: "n" }, { as }))).code, "forbidden");
    }
  assert.equal(house.directory.projects(account).length, 0);
  assert.equal((await fetch(house.url + projects)).status, 401);
  const refused = await send(house, "DELETE", projects);
  assert.equal(refused.status, 405);
  assert.deepEqual(refused.headers.get("allow")?.split(", ").sort(), ["GET", "POST"]);
});

test("an operator chooses ids, and nobody else may, for 'it exists' would tell of others", async () => {
  await using house = await openHouse();
  const id = hex;
  const project = await made(await send(house, "POST", projects, { name: "a", id }));
  assert.equal(project.id, id);
  const instance = await made(await send(house, "POST", instances, { project: id, id: `${id}in01` }));
  assert.equal(instance.id, `${id}in01`);
  assert.equal((await problemOf(await send(house, "POST", projects, { name: "b", id }))).code, "already-exists");

  const own = await made(await send(house, "POST", projects, { name: "a" }, { as: "other" }));
  assert.equal(own.account, callers.other.account, "names are unique within an account only");
  for (const [path, content] of [
    [projects, { name: "b", id }],
    [projects, { name: "b", id: id.replace("0", "f") }],
    [instances, { project: own.id, id: `${id}in01` }],
    [instances, { project: own.id, id: `${id}in02` }],
  ] as const) {
    const problem = await problemOf(await send(house, "POST", path, content, { as: "other" }));
    assert.deepEqual([problem.status, problem.field], [403, "id"], "taken or free, the answer is the same");
  }
});

test("another account's project is as one that does not exist", async () => {
  await using house = await openHouse();
  await made(await send(house, "POST", projects, { name: "a", id: hex }));
  await made(await send(house, "POST", instances, { project: hex }));
  const nowhere = "f".repeat(32);
  const told = async (answer: globalThis.Response, id: string): Promise<string> => {
    const { requestId: _, ...problem } = await problemOf(answer);
    assert.equal(problem.status, 404);
    return JSON.stringify(problem).replaceAll(id, "ID");
  };
  const as = "other";
  const asked = async (id: string): Promise<readonly string[]> => [
    await told(await get(house, `${instances}?project=${id}`, as), id),
    await told(await send(house, "POST", instances, { project: id }, { as }), id),
  ];
  assert.deepEqual(await asked(hex), await asked(nowhere));
  assert.deepEqual(await made(await get(house, projects, as)), { projects: [] });
  assert.deepEqual(await made(await get(house, instances, as)), { instances: [] });
  assert.equal(house.directory.instances(hex).length, 1);
});

test("what cannot be meant is refused by name, and makes nothing", async () => {
  await using house = await openHouse();
  const deep = `{"name":${"[".repeat(70)}${"]".repeat(70)}}`;
  const cases: readonly [content: object | string | Uint8Array, code: string, field: string | undefined][] = [
    [{}, "missing-parameter", "name"],
    [{ nmae: "cn-north-4" }, "invalid-parameter", "nmae"],
    [{ name: "cn-north-4", account: "2100000002" }, "invalid-parameter", "account"],
    ['{"name":"cn-north-4","__proto__":{"id":"x"}}', "invalid-parameter", "__proto__"],
    [{ name: 4 }, "invalid-parameter", "name"],
    [{ name: "" }, "invalid-parameter", "name"],
    [{ name: "cn north 4" }, "invalid-parameter", "name"],
    [{ name: "n".repeat(65) }, "invalid-parameter", "name"],
    [{ name: "n", id: "ABC" }, "invalid-parameter", "id"],
    [{ name: "n", id: null }, "invalid-parameter", "id"],
    ["[]", "invalid-parameter", "body"],
    ["null", "invalid-parameter", "body"],
    ["", "malformed-body", undefined],
    ['{"name":', "malformed-body", undefined],
    [Buffer.from([0x22, 0xff, 0x22]), "malformed-body", undefined],
    [deep, "malformed-body", undefined],
    [`{"name":"${"n".repeat(16 * 1024)}"}`, "too-large", undefined],
  ];
  for (const [content, code, field] of cases) {
    const problem = await problemOf(await send(house, "POST", projects, content));
    const shown = JSON.stringify(content).slice(0, 80);
    assert.deepEqual([problem.code, problem.field], [code, field], `${shown}: ${problem.detail}`);
  }
  const headers: readonly Record<string, string>[] = [
    { "content-type": "text/plain" },
    { "content-type": "application/json; charset=latin1" },
    { "content-encoding": "gzip" },
  ];
  for (const sent of headers) {
    const answer = await send(house, "POST", projects, { name: "n" }, { headers: sent });
    assert.equal((await problemOf(answer)).code, "unsupported-media-type", JSON.stringify(sent));
  }
  for (const [target, field] of [
    [`${projects}?limit=1`, "limit"],
    [`${instances}?proj=${hex}`, "proj"],
    [`${instances}?project=${hex}&project=${hex}`, "project"],
  ] as const)
    assert.equal((await problemOf(await get(house, target, "admin"))).field, field);
  assert.equal((await problemOf(await send(house, "POST", `${projects}?x=1`, { name: "n" }))).field, "x");
  assert.equal(house.directory.projects(account).length, 0);
  const marked = await send(house, "POST", projects, `\ufeff{"name":"n"}`, {
    headers: { "content-type": 'Application/JSON; charset="UTF-8"', "content-encoding": "identity" },
  });
  assert.equal((await made(marked)).name, "n");
});

test("a signed request does the same", async () => {
  await using house = await openHouse();
  const content = JSON.stringify({ name: "cn-north-4" });
  const authorization = toySignature("admin", projects, content);
  await made(await send(house, "POST", projects, content, { headers: { authorization } }));
  const altered = await send(house, "POST", projects, content.replace("4", "5"), { headers: { authorization } });
  assert.equal((await problemOf(altered)).code, "signature-mismatch");
  assert.deepEqual(
    house.directory.projects(account).map(({ name }) => name),
    ["cn-north-4"],
  );
});

test("instances come whole or with a refusal that says how to ask", async () => {
  await using house = await openHouse();
  const many = [hex, hex.replace("0", "1")].map((id) => {
    const { id: project } = house.directory.createProject({ account, name: id, id });
    return Array.from({ length: 6_000 }, (_, at) => ({
      id: `${String(at).padStart(32, id[0])}in01`,
      project,
      account,
      created: 0,
    }));
  });
  house.directory.instances = (project) => many.find((list) => list[0]?.project === project) ?? [];
  const all = await problemOf(await get(house, instances, "admin"));
  assert.deepEqual([all.code, all.field], ["invalid-parameter", "project"]);
  const some = (await made(await get(house, `${instances}?project=${hex}`, "admin"))).instances as unknown[];
  assert.equal(some.length, 6_000);
});

test("the audit hears what was made, and what was tried", async () => {
  const records: CallRecord[] = [];
  await using house = await openHouse({ onCall: (record) => void records.push(record) });
  await made(await send(house, "POST", projects, { name: "a", id: hex }));
  await send(house, "POST", projects, { name: "a" });
  await get(house, projects, "admin");
  await get(house, projects, "writer");
  assert.deepEqual(
    records.map(({ name, readOnly, account, errorCode, parameters, resources }) => [
      name,
      readOnly,
      account,
      errorCode,
      parameters,
      resources,
    ]),
    [
      ["CreateProject", false, account, undefined, `{"name":"a","id":"${hex}"}`, [{ type: "project", id: hex }]],
      ["CreateProject", false, account, "already-exists", '{"name":"a"}', undefined],
      ["ListProjects", true, account, undefined, undefined, undefined],
      ["ListProjects", true, undefined, "forbidden", undefined, undefined],
    ],
  );
});
