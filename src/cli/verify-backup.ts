// `taishi verify` of a backup: its files by their digests, and each log in it from its bytes to its signatures. One log key
// signs all logs of a service, so the key of one is enough for all.
import { checkBackup } from "../flow/backup.ts";
import { shortTime, type Terminal } from "./terminal.ts";
import type { Trust } from "./trust.ts";
import type { Verdict } from "./verdict.ts";

const mostProblems = 100;

export async function verifyBackup(
  directory: string,
  { logKeys }: Trust,
  terminal: Pick<Terminal, "progress">,
): Promise<Verdict> {
  const { manifest, entries, checkpoints, problems } = await checkBackup(
    directory,
    // In the order given: those of before a rotation first.
    { retired: logKeys.slice(0, -1).map(({ publicKey }) => publicKey), current: logKeys.at(-1)!.publicKey },
    (text) => terminal.progress(text),
  );
  const { service, made, logs, files } = manifest;
  return {
    kind: "backup",
    problems: problems.slice(0, mostProblems).map((what) => ({ path: directory, what })),
    problemCount: problems.length,
    claim: `the backup of service ${service}`,
    facts: [
      ["made", shortTime(made)],
      ["files", String(files.length)],
      ["entries", String(entries)],
      ["checkpoints", String(checkpoints)],
      ...logs.map(({ origin, size }) => ["log", `${origin} of ${size} entries`] as const),
    ],
    data: { service, made, entries, checkpoints, logs: logs.map(({ origin, size }) => ({ origin, size })) },
  };
}
