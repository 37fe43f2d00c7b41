// The API explorer in real Chromium: operations tried and refused, the clouds' requests signed in the browser, and what it shows
// as curl and as code really run against the same service.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { BrowserContext, Page } from "playwright-core";
import { cloudActions } from "../console/src/pages/api/cloud-actions.ts";
import { typescriptOf } from "../console/src/pages/api/samples.ts";
import { accessible } from "./accessible.ts";
import { browserPackages, ConsoleHouse, type Visit } from "./browser.ts";
import { root } from "./repository.ts";
import { taishi } from "./taishi-process.ts";

const skip = browserPackages.missing ?? false;
const run = promisify(execFile);
const project = "054e292c9880d4992f02c0196d3ea468";
const instance = "3d39c18788b54a919bab633874c159dfin01";
const file = "fa163ea0e2bet11e9d832166a2cf894c5br01";
let house: ConsoleHouse;

before(async () => {
  if (skip !== false) return;
  house = await ConsoleHouse.open();
  const { account } = house.credentials;
  await house.user("ada");
  await house.append(
    ...Array.from({ length: 12 }, (_, i) => ({
      kind: "security",
      time: Date.UTC(2024, 8, 29, 11, 38, i),
      resource: { type: "endpoint", id: i < 7 ? "ep-20240929-first" : "ep-other" },
      type: "SshLogin",
      risk: i % 2 === 0 ? "Medium" : "Info",
      contents: { Tag: "Unknown", SSH: "10.0.26.52 35024 10.0.26.52 12222", ProcessID: String(3058688 + i) },
    })),
  );
  await house.ask("POST", "/api/v1/projects", { name: "cn-north-4", id: project });
  await house.ask("POST", "/api/v1/instances", { project, id: instance });
  const path = join(house.data, "audit.txt");
  writeFileSync(
    path,
    '"10000000000", "100", "0", "Query", "2019-11-06T02:00:00 UTC", "select", "select 1", "root[root] @  [10.3.2.22]", "", "", "10.3.2.22", "portal"\n',
  );
  const where = ["--account", account, "--instance", instance, "--format", "huawei-audit-file", "--data", house.data];
  const times = ["--begin", "2019-11-06T09:03:34+0800", "--end", "2019-11-06T10:39:15+0800"];
  const { code, stderr } = await taishi("import", path, ...where, "--id", file, "--name", "Audit_1", ...times);
  assert.equal(code, 0, stderr);
});

after(async () => {
  await house?.close();
});

/** Of the first sign-in; what comes after goes on with it. */
let cookies: Awaited<ReturnType<BrowserContext["cookies"]>> = [];

async function open(place: string, view?: Parameters<ConsoleHouse["visit"]>[0]): Promise<Visit> {
  const visit = await house.visit(view);
  const { page, context } = visit;
  if (cookies.length === 0) {
    await visit.signIn("ada");
    await page.locator("[role=menu], [aria-label=menu]").first().waitFor();
    cookies = await context.cookies();
  } else {
    await context.addCookies(cookies);
    await page.addInitScript('localStorage.setItem("taishi-signed-in", "")');
  }
  await to(visit, place);
  return visit;
}

async function to({ page }: Visit, place: string): Promise<void> {
  await page.goto(`${house.url}/console/api-explorer${place}`);
  await page.locator("main h1, #content nav").first().waitFor();
}

async function close(visit: Visit): Promise<void> {
  visit.quiet();
  await visit.context.close();
}

/** Sends the form and waits for the end of its answer. */
async function sent(page: Page): Promise<{ status: string; body: string }> {
  await page.getByTestId("api-send").click();
  return answered(page);
}

async function answered(page: Page): Promise<{ status: string; body: string }> {
  await page.getByTestId("api-answer").waitFor();
  return {
    status: (await page.getByTestId("api-status").innerText()).trim(),
    body: await page.getByTestId("api-body").innerText(),
  };
}

async function typeKey(page: Page, { accessKey, secretKey } = house.credentials): Promise<void> {
  await page.locator("#api-access-key").fill(accessKey);
  await page.locator("#api-secret-key").fill(secretKey);
}

/** A day and time in a picker, as typed by hand. */
async function pick(page: Page, field: string, time: string): Promise<void> {
  await page.locator(`#api-field-${field}`).fill(time);
  await page.locator(`#api-field-${field}`).press("Enter");
}

