// GET /api/v1/export: exactly what a filter means, all of it, as it is read: a page in memory at a time, no faster than the client
// takes it. Complete as of a stated size of the log (I5): what is appended meanwhile is not in it, and an export that cannot be
// completed ends its connection instead of looking whole. Ends when its client goes.
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import type { Match } from "../query/event-match.ts";
import { type ListRequest, listFitting, type NumberedEntry, type Queries, type SearchQueries } from "../query/query.ts";
import { csvHead, csvLine } from "./csv.ts";
import {
  attributeParameter,
  filterOf,
  filterShapes,
  matchOf,
  matchShapes,
  parametersOf,
  queryReader,
} from "./filter-query.ts";
import { storedEvent } from "./read-routes.ts";
import type { Route } from "./route.ts";

/** Entries in memory at a time. */
const pageEntries = 200;
const most = { perAccount: 4, inAll: 32 } as const;

const shapes = {
  ...filterShapes,
  ...matchShapes,
  order: Type.Union([Type.Literal("asc"), Type.Literal("desc")], { default: "desc", description: "As of the list." }),
  format: Type.Union([Type.Literal("ndjson"), Type.Literal("csv")], { default: "ndjson" }),
};

const formats = {
  ndjson: {
    type: "application/x-ndjson; charset=utf-8",
    head: "",
    line: (entry: NumberedEntry): string => `${JSON.stringify(storedEvent(entry))}\n`,
  },
  csv: { type: "text/csv; charset=utf-8; header=present", head: csvHead, line: csvLine },
} as const;

type ExportQueries = Pick<Queries, "list"> & Pick<SearchQueries, "search">;

interface Question {
  readonly filter: ListRequest["filter"];
  readonly order: ListRequest["order"];
  readonly match: Match | undefined;
}

export function exportRoute(queries: ExportQueries): Route {
  const read = queryReader(shapes);
  const running = new Map<string, number>();
  return {
    method: "GET",
    path: "/api/v1/export",
    act: "read",
    bodyLimit: 0,
    operationId: "exportEvents",
    audited: { name: "ExportEvents", readOnly: true },
    summary: "Export all events of a filter",
    description:
      "As NDJSON (a StoredEvent a line) or CSV. X-Log-Size says as of how many entries it is complete, X-Total-Count how many events come, except for a search (q, user, ip, content.KEY). At most 4 at once per account.",
    parameters: [...parametersOf(shapes), attributeParameter],
    answer: Type.String({ description: "application/x-ndjson or text/csv" }),
    media: "application/x-ndjson",
    errors: [410],
    handle: async ({ caller, query, gone }) => {
      const { account } = caller;
      const values = read(query);
      const question: Question = {
        filter: filterOf(values, account),
        order: (values.get("order") as "asc" | "desc" | undefined) ?? "desc",
        match: matchOf(values),
      };
      const format = (values.get("format") as "ndjson" | "csv" | undefined) ?? "ndjson";
      const close = admit(running, account);
      try {
        const pages = entriesOf(queries, question);
        // What cannot be answered at all is told as ever.
        const first = await pages.next();
        const { total, size } = first.value!;
        const signal = gone();
        if (signal.aborted) close();
        else signal.addEventListener("abort", close, { once: true });
        return {
          headers: {
            "content-type": formats[format].type,
            "content-disposition": `attachment; filename="taishi-${account}-${size}.${format}"`,
            "x-log-size": String(size),
            ...(total === undefined ? {} : { "x-total-count": String(total) }),
          },
          stream: linesOf(first.value!.entries, pages, formats[format], signal, close),
        };
      } catch (thrown) {
        close();
        throw thrown;
      }
    },
  };
}

/** @throws TaishiError rate-limited */
function admit(running: Map<string, number>, account: string): () => void {
  const mine = running.get(account) ?? 0;
  const all = [...running.values()].reduce((sum, count) => sum + count, 0);
  if (mine >= most.perAccount || all >= most.inAll)
    throw new TaishiError("rate-limited", "Too many exports are running: wait for one to end", { retryAfter: 10 });
  running.set(account, mine + 1);
  let closed = false;
  return () => {
    if (closed) return;
    closed = true;
    const left = running.get(account)! - 1;
    if (left === 0) running.delete(account);
    else running.set(account, left);
  };
}

interface Batch {
  readonly total: number | undefined;
  readonly size: number;
  readonly entries: readonly NumberedEntry[];
}

function entriesOf(queries: ExportQueries, { filter, order, match }: Question): AsyncGenerator<Batch, undefined> {
  return match === undefined ? listed(queries, { filter, order }) : searched(queries, { filter, order, match });
}

async function* listed(
  queries: ExportQueries,
  { filter, order }: Pick<Question, "filter" | "order">,
): AsyncGenerator<Batch, undefined> {
  const limit = pageEntries;
  let page = await listFitting(queries, { filter, order, window: { offset: 0, limit } });
  const { total, size } = page;
  for (let given = 0; ; ) {
    // What came since may lie among them, late, or behind them.
    const entries = page.entries.filter(({ seq }) => seq < size);
    given += entries.length;
    yield { total, size, entries };
    const last = page.entries.at(-1);
    if (given === total) return undefined;
    // Retention may have taken some away meanwhile.
    if (last === undefined || (page.entries.length < limit && !page.cut))
      throw new TaishiError("gone", `only ${given} of ${total} events are still there`);
    const after = { time: last.event.time, seq: last.seq };
    page = await listFitting(queries, { filter, order, window: { after, limit } });
  }
}

async function* searched(
  queries: ExportQueries,
  { filter, order, match }: Question & { readonly match: Match },
): AsyncGenerator<Batch, undefined> {
  const limit = pageEntries;
  let page = await queries.search({ filter, match, order, limit });
  const { size } = page;
  for (;;) {
    yield { total: undefined, size, entries: page.entries };
    if (page.next === null) return undefined;
    page = await queries.search({ filter, match, order, limit, after: page.next, below: size });
  }
}

async function* linesOf(
  first: readonly NumberedEntry[],
  pages: AsyncGenerator<Batch, undefined>,
  { head, line }: (typeof formats)["ndjson" | "csv"],
  gone: AbortSignal,
  close: () => void,
): AsyncGenerator<string> {
  try {
    const begin = head + first.map(line).join("");
    if (begin !== "") yield begin;
    for await (const { entries } of pages) {
      // Whoever stops reading must not leave us reading on; whoever is still there must not take this for the end.
      if (gone.aborted) throw new TaishiError("shutting-down");
      if (entries.length > 0) yield entries.map(line).join("");
    }
  } finally {
    close();
  }
}
