// How a thread's program is started: from beside this file, as source in a clone and compiled in the installed package.
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";

/**
 * A thread of this house. Its young generation is small: it lives on buffers, not on objects. The launcher's flag for the
 * main thread would hold for it too, so it is set again before the thread's heap is made.
 */
export function startThread(name: "writer" | "index" | "pruner" | "collector", workerData: unknown): Worker {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  setFlagsFromString("--max-semi-space-size=4");
  return new Worker(new URL(`./${name}-thread.${extension}`, import.meta.url), { workerData, name });
}
