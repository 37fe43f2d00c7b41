// How fast the two sources with a mark are parsed, each in its slowest form: bench/parse.ts in a process of its own, so that it
// has no other work's heap.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Figures } from "./figures.ts";

export function parseRound(figures: Figures, progress: (text: string) => void): void {
  for (const [source, id] of [
    ["sshd", "parse.sshd"],
    ["mariadb-audit", "parse.mariadb"],
  ] as const) {
    progress(`parsing ${source}`);
    const printed = execFileSync(process.execPath, [join(import.meta.dirname, "parse.ts"), "--json", source], {
      encoding: "utf8",
    });
    const rates = printed
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { median: number }).median);
    figures.add("taishi", id, Math.min(...rates));
  }
}
