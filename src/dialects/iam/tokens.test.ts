import assert from "node:assert/strict";
import { test } from "node:test";
import { at, login, password, refusal, send, tokenOf, user, world } from "./world.test-support.ts";

test("a password becomes a token for a project, in the header alone", async () => {
  const here = world();
  const answer = await send(here, "/v3/auth/tokens?nocatalog=true", {
    body: login({ scope: { project: { name: "cn-north-4" } } }),
  });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers["x-subject-token"], "tok-0-Anna");
  const domain = { id: "2100000001", name: "ours" };
  assert.deepEqual(answer.body, {
    token: {
      project: { id: "a".repeat(32), name: "cn-north-4", domain },
      expires_at: "2026-11-22T00:27:00.527000Z",
      issued_at: "2026-11-21T00:27:00.527000Z",
      methods: ["password"],
      roles: [{ id: "auditor", name: "auditor" }],
      user: { id: "416e6e61".padEnd(32, "0"), name: "Anna", password_expires_at: "", domain },
    },
  });
  const { account, userName, name, region, readOnly, parameters, errorCode } = here.records[0]!;
  assert.deepEqual(
    [account, userName, name, region, readOnly, errorCode],
    ["2100000001", "Anna", "KeystoneCreateUserTokenByPassword", "cn-north-4", false, undefined],
  );
  assert.doesNotMatch(parameters ?? "", /correct|tok-/);
});

test("the domain and the scope may be named by id, and the whole account is a scope", async () => {
  const here = world();
  const byId = { ...user, domain: { id: "2100000001" } };
  for (const scope of [undefined, { domain: { id: "2100000001" } }, { domain: { name: "ours" } }]) {
    const { status, body } = await send(here, "/v3/auth/tokens", { body: login({ user: byId, scope }) });
    assert.equal(status, 201);
    assert.deepEqual(at(body, "token.domain"), { id: "2100000001", name: "ours" });
    assert.equal(at(body, "token.project"), undefined);
    assert.equal(at(body, "token.catalog.length"), 3);
  }
  const both = { project: { id: "b".repeat(32) }, domain: { name: "theirs" } };
  const { body } = await send(here, "/v3/auth/tokens", { body: login({ scope: both }) });
  assert.equal(at(body, "token.project.name"), "cn-east-3");
});

test("a wrong password, user and domain are told apart by nothing", async () => {
  const here = world();
  for (const who of [
    { ...user, password: "wrong" },
    { ...user, name: "Nobody" },
    { ...user, domain: { name: "nowhere" } },
    { ...user, domain: { id: "999" } },
    { ...user, domain: { name: "theirs" } },
  ]) {
    const { status, body } = await send(here, "/v3/auth/tokens", { body: login({ user: who }) });
    assert.equal(status, 401);
    assert.deepEqual(body, refusal(401, "The username or password is wrong.", "Unauthorized"));
  }
  assert.deepEqual(
    here.records.map(({ account, userName, errorCode }) => [account, userName, errorCode]),
    ["Anna", "Nobody", "Anna", "Anna", "Anna"].map((name) => [undefined, name, "401"]),
  );
  assert.ok(here.records.every(({ parameters }) => !/wrong|correct/.test(parameters ?? "")));
});

test("a scope that is not the account's is refused, and leaves no token behind", async () => {
  const here = world();
  for (const scope of [
    { project: { name: "mars-1" } },
    { project: { id: "c".repeat(32) } },
    { domain: { name: "theirs" } },
    { domain: { id: "2100000002" } },
  ]) {
    const { status, body, headers } = await send(here, "/v3/auth/tokens", { body: login({ scope }) });
    assert.equal(status, 400);
    assert.deepEqual(body, refusal(400, "Request parameter scope is invalid.", "Bad Request"));
    assert.equal(headers["x-subject-token"], undefined);
  }
  assert.equal(here.ports.byUserToken("tok-0-Anna"), undefined);
  assert.equal(here.ports.byUserToken("tok-1-Anna"), undefined);
});

