// The real program as a stranger runs it: ./taishi as a child process, known only by its command line, its standard output
// and its port. Used by the crash program, by tests against the running service, and by the bench.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { root } from "./repository.ts";

/** What `first-key.json` and `key create --json` hold. */
export interface Credentials {
  readonly account: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token: string;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const launcher = join(root, "taishi");
const keptOutput = 64 * 1024;

export class TaishiProcess {
  readonly url: string;
  readonly host: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals>;
  readonly #stdout: () => string;
  readonly #stderr: () => string;

  private constructor(
    child: ChildProcess,
    host: string,
    ended: Promise<number | NodeJS.Signals>,
    stdout: () => string,
    stderr: () => string,
  ) {
    this.#child = child;
    this.#ended = ended;
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.pid = child.pid!;
    this.host = host;
    this.url = `http://${host}`;
  }

  /**
   * Starts `taishi serve` and waits until it says that it listens.
   * @param options.onSpawn is given a way to kill the process while it still starts
   * @throws Error with its standard error where it ends before
   */
  static async serve(options: {
    readonly data: string;
    readonly arguments?: readonly string[];
    /** HOST:PORT; a free port where absent. */
    readonly host?: string;
    readonly environment?: Readonly<Record<string, string>>;
    /** "https" where the arguments name a certificate. */
    readonly scheme?: "http" | "https";
    readonly onSpawn?: (kill: () => void) => void;
  }): Promise<TaishiProcess> {
    const host = options.host ?? `127.0.0.1:${await freePort()}`;
    return TaishiProcess.#start(host, {
      ...options,
      arguments: ["serve", "--data", options.data, "--listen", host, ...(options.arguments ?? [])],
      listens: `taishi listening on ${options.scheme ?? "http"}://${host}`,
    });
  }

  /**
   * Starts `taishi witness` and waits until it says that it listens.
   * @param options.logs verifier keys
   * @throws Error with its standard error where it ends before
   */
  static async witness(options: {
    readonly data: string;
    readonly name: string;
    readonly logs: readonly string[];
    /** HOST:PORT, where it is to be the one of an earlier start. */
    readonly host?: string;
  }): Promise<{ readonly process: TaishiProcess; readonly vkey: string }> {
    const { data, name, logs } = options;
    const host = options.host ?? `127.0.0.1:${await freePort()}`;
    const started = await TaishiProcess.#start(host, {
      arguments: [
        "witness",
        "--data",
        data,
        "--name",
        name,
        "--listen",
        host,
        ...logs.flatMap((log) => ["--log", log]),
      ],
      listens: `taishi witness listening on http://${host}`,
    });
    return { process: started, vkey: started.#stdout().split("\n")[0]! };
  }

  /** Starts `taishi collect` and waits until it says what it does; it has no address. */
  static collect(options: {
    readonly arguments: readonly string[];
    readonly onSpawn?: (kill: () => void) => void;
  }): Promise<TaishiProcess> {
    return TaishiProcess.#start("", {
      ...options,
      arguments: ["collect", ...options.arguments],
      listens: "taishi collect: ",
    });
  }

  static async #start(
    host: string,
    options: {
      readonly arguments: readonly string[];
      readonly listens: string;
      readonly environment?: Readonly<Record<string, string>>;
      readonly onSpawn?: (kill: () => void) => void;
    },
  ): Promise<TaishiProcess> {
    const child = spawn(launcher, options.arguments, {
      env: { ...process.env, ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stdout = collect(child.stdout!);
    const stderr = collect(child.stderr!);
    const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(signal ?? code ?? -1));
    });
    options.onSpawn?.(() => child.kill("SIGKILL"));
    const listens = new Promise<"listens">((resolve) => {
      const look = (): void => {
        if (stdout().includes(options.listens) || stderr().includes(options.listens)) resolve("listens");
      };
      child.stdout!.on("data", look);
      child.stderr!.on("data", look);
    });
    const first = await Promise.race([listens, ended]);
    if (first !== "listens")
      throw new Error(`taishi ${options.arguments[0]} ended with ${first} before it listened:\n${stderr()}${stdout()}`);
    return new TaishiProcess(child, host, ended, stdout, stderr);
  }

  /** What it wrote to standard error, the last 64 KiB. */
  get stderr(): string {
    return this.#stderr();
  }

  /** Resolves with the exit code or the signal. */
  get ended(): Promise<number | NodeJS.Signals> {
    return this.#ended;
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** SIGTERM; resolves with the exit code once it has drained and ended. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#child.kill("SIGTERM");
    return this.#ended;
  }
}

/** Runs `taishi VERB …` to its end. */
export async function taishi(...args: readonly string[]): Promise<CommandResult> {
  return taishiFed("", ...args);
}

/** The same with text on standard input. */
export async function taishiFed(input: string, ...args: readonly string[]): Promise<CommandResult> {
  const child = spawn(launcher, args, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => {}); // it may end before it has read
  child.stdin.end(input);
  const stdout = collect(child.stdout, Number.POSITIVE_INFINITY);
  const stderr = collect(child.stderr);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, stdout: stdout(), stderr: stderr() };
}

/** The JSON that `taishi VERB … --json` prints. @throws Error where the command fails */
export async function taishiJson<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await taishi(...args, "--json");
  if (code !== 0) throw new Error(`taishi ${args.join(" ")} ended with ${code}:\n${stderr}${stdout}`);
  return JSON.parse(stdout) as T;
}

/** The secrets that the first start on a data directory wrote down. */
export function firstKey(data: string): Credentials {
  return JSON.parse(readFileSync(join(data, "first-key.json"), "utf8")) as Credentials;
}

function collect(stream: NodeJS.ReadableStream, limit = keptOutput): () => string {
  let text = "";
  stream.setEncoding("utf8");
  stream.on("data", (piece: string) => {
    text += piece;
    if (text.length > limit) text = text.slice(-limit);
  });
  return () => text;
}
