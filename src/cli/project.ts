// `taishi project`: the projects that a cloud's clients name in their paths. Each belongs to an account and is named like a
// region, by which those clients find it.
import type { Project } from "../identity/directory.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { shortTime, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

type ProjectFlags = DataFlags & { readonly json?: boolean };

export const project: Definition = (command, terminal) => {
  dataFlags(command.command("create").description("create a project of an account"))
    .requiredOption("--account <id>", "account it belongs to")
    .requiredOption("--name <region>", "unique in the account, as clients name the region, e.g. cn-north-4")
    .option("--id <hex>", "its id, 32 lower-case hex digits; chosen when absent")
    .option(...jsonFlag)
    .action(async (flags: ProjectFlags & { account: string; name: string; id?: string }) => {
      const { account, name, id } = flags;
      const made = await withOperations(flags, { index: false }, (operations) =>
        operations.createProject({ account, name, ...(id === undefined ? {} : { id }) }),
      );
      terminal.out(
        flags.json === true
          ? JSON.stringify({ project: made.id, account: made.account, name: made.name })
          : `project ${made.id} (${made.name}) of account ${made.account}`,
      );
    });
  dataFlags(command.command("list").description("list projects"))
    .option("--account <id>", "only this account's")
    .option(...jsonFlag)
    .action(async (flags: ProjectFlags & { account?: string }) => {
      const input = flags.account === undefined ? {} : { account: flags.account };
      const projects = await withOperations(flags, { index: false }, (operations) => operations.listProjects(input));
      terminal.out(flags.json === true ? JSON.stringify({ projects: projects.map(describe) }) : projectTable(projects));
    });
};

function describe({ id, ...rest }: Project): object {
  return { project: id, ...rest };
}

function projectTable(projects: readonly Project[]): string {
  return table(
    ["PROJECT", "ACCOUNT", "NAME", "CREATED"],
    projects.map(({ id, account, name, created }) => [id, account, name, shortTime(created)]),
  );
}
