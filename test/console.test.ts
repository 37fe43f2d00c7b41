// The console in real Chromium: signing in and out, what roles may see, an investigation from the overview to one event, its
// proof, both languages, both themes, a phone. Each test leaves what it saw in screenshots/.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { accessible, fits } from "./accessible.ts";
import { browserPackages, ConsoleHouse, password } from "./browser.ts";
import { root } from "./repository.ts";
import { taishi } from "./taishi-process.ts";

const skip = browserPackages.missing ?? false;
let house: ConsoleHouse;

const hour = 3_600_000;
/** The incident is an hour old; everything else happened in the day before. */
const incidentAt = Date.now() - hour;
const noise = 2_400;

before(async () => {
  if (skip !== false) return;
  house = await ConsoleHouse.open();
  await house.user("ada");
  await house.user("audrey", "auditor");
  await house.user("wilma", "writer");
  const types = ["SshLogin", "ContainerLogin", "Connection", "KMSAccess"];
  await house.append(
    ...Array.from({ length: noise }, (_, i) => ({
      kind: "security",
      time: incidentAt - 20 * hour + i * 30_000,
      resource: { type: "endpoint", id: `ep-${i % 7}` },
      type: types[i % types.length],
      risk: i % 40 === 0 ? "Medium" : i % 9 === 0 ? "Low" : "Info",
      contents: { User: `user-${i % 11}`, SourceIP: `10.1.${i % 4}.${i % 200}` },
      detail: `routine ${i}`,
    })),
    {
      kind: "security",
      time: incidentAt,
      resource: { type: "endpoint", id: "ep-breach" },
      type: "ContainerBreakout",
      risk: "Critical",
      contents: { User: "mallory", Process: "/tmp/escape", SourceIP: "203.0.113.9" },
      detail: "mallory tried to leave the container by /tmp/escape",
    },
  );
});

after(async () => {
  await house?.close();
});

test("the link of the first start makes the first user, once", { skip }, async () => {
  const empty = await ConsoleHouse.open();
  try {
    const { consoleLink } = JSON.parse(readFileSync(join(empty.data, "first-key.json"), "utf8")) as {
      consoleLink: string;
    };
    const visit = await empty.visit();
    const { page } = visit;
    await page.goto(empty.url + consoleLink);
    await page.locator("#user").fill("first");
    await page.locator("#password").fill(password);
    await visit.shot("first-link");
    await page.locator("button[type=submit]").click();
    await page.getByTestId("timeline").waitFor();
    assert.equal(new URL(page.url()).hash, "", "the token stays in the address");
    visit.quiet();
    await page.context().clearCookies();
    await page.goto("about:blank");
    await page.goto(empty.url + consoleLink);
    await page.locator("#user").fill("second");
    await page.locator("#password").fill(password);
    await page.locator("button[type=submit]").click();
    await page.getByRole("alert").waitFor();
    await visit.shot("first-link-used");
  } finally {
    await empty.close();
  }
});

test("a wrong password is told, the right one opens, signing out closes", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await page.goto(`${house.url}/console/`);
  await page.locator("#user").waitFor();
  await accessible(page);
  visit.quiet();
  await visit.signIn("ada", "not the password");
  await page.getByRole("alert").waitFor();
  assert.match((await page.getByRole("alert").textContent()) ?? "", /user name or password is wrong/);
  await visit.shot("wrong-password");
  visit.complaints.splice(0); // Chromium tells every 401
  await page.locator("#password").fill(password);
  await page.locator("button[type=submit]").click();
  await page.getByTestId("timeline").waitFor();
  const cookies = await visit.context.cookies();
  assert.deepEqual(
    cookies.map(({ httpOnly, sameSite, path }) => ({ httpOnly, sameSite, path })),
    [{ httpOnly: true, sameSite: "Strict", path: "/" }],
  );
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByText("Sign out").click();
  await page.locator("#user").waitFor();
  // An address from before shows nothing: the session is over at the service.
  await page.goto(`${house.url}/console/events`);
  await page.locator("#user").waitFor();
  const answer = await visit.context.request.get(`${house.url}/api/v1/events`, {
    headers: { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") },
  });
  assert.equal(answer.status(), 401);
  await visit.context.close();
});

/** Waits until the page tells this total. */
async function shows(page: Page, total: number): Promise<void> {
  await page
    .getByTestId("total")
    .filter({ hasText: new RegExp(`^\\D*${total.toLocaleString("en-US")}\\D*$`) })
    .waitFor();
}

