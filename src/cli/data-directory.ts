// How a command reaches a data directory: through the control socket of the server that owns it, or, when none does, by
// owning it for as long as the command takes.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { settings } from "../config.ts";
import { readOwner } from "../durable/owner.ts";
import { Fatal } from "../errors.ts";
import { remoteOperations } from "../flow/control.ts";
import type { HouseOptions } from "../flow/house.ts";
import type { Offered } from "../flow/operation-names.ts";
import { createLog } from "../log.ts";

export interface DataFlags {
  readonly data?: string;
  readonly secrets?: string;
  readonly anchor?: string;
}

export interface Located {
  readonly data: string;
  readonly secrets: string;
  readonly anchor: string | undefined;
}

export function locate(flags: DataFlags, environment = process.env): Located {
  const data = resolve(flags.data ?? environment[settings.data.env] ?? settings.data.default);
  const secrets = flags.secrets ?? environment[settings.secrets.env];
  const anchor = flags.anchor ?? environment[settings.anchor.env];
  return {
    data,
    secrets: secrets === undefined ? resolve(data, "secrets") : resolve(secrets),
    anchor: anchor === undefined ? undefined : resolve(anchor),
  };
}

/** Runs `work` with the directory's operations; what it opened is closed again. */
export async function withOperations<T>(
  flags: DataFlags,
  options: { readonly index: boolean },
  work: (operations: Offered) => Promise<T>,
): Promise<T> {
  const { data } = locate(flags);
  if (!existsSync(data))
    throw new Fatal(`there is no data directory ${data}`, {
      hint: "Start `taishi serve` once to make one, or give its path with --data.",
    });
  const owner = readOwner(data);
  if (owner?.socket !== undefined) return work(remoteOperations(owner.socket));
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {}); // where opening itself fails nobody races it
  const { openHouse } = await import("../flow/house.ts"); // not waited for where a server has it open already
  const house = await openHouse({
    ...houseOptions(flags),
    index: options.index,
    onFatal: (error) => died.reject(error),
  });
  try {
    return await Promise.race([work(house.operations), died.promise]);
  } finally {
    await house.close();
  }
}

/** What opens a data directory that no server owns, with the defaults of everything a server is told by its flags. */
export function houseOptions(flags: DataFlags): Omit<HouseOptions, "index"> {
  const { data, secrets, anchor } = locate(flags);
  return {
    data,
    secrets,
    anchor,
    log: createLog("warn"),
    segmentBytes: Number(settings.segmentBytes.default),
    segmentSeconds: Number(settings.segmentSeconds.default),
    auditFiles: {
      maxBytes: Number(settings.auditFileBytes.default),
      maxAgeMs: Number(settings.auditFileSeconds.default) * 1000,
      onFailure: () => {}, // tried again by the next server
    },
    onFatal: (error) => {
      throw error;
    },
    deliverFirstKey: () => {
      throw new Fatal(`${data} holds no Taishi data yet`, { hint: "Start `taishi serve` once to set it up." });
    },
  };
}
