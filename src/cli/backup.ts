// `taishi backup` and `taishi restore`: copies of a data directory that verify, and what they may take the place of.

import { systemClock } from "../clock.ts";
import { backUp, restore as putBack } from "../flow/backup.ts";
import { appendEvents } from "../flow/event-appender.ts";
import { openHouse } from "../flow/house.ts";
import { type DataFlags, houseOptions, locate } from "./data-directory.ts";
import { readSecretLine } from "./secret-line.ts";
import { printable, shortTime } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

interface BackupFlags extends DataFlags {
  readonly withSecrets?: boolean;
  readonly passphraseStdin?: boolean;
  readonly json?: boolean;
}

export const backup: Definition = (command, terminal) => {
  dataFlags(command)
    .argument("<dir>", "where the backup is, or will be")
    .option("--passphrase-stdin", "put the secrets in too, sealed with a passphrase read from standard input")
    .option(...jsonFlag)
    .action(async (directory: string, flags: BackupFlags) => {
      const passphrase = flags.passphraseStdin === true ? await readSecretLine("--passphrase-stdin") : undefined;
      const report = await backUp(directory, locate(flags), passphrase, (text) => terminal.progress(text));
      terminal.progress("");
      const { copied, kept, bytes, entries, problems } = report;
      if (flags.json === true) terminal.out(JSON.stringify({ ok: problems.length === 0, ...report }));
      else {
        for (const problem of problems) terminal.out(printable(problem));
        terminal.out(
          `${copied} files copied, ${kept} unchanged, ${bytes} bytes, ${entries} entries: ` +
            (problems.length === 0 ? "verified" : `${problems.length} problems found`),
        );
      }
      process.exitCode = problems.length === 0 ? 0 : 1;
    });
};

export const restore: Definition = (command, terminal) => {
  dataFlags(command)
    .argument("<dir>", "where the backup is")
    .option("--new-log", "start new logs from the backup where the old ones have signed more since")
    .option("--passphrase-stdin", "unseal the backup's secrets with a passphrase read from standard input")
    .option(...jsonFlag)
    .action(async (directory: string, flags: BackupFlags & { newLog?: boolean }) => {
      const passphrase = flags.passphraseStdin === true ? await readSecretLine("--passphrase-stdin") : undefined;
      const places = locate(flags);
      const report = await putBack(directory, places, { newLog: flags.newLog === true, passphrase }, (text) =>
        terminal.progress(text),
      );
      terminal.progress("");
      if (report.continued !== undefined) {
        const house = await openHouse({ ...houseOptions(flags), index: false });
        try {
          for (const { account, ...former } of report.continued)
            await appendEvents(house.ledger, account, [
              {
                data: { ...former, backupMade: report.made },
                kind: "system",
                resource: { id: account, type: "log" },
                time: systemClock.now(),
                type: "LogRestored",
              },
            ]);
        } finally {
          await house.close();
        }
      }
      if (flags.json === true) terminal.out(JSON.stringify(report));
      else {
        terminal.out(`restored ${report.entries} entries as of ${shortTime(report.made)} to ${places.data}`);
        if (report.replaced !== undefined) terminal.out(`what was there is now in ${report.replaced}`);
        if (report.continued === undefined)
          terminal.out(
            "If the service has signed checkpoints since this backup that are in no anchor given here, whoever holds one will see a contradiction: restore with --new-log then.",
          );
        else
          terminal.out(
            `${report.continued.length} new logs continue the former ones; publish their keys anew (taishi log key)`,
          );
      }
    });
};
