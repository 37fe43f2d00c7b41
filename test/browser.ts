// The console as a person meets it: the real program on a data directory of its own, and a real Chromium that is driven
// through it. Whatever a page complains of, and whatever it asks of another origin, is kept, and fails the test that looks.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { ensurePackages } from "./debian.ts";
import { root } from "./repository.ts";
import { type Credentials, firstKey, TaishiProcess } from "./taishi-process.ts";

/** Where tests leave what they saw; not kept in the repository. */
export const screenshots = join(root, "screenshots");

/** A browser, and letters for both languages. */
export const browserPackages = ensurePackages(["chromium", "fonts-noto-cjk"]);

export const password = "correct horse battery staple";

export interface View {
  readonly language?: "en" | "zh";
  readonly theme?: "light" | "dark";
  /** 390×844 instead of 1280×800. */
  readonly phone?: boolean;
  /** With what moves; else as somebody who asked their system for none of it, and as fast. */
  readonly moving?: boolean;
}

/** A page and what must not have happened on it. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors of the console, of scripts, and requests that left the origin, since the last look. */
  readonly complaints: string[];
  /** Signs in by the form, and waits for the first page. */
  signIn(user: string, given?: string): Promise<void>;
  /** Is signed in, on no page yet: by the form the first time of a user, with that session later. */
  enter(user: string): Promise<void>;
  /** Waits until nothing is loading any more, and leaves a screenshot. */
  shot(name: string): Promise<void>;
  /** @throws AssertionError where anything was complained of */
  quiet(): void;
}

export class ConsoleHouse {
  readonly data: string;
  readonly credentials: Credentials;
  readonly browser: Browser;
  readonly service: TaishiProcess;

  readonly #sessions = new Map<string, Awaited<ReturnType<BrowserContext["cookies"]>>>();

  private constructor(data: string, service: TaishiProcess, browser: Browser) {
    this.data = data;
    this.service = service;
    this.credentials = firstKey(data);
    this.browser = browser;
  }

  /** @param flags of `taishi serve` beside its data and its address */
  static async open(...flags: readonly string[]): Promise<ConsoleHouse> {
    const data = mkdtempSync(join(tmpdir(), "taishi-console-"));
    const service = await TaishiProcess.serve({ data, arguments: flags });
    try {
      // A sandbox of the browser's own cannot be had by root, nor in most containers; it opens nothing but this console.
      const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
      return new ConsoleHouse(data, service, browser);
    } catch (thrown) {
      await service.kill();
      throw thrown;
    }
  }

  get url(): string {
    return this.service.url;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.service.stop();
    rmSync(this.data, { recursive: true });
  }

  /** Asks the own API with a token, the first key's where none is given. @returns what a 2xx answered with */
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, each looked at member by member
  async ask(method: string, path: string, body?: unknown, token = this.credentials.token): Promise<any> {
    const answer = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  }

  async append(...events: readonly object[]): Promise<void> {
    for (let i = 0; i < events.length; i += 1_000)
      await this.ask("POST", "/api/v1/events", { events: events.slice(i, i + 1_000) });
  }

  /** A user of the first account who can sign in with `password`. */
  async user(name: string, role: "admin" | "auditor" | "writer" = "admin"): Promise<void> {
    await this.ask("POST", "/api/v1/users", { name, password, role });
  }

  /** A browser's window of its own: nothing is remembered from another. */
  async visit({ language = "en", theme = "light", phone = false, moving = false }: View = {}): Promise<Visit> {
    const context = await this.browser.newContext({
      locale: language === "zh" ? "zh-CN" : "en-GB",
      timezoneId: "Asia/Shanghai",
      colorScheme: theme,
      viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
      ...(phone ? { hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : {}),
      reducedMotion: moving ? "no-preference" : "reduce",
      acceptDownloads: true,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning")
        complaints.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      const address = request.url();
      if (!/^(data|blob):/.test(address) && new URL(address).origin !== this.url) complaints.push(`asked ${address}`);
    });
    const { url } = this;
    const sessions = this.#sessions;
    const visit: Visit = {
      page,
      context,
      complaints,
      signIn: async (user, given = password) => {
        await page.goto(`${url}/console/`);
        await page.locator("#account").fill("default");
        await page.locator("#user").fill(user);
        await page.locator("#password").fill(given);
        await page.locator("button[type=submit]").click();
      },
      enter: async (user) => {
        const known = sessions.get(user);
        if (known !== undefined) {
          await context.addCookies(known);
          await page.addInitScript("localStorage.setItem('taishi-signed-in', '')");
          return;
        }
        await visit.signIn(user);
        await page.getByTestId("timeline").waitFor();
        sessions.set(user, await context.cookies());
      },
      shot: async (name) => {
        mkdirSync(screenshots, { recursive: true });
        await page.locator(".ant-spin-spinning, .ant-skeleton").first().waitFor({ state: "hidden" });
        await page.screenshot({ path: join(screenshots, `${name}.png`), animations: "disabled" });
      },
      quiet: () => assert.deepEqual(complaints.splice(0), []),
    };
    return visit;
  }
}
