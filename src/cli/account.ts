// `taishi account`: tenants. Each has its own log, which nobody else sees.
import { Option } from "commander";
import { type LogVisibility, logVisibilities } from "../identity/account-settings.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { printable, shortTime, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

export const account: Definition = (command, terminal) => {
  dataFlags(command.command("create").description("create an account and its log"))
    .requiredOption("--name <name>", "unique name")
    .option("--id <digits>", "its number; chosen when absent")
    .option("--salted", "put a random salt into every entry, so that hashes of entries can be made public")
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { name: string; id?: string; salted?: boolean; json?: boolean }) => {
      const { name, id, salted } = flags;
      const made = await withOperations(flags, { index: false }, (operations) =>
        operations.createAccount({
          name,
          ...(id === undefined ? {} : { id }),
          ...(salted === undefined ? {} : { salted }),
        }),
      );
      terminal.out(flags.json === true ? JSON.stringify({ account: made.id }) : `account ${made.id} (${made.name})`);
    });
  dataFlags(command.command("list").description("list accounts"))
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { json?: boolean }) => {
      const accounts = await withOperations(flags, { index: false }, (operations) => operations.listAccounts());
      if (flags.json === true) terminal.out(JSON.stringify({ accounts }));
      else
        terminal.out(
          table(
            ["ACCOUNT", "NAME", "ENTRIES", "LOG", "CREATED"],
            accounts.map(({ id, name, size, logVisibility, created }) => [
              id,
              printable(name),
              String(size),
              logVisibility,
              shortTime(created),
            ]),
          ),
        );
    });
  dataFlags(command.command("set").description("set who may read an account's log over HTTP"))
    .requiredOption("--id <digits>", "the account")
    .addOption(
      new Option("--log-visibility <who>", "private: only its own keys; hashes: anyone, but no entries; all: anyone")
        .choices(logVisibilities)
        .makeOptionMandatory(),
    )
    .option(...jsonFlag)
    .action(async (flags: DataFlags & { id: string; logVisibility: LogVisibility; json?: boolean }) => {
      const { id, logVisibility } = flags;
      await withOperations(flags, { index: false }, (operations) =>
        operations.setLogVisibility({ account: id, visibility: logVisibility }),
      );
      terminal.out(
        flags.json === true ? JSON.stringify({ account: id, logVisibility }) : `account ${id}: log ${logVisibility}`,
      );
    });
};