test("an operation is found, tried with the session, and its answer told; what is wrong is told as the service tells it", {
  skip,
}, async () => {
  const visit = await open("");
  const { page } = visit;
  await page.getByLabel("Find an operation").fill("list events");
  await visit.shot("api-explorer-search");
  await page.getByRole("link", { name: /List events by filter/ }).click();
  assert.equal(new URL(page.url()).pathname, "/console/api-explorer/listEvents");
  await page.locator("#api-query-resourceId").fill("ep-20240929-first");
  await page.locator("#api-query-limit").fill("3");
  const { status, body } = await sent(page);
  assert.equal(status, "200");
  const { total, events } = JSON.parse(body) as { total: number; events: object[] };
  assert.deepEqual([total, events.length], [7, 3]);
  await visit.shot("api-explorer-operation");
  await accessible(page);
  await page.getByText("As curl").click();
  const line = await page.getByTestId("api-curl").innerText();
  const { stdout } = await run("/bin/sh", ["-c", line], { env: { ...process.env, TOKEN: house.credentials.token } });
  // All but how long the log is by now: every call is told of in it.
  assert.deepEqual((JSON.parse(stdout) as { events: object[] }).events, events);

  await page.locator("#api-query-limit").fill("0");
  await page.getByTestId("api-send").click();
  await page.getByTestId("api-status").getByText("400").waitFor();
  const problem = JSON.parse(await page.getByTestId("api-body").innerText()) as Record<string, unknown>;
  assert.deepEqual([problem.code, problem.field], ["invalid-parameter", "limit"]);
  await visit.shot("api-explorer-error");
  visit.complaints.splice(0, 1); // Chromium tells of every 400 by itself
  await close(visit);
});

test("an act that changes something is asked about first; its example body is one the service takes", {
  skip,
}, async () => {
  const visit = await open("/appendEvents");
  const { page } = visit;
  const before = await house.ask("GET", "/api/v1/events?resourceId=ep-20241107-1&limit=1");
  await page.getByTestId("api-send").click();
  await page.getByRole("dialog").waitFor();
  await visit.shot("api-explorer-confirm");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.getByTestId("api-answer").count(), 0);
  // Anew, so that no question that is still fading away gets the click.
  await page.reload();
  await page.getByTestId("api-send").click();
  await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
  const { status, body } = await answered(page);
  assert.equal(status, "200", body);
  const now = await house.ask("GET", "/api/v1/events?resourceId=ep-20241107-1&limit=1");
  assert.deepEqual([before.total, now.total], [0, 1]);
  await page.locator("#api-body-text").fill("{");
  await page.getByTestId("api-send").click();
  await page.getByText(/The body is not JSON/).waitFor();
  await close(visit);
});

test("what streams is shown as it comes, and stopped", { skip }, async () => {
  const visit = await open("/tailEvents");
  const { page } = visit;
  await page.locator("#api-query-resourceId").fill("ep-live");
  await page.getByTestId("api-send").click();
  await page.getByTestId("api-status").getByText("200").waitFor();
  await house.append({
    kind: "security",
    time: Date.now(),
    resource: { type: "endpoint", id: "ep-live" },
    type: "SshLogin",
    contents: { Tag: "seen-live" },
  });
  await page
    .getByTestId("api-body")
    .getByText(/seen-live/)
    .waitFor();
  await page.getByTestId("api-stop").click();
  await page.getByText("stopped", { exact: true }).waitFor();
  await visit.shot("api-explorer-tail");
  await close(visit);
});

