// Retention in one closed file of the ledger, on a thread of its own: it takes seconds, and neither appends nor queries
// wait for it.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type Pruned, pruneSegment } from "../ledger/prune-segment.ts";
import { serveCalls } from "./thread-calls.ts";

export interface PrunerInput {
  readonly directory: string;
}

await serveCalls(parentPort as MessagePort, async () => {
  const { directory } = workerData as PrunerInput;
  return {
    ready: undefined,
    handlers: {
      prune: ({ number, minimums }: { number: number; minimums: ReadonlyMap<string, number> }): Pruned | undefined =>
        pruneSegment(directory, number, minimums),
      close: (): void => {},
    },
  };
});
