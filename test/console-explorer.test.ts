// The explorer in real Chromium: pages by number, searches that go on, what comes while one looks, a filter as a file, and searches kept
// by name. Each test leaves what it saw in screenshots/.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { barField, isSearch, readBar, withoutField } from "../console/src/parts/filter.ts";
import { accessible, fits } from "./accessible.ts";
import { browserPackages, ConsoleHouse } from "./browser.ts";

const skip = browserPackages.missing ?? false;
let house: ConsoleHouse;

/** The needle's number; those after it follow in one piece. */
let old: number;
const many = 100_000;
const begin = Date.UTC(2026, 0, 1);
/** The only one of its user; the oldest, so that a search meets it last. */
const needle = {
  kind: "security",
  time: begin - 1_000,
  resource: { type: "node", id: "node-old" },
  type: "SshLogin",
  risk: "High",
  contents: { User: "mallory", SSH: "203.0.113.66 40000 10.0.0.7 22", Tag: 'a "quoted", cell\nof two lines' },
  detail: "mallory came by ssh",
};

before(async () => {
  if (skip !== false) return;
  house = await ConsoleHouse.open();
  await house.user("ada");
  old = (await house.ask("POST", "/api/v1/events", { events: [needle] })).first;
  for (let first = 0; first < many; first += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, i) => {
      const n = first + i;
      return JSON.stringify({
        kind: "security",
        time: begin + n * 1_000,
        resource: { type: "endpoint", id: `ep-${n % 7}` },
        type: "Connection",
        contents: { SourceIP: `10.1.${n % 4}.${n % 200}`, ProcessID: String(n) },
      });
    });
    const answer = await fetch(`${house.url}/api/v1/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${house.credentials.token}`,
        "content-type": "application/x-ndjson",
        "content-encoding": "gzip",
      },
      body: gzipSync(lines.join("\n"), { level: 1 }),
    });
    assert.equal(answer.status, 200);
  }
});

after(async () => {
  await house?.close();
});

async function told(page: Page, place: string, text: RegExp): Promise<void> {
  await page.getByTestId(place).filter({ hasText: text }).waitFor();
}

const rows = (page: Page) => page.locator("tr[data-seq]");

test("the query bar knows its fields, keeps words and phrases, and tells what is no field", () => {
  assert.deepEqual(readBar('type:A,B resource:ep-1 content.Tag:"two words" failed "for root" 12:30 http://x usr:bob'), {
    fields: { type: "A,B", resourceId: "ep-1", "content.Tag": "two words" },
    text: 'failed "for root" 12:30 http://x usr:bob',
    unknown: ["usr"],
  });
  const odd = barField('content.An "odd" name'.replaceAll('"', ""), "a b");
  assert.deepEqual(readBar(odd).fields, { "content.An odd name": "a b" });
  assert.equal(withoutField("a risk:High user:x", "risk"), "a user:x");
  assert.deepEqual(
    [{ q: "a" }, { user: "u" }, { "content.K": "v" }, { type: "T", from: "x" }, { q: undefined }].map(isSearch),
    [true, true, true, false, false],
  );
});

test("from the first page of 100,000 to the last, by its number, and back by the address", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events?q=type:Connection&size=1`);
  await told(page, "total", /^100,000 events$/);
  assert.equal(await rows(page).getAttribute("data-seq"), String(old + many));
  await page.locator(".ant-pagination-options-quick-jumper input").fill("100000");
  await page.keyboard.press("Enter");
  await page.waitForURL(/page=100000/);
  await page.locator(`tr[data-seq="${old + 1}"]`).waitFor();
  await visit.shot("explorer-last-page");
  await page.goBack();
  await page.locator(`tr[data-seq="${old + many}"]`).waitFor();
  await page.goto(`${house.url}/console/events?q=type:Connection&size=1&page=100001`);
  await page.getByRole("button", { name: "To the last page" }).click();
  await page.locator(`tr[data-seq="${old + 1}"]`).waitFor();
  visit.quiet();
  await visit.context.close();
});

test("a search says how far it looked, and goes on to the end", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events`);
  await page.getByRole("searchbox", { name: "Search" }).fill("user:mallory kind:security usr:x");
  await page.keyboard.press("Enter");
  await page.getByText("usr: no such field").waitFor();
  await page.getByRole("searchbox", { name: "Search" }).fill("user:mallory kind:security");
  await page.keyboard.press("Enter");
  await told(page, "searched", /^20,000 events were looked at, as far as 02\/01\/2026/);
  await told(page, "total", /^0 found so far$/);
  await page.getByRole("button", { name: "Search further", exact: true }).waitFor();
  await accessible(page);
  await visit.shot("explorer-search-bounded");
  await page.getByRole("button", { name: "Search further" }).click();
  await told(page, "total", /^1 found; everything was searched$/);
  await page.locator(`tr[data-seq="${old}"]`).waitFor();
  await visit.shot("explorer-search-whole");

  // What is chosen beside the bar is in the address, the columns too.
  await page.getByRole("combobox", { name: "Columns" }).click();
  await page.keyboard.type("Tag");
  await page.locator(".ant-select-item-option", { hasText: "Tag" }).click();
  await page.keyboard.type("Address");
  await page.locator(".ant-select-item-option", { hasText: "Address" }).click();
  await page.keyboard.press("Escape");
  await page.waitForURL(/cols=[^&]*address[^&]*content\.Tag|cols=[^&]*content\.Tag[^&]*address/);
  await page.reload();
  await page.getByRole("columnheader", { name: "Tag" }).waitFor();
  await page.getByRole("button", { name: "Search further" }).click();
  await page.getByText("203.0.113.66 10.0.0.7").waitFor();
  await visit.shot("explorer-columns");
  visit.quiet();
  await visit.context.close();
});

