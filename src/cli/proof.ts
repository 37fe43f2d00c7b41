// `taishi proof`: one entry's proof as a file that is enough by itself, straight from the ledger's files.

import { writeFileDurably } from "../durable/files.ts";
import { TaishiError } from "../errors.ts";
import { proveEntry } from "../ledger/prove.ts";
import type { DataFlags } from "./data-directory.ts";
import { handOut, readCount, withLog } from "./log-source.ts";
import { type Definition, dataFlags } from "./verb.ts";

export const proof: Definition = (command, terminal) => {
  dataFlags(command)
    .argument("<seq>", "the entry's number, from 0")
    .requiredOption("--account <id>", "account whose log it is in")
    .option("--out <file>", "where it goes; standard output when absent")
    .action(async (text: string, flags: DataFlags & { account: string; out?: string }) => {
      const seq = readCount(text, "SEQ");
      const proven = await withLog(flags, async (reader, { account, size }) => {
        if (seq >= size) throw new TaishiError("not-found", `the log has no entry ${seq}`, { field: "SEQ" });
        const { note } = await handOut(flags, { size: seq + 1 });
        return proveEntry(reader, account, seq, note);
      });
      if (flags.out === undefined) process.stdout.write(proven);
      else {
        writeFileDurably(flags.out, proven, 0o600);
        terminal.err(`entry ${seq} is proven in ${flags.out}`);
      }
    });
};
