// `taishi list`: the events of an account, straight from the ledger's files, read-only, as of the size at its start. It
// reads the whole log and needs neither the index nor the server: for an operator's look, and for when the rest is down.
import { TaishiError } from "../errors.ts";
import { type Entry, parseEntry, restoreBlobs } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { streamOf } from "../event/stream.ts";
import { formatMillis, readTime } from "../event/time.ts";
import { dataPaths } from "../flow/data-paths.ts";
import { bundleWidth } from "../ledger/bundle.ts";
import { LedgerReader } from "../ledger/store.ts";
import { type DataFlags, locate } from "./data-directory.ts";
import { printable, type Terminal } from "./terminal.ts";
import { type Definition, dataFlags, jsonFlag } from "./verb.ts";

interface ListFlags extends DataFlags {
  readonly account: string;
  readonly kind?: string;
  readonly type?: string;
  readonly risk?: string;
  readonly resourceType?: string;
  readonly resourceId?: string;
  readonly from?: string;
  readonly to?: string;
  readonly order: string;
  readonly limit: number;
  readonly json?: boolean;
}

type Found = { readonly seq: number; readonly entry: Entry };

export const list: Definition = (command, terminal) => {
  dataFlags(command)
    .requiredOption("--account <id>", "account whose log is read")
    .option("--kind <kind>", "only events of this kind")
    .option("--type <type>", "only events of this type")
    .option("--risk <level>", "only events of this risk")
    .option("--resource-type <type>", "only of resources of this type")
    .option("--resource-id <id>", "only of this resource")
    .option("--from <time>", "not before this RFC 3339 time")
    .option("--to <time>", "before this RFC 3339 time")
    .option("--order <order>", "asc or desc, by time", "desc")
    .option("--limit <n>", "how many at the most, 1 to 100000", readLimit, 100)
    .option(...jsonFlag)
    .action((flags: ListFlags) => run(flags, terminal));
};

function readLimit(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 100_000)
    throw new TaishiError("invalid-parameter", "--limit: must be 1 to 100000", { field: "--limit" });
  return limit;
}

function run(flags: ListFlags, terminal: Terminal): void {
  if (flags.order !== "asc" && flags.order !== "desc")
    throw new TaishiError("invalid-parameter", "--order: must be asc or desc", { field: "--order" });
  const { data, secrets } = locate(flags);
  const reader = LedgerReader.open(dataPaths(data, secrets).ledger);
  try {
    const { found, total } = scan(reader, flags, terminal);
    terminal.progress("");
    for (const { seq, entry } of found) {
      const { event, received } = restoreBlobs(entry, (digest) => reader.blob(digest, flags.account, seq));
      terminal.out(
        flags.json === true
          ? JSON.stringify({ seq, received: formatMillis(received), ...event, time: formatMillis(event.time) })
          : printable(`${formatMillis(event.time)}  ${describe(event)}`),
      );
    }
    if (flags.json !== true) terminal.err(`${found.length} of ${total} events`);
  } finally {
    reader.close();
  }
}

/** One line about an event, for people. */
function describe(event: Event): string {
  const { type, risk, resourceType, resourceId } = streamOf(event);
  const where = resourceId === "" ? "" : `  ${resourceType}/${resourceId}`;
  const head = `${risk.padEnd(8)}  ${event.kind}  ${type}${where}  `;
  if (event.kind === "security")
    return head + (event.detail ?? event.contents.map(({ key, value }) => `${key}=${value}`).join(" "));
  if (event.kind === "trail")
    return head + [event.source, event.userName, event.sourceIp, event.errorCode].filter(Boolean).join(" ");
  if (event.kind === "database") return head + [event.user, event.database, event.sql].filter(Boolean).join(" ");
  if (event.kind === "unparsed") return head + event.reason;
  return head + JSON.stringify(event.data);
}

/** The wanted events in order, and how many match in all. Holds at most twice `limit` of them. */
function scan(reader: LedgerReader, flags: ListFlags, terminal: Terminal): { found: readonly Found[]; total: number } {
  const log = reader.log(flags.account);
  if (log === undefined)
    throw new TaishiError("not-found", `there is no account ${flags.account}`, { field: "--account" });
  const from = flags.from === undefined ? Number.NEGATIVE_INFINITY : readTime(flags.from, "--from");
  const to = flags.to === undefined ? Number.POSITIVE_INFINITY : readTime(flags.to, "--to");
  const sign = flags.order === "asc" ? 1 : -1;
  const compare = (a: Found, b: Found): number => sign * (a.entry.event.time - b.entry.event.time || a.seq - b.seq);
  let found: Found[] = [];
  let total = 0;
  for (let n = 0; n * bundleWidth < log.size; n++) {
    const entries = reader.bundle(log.account, n).slice(0, log.size - n * bundleWidth);
    entries.forEach((bytes, i) => {
      const entry = parseEntry(bytes);
      const { event } = entry;
      if (event.time < from || event.time >= to) return;
      const stream = streamOf(event);
      if (flags.kind !== undefined && stream.kind !== flags.kind) return;
      if (flags.type !== undefined && stream.type !== flags.type) return;
      if (flags.risk !== undefined && stream.risk !== flags.risk) return;
      if (flags.resourceType !== undefined && stream.resourceType !== flags.resourceType) return;
      if (flags.resourceId !== undefined && stream.resourceId !== flags.resourceId) return;
      total++;
      found.push({ seq: n * bundleWidth + i, entry });
    });
    if (found.length > 2 * flags.limit) found = found.sort(compare).slice(0, flags.limit);
    if (n % 64 === 0) terminal.progress(`${n * bundleWidth} of ${log.size} entries read`);
  }
  return { found: found.sort(compare).slice(0, flags.limit), total };
}