test("Ark's request is signed in the browser; the curl line and the SDK's code that are shown give the same answer", {
  skip,
}, async () => {
  const visit = await open("/cloud/ark");
  const { page } = visit;
  assert.equal(await page.getByTestId("api-send").isDisabled(), true);
  await page.locator("#api-field-ResourceId").fill("ep-20240929-first");
  await typeKey(page);
  const asked = page.waitForRequest(/Action=ListAuditLogs/);
  const { status, body } = await sent(page);
  const headers = await (await asked).allHeaders();
  assert.match(
    headers.authorization ?? "",
    /^HMAC-SHA256 Credential=AK.*\/cn-beijing\/ark\/request, SignedHeaders=accept-language;content-type;host;x-content-sha256;x-date, /,
  );
  assert.equal(headers.cookie, undefined);
  assert.equal(status, "200", body);
  const { Result } = JSON.parse(body) as { Result: { TotalCount: number } };
  assert.equal(Result.TotalCount, 7);
  await visit.shot("api-explorer-ark");

  const curl = page.getByTestId("api-sample-curl");
  await curl.getByText(/Signature=/).waitFor();
  const line = await curl.innerText();
  assert.ok(!line.includes(house.credentials.secretKey));
  const { stdout } = await run("/bin/sh", ["-c", line]);
  assert.deepEqual((JSON.parse(stdout) as { Result: object }).Result, Result);

  await page.getByRole("checkbox", { name: "With my secret" }).check();
  await page.getByRole("tab", { name: "TypeScript" }).click();
  const code = await page.getByTestId("api-sample-typescript").innerText();
  assert.ok(code.includes(house.credentials.secretKey));
  assert.equal((await runTypescript(code)).includes("TotalCount: 7"), true);
  await page.getByRole("checkbox", { name: "With my secret" }).uncheck();
  for (const name of ["TypeScript", "Python", "Go"]) {
    await page.getByRole("tab", { name }).click();
    const text = await page.getByTestId(`api-sample-${name.toLowerCase()}`).innerText();
    assert.ok(text.includes(house.credentials.accessKey) && !text.includes(house.credentials.secretKey), text);
  }
  await visit.shot("api-explorer-ark-code");
  await close(visit);
});

test("the form of July 2024, and CloudTrail with a condition, are answered in their forms", { skip }, async () => {
  const visit = await open("/cloud/ark-2024-07");
  const { page } = visit;
  await typeKey(page);
  await page.locator("#api-field-ResourceId").fill("ep-20240929-first");
  await page.locator("#api-field-Filter-LogTypes").click();
  await page.locator(".ant-select-item-option").getByText("SshLogin", { exact: true }).click();
  await page.locator("[title=SshLogin]:not(.ant-select-item-option)").waitFor();
  await page.locator("#api-field-Filter-LogTypes").press("Escape");
  const old = await sent(page);
  const { Items } = (JSON.parse(old.body) as { Result: { Items: object[] } }).Result;
  assert.deepEqual(Object.keys(Items[0]!).sort(), ["LogDetail", "LogType", "ResourceId", "ResourceType", "Timestamp"]);

  // The key goes along to the next page of the explorer, and nowhere else.
  await page.getByRole("link", { name: /CloudTrail/ }).click();
  assert.equal(await page.locator("#api-access-key").inputValue(), house.credentials.accessKey);
  await page.getByRole("button", { name: "Add a condition" }).click();
  await page.getByLabel("LookupConditionValue 1").fill("ListAuditLogs");
  const trail = await sent(page);
  assert.equal(trail.status, "200", trail.body);
  const { Trails } = (JSON.parse(trail.body) as { Result: { Trails: { EventName: string }[] } }).Result;
  assert.ok(Trails.length > 0 && Trails.every(({ EventName }) => EventName === "ListAuditLogs"), trail.body);
  await visit.shot("api-explorer-cloudtrail");
  await page.getByRole("tab", { name: "TypeScript" }).click();
  const code = (await page.getByTestId("api-sample-typescript").innerText()).replace(
    '"…"',
    JSON.stringify(house.credentials.secretKey),
  );
  assert.match(await runTypescript(code), /EventName: 'ListAuditLogs'/);

  await page.getByRole("menuitem", { name: "Sources" }).click();
  await page.getByText("No agent has reported yet").waitFor();
  await page.getByRole("menuitem", { name: "API explorer" }).click();
  await page.getByRole("link", { name: /CloudTrail/ }).click();
  assert.equal(await page.locator("#api-access-key").inputValue(), "");
  assert.equal(await page.locator("#api-secret-key").inputValue(), "");
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!kept.includes(house.credentials.secretKey) && !kept.includes(house.credentials.accessKey), kept);
  await close(visit);
});

