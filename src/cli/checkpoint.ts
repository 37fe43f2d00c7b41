// `taishi checkpoint`: the newest signed checkpoint of a log, as the signed note that verifiers take.
import { parseCheckpoint } from "../merkle/checkpoint.ts";
import { parseNote, toBase64 } from "../merkle/note.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

export const checkpoint: Definition = (command, terminal) => {
  dataFlags(command)
    .requiredOption("--account <id>", "account whose log it is of")
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { account: string; json?: boolean }) => {
      const { note, time } = await withOperations(flags, { index: false }, (operations) =>
        operations.checkpoint({ account: flags.account }),
      );
      const { origin, size, root } = parseCheckpoint(parseNote(note).text);
      if (flags.json === true) terminal.out(JSON.stringify({ origin, size, root: toBase64(root), time, note }));
      else process.stdout.write(note);
    });
};
