// `taishi reindex`: deletes the index and makes it anew from the ledger (I4), in the running server or in place.
import { setTimeout as pause } from "node:timers/promises";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

const lookEveryMs = 100;

export const reindex: Definition = (command, terminal) => {
  dataFlags(command)
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { json?: boolean }) => {
      const events = await withOperations(flags, { index: true }, async (operations) => {
        await operations.startReindex();
        for (;;) {
          const { covered, size } = await operations.indexProgress();
          terminal.progress(`${covered} of ${size} entries`);
          if (covered >= size) return covered;
          await pause(lookEveryMs);
        }
      });
      terminal.progress("");
      terminal.out(flags.json === true ? JSON.stringify({ entries: events }) : `${events} entries indexed`);
    });
};
