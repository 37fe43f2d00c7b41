// One thread of a running process watched with strace (Debian's package): its calls on given files, and a fault put into
// exactly one of them. Owns what strace's words mean. What its injections do, tried with version 6.1:
// – error=E:when=N: the N-th call is not made at all, and returns E. The line ends with "(INJECTED)".
// – signal=SIGKILL:when=N: sent as the call is entered; the kernel does not make a call for a task that is being killed, so
//   it leaves no trace in the file. The line ends with "= ?". This is "killed before".
// – delay_exit=T:when=N: the call is made, and the thread held before it sees the answer. The line ends with "(DELAYED)"
//   and is written at once, so whoever reads it can kill the process meanwhile. This is "killed after". strace itself
//   does not get over the death of what it delays, and is killed with it.
// `when` counts per call name and thread, from the moment of attaching, and only calls on the files given with -P.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { ensurePackages } from "./debian.ts";

export type Fault = "EIO" | "ENOSPC" | "killed before" | "killed after";

/** One finished call of the thread. */
export interface Call {
  /** As strace spells it, e.g. "pwrite64". */
  readonly name: string;
  /** The file it is on; of a rename, the new name. */
  readonly path: string;
  readonly succeeded: boolean;
  /** What was injected into it, if anything. */
  readonly fault: "error" | "kill" | "delay" | undefined;
  readonly line: string;
}

export interface Injection {
  /** Name of the call. */
  readonly name: string;
  /** Which of the calls of this name, from 1. */
  readonly nth: number;
  readonly fault: Fault;
}

/** Longer than it takes to read a line and send a signal; the process is dead by then. */
const heldSeconds = 60;
const attachTimeoutMs = 60_000;

/** The reason why nothing can be traced here, or undefined. Installs strace where that may be done. */
export function whyNoStrace(): string | undefined {
  const { missing } = ensurePackages(["strace"]);
  if (missing !== undefined) return missing;
  // Attached to a process that is not its child, as it will be: some machines allow only the other.
  const tried = spawnSync("sh", ["-c", "sleep 1 & exec strace -qq --trace=none --attach=$!"], { encoding: "utf8" });
  if (tried.status === 0) return undefined;
  return `strace may not trace here (ptrace): ${(tried.error?.message ?? tried.stderr).trim()}`;
}

/** The thread's id by its name. @throws Error where the process has no such thread */
export function threadNamed(pid: number, name: string): number {
  for (const task of readdirSync(`/proc/${pid}/task`))
    if (readFileSync(`/proc/${pid}/task/${task}/comm`, "utf8").trim() === name) return Number(task);
  throw new Error(`process ${pid} has no thread named ${name}`);
}

export class Trace {
  readonly calls: Call[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #said: string[] = [];
  #listeners: (() => void)[] = [];
  #newest = performance.now();
  #attached = false;
  #over = false;

  private constructor(child: ChildProcess, kill: () => void) {
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("close", () => resolve()));
    void this.#ended.then(() => {
      this.#over = true;
      this.#tell();
    });
    let rest = "";
    child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
      const lines = (rest + piece).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const call = callOf(line);
        if (call === undefined) {
          if (/^strace: Process \d+ attached/.test(line)) this.#attached = true;
          else this.#said.push(line);
        } else {
          this.calls.push(call);
          this.#newest = performance.now();
          if (call.fault !== "delay") continue;
          kill();
          child.kill("SIGKILL");
        }
      }
      this.#tell();
    });
  }

  /** @param files exact paths; calls on others are neither reported nor counted */
  static async attach(options: {
    readonly thread: number;
    readonly files: readonly string[];
    readonly injection?: Injection | undefined;
    /** How the process is killed, for "killed after". */
    readonly kill: () => void;
  }): Promise<Trace> {
    const child = spawn(
      "strace",
      [
        "--decode-fds=path",
        "--quiet=path-resolution",
        "--trace=%file,%desc",
        "--string-limit=0",
        ...options.files.flatMap((file) => ["-P", file]),
        ...(options.injection === undefined ? [] : [`--inject=${expressionOf(options.injection)}`]),
        `--attach=${options.thread}`,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const trace = new Trace(child, options.kill);
    await trace.until(() => trace.#attached || trace.#over, attachTimeoutMs, "strace attached");
    if (!trace.#attached) throw new Error(`strace did not attach:\n${trace.said}`);
    return trace;
  }

  /** For how long there was no further call. */
  get quietMs(): number {
    return performance.now() - this.#newest;
  }

  /** Whether the thread is gone, or strace let it go. */
  get over(): boolean {
    return this.#over;
  }

  /** What strace said beside calls. */
  get said(): string {
    return this.#said.join("\n");
  }

  /** Waits until it holds; looked at after every line and every few milliseconds. @throws Error after the time */
  async until(holds: () => boolean, timeoutMs: number, what: string): Promise<void> {
    for (const begin = performance.now(); !holds(); ) {
      if (performance.now() - begin > timeoutMs)
        throw new Error(`${what}: not within ${timeoutMs} ms; last calls:\n${this.#last()}\n${this.said}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 10);
        this.#listeners.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Lets the thread go on untraced, or waits for strace where the thread is gone. */
  async end(): Promise<void> {
    if (!this.#over) this.#child.kill("SIGTERM");
    await this.#ended;
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }

  #last(): string {
    return this.calls
      .slice(-10)
      .map(({ line }) => line)
      .join("\n");
  }
}

function expressionOf({ name, nth, fault }: Injection): string {
  const what = {
    EIO: "error=EIO",
    ENOSPC: "error=ENOSPC",
    "killed before": "signal=SIGKILL",
    "killed after": `delay_exit=${heldSeconds}s`,
  }[fault];
  return `${name}:${what}:when=${nth}`;
}

/** The call that a line of strace tells of; undefined for other lines. */
export function callOf(line: string): Call | undefined {
  const found = /^(\w+)\((.*)\)\s+= (.*)$/.exec(line);
  if (found === null) return undefined;
  const [, name, args, result] = found as unknown as [string, string, string, string];
  // A path of its own comes as a string, the file of a descriptor as 12</its/path>.
  const named = [...args.matchAll(/"([^"]*)"(?!\.\.\.)/g)].at(-1)?.[1];
  const open = /^\d+<([^>]*)>/.exec(args)?.[1];
  return {
    name,
    path: open ?? named ?? "",
    succeeded: !result.startsWith("-1") && !result.startsWith("?"),
    fault: result.endsWith("(INJECTED)")
      ? "error"
      : result.endsWith("(DELAYED)")
        ? "delay"
        : result.startsWith("?")
          ? "kill"
          : undefined,
    line,
  };
}