test("an event appended meanwhile appears on top; paused it waits; a lost connection misses nothing", {
  skip,
}, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  const came = (name: string, risk = "High") =>
    house.append({
      kind: "security",
      time: Date.now(),
      resource: { type: "endpoint", id: "ep-live" },
      type: "SshLogin",
      risk,
      detail: name,
    });
  await page.goto(`${house.url}/console/events?q=resource:ep-live&risk=High,Critical`);
  await told(page, "total", /^0 events$/);
  await page.getByRole("button", { name: "Live" }).click();
  await page.locator("[data-testid=live][data-state=watching]").waitFor();
  await came("not of this risk", "Low");
  await came("first while live");
  const first = rows(page).filter({ hasText: "first while live" });
  await first.waitFor();
  assert.equal(await first.getAttribute("data-fresh"), "true");
  assert.equal(await page.getByText("not of this risk").count(), 0);
  await accessible(page);
  await visit.shot("explorer-live");

  await page.getByRole("button", { name: "Pause" }).click();
  await came("second while paused");
  await page.getByText("Paused; 1 waiting").waitFor();
  assert.equal(await page.getByText("second while paused").count(), 0);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText("second while paused").waitFor();
  assert.match((await rows(page).first().textContent()) ?? "", /second while paused/);

  // The next connection ends after its first words, and the one after it is refused: what comes meanwhile is not lost.
  const { stored } = await house.ask("GET", "/api/v1/log");
  let tries = 0;
  await page.route("**/api/v1/tail?*", async (route) => {
    tries++;
    if (tries === 1)
      await route.fulfill({ contentType: "text/event-stream", body: `retry: 3000\nid: ${stored - 1}\n\n` });
    else if (tries === 2) await route.fulfill({ status: 503, json: { title: "not yet" } });
    else await route.continue();
  });
  await page.reload();
  await page.locator("[data-testid=live][data-state=lost]").waitFor();
  await came("third while away");
  await visit.shot("explorer-live-lost");
  await page.locator("[data-testid=live][data-state=watching]").waitFor();
  await page.getByText("third while away").waitFor();
  assert.ok(tries >= 3, `${tries}`);
  await came("fourth after it");
  await page.getByText("fourth after it").waitFor();
  assert.deepEqual(
    (await rows(page).allTextContents()).map((text) => /(first|second|third|fourth)/.exec(text)?.[1]),
    ["fourth", "third", "second", "first"],
  );
  assert.deepEqual(
    visit.complaints.splice(0).filter((text) => !text.includes("503")),
    [],
  );
  await visit.context.close();
});

test("an export is exactly the events of the filter, as lines and as a table", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await page.addInitScript("delete window.showSaveFilePicker"); // as in Firefox and Safari
  await visit.enter("ada");
  const download = async (name: RegExp): Promise<string> => {
    await page.getByRole("button", { name: "Export" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name }).click()]);
    assert.match(file.suggestedFilename(), /^taishi-.*\.(ndjson|csv)$/);
    return readFileSync(await file.path(), "utf8");
  };
  const to = new Date(begin + 2_500_000).toISOString();
  await page.goto(`${house.url}/console/events?q=resource:ep-3&to=${to}`);
  const expected = Array.from({ length: 2_500 }, (_, n) => n).filter((n) => n % 7 === 3);
  await told(page, "total", new RegExp(`^${expected.length} events$`));
  const lines = (await download(/NDJSON/)).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { seq: number }).seq),
    expected.map((n) => old + n + 1).reverse(),
  );
  await page.getByText(`Exported: ${expected.length} events`).waitFor();

  // A search has no total before its end; a line break within a cell is no event.
  await page.goto(`${house.url}/console/events?q=user:mallory+kind:security`);
  await told(page, "searched", /looked at/);
  const table = await download(/CSV/);
  assert.match(table, /^seq,received,time/);
  assert.ok(table.includes("mallory came by ssh"), table);
  await page.getByText("Exported: 1 event,").waitFor();
  visit.quiet();
  await visit.context.close();
});

