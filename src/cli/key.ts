// `taishi key`: access keys and their bearer tokens. Secrets are printed once, when they are made.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { TaishiError } from "../errors.ts";
import { readTime } from "../event/time.ts";
import type { Offered } from "../flow/operation-names.ts";
import { type Role, roles } from "../identity/caller.ts";
import type { IssuedKey, KeyInfo } from "../identity/identity-records.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { printable, shortTime, type Terminal, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

type KeyFlags = DataFlags & { readonly json?: boolean };

export const key: Definition = (command, terminal) => {
  dataFlags(command.command("create").description("create a key, or import an existing pair"))
    .requiredOption("--account <id>", "account it acts for")
    .requiredOption("--role <role>", roles.join(", "), readRole)
    .option("--operator", "may also create accounts and import keys, in all accounts")
    .option("--access-key <ak>", "import this access key")
    .option("--secret-key <sk>", "its secret key; better given with --secret-key-stdin")
    .option("--secret-key-stdin", "read the secret key from standard input")
    .option("--expires <time>", "RFC 3339 time from which the key is void")
    .option("--name <name>", "a name to remember it by")
    .option(...jsonFlag)
    .action(
      async (
        flags: KeyFlags & {
          account: string;
          role: Role;
          operator?: boolean;
          accessKey?: string;
          secretKey?: string;
          secretKeyStdin?: boolean;
          expires?: string;
          name?: string;
        },
      ) => {
        const { account, role, operator, accessKey, name } = flags;
        const secretKey = flags.secretKeyStdin === true ? readFileSync(0, "utf8").trim() : flags.secretKey;
        const expires = flags.expires === undefined ? undefined : readTime(flags.expires, "--expires");
        const input = { account, role, operator, accessKey, secretKey, expires, name };
        const issued = await withOperations(flags, { index: false }, (operations) =>
          operations.createKey(withoutUndefined(input)),
        );
        printIssued(issued, flags, terminal);
      },
    );

  dataFlags(command.command("list").description("list keys, without their secrets"))
    .option("--account <id>", "only this account's")
    .option(...jsonFlag)
    .action(async (flags: KeyFlags & { account?: string }) => {
      const input = flags.account === undefined ? {} : { account: flags.account };
      const keys = await withOperations(flags, { index: false }, (operations) => operations.listKeys(input));
      terminal.out(flags.json === true ? JSON.stringify({ keys }) : keyTable(keys));
    });

  const change = (
    name: string,
    summary: string,
    act: (operations: Offered, accessKey: string, flags: { at?: string }) => Promise<KeyInfo>,
  ): Command =>
    dataFlags(command.command(name).description(summary))
      .argument("<access-key>")
      .option(...jsonFlag)
      .action(async (accessKey: string, flags: KeyFlags & { at?: string }) => {
        const info = await withOperations(flags, { index: false }, (operations) => act(operations, accessKey, flags));
        terminal.out(flags.json === true ? JSON.stringify(info) : keyTable([info]));
      });
  change("disable", "make a key void until it is enabled", (operations, accessKey) =>
    operations.setKeyStatus({ accessKey, status: "disabled" }),
  );
  change("enable", "make a disabled key valid again", (operations, accessKey) =>
    operations.setKeyStatus({ accessKey, status: "enabled" }),
  );
  change("delete", "delete a key for ever", (operations, accessKey) => operations.deleteKey({ accessKey }));
  change("expire", "set or clear the time from which a key is void", (operations, accessKey, { at }) =>
    operations.setKeyExpiry(at === undefined ? { accessKey } : { accessKey, expires: readTime(at, "--at") }),
  ).option("--at <time>", "RFC 3339 time; without it the key never expires");

  dataFlags(command.command("rotate").description("give a key a new secret and token; the old ones are void at once"))
    .argument("<access-key>")
    .option(...jsonFlag)
    .action(async (accessKey: string, flags: KeyFlags) => {
      const issued = await withOperations(flags, { index: false }, (operations) => operations.rotateKey({ accessKey }));
      printIssued(issued, flags, terminal);
    });
};

function readRole(text: string): Role {
  const role = roles.find((known) => known === text);
  if (role === undefined)
    throw new TaishiError("invalid-parameter", `--role: must be one of ${roles.join(", ")}`, { field: "--role" });
  return role;
}

function withoutUndefined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function printIssued(issued: IssuedKey, flags: KeyFlags, terminal: Terminal): void {
  const { account, role, accessKey, secretKey, token } = issued;
  if (flags.json === true) {
    terminal.out(JSON.stringify({ account, role, accessKey, secretKey, token }));
    return;
  }
  terminal.out(`account     ${account}`);
  terminal.out(`role        ${role}`);
  terminal.out(`access key  ${accessKey}`);
  terminal.out(`secret key  ${secretKey}`);
  terminal.out(`token       ${token}`);
  terminal.out("Keep them: they are not shown again.");
}

function keyTable(keys: readonly KeyInfo[]): string {
  return table(
    ["ACCESS KEY", "ACCOUNT", "ROLE", "STATUS", "CREATED", "EXPIRES", "NAME"],
    keys.map((info) => [
      info.accessKey,
      info.account,
      info.operator ? `${info.role}, operator` : info.role,
      info.status,
      shortTime(info.created),
      shortTime(info.expires),
      printable(info.name ?? ""),
    ]),
  );
}
