// Loads W into a system and says how fast it went: starts the load client's process, lets it make its bodies beforehand,
// stretch by stretch, so that memory is bounded however large W is, and adds up the time of the sending alone.
import { fork } from "node:child_process";
import { join } from "node:path";

export type Target =
  | { readonly to: "http"; readonly url: string; readonly token: string }
  | { readonly to: "postgres"; readonly socketDirectory: string };

export type Command =
  | { readonly do: "connect"; readonly target: Target; readonly connections: number }
  | { readonly do: "make"; readonly first: number; readonly count: number; readonly batch: number }
  | { readonly do: "go" }
  | { readonly do: "close" };

export type Report =
  | { readonly did: "connect" | "close" }
  | { readonly did: "make"; readonly bytes: number }
  | { readonly did: "go"; readonly seconds: number; readonly acknowledgedMs: readonly number[] }
  | { readonly did: "fail"; readonly why: string };

export const batch = 500;
export const connections = 4;
const stretch = 1_000_000;

export interface LoadResult {
  readonly events: number;
  /** Of the bodies as sent. */
  readonly bytes: number;
  readonly seconds: number;
  /** Per second, for each stretch of a million. */
  readonly rates: readonly number[];
  /** From sending a batch to its acknowledgement, milliseconds. */
  readonly acknowledgedMs: readonly number[];
}

export async function load(target: Target, events: number, progress: (text: string) => void): Promise<LoadResult> {
  const child = fork(join(import.meta.dirname, "load-process.ts"), {
    execArgv: ["--disable-warning=ExperimentalWarning"],
    serialization: "advanced",
  });
  const ask = <D extends Report["did"]>(command: Command, did: D): Promise<Extract<Report, { did: D }>> =>
    new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the load client ended with ${code}`));
      child.once("exit", ended);
      child.once("message", (report: Report) => {
        child.off("exit", ended);
        if (report.did === did) resolve(report as Extract<Report, { did: D }>);
        else reject(new Error(report.did === "fail" ? report.why : `the load client answered ${report.did}`));
      });
      child.send(command);
    });
  try {
    await ask({ do: "connect", target, connections }, "connect");
    let bytes = 0;
    let seconds = 0;
    const rates: number[] = [];
    const acknowledgedMs: number[] = [];
    for (let first = 0; first < events; first += stretch) {
      const count = Math.min(stretch, events - first);
      progress(`${target.to}: making events ${first} to ${first + count}`);
      bytes += (await ask({ do: "make", first, count, batch }, "make")).bytes;
      progress(`${target.to}: sending`);
      const sent = await ask({ do: "go" }, "go");
      seconds += sent.seconds;
      rates.push(count / sent.seconds);
      for (const ms of sent.acknowledgedMs) acknowledgedMs.push(ms);
    }
    await ask({ do: "close" }, "close");
    return { events, bytes, seconds, rates, acknowledgedMs };
  } finally {
    child.kill();
  }
}
