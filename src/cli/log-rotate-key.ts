// `taishi log rotate-key`: a new signing key for all logs, in the running server or in place.
import type { Command } from "commander";
import { type DataFlags, withOperations } from "./data-directory.ts";
import type { Terminal } from "./terminal.ts";
import { dataFlags, jsonFlag } from "./verb.ts";

const toPublish = `Every log has a checkpoint signed by both keys, the old and the new. Publish the new keys together with these
checkpoints (taishi log links --account ID): who holds an old key verifies the checkpoint with it and takes the new
key over from its first signature. Give the new keys to your witnesses and monitors; until they have them they refuse
what is signed from now on. Copy the secrets directory to where you keep secrets: the old private key is gone.`;

export function defineRotateKey(command: Command, terminal: Terminal): void {
  dataFlags(command.command("rotate-key").description("give the logs a new signing key, linked to the old one"))
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { json?: boolean }) => {
      const logs = await withOperations(flags, { index: false }, (operations) => operations.rotateLogKey());
      if (flags.json === true) {
        terminal.out(JSON.stringify({ logs }));
        return;
      }
      for (const { account, oldKey, newKey } of logs)
        terminal.out(`account ${account}\n  old ${oldKey}\n  new ${newKey}`);
      terminal.out(toPublish);
    });
}
