import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type ErrorCode, errorTable, TaishiError } from "../../errors.ts";
import { iamFailure } from "./errors.ts";
import { createIamOperations } from "./operations.ts";
import { versionDocument } from "./version-document.ts";
import { at, memoryPorts, publicUrl, send, tokenOf, world } from "./world.test-support.ts";

test("an SDK finds its project by its region's name, with a body on its GET too", async () => {
  const here = world();
  const answer = await send(here, "/v3/projects?name=cn-north-4", { method: "GET", as: "writer", body: {} });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, {
    links: { self: `${publicUrl}/v3/projects?name=cn-north-4`, previous: null, next: null },
    projects: [
      {
        is_domain: false,
        description: "",
        links: { self: `${publicUrl}/v3/projects/${"a".repeat(32)}` },
        enabled: true,
        id: "a".repeat(32),
        parent_id: "2100000001",
        domain_id: "2100000001",
        name: "cn-north-4",
      },
    ],
  });
});

test("project lists are the account's own and can be filtered and paged", async () => {
  const here = world();
  const names = async (query: string): Promise<readonly unknown[]> =>
    at((await send(here, `/v3/projects${query}`, { as: "auditor" })).body, "projects.*.name") as unknown[];
  assert.deepEqual(await names(""), ["cn-north-4", "cn-east-3"]);
  assert.deepEqual(await names("?name=mars-1"), []);
  assert.deepEqual(await names("?domain_id=2100000002"), []);
  assert.deepEqual(await names("?domain_id=2100000001&parent_id=2100000001&enabled=true&is_domain=false"), [
    "cn-north-4",
    "cn-east-3",
  ]);
  assert.deepEqual(await names("?enabled=false"), []);
  assert.deepEqual(await names("?is_domain=true"), []);
  assert.deepEqual(await names("?page=2&per_page=1"), ["cn-east-3"]);
  assert.deepEqual(await names("?page=3&per_page=1"), []);
  for (const bad of ["page=0", "page=x", "per_page=5001", "enabled=1", "name=a&name=b"]) {
    const { status, body } = await send(here, `/v3/projects?${bad}`, { as: "auditor" });
    assert.deepEqual([status, at(body, "error.code")], [400, 400], bad);
  }
  const listed = await send(here, "/v3/auth/projects", { as: "auditor" });
  assert.equal(at(listed.body, "projects.length"), 2);
});

test("one project is shown to its own account alone", async () => {
  const here = world();
  const own = await send(here, `/v3/projects/${"a".repeat(32)}`, { as: "auditor" });
  assert.equal(at(own.body, "project.name"), "cn-north-4");
  const foreign = await send(here, `/v3/projects/${"c".repeat(32)}`, { as: "admin" });
  const unknown = await send(here, `/v3/projects/${"9".repeat(32)}`, { as: "admin" });
  assert.deepEqual([foreign.status, foreign.body], [404, unknown.body]);
});

test("what Node's SDK does when its region has no project works for an admin, and is 403 for others", async () => {
  const here = world();
  const { body: answer } = await send(here, "/v3/regions", { as: "admin", method: "GET", body: {} });
  const regions = at(answer, "regions") as readonly { id: string; type: string }[];
  assert.ok(regions.some(({ id, type }) => id === "cn-south-1" && type === "public"));
  const domains = at((await send(here, "/v3/auth/domains", { as: "admin" })).body, "domains");
  assert.deepEqual(domains, [
    {
      description: "",
      enabled: true,
      id: "2100000001",
      links: { self: `${publicUrl}/v3/domains/2100000001` },
      name: "ours",
    },
  ]);
  const body = { project: { name: "cn-south-1", domain_id: at(domains, "0.id") } };
  for (const as of ["writer", "auditor"] as const) {
    const { status, body: answer } = await send(here, "/v3/projects", { as, body });
    assert.deepEqual([status, at(answer, "error.title")], [403, "Forbidden"]);
  }
  const made = await send(here, "/v3/projects", { as: "admin", body });
  assert.equal(made.status, 201);
  assert.equal(
    at((await send(here, "/v3/projects?name=cn-south-1", { as: "auditor" })).body, "projects.0.id"),
    at(made.body, "project.id"),
  );
  const record = here.records.findLast(
    ({ name, errorCode }) => name === "KeystoneCreateProject" && errorCode === undefined,
  );
  assert.deepEqual(record?.resources, [{ type: "project", id: at(made.body, "project.id") }]);
  assert.equal((await send(here, "/v3/projects", { as: "admin", body })).status, 409);
});

