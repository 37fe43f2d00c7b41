// How much disk must stay free for appends to be accepted. Owns the rule and the measurement; decides nothing and keeps no
// timer: whoever owns one asks about once a second (one statfs call) and refuses appends with disk-full while below.
import { type StatsFs, statfsSync } from "node:fs";
import { Fatal } from "../errors.ts";

const gibibyte = 1024 ** 3;
const share = 0.05;

export interface DiskState {
  /** Bytes an unprivileged process may still write. */
  readonly free: number;
  readonly floor: number;
  /** Whether free is less than floor. */
  readonly below: boolean;
}

export interface DiskFloor {
  /** @throws Fatal where the file system cannot be asked: the data directory is gone */
  check(): DiskState;
}

/**
 * Watches the file system that holds `path`. Unless minBytes is given the floor is 1 GiB or 5 % of the file system,
 * whichever is smaller, so that small disks work too; it follows a file system that grows. 0 turns the floor off.
 * @throws Fatal where minBytes is not a whole number of bytes
 */
export function diskFloor(
  path: string,
  { minBytes }: { readonly minBytes?: number | undefined } = {},
  statfs: (path: string) => Pick<StatsFs, "bsize" | "blocks" | "bavail"> = statfsSync,
): DiskFloor {
  if (minBytes !== undefined && !(Number.isSafeInteger(minBytes) && minBytes >= 0))
    throw new Fatal(`the floor of free disk cannot be ${minBytes}`, {
      hint: "Give a whole number of bytes, 0 or more.",
    });
  return {
    check() {
      let stats: Pick<StatsFs, "bsize" | "blocks" | "bavail">;
      try {
        stats = statfs(path);
      } catch (cause) {
        throw new Fatal(`the free space of ${path} cannot be told: ${(cause as Error).message}`, {
          hint: "Check that the data directory exists and its file system is mounted.",
          cause,
        });
      }
      const free = stats.bavail * stats.bsize;
      const floor = minBytes ?? Math.min(gibibyte, Math.floor(stats.blocks * stats.bsize * share));
      return { free, floor, below: free < floor };
    },
  };
}
