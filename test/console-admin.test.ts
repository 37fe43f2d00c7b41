// Administration in real Chromium: keys whose secret is seen once, users who then sign in, what a role may not do, retention, and
// that each act is in the log and on the page. Each test leaves what it saw in screenshots/.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import { browserPackages, ConsoleHouse, password, type View, type Visit } from "./browser.ts";

const skip = browserPackages.missing ?? false;
let house: ConsoleHouse;

before(async () => {
  if (skip !== false) return;
  house = await ConsoleHouse.open();
  await house.user("ada");
  await house.user("audrey", "auditor");
});

after(async () => {
  await house?.close();
});

const event = { kind: "security", time: Date.now(), resource: { type: "endpoint", id: "ep-1" }, type: "SshLogin" };

/** Signs in by a key's token, as operators do. */
async function signInByToken({ page }: Visit, token: string): Promise<void> {
  assert.match(token, /^tst_[\w-]{43}$/);
  await page.goto(`${house.url}/console/`);
  await page.getByText("Token", { exact: true }).click();
  await page.locator("#token").fill(token);
  await page.locator("button[type=submit]").click();
  await page
    .getByRole("menuitem", { name: "Administration" })
    .waitFor()
    .catch(async (cause: Error) => {
      throw new Error(`not signed in: ${await page.locator("body").innerText()}`, { cause });
    });
}

async function open(visit: Visit, part: string): Promise<void> {
  await visit.page.goto(`${house.url}/console/administration/${part}`);
  await visit.page.getByTestId("acts").locator("table").waitFor();
}

/** Chooses what to do to a row, and waits for the dialog that says what it does. */
async function choose(page: Page, row: string, act: string): Promise<void> {
  await page
    .getByRole("row", { name: row })
    .getByRole("button", { name: /^Actions/ })
    .click();
  await page.getByRole("menuitem", { name: act, exact: true }).click();
  // A trial waits until it stands still.
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click({ trial: true });
}

async function confirm(page: Page, button: string): Promise<void> {
  await page.getByRole("dialog").getByRole("button", { name: button, exact: true }).click();
}

/** The newest acts as the page shows them, in words. */
async function newestAct(page: Page, act: string): Promise<void> {
  await page.getByTestId("acts").getByRole("button", { name: act }).first().waitFor();
}

