// `taishi log links`: the checkpoints that two keys signed, by which a reader who holds an old key comes to the one in use.
// Straight from the ledger's files, read-only.
import type { Command } from "commander";
import { Fatal, TaishiError } from "../errors.ts";
import { dataPaths } from "../flow/house.ts";
import { LogKeyFiles } from "../flow/log-key-files.ts";
import { publicKeysOf } from "../ledger/log-keys.ts";
import { logVerifier, verifyCheckpointBy } from "../ledger/signer.ts";
import { LedgerReader } from "../ledger/store.ts";
import { formatVerifierKey } from "../merkle/note.ts";
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
        const keys = publicKeysOf(new LogKeyFiles(paths).publicKeys()).map((key) => logVerifier(log.origin, key));
        const signersOf = (note: string, size: number): readonly number[] => {
          try {
            return verifyCheckpointBy(note, keys).by;
          } catch (cause) {
            throw new Fatal(`the checkpoint of size ${size} is not valid`, { hint: "Run `taishi fsck`.", cause });
          }
        };
        const links = reader
          .snapshot()
          .checkpoints.filter((checkpoint) => checkpoint.log === log.id)
          .flatMap(({ note, size }) => {
            const [newer, older] = signersOf(note, size);
            if (newer === undefined || older === undefined) return [];
            return [{ oldKey: formatVerifierKey(keys[older]!), newKey: formatVerifierKey(keys[newer]!), note }];
          });
        if (flags.json === true) terminal.out(JSON.stringify({ links }));
        else for (const { oldKey, newKey, note } of links) terminal.out(`old ${oldKey}\nnew ${newKey}\n\n${note}`);
      } finally {
        reader.close();
      }
    });
}