test("roles decide what is shown", { skip }, async () => {
  const auditor = await house.visit();
  await auditor.signIn("audrey");
  await auditor.page.getByTestId("timeline").waitFor();
  assert.equal(await auditor.page.getByRole("menuitem", { name: "Administration" }).count(), 0);
  await auditor.shot("auditor");
  auditor.quiet();
  await auditor.context.close();
  const writer = await house.visit();
  await writer.signIn("wilma");
  await writer.page.waitForURL("**/console/api-explorer");
  await writer.page.getByText("Append events").waitFor();
  assert.equal(await writer.page.getByRole("menuitem", { name: "Events" }).count(), 0);
  await writer.shot("writer");
  writer.quiet();
  await writer.context.close();
});

test("from the overview to one event, by the chart and the filters", { skip }, async () => {
  const visit = await house.visit({ moving: true });
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByTestId("timeline").waitFor();
  const total = async (): Promise<number> =>
    Number((await page.getByTestId("total").textContent())?.replace(/\D/g, "") ?? Number.NaN);
  await page.getByText("24 h").first().click();
  await page.waitForURL(/last=last24h/);
  await accessible(page);
  await visit.shot("overview");
  // The service's own audit of this visit is in it too.
  assert.ok((await total()) > noise && (await total()) < noise + 100, `${await total()}`);

  // Dragging over the chart's right half narrows the range everywhere.
  const box = (await page.getByTestId("timeline").boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.5, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.98, box.y + 110, { steps: 8 });
  await page.mouse.up();
  await page.waitForURL(/from=/);
  const { searchParams } = new URL(page.url());
  const expected = await house.ask(
    "GET",
    `/api/v1/stats?buckets=1&by=risk&kind=security,trail,database,unparsed&from=${searchParams.get("from")}&to=${searchParams.get("to")}`,
  );
  await shows(page, expected.total);
  assert.ok(expected.total > 1 && expected.total < noise, `${expected.total}`);

  await page.getByRole("link", { name: /mallory tried to leave/ }).click();
  await page.getByTestId("proof-good").waitFor();
  await page.getByText("203.0.113.9").first().waitFor();
  await accessible(page);
  await visit.shot("event");
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox", { name: "Search" }).fill("type:ContainerBreakout");
  await page.keyboard.press("Enter");
  await shows(page, 1);
  await visit.shot("explorer");
  await accessible(page);
  visit.quiet();
  await visit.context.close();
});

test("the proof of an event is green, and red once the stored event was altered", { skip }, async () => {
  const altering = await ConsoleHouse.open();
  try {
    await altering.user("ada");
    await altering.append({
      kind: "security",
      time: incidentAt,
      resource: { type: "endpoint", id: "ep-1" },
      type: "SshLogin",
      risk: "High",
      contents: { User: "mallory" },
    });
    const { events } = await altering.ask("GET", "/api/v1/events?kind=security");
    const { seq } = events[0];
    const visit = await altering.visit();
    const { page } = visit;
    await visit.signIn("ada");
    await page.getByTestId("timeline").waitFor();
    await page.goto(`${altering.url}/console/events?event=${seq}`);
    await page.getByTestId("proof-good").waitFor();
    visit.quiet();

    // The service itself lies: it shows another user than the log has.
    await page.route(`**/api/v1/events/${seq}`, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace("mallory", "alice") });
    });
    await page.reload();
    await page.getByTestId("proof-refused").waitFor();
    assert.match((await page.getByTestId("proof-refused").textContent()) ?? "", /contents.*alice.*mallory/s);
    await visit.shot("proof-answer-altered");
    await page.unroute(`**/api/v1/events/${seq}`);

    // Somebody edits the ledger's own file beside the running service (which would not start on it again).
    const file = readdirSync(join(altering.data, "ledger")).find((name) => /^\d+\.db$/.test(name))!;
    const database = new DatabaseSync(join(altering.data, "ledger", file));
    const changed = database
      .prepare(
        "UPDATE entry SET bytes = CAST(replace(CAST(bytes AS TEXT), 'mallory', 'mallary') AS BLOB) WHERE seq = ?",
      )
      .run(seq);
    assert.equal(changed.changes, 1);
    database.close();
    await page.goto(`${altering.url}/console/events?event=${seq}`);
    await page.getByTestId("proof-refused").waitFor();
    await page.getByText("mallary").first().waitFor();
    await visit.shot("proof-ledger-altered");
  } finally {
    await altering.close();
  }
});

