// docs/dialects/taurusdb.md and the code say the same.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { allAuditLogAction } from "../../audit-files/statement-types.ts";
import { businessErrors, gatewayErrors } from "../../clouds/huawei/errors.ts";
import { may, roles } from "../../identity/caller.ts";
import { acts } from "./auth.ts";
import { fullSqlLimits, mostIds, mostKeepDays, rdsLimits, spanDays, taurusLimits } from "./decode.ts";
import { Links, linkSeconds } from "./links.ts";
import { directory, MemoryFiles } from "./memory-files.test-support.ts";
import { taurusdbOperations } from "./operations.ts";

const page = readFileSync(new URL("../../../docs/dialects/taurusdb.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) =>
    line
      .split("|")
      .map((cell) => cell.trim())
      .slice(1, -1),
  );

const operations = taurusdbOperations({
  files: new MemoryFiles(),
  directory,
  links: new Links(new Uint8Array(32)),
  clock: { now: () => 0 },
  tls: false,
});

test("the page lists every operation with its call and the roles it needs", () => {
  const listed = rows.flatMap(([name, call, needs]) =>
    /^`\w+ \/v3/.test(call ?? "") ? [`${name} ${call} ${needs}`] : [],
  );
  const offered = operations.map(({ name, methods, path }) => {
    const caller = (role: (typeof roles)[number]) => ({ account: "1", accessKey: "", role, operator: false });
    const allowed = roles.filter((role) => may(caller(role), acts[name as keyof typeof acts]));
    const needs = allowed
      .map((role) => `\`${role}\``)
      .reverse()
      .join(", ");
    return `\`${name}\` \`${methods.join(", ")} ${path}\` ${needs}`;
  });
  assert.deepEqual(listed, offered);
  assert.deepEqual(operations.map(({ name }) => name).sort(), Object.keys(acts).sort());
});

test("the page states the limits that hold", () => {
  const sentences = [
    `1 to ${taurusLimits.most}, for \`ListAuditlogs\` 1 to ${rdsLimits.most}; default ${taurusLimits.fallback}.`,
    `1 to ${fullSqlLimits.most}; default ${fullSqlLimits.fallback}`,
    `0 to ${mostKeepDays};`,
    `with 1 to ${mostIds} ids`,
    `at most ${spanDays} days`,
  ];
  for (const sentence of sentences) assert.ok(page.includes(sentence), sentence);
  assert.equal(rdsLimits.fallback, taurusLimits.fallback);
  assert.equal(linkSeconds, 5 * 60);
  for (const { maxBodyBytes } of operations) assert.equal(maxBodyBytes, 64 * 1024);
});

test("the page lists every statement type in its group", () => {
  const listed = rows.flatMap(([group, types]) => {
    const [, name] = /^`(D[DCM]L|OTHER)`$/.exec(group ?? "") ?? [];
    return name === undefined ? [] : [[name, types!.replaceAll(/[` ]/g, "")] as const];
  });
  assert.equal(JSON.stringify(Object.fromEntries(listed)), allAuditLogAction);
});

test("the page lists the codes that can come with their statuses, and no others", () => {
  const known: Readonly<Record<string, { readonly status: number }>> = { ...businessErrors, ...gatewayErrors };
  // Not of this dialect: nothing here exists already, no code of ours says "out of range" apart, and the gateway keeps the
  // rest for services that are none of these.
  const elsewhere = ["DBS.200011", "DBS.280271", "APIGW.0302", "APIGW.0306", "APIGW.0601", "APIGW.0602"];
  const listed = rows.flatMap(([status, code]) => {
    const [, name] = /^`((?:DBS|APIGW)\.\d+)`$/.exec(code ?? "") ?? [];
    return name === undefined ? [] : [{ name, status: Number(status) }];
  });
  assert.deepEqual([...listed.map(({ name }) => name), ...elsewhere].sort(), Object.keys(known).sort());
  for (const { name, status } of listed) {
    // One code with several statuses: the row says which.
    const expected = name === "APIGW.0201" ? 413 : known[name]?.status;
    assert.equal(status, expected, name);
  }
});

test("the page names every parameter and member", () => {
  const source = ["decode", "encode", "operations"]
    .map((name) => readFileSync(new URL(`./${name}.ts`, import.meta.url), "utf8"))
    .join("\n");
  const names = [...source.matchAll(/"([a-z]+(?:_[a-z]+)+)"|\b([a-z]+(?:_[a-z]+)+)\b(?=[:,?])/g)].map(
    ([, a, b]) => a ?? b!,
  );
  assert.ok(names.includes("last_file_name") && names.includes("link_expired_time"));
  const unnamed = [...new Set(names)].filter((name) => !page.includes(name));
  assert.deepEqual(unnamed, []);
});
