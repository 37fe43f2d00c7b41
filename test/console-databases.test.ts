// API calls, trails and database files in real Chromium: found by CloudTrail's keys, a trail and how its delivery goes, an audit file
// taken byte for byte, its policy set, and nothing of another account. Each test leaves what it saw in screenshots/.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { browserPackages, ConsoleHouse, password } from "./browser.ts";
import { signatureHeaders } from "./signed-request.ts";

const skip = browserPackages.missing ?? false;
let house: ConsoleHouse;
let instance: string;

const minute = 60_000;
const begin = Date.now() - 3 * 60 * minute;

before(async () => {
  if (skip !== false) return;
  // Files close after a few statements.
  house = await ConsoleHouse.open("--audit-file-bytes", "4000");
  await house.user("ada");
  await house.user("audrey", "auditor");
  const project = await house.ask("POST", "/api/v1/projects", { name: "cn-north-4" });
  instance = (await house.ask("POST", "/api/v1/instances", { project: project.id })).id;
  await house.append(
    ...Array.from({ length: 90 }, (_, i) => ({
      kind: "database",
      time: begin + i * minute,
      name: "Query",
      instance,
      connectionId: String(7 + (i % 3)),
      commandClass: i % 9 === 0 ? "drop_table" : "select",
      sql: i % 9 === 0 ? `DROP TABLE old_${i}` : `SELECT * FROM orders WHERE id = ${i} AND note LIKE '%第二%'`,
      user: "app",
      ip: "10.3.2.22",
      database: "portal",
      status: "0",
    })),
    ...Array.from({ length: 130 }, (_, i) => ({
      kind: "trail",
      time: begin + i * minute,
      type: i % 13 === 0 ? "DeleteBucket" : "ListBuckets",
      source: "tos",
      userName: `dev-${i % 4}`,
      sourceIp: `198.51.100.${i % 9}`,
      readOnly: i % 13 !== 0,
      region: "cn-beijing",
      resources: [{ type: "bucket", id: `data-${i % 5}` }],
      ...(i % 26 === 0 ? { errorCode: "AccessDenied" } : {}),
    })),
  );
});

after(async () => {
  await house?.close();
});

const total = (page: Page, text: string) => page.getByTestId("total").getByText(text, { exact: true }).waitFor();

test("API calls are found by CloudTrail's keys, each key of a row narrows further", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("audrey");
  await page.getByRole("menuitem", { name: "API calls" }).click();
  await page.getByTestId("total").waitFor();
  await page.getByLabel("Exact value").fill("DeleteBucket");
  await page.getByRole("button", { name: "Add" }).click();
  await total(page, "10 events");
  await page.getByRole("button", { name: "dev-1", exact: true }).first().click();
  await total(page, "3 events");
  assert.match(page.url(), /EventName=DeleteBucket.*IdentityName=dev-1/);
  await visit.shot("calls-narrowed");
  await page.getByRole("button", { name: "Take away User: dev-1" }).click();
  await total(page, "10 events");
  await page.getByRole("button", { name: "data-0", exact: true }).first().click();
  await total(page, "2 events");

  await page.goto(`${house.url}/console/trails?ReadOnly=true&EventSource=tos`);
  await total(page, "50 found so far");
  await page.getByRole("button", { name: "Show older ones" }).click();
  await total(page, "100 found so far");
  await page.getByRole("button", { name: "Show older ones" }).click();
  await total(page, "120 events");
  await page.getByRole("button", { name: "Show older ones" }).waitFor({ state: "detached" });
  await page.evaluate("scrollTo(0, 0)");
  await visit.shot("calls-reads");

  await page.goto(`${house.url}/console/trails?EventName=NoSuchCall`);
  await page.getByText("No API call matches").waitFor();
  await page.goto(`${house.url}/console/trails?ErrorCode=AccessDenied`);
  await total(page, "5 events");
  await page.getByRole("button", { name: "DeleteBucket" }).first().click();
  await page.getByTestId("proof-good").waitFor();
  await visit.shot("calls-one");
  visit.quiet();
  await visit.context.close();
});

test("a trail is seen with what it delivers and when it last did", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByTestId("timeline").waitFor();
  await page.goto(`${house.url}/console/trails?tab=trails`);
  await page.getByText("No trail yet").waitFor();
  await visit.shot("trails-none");
  const trail = { TrailName: "main", EventRW: "Write", TosBucketName: "audit", TosKeyPrefix: "a/b" };
  await action("CreateTrail", trail);
  await page.reload();
  const row = page.getByRole("row", { name: /main/ });
  await row.getByText("changes only, of all sources").waitFor();
  await row.getByText("Stopped").waitFor();
  await action("StartLogging", { TrailName: "main" });
  await page.reload();
  await row.getByText("Logging").waitFor();
  await row.getByText("audit/a/b").waitFor();
  await visit.shot("trails");
  visit.quiet();
  await visit.context.close();
});