test("TaurusDB's files are listed by a signed request, downloaded by their links, and asked for with an IAM token", {
  skip,
}, async () => {
  const visit = await open("/cloud/taurusdb");
  const { page } = visit;
  await typeKey(page);
  await page.locator("#api-field-project_id").fill(project);
  await page.locator("#api-field-instance_id").fill(instance);
  await pick(page, "start_time", "2019-11-05 00:00:00");
  await pick(page, "end_time", "2019-11-09 00:00:00");
  const { status, body } = await sent(page);
  assert.equal(status, "200", body);
  const { audit_logs, total_count } = JSON.parse(body) as { audit_logs: { id: string }[]; total_count: number };
  assert.deepEqual([total_count, audit_logs[0]?.id], [1, file]);
  await visit.shot("api-explorer-taurusdb");
  await accessible(page);
  const signed = await page.getByTestId("api-sample-curl").innerText();
  assert.match(signed, /X-Sdk-Date/);
  assert.equal((JSON.parse((await run("/bin/sh", ["-c", signed])).stdout) as { total_count: number }).total_count, 1);
  await page.getByRole("tab", { name: "TypeScript" }).click();
  const code = (await page.getByTestId("api-sample-typescript").innerText()).replace(
    '"…"',
    JSON.stringify(house.credentials.secretKey),
  );
  assert.match(await runTypescript(code), /total_count: 1/);

  await page.getByRole("link", { name: /ShowAuditLogDownloadLink/ }).click();
  // What was filled in goes along.
  assert.equal(await page.locator("#api-field-instance_id").inputValue(), instance);
  await page.locator("#api-field-ids").fill(file);
  await page.locator("#api-field-ids").press("Enter");
  assert.equal((await sent(page)).status, "200");
  const link = await page.getByRole("link", { name: "Download 1" }).getAttribute("href");
  assert.match(await (await fetch(link!)).text(), /^"10000000000"/);
  await visit.shot("api-explorer-taurusdb-link");

  await page.getByText("IAM token").click();
  await page.getByLabel("Account", { exact: true }).last().fill("default");
  await page.getByLabel("User", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery staple");
  await page.getByTestId("api-token-ask").click();
  await page.locator("#api-token").and(page.locator(':not([value=""])')).waitFor();
  const byToken = page.waitForRequest(/audit-log-link/);
  assert.equal((await sent(page)).status, "200");
  assert.ok((await (await byToken).allHeaders())["x-auth-token"]);
  await close(visit);
});

test("a wrong secret is refused in each cloud's own form, and the page says so", { skip }, async () => {
  const visit = await open("/cloud/ark");
  const { page } = visit;
  await typeKey(page, { ...house.credentials, secretKey: "wrong" });
  await page.locator("#api-field-ResourceId").fill("ep-20240929-first");
  const ark = await sent(page);
  assert.equal(ark.status, "401");
  assert.match(ark.body, /"Code": "SignatureDoesNotMatch"/);
  await visit.shot("api-explorer-wrong-secret");
  await page.getByRole("link", { name: /TaurusDB\s*ListAuditLogs/ }).click();
  await page.locator("#api-field-project_id").fill(project);
  await page.locator("#api-field-instance_id").fill(instance);
  const taurus = await sent(page);
  assert.equal(taurus.status, "401");
  assert.match(taurus.body, /"error_code": "APIGW.0301"/);
  visit.complaints.splice(0, 2); // Chromium tells of every 401 by itself
  await close(visit);
});

test("it is in Chinese and dark, and at home on a phone", { skip }, async () => {
  const chinese = await open("", { language: "zh", theme: "dark" });
  await chinese.page.getByText("各云 API").first().waitFor();
  await chinese.shot("api-explorer-zh-dark");
  await chinese.page.getByRole("link", { name: /LookupEvents/ }).click();
  await chinese.page.getByText("访问密钥").first().waitFor();
  await chinese.shot("api-explorer-cloud-zh-dark");
  await close(chinese);

  const phone = await open("", { language: "zh", phone: true });
  for (const place of ["", "/listEvents", "/cloud/taurusdb", "/cloud/cloudtrail"]) {
    await to(phone, place);
    const wider = await phone.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    assert.ok(Number(wider) <= 0, `${place} is ${wider} pixels too wide`);
    await phone.shot(`api-explorer-phone${place.replaceAll("/", "-")}`);
  }
  await close(phone);
});

test("the sample for Ark is the README's", () => {
  const [ark] = cloudActions;
  const values = { ResourceId: "ep-20240929-first", ResourceType: "endpoint" };
  const key = { accessKey: "AK…", secretKey: "…", region: "cn-beijing" };
  const sample = typescriptOf(ark!, values, { protocol: "http:", host: "127.0.0.1:7548" }, key);
  assert.ok(readFileSync(join(root, "README.md"), "utf8").includes(sample), sample);
});

/** Runs a sample with the SDKs that are in node_modules, and gives what it prints. */
async function runTypescript(code: string): Promise<string> {
  const path = join(root, "test", `sample-${process.pid}.mts`);
  writeFileSync(path, code);
  try {
    return (await run(process.execPath, ["--disable-warning=ExperimentalWarning", path])).stdout;
  } finally {
    rmSync(path);
  }
}
