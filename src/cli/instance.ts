// `taishi instance`: the database instances whose audit logs are kept. Each belongs to a project.
import type { Instance } from "../identity/directory.ts";
import { type DataFlags, withOperations } from "./data-directory.ts";
import { shortTime, table } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

type InstanceFlags = DataFlags & { readonly json?: boolean };

export const instance: Definition = (command, terminal) => {
  dataFlags(command.command("create").description("create a database instance in a project"))
    .requiredOption("--project <id>", "project it belongs to")
    .option("--id <id>", 'its id, 32 letters or digits, "in" and two digits; chosen when absent')
    .option(...jsonFlag)
    .action(async (flags: InstanceFlags & { project: string; id?: string }) => {
      const { project, id } = flags;
      const made = await withOperations(flags, { index: false }, (operations) =>
        operations.createInstance({ project, ...(id === undefined ? {} : { id }) }),
      );
      terminal.out(
        flags.json === true
          ? JSON.stringify({ instance: made.id, project: made.project, account: made.account })
          : `instance ${made.id} in project ${made.project} of account ${made.account}`,
      );
    });
  dataFlags(command.command("list").description("list database instances"))
    .option("--project <id>", "only this project's")
    .option(...jsonFlag)
    .action(async (flags: InstanceFlags & { project?: string }) => {
      const input = flags.project === undefined ? {} : { project: flags.project };
      const instances = await withOperations(flags, { index: false }, (operations) => operations.listInstances(input));
      terminal.out(
        flags.json === true ? JSON.stringify({ instances: instances.map(describe) }) : instanceTable(instances),
      );
    });
};

function describe({ id, ...rest }: Instance): object {
  return { instance: id, ...rest };
}

function instanceTable(instances: readonly Instance[]): string {
  return table(
    ["INSTANCE", "PROJECT", "ACCOUNT", "CREATED"],
    instances.map(({ id, project, account, created }) => [id, project, account, shortTime(created)]),
  );
}
