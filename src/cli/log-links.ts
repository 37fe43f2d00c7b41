// `taishi log links`: the checkpoints that two keys signed, by which a reader who holds an old key comes to the one in use.
// Straight from the ledger's files, read-only.
import type { Command } from "commander";
import { TaishiError } from "../errors.ts";
import { dataPaths } from "../flow/data-paths.ts";
import { LogKeyFiles } from "../flow/log-key-files.ts";
import { logLinks } from "../ledger/log-links.ts";
import { LedgerReader } from "../ledger/store.ts";
import { type DataFlags, locate } from "./data-directory.ts";
import type { Terminal } from "./terminal.ts";
import { dataFlags, jsonFlag } from "./verb.ts";

export function defineLinks(command: Command, terminal: Terminal): void {
  dataFlags(command.command("links").description("print the checkpoints that link a log's old keys to its newer ones"))
    .requiredOption("--account <id>", "account whose log it is of")
    .option(...jsonFlag)
    .action((flags: DataFlags & { account: string; json?: boolean }) => {
      const { data, secrets } = locate(flags);
      const paths = dataPaths(data, secrets);
      const reader = LedgerReader.open(paths.ledger);
      try {
        const log = reader.log(flags.account);
        if (log === undefined) throw new TaishiError("not-found", `account ${flags.account} has no log`);
        const keys = new LogKeyFiles(paths).publicKeys();
        const links = logLinks(log.origin, reader.linkingCheckpoints(log), keys);
        if (flags.json === true) terminal.out(JSON.stringify({ links }));
        else for (const { oldKey, newKey, note } of links) terminal.out(`old ${oldKey}\nnew ${newKey}\n\n${note}`);
      } finally {
        reader.close();
      }
    });
}
