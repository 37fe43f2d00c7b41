// How fast the console's overview opens over many events: `node bench/overview.ts [EVENTS]` (10,000,000). Fills a service with
// workload W, signs in with real Chromium, and opens the overview again and again over all of it and over its last 24 hours: from
// the click in the menu until the chart is drawn and nothing loads any more. What the service itself takes for the page's
// five questions, asked at once, is printed beside it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { firstKey, TaishiProcess } from "../test/taishi-process.ts";
import { load } from "./load.ts";
import { latencyOf } from "./statistics.ts";
import { timeOf } from "./workload.ts";

const events = Number(process.argv[2] ?? 10_000_000);
if (!Number.isSafeInteger(events) || events < 1) throw new Error("EVENTS must be a whole number from 1");
const opens = 30;
const kinds = "security,trail,database,unparsed";

const data = mkdtempSync(join(tmpdir(), "taishi-overview-"));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const service = await TaishiProcess.serve({ data });
try {
  const { token } = firstKey(data);
  const loaded = await load({ to: "http", url: service.url, token }, events, (text) =>
    process.stderr.write(`${text}\n`),
  );
  say(`${events} events in ${loaded.seconds.toFixed(0)} s`);
  const end = timeOf(events - 1) + 1;
  const ranges = {
    "all of them": "",
    "the last 24 hours": `from=${new Date(end - 86_400_000).toISOString()}&to=${new Date(end).toISOString()}`,
  };
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
    await page.goto(`${service.url}/console/`);
    await page.getByText("Token", { exact: true }).click();
    await page.locator("#token").fill(token);
    await page.locator("button[type=submit]").click();
    await page.getByTestId("timeline").waitFor();
    for (const [what, range] of Object.entries(ranges)) {
      const questions = [
        `stats?by=risk&buckets=60&kind=${kinds}`,
        `stats/top?by=type&limit=8&kind=${kinds}`,
        `stats/top?by=resource&limit=8&kind=${kinds}`,
        "events?risk=High,Critical&limit=8",
        "status?",
      ].map((question) => `${service.url}/api/v1/${question}${question === "status?" ? "" : `&${range}`}`);
      const asked: number[] = [];
      const opened: number[] = [];
      for (let i = 0; i < opens; i++) {
        const began = performance.now();
        await Promise.all(
          questions.map(async (question) => {
            const answer = await fetch(question, { headers: { authorization: `Bearer ${token}` } });
            if (answer.status !== 200) throw new Error(`${question}: ${await answer.text()}`);
            await answer.text();
          }),
        );
        asked.push(performance.now() - began);

        await page.goto(`${service.url}/console/sources?${range}`);
        await page.getByRole("menuitem", { name: "Overview" }).waitFor();
        // Measured within the page, so that the driver's own time is not in it.
        opened.push(
          await page.evaluate<number>(`new Promise((resolve) => {
            const began = performance.now();
            const look = () => document.querySelector("[data-testid=timeline] canvas") !== null &&
              document.querySelector(".ant-spin-spinning, .ant-skeleton") === null
                ? requestAnimationFrame(() => resolve(performance.now() - began)) : setTimeout(look, 2);
            [...document.querySelectorAll("[role=menuitem]")].find((item) => item.textContent.includes("Overview")).click();
            look();
          })`),
        );
      }
      const questionsTook = latencyOf(asked);
      const pageTook = latencyOf(opened);
      say(
        `overview of ${what}: the service answers its ${questions.length} questions in p50 ${questionsTook.p50.toFixed(1)} ms, p99 ${questionsTook.p99.toFixed(1)} ms; ` +
          `the page is drawn after p50 ${pageTook.p50.toFixed(0)} ms, longest ${pageTook.max.toFixed(0)} ms (${opens} times)`,
      );
    }
  } finally {
    await browser.close();
  }
} finally {
  await service.stop();
  rmSync(data, { recursive: true });
}