test("after the log's key was rotated the proof leads from the key that the browser knows to the new one, or is red", {
  skip,
}, async () => {
  const rotating = await ConsoleHouse.open();
  try {
    await rotating.user("ada");
    await rotating.append({
      kind: "security",
      time: incidentAt,
      resource: { type: "endpoint", id: "e" },
      type: "SshLogin",
    });
    const { events } = await rotating.ask("GET", "/api/v1/events?kind=security");
    const address = `${rotating.url}/console/events?event=${events[0].seq}`;
    const visit = await rotating.visit();
    const { page } = visit;
    await visit.signIn("ada");
    await page.getByTestId("timeline").waitFor();
    await page.goto(address);
    await page.getByTestId("proof-good").waitFor();

    const rotate = () => taishi("log", "rotate-key", "--data", rotating.data);
    assert.equal((await rotate()).code, 0);
    assert.equal((await rotate()).code, 0);
    await page.goto(address);
    await page.getByText("rotated 2 times since then").waitFor();
    await page.getByTestId("proof-good").waitFor();
    await visit.shot("proof-rotated");
    await page.reload();
    await page.getByTestId("proof-good").waitFor();
    assert.equal(await page.getByText("since then").count(), 0, "the new key is remembered");
    visit.quiet();

    // A service that shows another key, and a link that the known one did not sign.
    await page.route("**/api/v1/log/links", async (route) => {
      const answer = await route.fetch();
      const { links } = await answer.json();
      await route.fulfill({ json: { links: [{ ...links[0], oldKey: links[1].newKey }] } });
    });
    await page.route("**/api/v1/log", async (route) => {
      const answer = await route.fetch();
      const state = await answer.json();
      const { links } = await rotating.ask("GET", "/api/v1/log/links");
      await route.fulfill({ json: { ...state, vkey: links[0].newKey } });
    });
    await page.reload();
    await page.getByTestId("proof-refused").waitFor();
    assert.match((await page.getByTestId("proof-refused").textContent()) ?? "", /the key of/);
    await visit.shot("proof-other-key");
  } finally {
    await rotating.close();
  }
});

test("in Chinese, in the dark, and on a phone", { skip }, async () => {
  for (const [name, view] of Object.entries({
    "zh-dark": { language: "zh", theme: "dark" },
    "phone-zh": { language: "zh", phone: true },
    "phone-dark": { theme: "dark", phone: true },
  } as const)) {
    const visit = await house.visit(view);
    await visit.signIn("ada");
    await visit.page.getByTestId("timeline").waitFor();
    await visit.shot(`overview-${name}`);
    await accessible(visit.page);
    await visit.page.goto(`${house.url}/console/events?q=type:ContainerBreakout`);
    await visit.page.getByTestId("total").waitFor();
    await visit.shot(`explorer-${name}`);
    await accessible(visit.page);
    await fits(visit.page);
    visit.quiet();
    await visit.context.close();
  }
  const visit = await house.visit();
  await visit.signIn("ada");
  await visit.page.getByRole("button", { name: "中文" }).click();
  await visit.page.getByRole("menuitem", { name: "概览" }).waitFor();
  assert.equal(await visit.page.locator("html").getAttribute("lang"), "zh-CN");
  await visit.context.close();
});

test("nothing comes flying for those who asked their system for that", { skip }, async () => {
  for (const moving of [true, false]) {
    const { page, context } = await house.visit({ moving });
    await page.addInitScript(`globalThis.moved = 0;
      document.addEventListener("transitionrun", ({ target }) => (moved += target.closest(".ant-drawer") ? 1 : 0), true);`);
    await page.goto(`${house.url}/console/`);
    await page.locator("#account").fill("default");
    await page.locator("#user").fill("ada");
    await page.locator("#password").fill(password);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: /mallory tried to leave/ }).click();
    await page.getByTestId("proof-good").waitFor();
    assert.equal((await page.evaluate<number>("moved")) > 0, moving);
    await context.close();
  }
});

test("the first load is below 350 kB gzip", { skip }, async (context) => {
  const visit = await house.visit();
  const loaded = new Set<string>();
  visit.page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith("/console/")) loaded.add(pathname);
  });
  const sizeOf = (paths: Iterable<string>): number =>
    [...paths]
      .map((path) => path.replace("/console/", "") || "index.html")
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(root, "console/dist", name)), { level: 6 }).length, 0);
  await visit.page.goto(`${house.url}/console/`);
  await visit.page.locator("#user").waitFor();
  const first = sizeOf(loaded);
  context.diagnostic(`sign-in: ${first} bytes gzip in ${loaded.size} files`);
  await visit.signIn("ada");
  await visit.page.getByTestId("timeline").waitFor();
  context.diagnostic(`with the overview and its chart: ${sizeOf(loaded)} bytes gzip in ${loaded.size} files`);
  assert.ok(first < 350_000, `${first}`);
  await visit.context.close();
});
