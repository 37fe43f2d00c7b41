// What a command needs to know of the operations, without loading what carries them out.
import type { Operations } from "./operations.ts";

/** Events in one append of the command line. */
export const appendChunk = 1000;

/** The operations that may be called through the control socket: all of them. */
export const operationNames = [
  "createAccount",
  "listAccounts",
  "setLogVisibility",
  "setRetention",
  "applyRetention",
  "createKey",
  "listKeys",
  "setKeyStatus",
  "setKeyExpiry",
  "rotateKey",
  "deleteKey",
  "createProject",
  "listProjects",
  "createInstance",
  "listInstances",
  "createUser",
  "listUsers",
  "setUserPassword",
  "setUserStatus",
  "deleteUser",
  "append",
  "importAuditFile",
  "checkpoint",
  "rotateLogKey",
  "startReindex",
  "indexProgress",
] as const satisfies readonly (keyof Operations)[];

/** The operations as a command has them, in place or over the control socket. */
export type Offered = Pick<Operations, (typeof operationNames)[number]>;
