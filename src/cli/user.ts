// `taishi user`: those who sign in with a password. Passwords come from standard input alone: a command line is seen by
// everyone on the machine and kept in histories.
import type { Command } from "commander";
import { TaishiError } from "../errors.ts";
import type { Offered } from "../flow/operation-names.ts";
import { type Role, roles } from "../identity/caller.ts";
import type { UserInfo } from "../identity/directory-records.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { readSecretLine } from "./secret-line.ts";
import { printable, shortTime, type Terminal, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

type UserFlags = DataFlags & { readonly json?: boolean };

const passwordFlag = ["--password-stdin", "read the password, 8 to 128 characters, from standard input"] as const;
/** More than any password: 128 characters and a line end. */

export const user: Definition = (command, terminal) => {
  dataFlags(command.command("create").description("create a user who signs in with a password"))
    .requiredOption("--account <id>", "account the user belongs to")
    .requiredOption("--name <name>", "unique in the account")
    .option("--role <role>", `${roles.join(", ")} (default auditor)`, readRole)
    .requiredOption(...passwordFlag)
    .option(...jsonFlag)
    .action(async (flags: UserFlags & { account: string; name: string; role?: Role }) => {
      const { account, name, role } = flags;
      const password = await readSecretLine("--password-stdin");
      const made = await withOperations(flags, { index: false }, (operations) =>
        operations.createUser({ account, name, password, ...(role === undefined ? {} : { role }) }),
      );
      terminal.out(
        flags.json === true
          ? JSON.stringify({ user: made.id, account: made.account, name: made.name, role: made.role })
          : `user ${made.id} (${printable(made.name)}), ${made.role} of account ${made.account}`,
      );
    });

  dataFlags(command.command("list").description("list users"))
    .option("--account <id>", "only this account's")
    .option(...jsonFlag)
    .action(async (flags: UserFlags & { account?: string }) => {
      const input = flags.account === undefined ? {} : { account: flags.account };
      const users = await withOperations(flags, { index: false }, (operations) => operations.listUsers(input));
      terminal.out(flags.json === true ? JSON.stringify({ users: users.map(describe) }) : userTable(users));
    });

  const change = (
    name: string,
    summary: string,
    act: (operations: Offered, user: string, password: string) => Promise<UserInfo>,
  ): Command =>
    dataFlags(command.command(name).description(summary))
      .argument("<user>", "its id, as `user list` shows it")
      .option(...jsonFlag)
      .action(async (id: string, flags: UserFlags & { passwordStdin?: boolean }) => {
        const password = flags.passwordStdin === true ? await readSecretLine("--password-stdin") : "";
        const changed = await withOperations(flags, { index: false }, (operations) => act(operations, id, password));
        print(changed, flags, terminal);
      });
  change("disable", "keep a user out until it is enabled; its tokens are void for good", (operations, id) =>
    operations.setUserStatus({ user: id, status: "disabled" }),
  );
  change("enable", "let a disabled user in again", (operations, id) =>
    operations.setUserStatus({ user: id, status: "enabled" }),
  );
  change("delete", "delete a user for ever", (operations, id) => operations.deleteUser({ user: id }));
  change("password", "set a user's password; its tokens are void at once", (operations, id, password) =>
    operations.setUserPassword({ user: id, password }),
  ).requiredOption(...passwordFlag);
};

function readRole(text: string): Role {
  const role = roles.find((known) => known === text);
  if (role === undefined)
    throw new TaishiError("invalid-parameter", `--role: must be one of ${roles.join(", ")}`, { field: "--role" });
  return role;
}

function print(changed: UserInfo, flags: UserFlags, terminal: Terminal): void {
  terminal.out(flags.json === true ? JSON.stringify(describe(changed)) : userTable([changed]));
}

function describe({ id, ...rest }: UserInfo): object {
  return { user: id, ...rest };
}

function userTable(users: readonly UserInfo[]): string {
  return table(
    ["USER", "ACCOUNT", "NAME", "ROLE", "STATUS", "CREATED"],
    users.map(({ id, account, name, role, status, created }) => [
      id,
      account,
      printable(name),
      role,
      status,
      shortTime(created),
    ]),
  );
}
