// Administrative acts of the command line, audited: each becomes a trail event in the log of the account concerned and in
// the operators' log, on disk before the command is answered. Reads and appends pass as they are.
import type { Clock } from "../clock.ts";
import { asTaishiError } from "../errors.ts";
import type { CallRecord } from "../exchange.ts";
import { operatorAccount } from "../identity/naming.ts";
import type { Operations } from "./operations.ts";

type Input = Readonly<Record<string, unknown>>;

/** By operation: how the act is called, and whose it is, told by what went in and what came out. */
const acts: Readonly<
  Record<string, { readonly name: string; readonly account: (input: Input, result: Input) => unknown }>
> = {
  createAccount: { name: "CreateAccount", account: (_input, result) => result.id },
  setLogVisibility: { name: "UpdateLogVisibility", account: (input) => input.account },
  setRetention: { name: "UpdateRetention", account: (input) => input.account },
  applyRetention: { name: "ApplyRetention", account: (input) => input.account },
  createKey: { name: "CreateAccessKey", account: (input) => input.account },
  setKeyStatus: { name: "UpdateAccessKeyStatus", account: (_input, result) => result.account },
  setKeyExpiry: { name: "UpdateAccessKeyExpiry", account: (_input, result) => result.account },
  rotateKey: { name: "RotateAccessKey", account: (_input, result) => result.account },
  deleteKey: { name: "DeleteAccessKey", account: (_input, result) => result.account },
  createProject: { name: "CreateProject", account: (input) => input.account },
  createInstance: { name: "CreateInstance", account: (_input, result) => result.account },
  createUser: { name: "CreateUser", account: (input) => input.account },
  setUserPassword: { name: "UpdateUserPassword", account: (_input, result) => result.account },
  setUserStatus: { name: "UpdateUserStatus", account: (_input, result) => result.account },
  deleteUser: { name: "DeleteUser", account: (_input, result) => result.account },
  importAuditFile: { name: "ImportAuditFile", account: (input) => input.account },
  rotateLogKey: { name: "RotateLogKey", account: () => operatorAccount },
  startReindex: { name: "RebuildIndex", account: () => operatorAccount },
};

/** Never told: what opens doors. */
const secrets = new Set(["secretKey", "password", "token"]);

/**
 * The operations with their acts audited.
 * @param write resolves when the event of an act is on disk in that account's log; where it rejects the command fails,
 *   saying so, although the act is done: an act nobody can read about must not pass for a success
 */
export function auditedOperations(
  operations: Operations,
  clock: Clock,
  write: (account: string, record: CallRecord) => Promise<void>,
): Operations {
  return new Proxy(operations, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || typeof name !== "string") return value;
      const act = acts[name];
      const run = (input: Input): Promise<unknown> => (value as (input: Input) => Promise<unknown>).call(target, input);
      if (act === undefined) return run;
      return async (input: Input = {}) => {
        const told = async (result: Input, errorCode?: string): Promise<void> => {
          const record: CallRecord = {
            time: clock.now(),
            source: "taishi",
            name: act.name,
            version: "v1",
            requestId: "",
            userName: "command line",
            address: "localhost",
            userAgent: "taishi",
            readOnly: false,
            parameters: JSON.stringify(input, (key, item: unknown) => (secrets.has(key) ? undefined : item)).slice(
              0,
              4096,
            ),
            errorCode,
          };
          const account = act.account(input, result);
          const accounts = new Set([
            operatorAccount,
            typeof account === "string" && errorCode === undefined ? account : operatorAccount,
          ]);
          for (const log of accounts) await write(log, { ...record, account: log });
        };
        try {
          const result = await run(input);
          await told((result ?? {}) as Input);
          return result;
        } catch (thrown) {
          await told({}, asTaishiError(thrown).code);
          throw thrown;
        }
      };
    },
  });
}