async function action(name: string, parameters: Readonly<Record<string, string>>): Promise<void> {
  const target = `/?${new URLSearchParams({ Action: name, Version: "2021-09-01", ...parameters })}`;
  const signer = { ...house.credentials, service: "cloud_trail", region: "cn-beijing" };
  const request = { method: "GET", host: new URL(house.url).host, target, body: "", time: Date.now() };
  const answer = await fetch(house.url + target, { headers: signatureHeaders(signer, request) });
  assert.equal(answer.status, 200, await answer.text());
}

test("an audit file is downloaded byte for byte, and its policy is set by an administrator", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByRole("menuitem", { name: "Database files" }).click();
  await page.getByTestId("total").waitFor();
  const { files } = await house.ask("GET", `/api/v1/instances/${instance}/audit-files`);
  assert.ok(files.length > 1, "some files have closed");
  await total(page, `${files.length} files`);
  await visit.shot("databases");
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: `Download: ${files[0].name}` }).click();
  const download = await downloading;
  assert.equal(download.suggestedFilename(), files[0].name.replace(/[^0-9A-Za-z._-]/g, "_"));
  const content = readFileSync(await download.path());
  assert.equal(content.length, files[0].bytes);
  assert.match(content.toString(), /SELECT \* FROM orders WHERE id = \d+ AND note LIKE '%第二%'/);

  await page.getByRole("tab", { name: "Statements" }).click();
  await total(page, "90 events");
  await page.getByRole("searchbox", { name: "Search" }).fill("drop table");
  await page.getByRole("searchbox", { name: "Search" }).press("Enter");
  await total(page, "10 events");
  await visit.shot("databases-statements");

  await page.getByRole("button", { name: "Change the policy" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: "Off" }).check();
  await dialog.getByRole("radio", { name: "are hidden at once" }).check();
  await dialog.getByText("All files of this instance are hidden at once").waitFor();
  await visit.shot("databases-policy");
  await dialog.getByRole("radio", { name: "Files are made" }).check();
  await dialog.getByRole("spinbutton").fill("30");
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.locator(".ant-descriptions-item-content").getByText("30 days", { exact: true }).waitFor();
  const policy = await house.ask("GET", `/api/v1/instances/${instance}/audit-policy`);
  assert.equal(policy.keepDays, 30);
  const acts = await house.ask("GET", "/api/v1/events?kind=trail&type=SetAuditPolicy,DownloadAuditFile");
  assert.deepEqual(
    acts.events.map(({ type, userName }: Record<string, string>) => `${type} ${userName}`),
    ["SetAuditPolicy ada", "DownloadAuditFile ada"],
  );
  visit.quiet();
  await visit.context.close();
});

test("an auditor sees the files but sets no policy; another account sees none of it", { skip }, async () => {
  const auditor = await house.visit({ language: "zh", theme: "dark" });
  await auditor.signIn("audrey");
  await auditor.page.getByTestId("timeline").waitFor();
  await auditor.page.goto(`${house.url}/console/databases`);
  await auditor.page.getByTestId("total").waitFor();
  assert.equal(await auditor.page.getByRole("button", { name: "修改策略" }).count(), 0);
  await auditor.shot("databases-zh-dark");
  auditor.quiet();
  await auditor.context.close();

  const { id } = await house.ask("POST", "/api/v1/accounts", { name: "tenant" });
  const { token } = await house.ask("POST", "/api/v1/keys", { role: "admin", account: id });
  await house.ask("POST", "/api/v1/users", { name: "tess", password, role: "admin" }, token);
  const other = await house.visit();
  await other.page.goto(`${house.url}/console/`);
  await other.page.locator("#account").fill("tenant");
  await other.page.locator("#user").fill("tess");
  await other.page.locator("#password").fill(password);
  await other.page.locator("button[type=submit]").click();
  await other.page.getByTestId("timeline").or(other.page.getByText("Newest of high risk")).first().waitFor();
  await other.page.goto(`${house.url}/console/databases?instance=${instance}`);
  await other.page.getByText("No database instance yet").waitFor();
  await other.shot("databases-none");
  const status = await other.page.evaluate(
    `fetch("/api/v1/instances/${instance}/audit-files").then(({ status }) => status)`,
  );
  assert.equal(status, 404);
  await other.page.goto(`${house.url}/console/trails?EventName=DeleteBucket`);
  await other.page.getByText("No API call matches").waitFor();
  await other.context.close();
});

test("on a phone nothing is cut off", { skip }, async () => {
  const visit = await house.visit({ phone: true, language: "zh" });
  await visit.signIn("audrey");
  await visit.page.getByTestId("timeline").waitFor();
  for (const [name, path] of [
    ["databases", "databases"],
    ["statements", "databases?tab=statements"],
    ["calls", "trails?EventName=DeleteBucket"],
    ["trails", "trails?tab=trails"],
  ] as const) {
    await visit.page.goto(`${house.url}/console/${path}`);
    await visit.page.locator("table").first().waitFor();
    await visit.shot(`${name}-zh-phone`);
    const wide = await visit.page.evaluate("document.documentElement.scrollWidth - innerWidth");
    assert.ok(Number(wide) <= 0, `${name} is ${wide} pixels wider than the window`);
  }
  visit.quiet();
  await visit.context.close();
});