test("where a page may write to a file the export goes there, shows how far it is, and leaves nothing when cancelled", {
  skip,
}, async () => {
  const visit = await house.visit();
  const { page } = visit;
  // Stands for the browser's dialog, which nobody can press here: a slow disk that counts.
  await page.addInitScript(`
    window.disk = { bytes: 0, closed: 0, aborted: 0, wait: 40 };
    window.showSaveFilePicker = async () => ({ createWritable: async () => ({
      write: async (bytes) => { window.disk.bytes += bytes.length; await new Promise((done) => setTimeout(done, window.disk.wait)); },
      close: async () => { window.disk.closed++; },
      abort: async () => { window.disk.aborted++; },
    }) });`);
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events?q=type:Connection`);
  await told(page, "total", /100,000/);
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /NDJSON/ }).click();
  await told(page, "exporting", /[1-9][\d,]* of 100,000 events/);
  await visit.shot("explorer-export");
  await page.getByTestId("exporting").getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The export was cancelled").waitFor();
  assert.deepEqual(await page.evaluate("[disk.closed, disk.aborted]"), [0, 1]);

  await page.evaluate("disk.bytes = 0; disk.wait = 0");
  await page.goto(`${house.url}/console/events?q=resource:node-old`);
  await told(page, "total", /^1 event$/);
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("menuitem", { name: /NDJSON/ }).click();
  await page.getByText("Exported: 1 event,").waitFor();
  assert.deepEqual(await page.evaluate("[disk.bytes > 200, disk.closed, disk.aborted]"), [true, 1, 0]);
  visit.quiet();
  await visit.context.close();
});

test("a search is kept by a name, renamed, opened with all that was chosen, and deleted", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events?q=resource:node-old&order=asc&cols=time,number&page=1`);
  await told(page, "total", /^1 event$/);
  const saved = page.getByRole("button", { name: "Saved searches" });
  await saved.click();
  await page.getByPlaceholder("Name of the search").fill("the old node");
  await page.getByRole("button", { name: "Save this search" }).click();
  await page.getByRole("button", { name: "the old node", exact: true }).waitFor();
  await page.getByRole("button", { name: "Rename the old node" }).click();
  await page.getByRole("textbox", { name: "Rename" }).fill("node, old");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "node, old", exact: true }).waitFor();
  await accessible(page);
  await visit.shot("explorer-saved");

  await page.goto(`${house.url}/console/events`);
  await saved.click();
  await page.getByRole("button", { name: "node, old", exact: true }).click();
  await told(page, "total", /^1 event$/);
  const { searchParams } = new URL(page.url());
  assert.deepEqual(Object.fromEntries(searchParams), { q: "resource:node-old", order: "asc", cols: "time,number" });
  assert.equal(await page.getByRole("columnheader").count(), 2);

  await saved.click();
  await page.getByRole("button", { name: "Delete node, old" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("None yet").waitFor();
  assert.deepEqual((await house.ask("GET", "/api/v1/searches")).searches, []);
  visit.quiet();
  await visit.context.close();
});

test("an event is told as each cloud's API returns it", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events?event=${old + 1}`);
  await page.getByTestId("proof-good").waitFor();
  await page.getByRole("tab", { name: "As the clouds' APIs tell it" }).click();
  const item = page.getByRole("region", { name: "ark ListAuditLogs 2024-01-01", exact: true });
  assert.match((await item.locator("pre").textContent()) ?? "", /"ResourceId": "ep-0"/);
  await accessible(page);
  await visit.shot("event-dialects");
  visit.quiet();
  await visit.context.close();
});

test("the explorer in Chinese, in the dark, and on a phone", { skip }, async () => {
  for (const [name, view] of Object.entries({
    "zh-dark": { language: "zh", theme: "dark" },
    "phone-zh": { language: "zh", phone: true },
  } as const)) {
    const visit = await house.visit(view);
    const { page } = visit;
    await visit.enter("ada");
    await page.goto(`${house.url}/console/events?q=user:mallory+kind:security&live=1`);
    await page.locator("[data-testid=live][data-state=watching]").waitFor();
    await told(page, "searched", /已查看 20,000 条事件/);
    await page.getByRole("button", { name: "搜索语法" }).click();
    await page.getByText("精确字段").waitFor();
    await visit.shot(`explorer-help-${name}`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "继续搜索" }).click();
    await told(page, "total", /^共找到 1 条，已全部搜索$/);
    await visit.shot(`explorer-search-${name}`);
    await accessible(page);
    await fits(page);
    visit.quiet();
    await visit.context.close();
  }
});