test("a login body with anything missing or of the wrong kind is a 400 of IAM's form that repeats no secret", async () => {
  const here = world();
  const bodies: [unknown, RegExp][] = [
    ["", /Expecting to find auth /],
    ["[]", /^Request body is invalid\./],
    ["{", /^Request body is invalid\./],
    ['{"auth":"x"}', /parameter auth is invalid/],
    [{ auth: {} }, /find identity /],
    [{ auth: { identity: {} } }, /find methods /],
    [login({ methods: ["token"] }), /parameter methods is invalid/],
    [login({ methods: ["password", "totp"] }), /parameter methods is invalid/],
    [{ auth: { identity: { methods: ["password"] } } }, /find password /],
    [login({ user: { name: "Anna", password } }), /find domain /],
    [login({ user: { ...user, domain: {} } }), /find domain\.name /],
    [login({ user: { ...user, domain: { name: 7 } } }), /parameter name is invalid/],
    [login({ user: { ...user, name: "" } }), /find name /],
    [login({ user: { ...user, password: undefined } }), /find password /],
    [login({ user: { ...user, password: { hunter: "correct horse" } } }), /parameter password is invalid/],
    [login({ user: { ...user, password: "x".repeat(1025) } }), /parameter password is invalid/],
    [login({ user: { ...user, name: "\ud800" } }), /parameter name is invalid/],
    [login({ scope: "unscoped" }), /parameter scope is invalid/],
    [login({ scope: {} }), /parameter scope is invalid/],
    [login({ scope: { project: {} } }), /find project\.name /],
  ];
  for (const [body, message] of bodies) {
    const answer = await send(here, "/v3/auth/tokens", { method: "POST", body });
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.match(String(at(answer.body, "error.message")), message);
    assert.deepEqual([at(answer.body, "error.code"), at(answer.body, "error.title")], [400, "Bad Request"]);
    assert.doesNotMatch(JSON.stringify(answer.body), /correct/);
  }
  assert.ok(
    here.records.length === bodies.length && here.records.every((call) => !/correct/.test(call.parameters ?? "")),
  );
  const big = await send(here, "/v3/auth/tokens", { method: "POST", body: "x".repeat(16 * 1024 + 1) });
  assert.deepEqual([big.status, at(big.body, "error.code")], [413, 413]);
});

test("being slowed down is a 429 that says when to come back", async () => {
  const answer = await send(world(), "/v3/auth/tokens", { body: login(), address: "203.0.113.9" });
  assert.deepEqual([answer.status, answer.headers["retry-after"], at(answer.body, "error.code")], [429, "3", 429]);
});

test("a token can be checked, by GET and HEAD, and revoked", async () => {
  const here = world();
  const token = await tokenOf(here, { project: { name: "cn-east-3" } });
  const headers = { "x-auth-token": token, "x-subject-token": token };
  const checked = await send(here, "/v3/auth/tokens", { headers });
  assert.equal(checked.status, 200);
  assert.equal(checked.headers["x-subject-token"], token);
  assert.equal(at(checked.body, "token.project.name"), "cn-east-3");
  const head = await send(here, "/v3/auth/tokens", { method: "HEAD", headers });
  assert.deepEqual([head.status, head.body, head.headers["x-subject-token"]], [200, undefined, token]);
  const revoked = await send(here, "/v3/auth/tokens", { method: "DELETE", headers });
  assert.deepEqual([revoked.status, revoked.body], [204, undefined]);
  const after = await send(here, "/v3/auth/tokens", { headers });
  assert.deepEqual([after.status, at(after.body, "error_code")], [401, "APIGW.0301"]);
});

test("a token of another account is as one that does not exist", async () => {
  const here = world();
  const headers = {
    "x-subject-token": await tokenOf(here, undefined, { ...user, name: "Zhou", domain: { name: "theirs" } }),
  };
  for (const method of ["GET", "DELETE"]) {
    const foreign = await send(here, "/v3/auth/tokens", { method, as: "admin", headers });
    const unknown = await send(here, "/v3/auth/tokens", { method, as: "admin", headers: { "x-subject-token": "no" } });
    assert.deepEqual([foreign.status, foreign.body], [404, unknown.body]);
    assert.deepEqual(unknown.body, refusal(404, "Could not find token.", "Not Found"));
  }
  assert.equal((await send(here, "/v3/auth/tokens", { as: "admin" })).status, 400);
  assert.ok(here.ports.byUserToken(headers["x-subject-token"]));
});
