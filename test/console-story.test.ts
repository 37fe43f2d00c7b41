// The story of one scripted incident in real Chromium: Mallory logs in, goes into a container, runs a program that connects out, takes a
// key and calls an API; around it the noise of a busy account. Each test leaves what it saw in screenshots/.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fits } from "./accessible.ts";
import { browserPackages, ConsoleHouse, type Visit } from "./browser.ts";

const skip = browserPackages.missing ?? false;
let house: ConsoleHouse;

const begin = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const security = (at: number, type: string, id: string, risk: string, contents: Readonly<Record<string, string>>) => ({
  kind: "security",
  time: begin + at * minute,
  type,
  risk,
  resource: { type: "endpoint", id },
  contents,
});
const call = (at: number, type: string, more: object) => ({
  kind: "trail",
  time: begin + at * minute,
  type,
  source: "iam",
  ...more,
});

const incident = [
  security(0, "SshLogin", "node-7", "Medium", {
    SSH: "203.0.113.66 40000 10.0.0.7 22",
    ProcessID: "4242",
    User: "mallory",
  }),
  security(2, "ContainerLogin", "node-7", "Medium", {
    Arguments: "kubectl exec -it web -- sh",
    ProcessID: "4300",
    ContainerID: "c0ffee",
  }),
  security(3, "VarmorDefence", "node-7", "High", { Process: "curl", ProcessID: "4311", ContainerID: "c0ffee" }),
  security(4, "Connection", "node-7", "Critical", {
    ProcessID: "4311",
    SourceIP: "10.0.0.7",
    DestinationIP: "198.51.100.9",
  }),
  security(5, "KMSAccess", "vault", "Low", { User: "mallory", KeyName: "k" }),
  call(7, "CreateAccessKey", { userName: "mallory", sourceIp: "203.0.113.66", accessKeyId: "AKmallory" }),
  call(40, "DeleteBucket", { userName: "robot", sourceIp: "192.0.2.99", accessKeyId: "AKmallory" }),
];
const noise = Array.from({ length: 900 }, (_, i) =>
  i % 3 === 0
    ? call((i % 120) - 60, "GetUser", { userName: `user-${i}`, sourceIp: `10.9.${i % 250}.1`, accessKeyId: `AK${i}` })
    : security((i % 120) - 60, "Connection", `node-${100 + (i % 50)}`, "Info", {
        ProcessID: "4311",
        SourceIP: `10.8.${i % 250}.${i % 199}`,
        User: "root",
      }),
);
/** The number of the incident's first event; the log has the making of the user before the noise, or not. */
let first: number;

before(async () => {
  if (skip !== false) return;
  house = await ConsoleHouse.open();
  await house.user("ada");
  await house.append(...noise);
  first = (await house.ask("POST", "/api/v1/events", { events: incident })).first;
  await house.append(...noise);
  // A busy endpoint: more than a story tells.
  await house.append(
    ...Array.from({ length: 400 }, (_, i) =>
      security(10_000 + i / 100, "Connection", "busy", "Info", { Note: String(i), SourceIP: "192.0.2.200" }),
    ),
  );
});

after(async () => {
  await house?.close();
});

const seqs = async ({ page }: Visit): Promise<number[]> =>
  (await page.locator("tr[data-seq]").evaluateAll((found) => found.map(({ dataset }) => dataset.seq))).map(Number);
const all = () => incident.map((_, i) => first + i);