test("a new project must have a name and be the account's own", async () => {
  const here = world();
  const statuses: [unknown, number][] = [
    [{}, 400],
    [{ project: [] }, 400],
    [{ project: { name: "" } }, 400],
    [{ project: { name: 4 } }, 400],
    [{ project: { name: "A B" } }, 400],
    [{ project: { name: "x", domain_id: "2100000002" } }, 403],
    [{ project: { name: "x", parent_id: "c".repeat(32) } }, 400],
    [{ project: { name: "x", parent_id: "a".repeat(32), description: "d" } }, 201],
  ];
  for (const [body, status] of statuses)
    assert.equal((await send(here, "/v3/projects", { as: "admin", body })).status, status, JSON.stringify(body));
});

test("the catalog leads back here, for one project or for all", async () => {
  const here = world();
  const urls = (body: unknown): readonly string[] =>
    (at(body, "catalog") as { endpoints: { url: string }[] }[]).flatMap(({ endpoints }) =>
      endpoints.map(({ url }) => url),
    );
  const all = await send(here, "/v3/auth/catalog", { as: "auditor" });
  const ours = ["a", "b"].map((digit) => `${publicUrl}/v3/${digit.repeat(32)}`);
  assert.deepEqual(urls(all.body), [`${publicUrl}/v3`, ...ours, ...ours]);
  const token = await tokenOf(here, { project: { name: "cn-east-3" } });
  const one = await send(here, "/v3/auth/catalog", { headers: { "x-auth-token": token } });
  assert.deepEqual(urls(one.body), [`${publicUrl}/v3`, ours[1], ours[1]]);
  assert.deepEqual((await send(here, "/v3/auth/catalog", { as: "auditor" })).body, all.body);
});

test("a key and a user can ask who they are", async () => {
  const here = world();
  const token = await tokenOf(here);
  const asUser = await send(here, "/v5/caller-identity", { headers: { "x-auth-token": token } });
  assert.deepEqual(asUser.body, {
    account_id: "2100000001",
    principal_urn: "iam::2100000001:user:Anna",
    principal_id: "416e6e61".padEnd(32, "0"),
  });
  const asKey = await send(here, "/v5/caller-identity", { as: "writer" });
  assert.equal(at(asKey.body, "account_id"), "2100000001");
});

test("nobody in particular learns the version and nothing else", async () => {
  const here = world();
  const version = await send(here, "/v3/");
  assert.deepEqual([version.status, at(version.body, "version.id")], [200, "v3.6"]);
  assert.deepEqual(here.records, []);
  for (const path of ["/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/regions", "/v3/auth/catalog"])
    assert.deepEqual(
      [(await send(here, path)).status, at((await send(here, path)).body, "error_code")],
      [401, "APIGW.0301"],
    );
  const root = versionDocument(publicUrl);
  assert.equal(root.status, 300);
  assert.equal(root.headers["content-type"], "application/json");
  const told: unknown = JSON.parse(String(root.body));
  assert.deepEqual(
    [at(told, "versions.values.0.id"), at(told, "versions.values.0.links.0.href")],
    ["v3.6", `${publicUrl}/v3/`],
  );
});

test("every code of ours has IAM's form in both languages", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const error = new TaishiError(code, undefined, { field: "x" });
    const { status, body } = iamFailure(error, "en-us");
    const { error: told } = body as { error: { message: string; code: number; title: string } };
    assert.equal(told.code, status);
    assert.doesNotMatch(`${told.message}${told.title}`, /%s|undefined/);
    assert.match(JSON.stringify(iamFailure(error, "zh-cn").body), /\p{Script=Han}/u);
  }
  const secret = iamFailure(new TaishiError("internal", "a secret of ours"), "en-us");
  assert.doesNotMatch(JSON.stringify(secret.body), /secret/);
});

test("the page lists every operation and every status, and no others", () => {
  const page = readFileSync(new URL("../../../docs/dialects/iam.md", import.meta.url), "utf8");
  const ports = memoryPorts();
  const operations = createIamOperations({ directory: ports, signIn: ports, publicUrl: () => publicUrl });
  const listed = [...page.matchAll(/^\| `(\w+)` +\| `([A-Z, ]+) (\/[^ `]*)`/gm)].map(([, ...cells]) => cells.join(" "));
  assert.deepEqual(
    listed.sort(),
    operations.map(({ name, methods, path }) => `${name} ${methods.join(", ")} ${path}`).sort(),
  );
  const statuses = [...page.matchAll(/^\| (\d{3}) +\|/gm)].map(([, status]) => Number(status));
  const told = (Object.keys(errorTable) as ErrorCode[]).map(
    (code) => iamFailure(new TaishiError(code), "en-us").status,
  );
  assert.deepEqual([...new Set(statuses)].sort(), [...new Set(told)].sort());
});
