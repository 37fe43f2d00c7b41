// Collecting within the service: starts the agent's thread, appends what it sends, and shows how it is beside the agents
// elsewhere.
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import type { AgentStatus } from "../agent/agent.ts";
import { sources } from "../agent/catalog.ts";
import { readAgentConfig } from "../agent/config.ts";
import { Fatal, TaishiError } from "../errors.ts";
import type { Appender } from "../ledger/port.ts";
import { readText } from "./collector.ts";
import type { CollectorInput, CollectorOrder, CollectorWord } from "./collector-thread.ts";
import { appenderDestination } from "./event-destination.ts";
import { startThread } from "./start-thread.ts";

const maxEvents = 10_000;

export interface CollectingOptions {
  /** The agent's configuration file, with `account` in place of `server`. */
  readonly file: string;
  /** Where the spool is when the file does not say. */
  readonly defaultSpool: string;
  readonly appender: Appender;
  readonly accountExists: (account: string) => boolean;
  readonly onStatus: (account: string, status: AgentStatus) => void;
  readonly onFatal: (error: Fatal) => void;
  readonly logLevel: string;
}

export class Collecting {
  readonly #worker: Worker;
  readonly #ended: Promise<void>;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#ended = new Promise((done) => worker.once("exit", () => done()));
  }

  /** @throws TaishiError where the configuration is wrong; Fatal where the spool is not to be had */
  static async start(options: CollectingOptions): Promise<Collecting> {
    const { file, appender, onStatus, onFatal, logLevel } = options;
    const config = readAgentConfig(readText(file), sources, file);
    const { account } = config;
    if (account === undefined || config.server !== undefined)
      throw new TaishiError(
        "invalid-parameter",
        `${file}: ${account === undefined ? "account is required where the service itself collects" : "server: the service itself collects; name only the account"}`,
        { field: account === undefined ? "account" : "server" },
      );
    if (!options.accountExists(account))
      throw new TaishiError("not-found", `${file}: there is no account ${account}`, { field: "account" });
    const base = dirname(resolve(file));
    const worker = startThread("collector", {
      config,
      base,
      agentName: config.agent ?? (hostname().replace(/[^A-Za-z0-9._-]/g, "-") || "service"),
      spoolDirectory: config.spool === undefined ? options.defaultSpool : resolve(base, config.spool),
      logLevel,
    } satisfies CollectorInput);
    const collecting = new Collecting(worker);
    const destination = appenderDestination(appender, account, maxEvents);
    const tell = (order: CollectorOrder): void => worker.postMessage(order);
    await new Promise<void>((ready, refuse) => {
      // Until it is ready a failure is its starter's to tell.
      let fail = (error: Fatal): void => refuse(error);
      worker.on("message", (word: CollectorWord) => {
        if ("ready" in word) {
          fail = onFatal;
          ready();
        } else if ("failed" in word)
          fail(new Fatal(`collecting stopped: ${word.failed}`, word.hint === undefined ? {} : { hint: word.hint }));
        else if ("status" in word) onStatus(account, word.status);
        else
          destination.send(word.body, new AbortController().signal).then(
            (delivery) => tell({ answer: word.send, delivery }),
            (cause: unknown) => fail(new Fatal("what was collected could not be appended", { cause })),
          );
      });
      worker.on("error", (cause) => fail(new Fatal(`the collecting thread failed: ${String(cause)}`, { cause })));
    });
    return collecting;
  }

  /** What is not yet appended stays in the spool. */
  async close(): Promise<void> {
    this.#worker.postMessage({ stop: true } satisfies CollectorOrder);
    await this.#ended;
  }
}