test("the story of who came in: in lanes, in order, each joined to the one it follows from", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/sources`);
  await page.getByRole("menuitem", { name: "Story" }).click();
  await page.getByText("Whose story?").waitFor();
  await page.getByRole("link", { name: "endpoint/busy" }).waitFor();
  await accessible(page);
  await visit.shot("story-start");

  await page.getByText("User", { exact: true }).click();
  await page.getByRole("searchbox", { name: "Whose story" }).fill("mallory");
  await page.keyboard.press("Enter");
  await page.waitForURL(/user=mallory/);
  await page
    .getByTestId("story-count")
    .filter({ hasText: /^7 events$/ })
    .waitFor();
  assert.deepEqual(await seqs(visit), all());
  assert.match(
    (await page.getByTestId("story-steps").textContent()) ?? "",
    /Login.*Container.*\+2 min.*Process.*Connection.*Key use.*API call ×2/,
  );
  assert.match((await page.getByTestId("story-who").textContent()) ?? "", /mallory ×3.*robot ×1.*203\.0\.113\.66 ×2/);
  await page.getByText("by these rules nothing is left out").waitFor();
  await accessible(page);
  await visit.shot("story");

  // By keyboard: from the first event to the last, which says how it came into the story.
  const chart = page.getByTestId("lane-chart");
  const mark = (i: number) => chart.locator(`button[data-seq="${first + i}"]`);
  await mark(0).focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  assert.equal(await mark(3).getAttribute("aria-current"), "true");
  assert.match(
    (await page.getByTestId("story-chain").textContent()) ?? "",
    /SshLogin.*What was asked about.*Connection.*same address 10\.0\.0\.7 as SshLogin/,
  );
  await page.keyboard.press("End");
  const chain = (await page.getByTestId("story-chain").textContent()) ?? "";
  assert.match(chain, /CreateAccessKey.*What was asked about.*DeleteBucket.*same access key AKmallory/);
  await visit.shot("story-chain");
  await page.keyboard.press("ArrowUp");
  assert.equal(await mark(5).getAttribute("aria-current"), "true");
  await page.keyboard.press("Enter");
  await page.getByTestId("proof-good").waitFor();
  await visit.shot("story-event");
  await page.getByTestId("story-links").getByRole("link", { name: "203.0.113.66" }).click();
  await page.waitForURL(/ip=203\.0\.113\.66/);
  await page
    .getByTestId("story-count")
    .filter({ hasText: /^7 events$/ })
    .waitFor();
  assert.deepEqual(await seqs(visit), all());

  await page.getByText("To scale").click();
  await page.waitForURL(/scale=time/);
  await mark(6).hover();
  await visit.shot("story-to-scale");
  visit.quiet();
  await visit.context.close();
});

test("from an event's drawer to the story of its resource", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/events?event=${first + 2}`);
  await page.getByTestId("story-links").getByRole("link", { name: "node-7" }).click();
  await page.waitForURL(/story\?resource=node-7&resourceType=endpoint/);
  await page
    .getByTestId("story-count")
    .filter({ hasText: /^7 events$/ })
    .waitFor();
  // The event one came from is the one that is looked at.
  await page.locator(`[data-testid=lane-chart] button[data-seq="${first + 2}"][aria-current=true]`).waitFor();
  visit.quiet();
  await visit.context.close();
});

test("a story says what it leaves out, and where nothing is known what to do", { skip }, async () => {
  const visit = await house.visit();
  const { page } = visit;
  await visit.enter("ada");
  await page.goto(`${house.url}/console/story?resource=busy`);
  await page
    .getByTestId("story-count")
    .filter({ hasText: /^300 events$/ })
    .waitFor();
  await page.getByTestId("story-cut").filter({ hasText: "there are older ones" }).waitFor();
  await visit.shot("story-cut");
  await page.goto(`${house.url}/console/story?user=nobody-here`);
  await page.getByText("Nothing is known of it").waitFor();
  await visit.shot("story-none");
  await page.getByRole("link", { name: "Look among the events" }).click();
  await page.waitForURL(/events\?q=user%3Anobody-here/);
  visit.quiet();
  await visit.context.close();
});

test("the story in Chinese, in the dark, and on a phone", { skip }, async () => {
  for (const [name, view] of Object.entries({
    "zh-dark": { language: "zh", theme: "dark" },
    "phone-zh": { language: "zh", phone: true },
    "phone-dark": { theme: "dark", phone: true },
  } as const)) {
    const visit = await house.visit(view);
    const { page } = visit;
    await visit.enter("ada");
    await page.goto(`${house.url}/console/story?resource=node-7&mark=${first + 6}`);
    await page.getByTestId("story-count").waitFor();
    assert.deepEqual(await seqs(visit), all());
    await visit.shot(`story-${name}`);
    await accessible(page);
    await fits(page);
    visit.quiet();
    await visit.context.close();
  }
});
