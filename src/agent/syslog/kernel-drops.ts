// How many datagrams the kernel threw away because nobody had read them in time: the last column of /proc/net/udp, where
// there is such a file (Linux). proc(5).
import { readIfPresent } from "../../durable/files.ts";

/** Of all sockets of this process's network at that port; undefined where the system does not tell. */
export function kernelDrops(port: number): number | undefined {
  const tables = ["/proc/net/udp", "/proc/net/udp6"].map((path) => readIfPresent(path));
  if (tables.every((table) => table === undefined)) return undefined;
  return tables.reduce((sum, table) => sum + dropsIn(table ?? "", port), 0);
}

/** The first line is a heading; of the others the second word is ADDRESS:PORT in hexadecimal and the last the drops. */
export function dropsIn(table: string, port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  let drops = 0;
  for (const line of table.split("\n").slice(1)) {
    const words = line.trim().split(/\s+/);
    const count = Number(words.at(-1));
    if (words[1]?.endsWith(hex) && Number.isSafeInteger(count)) drops += count;
  }
  return drops;
}
