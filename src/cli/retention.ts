// `taishi retention`: how long an account's events are kept. The tree stays whole: proofs that were handed out hold, and
// proofs of what remains are still made.
import { InvalidArgumentError } from "commander";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { printable, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

export const retention: Definition = (command, terminal) => {
  dataFlags(command.command("set").description("set for how many days an account's events are kept"))
    .requiredOption("--account <id>", "the account")
    .option("--days <n>", "days since an event was received", wholeNumber)
    .option("--forever", "keep them for ever, as at the beginning")
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { account: string; days?: number; forever?: boolean; json?: boolean }) => {
      const { account, forever } = flags;
      if ((flags.days === undefined) === (forever !== true))
        command.error("error: give either --days or --forever", { exitCode: 2 });
      const days = flags.days ?? null;
      await withOperations(flags, { index: false }, (operations) => operations.setRetention({ account, days }));
      if (flags.json === true) terminal.out(JSON.stringify({ account, days }));
      else terminal.out(`account ${account}: events are kept ${days === null ? "for ever" : `for ${days} days`}`);
    });
  dataFlags(command.command("show").description("print every account's setting and minimum index"))
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { json?: boolean }) => {
      const accounts = await withOperations(flags, { index: false }, (operations) => operations.listAccounts());
      const shown = accounts.map(({ id, name, retentionDays, minimumIndex, size }) => ({
        account: id,
        name,
        days: retentionDays,
        minimumIndex,
        size,
      }));
      if (flags.json === true) terminal.out(JSON.stringify({ accounts: shown }));
      else
        terminal.out(
          table(
            ["ACCOUNT", "NAME", "KEPT", "FIRST ENTRY", "ENTRIES"],
            shown.map(({ account, name, days, minimumIndex, size }) => [
              account,
              printable(name),
              days === null ? "for ever" : `${days} d`,
              String(minimumIndex),
              String(size),
            ]),
          ),
        );
    });
  dataFlags(command.command("apply").description("remove now what is past its retention; a server does so hourly"))
    .option("--account <id>", "only this account's")
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { account?: string; json?: boolean }) => {
      const outcomes = await withOperations(flags, { index: true }, (operations) =>
        operations.applyRetention(flags.account === undefined ? {} : { account: flags.account }),
      );
      if (flags.json === true) terminal.out(JSON.stringify({ accounts: outcomes }));
      else if (outcomes.length === 0) terminal.out("no account has a retention set; see `taishi retention set`");
      else
        for (const { account, minimum, removed } of outcomes)
          terminal.out(
            removed === 0
              ? `account ${account}: nothing in a closed file is past its retention`
              : `account ${account}: ${removed} entries removed, the first that is kept is ${minimum}`,
          );
    });
};

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("must be a whole number of days from 1");
  return Number(text);
}