const appends = (token: string) =>
  fetch(`${house.url}/api/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ events: [event] }),
  });

test("a key's secret is shown once and never again; the key works until it is disabled", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByRole("menuitem", { name: "Administration" }).click();
  await page.getByRole("button", { name: "New access key" }).click();
  await page.getByRole("dialog").getByLabel("What it is for").fill("collector");
  await visit.shot("admin-key-new");
  await confirm(page, "Create the key");

  const once = page.getByTestId("once");
  await once.waitFor();
  const [accessKey = "", secretKey = "", token = ""] = await once.locator("code").allTextContents();
  await visit.shot("admin-key-once");
  assert.equal((await appends(token)).status, 200);
  await page.keyboard.press("Escape");
  assert.ok(await once.isVisible(), "only who says so has kept it");
  await page.getByRole("button", { name: "I have kept it" }).click();
  await once.waitFor({ state: "detached" });
  await page.getByRole("row", { name: /collector/ }).waitFor();
  await newestAct(page, "Create key");
  for (const secret of [secretKey, token]) {
    assert.ok(secret.length > 20);
    assert.ok(!(await page.content()).includes(secret));
  }
  await page.reload();
  await page.getByRole("row", { name: /collector/ }).waitFor();
  const kept = await page.evaluate("document.documentElement.outerHTML + JSON.stringify({ ...localStorage })");
  assert.ok(typeof kept === "string");
  assert.ok(kept.includes(accessKey) && !kept.includes(secretKey) && !kept.includes(token));

  await choose(page, "collector", "Disable");
  await visit.shot("admin-key-disable");
  await confirm(page, "Disable");
  await page
    .getByRole("row", { name: /collector/ })
    .getByText("Disabled")
    .waitFor();
  await newestAct(page, "Disable or enable key");
  await visit.shot("admin-keys");
  assert.equal((await appends(token)).status, 401);

  await choose(page, "collector", "Enable");
  await confirm(page, "Enable");
  await page
    .getByRole("row", { name: /collector/ })
    .getByText("Enabled")
    .waitFor();
  await choose(page, "collector", "New secret");
  await confirm(page, "New secret");
  await once.waitFor();
  const renewed = (await once.locator("code").allTextContents())[2]!;
  assert.notEqual(renewed, token);
  await page.getByRole("button", { name: "I have kept it" }).click();
  assert.deepEqual([(await appends(token)).status, (await appends(renewed)).status], [401, 200]);
  await choose(page, "collector", "Delete");
  await confirm(page, "Delete");
  await page.getByRole("row", { name: /collector/ }).waitFor({ state: "detached" });
  assert.equal((await appends(renewed)).status, 401);
  await newestAct(page, "Delete key");
  visit.quiet();
  await visit.context.close();
});

test("a user is made, signs in, and is signed out when disabled; what the service refuses is told", {
  skip,
}, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByRole("menuitem", { name: "Administration" }).waitFor();
  await open(visit, "users");
  const make = async (name: string) => {
    await page.getByRole("button", { name: "New user" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("User name").fill(name);
    await dialog.getByLabel("Password", { exact: true }).fill(password);
    await dialog.getByLabel("Password, once more").fill(password);
    await confirm(page, "Create the user");
  };
  await make("carol");
  await page.getByRole("row", { name: /carol/ }).waitFor();
  await newestAct(page, "Create user");

  await make("carol");
  await page
    .getByRole("dialog")
    .getByText(/has a user named carol already/)
    .waitFor();
  await visit.shot("admin-user-refused");
  await confirm(page, "Cancel");
  visit.complaints.splice(0); // the browser tells of the refused request

  const other = await house.visit();
  await other.signIn("carol");
  await other.page.getByRole("menuitem", { name: "Overview" }).waitFor();
  await open(visit, "tokens");
  await page.getByRole("row", { name: /carol/ }).waitFor();
  await visit.shot("admin-tokens");
  await open(visit, "users");
  await choose(page, "carol", "Disable");
  await confirm(page, "Disable");
  await page.getByRole("row", { name: /carol/ }).getByText("Disabled").waitFor();
  await visit.shot("admin-users");
  await other.page.goto(`${house.url}/console/events`);
  await other.page.locator("#account").waitFor();
  await other.context.close();
  visit.quiet();
  await visit.context.close();
});

test("an auditor is offered no administration, and refused by address", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("audrey");
  await page.getByRole("menuitem", { name: "Overview" }).waitFor();
  assert.equal(await page.getByRole("menuitem", { name: "Administration" }).count(), 0);
  await page.goto(`${house.url}/console/administration/keys`);
  await page.getByText("Administration is for administrators").waitFor();
  await visit.shot("admin-auditor");
  assert.equal(await page.getByRole("button", { name: "New access key" }).count(), 0);
  const status = await page.evaluate(async () => (await fetch("/api/v1/keys")).status);
  assert.equal(status, 403);
  visit.complaints.splice(0);
  await visit.context.close();
});

test("an operator sets an account's retention by its name; an administrator sees only their own and sets none", {
  skip,
}, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await signInByToken(visit, house.credentials.token);
  await open(visit, "accounts");
  await page.getByRole("button", { name: "New account" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("tenant");
  await confirm(page, "Create the account");
  await page.getByRole("row", { name: /tenant/ }).waitFor();

  await choose(page, "tenant", "Set retention");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Nothing is removed.").waitFor();
  await dialog.getByRole("radio", { name: "Days" }).check();
  await dialog.getByRole("spinbutton").fill("90");
  await dialog.getByText(/Gone within the hour/).waitFor();
  await dialog.getByLabel(/Type the account's name/).fill("default");
  await confirm(page, "Set retention");
  await dialog.getByText("This is not the account's name").waitFor();
  await visit.shot("admin-retention");
  await dialog.getByLabel(/Type the account's name/).fill("tenant");
  await confirm(page, "Set retention");
  await page
    .getByRole("row", { name: /tenant/ })
    .getByText("90 days")
    .waitFor();
  await newestAct(page, "Set retention");
  await visit.shot("admin-accounts");
  const { accounts } = await house.ask("GET", "/api/v1/accounts");
  const tenant = accounts.find(({ name }: { name: string }) => name === "tenant");
  assert.equal(tenant.retentionDays, 90);
  const { events } = await house.ask("GET", "/api/v1/events?kind=trail&type=UpdateRetention");
  assert.deepEqual(events[0].resources, [{ type: "account", id: tenant.id }]);

  await page.getByTestId("acts").getByRole("button", { name: "Set retention" }).first().click();
  await page.getByTestId("proof-good").waitFor();
  await visit.shot("admin-act-proof");
  await page.keyboard.press("Escape");

  await page.getByTestId("proof-good").waitFor({ state: "detached" });

  await page
    .getByRole("row", { name: "tenant" })
    .getByRole("button", { name: /^Actions/ })
    .click();
  await page.getByRole("menuitem", { name: "Its keys" }).click();
  await page.getByText(`Keys of the account ${tenant.id}`).waitFor();
  await page.getByText("No access key yet.").waitFor();
  await page.getByRole("button", { name: "New access key" }).click();
  await page.getByRole("dialog").getByRole("combobox", { name: "Role" }).click();
  await page.locator(".ant-select-item-option", { hasText: /^admin/ }).click();
  await confirm(page, "Create the key");
  await page.getByTestId("once").waitFor();
  const token = (await page.getByTestId("once").locator("code").allTextContents())[2]!;
  visit.quiet();
  await visit.context.close();

  const theirs = await house.visit();
  await signInByToken(theirs, token);
  await open(theirs, "accounts");
  await theirs.page.getByRole("row", { name: "Kept for 90 days" }).waitFor();
  assert.equal(await theirs.page.getByRole("row", { name: /default/ }).count(), 0);
  assert.equal(await theirs.page.getByRole("button", { name: /^Actions|New account/ }).count(), 0);
  await theirs.shot("admin-own-account");
  await open(theirs, "users");
  await theirs.page.getByText("No user yet.").waitFor();
  assert.equal(await theirs.page.getByText("ada", { exact: true }).count(), 0);
  theirs.quiet();
  await theirs.context.close();
});

test("projects and instances are made, in both languages, both themes and on a phone", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.signIn("ada");
  await page.getByRole("menuitem", { name: "Administration" }).waitFor();
  await open(visit, "projects");
  await page.getByRole("button", { name: "New project" }).click();
  await page.getByRole("dialog").getByLabel("Name, like a region").fill("cn-north-4");
  await confirm(page, "Create the project");
  await page.getByRole("row", { name: /cn-north-4/ }).waitFor();
  await page.getByRole("button", { name: "New instance" }).click();
  await confirm(page, "Create the instance");
  await page.getByRole("row", { name: /in\d\d cn-north-4/ }).waitFor();
  await newestAct(page, "Create instance");
  await visit.shot("admin-projects");
  visit.quiet();
  await visit.context.close();

  const views: readonly (View & { readonly parts: readonly string[] })[] = [
    { language: "zh", theme: "dark", parts: ["keys", "projects"] },
    { language: "zh", phone: true, parts: ["keys", "accounts"] },
    { language: "en", theme: "dark", phone: true, parts: ["users", "projects"] },
  ];
  for (const { parts, ...view } of views) {
    const each = await house.visit(view);
    await each.signIn("ada");
    await each.page.getByTestId("timeline").waitFor();
    const name = `${view.language}-${view.theme ?? "light"}${view.phone === true ? "-phone" : ""}`;
    for (const part of parts) {
      await open(each, part);
      await each.shot(`admin-${part}-${name}`);
      const wide = await each.page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.ok(Number(wide) <= 0, `${part} is ${wide} pixels wider than the ${name} window`);
    }
    each.quiet();
    await each.context.close();
  }
});
