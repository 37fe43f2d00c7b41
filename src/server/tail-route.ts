// GET /api/v1/tail: what is appended, as it is, as Server-Sent Events (WHATWG HTML §9.2). In the order of numbers, so a client that
// comes back with the number it saw last misses nothing and sees nothing twice. Entries are read once for all who follow a log.
// Bounded per account and in all; ends with the credentials it was opened with.
import { setTimeout as delay } from "node:timers/promises";
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { canonicalJson } from "../event/canonical.ts";
import { entryTest, filterTest } from "../query/event-match.ts";
import type { NumberedEntry, SearchQueries } from "../query/query.ts";
import { mostPageText, textWeight } from "../query/weight.ts";
import {
  attributeParameter,
  filterOf,
  filterShapes,
  matchOf,
  matchShapes,
  parametersOf,
  queryReader,
  refuse,
} from "./filter-query.ts";
import { storedEvent } from "./read-routes.ts";
import type { Call, Route } from "./route.ts";

/** How often a log is looked at, in milliseconds, and what happens how many looks apart. */
const lookMs = 200;
/** Between two batches of one that is behind: the thread is everybody's. */
const paceMs = 10;
const looksPerCheck = 5;
const looksPerHeartbeat = 75;
/** Entries read at a time, and kept of a log while somebody follows it. */
const batchEntries = 256;
const retryMs = 3_000;
const most = { perAccount: 16, inAll: 256 } as const;

const shapes = {
  ...filterShapes,
  ...matchShapes,
  after: Type.Integer({
    minimum: -1,
    description:
      "Begin behind the event of this number; -1: with the first. Absent: with what is appended from now on.",
  }),
};

export interface TailOptions {
  readonly queries: Pick<SearchQueries, "range">;
  /** Entries of an account's log that are acknowledged. */
  readonly size: (account: string) => number;
}

export function tailRoute(options: TailOptions): Route {
  const read = queryReader(shapes);
  const tails = new Tails(options);
  return {
    method: "GET",
    path: "/api/v1/tail",
    act: "read",
    bodyLimit: 0,
    passive: true,
    operationId: "tailEvents",
    audited: { name: "TailEvents", readOnly: true },
    summary: "Follow what is appended",
    description:
      "Server-Sent Events: a message per event, its id the event's number, its data a StoredEvent. Give the last id as `after` or as Last-Event-ID to go on. Heartbeats come every 15 s. `event: end` says that the credentials are no longer good. With a token or a session; at most 16 per account.",
    parameters: [
      ...parametersOf(shapes),
      attributeParameter,
      {
        name: "Last-Event-ID",
        in: "header",
        schema: Type.String(),
        description: "As a browser sends it when it comes back; counts before `after`.",
      },
    ],
    answer: Type.String({ description: "text/event-stream" }),
    media: "text/event-stream",
    handle: async (call) => {
      const { caller, query, session } = call;
      const values = read(query);
      const filter = filterOf(values, caller.account);
      const match = matchOf(values);
      const isMeant = filterTest(filter);
      const test = match === undefined ? undefined : entryTest(match);
      const size = options.size(caller.account);
      const after = lastEventId(call) ?? (values.get("after") as number | undefined) ?? size - 1;
      if (after >= size) throw refuse("after", `is beyond the log, which has ${size} events`);
      if (!call.stillValid())
        throw new TaishiError("forbidden", "a tail is opened with a bearer token or a session, not with a signature");
      const stream = tails.follow({
        account: caller.account,
        after,
        isWanted: (entry) => isMeant(entry.event) && (test === undefined || test.matches(entry)),
        stillValid: call.stillValid,
        gone: call.gone(),
      });
      // A page comes back whenever its connection broke: it is told once.
      if (session !== undefined) {
        const { account: _account, ...asked } = filter;
        call.tell({ silent: !session.tellOnce(`tail ${canonicalJson({ asked, ...(match && { match }) })}`) });
      }
      return {
        headers: { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" },
        stream,
      };
    },
  };
}

interface Following {
  readonly account: string;
  readonly after: number;
  readonly isWanted: (entry: NumberedEntry) => boolean;
  readonly stillValid: () => boolean;
  readonly gone: AbortSignal;
}

class Tails {
  readonly #options: TailOptions;
  readonly #open = new Map<string, { tails: number; feed: Feed }>();
  #inAll = 0;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** @throws TaishiError rate-limited where there are too many already */
  follow(following: Following): AsyncIterable<string> {
    const { account } = following;
    const open = this.#open.get(account) ?? { tails: 0, feed: new Feed(account, this.#options) };
    if (open.tails >= most.perAccount || this.#inAll >= most.inAll)
      throw new TaishiError("rate-limited", "Too many tails are open: close one", { retryAfter: 30 });
    open.tails++;
    this.#inAll++;
    this.#open.set(account, open);
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      open.tails--;
      this.#inAll--;
      if (open.tails === 0) this.#open.delete(account);
    };
    // A client may go before anything was read of its answer.
    if (following.gone.aborted) close();
    else following.gone.addEventListener("abort", close, { once: true });
    return messages(following, open.feed, close);
  }
}

async function* messages(following: Following, feed: Feed, close: () => void): AsyncGenerator<string> {
  const { isWanted, stillValid, gone } = following;
  let after = following.after;
  try {
    yield `retry: ${retryMs}\nid: ${after}\n\n`;
    for (let looks = 0; !gone.aborted; looks++) {
      if (looks % looksPerCheck === 0 && !stillValid()) {
        yield 'event: end\ndata: {"reason":"credentials"}\n\n';
        return;
      }
      const { entries, next } = await feed.read(after + 1);
      const grew = next > after + 1;
      after = next - 1;
      const text = entries.filter(isWanted).map(message).join("");
      if (text !== "") {
        yield text;
        // The next round begins with a look at the credentials: the client may have taken its time.
        looks = -1;
      } else if (looks % looksPerHeartbeat === looksPerHeartbeat - 1) {
        // Where nothing matches a client still learns from where it may go on.
        yield `id: ${after}\n: heartbeat\n\n`;
      }
      await delay(grew ? paceMs : lookMs, undefined, { signal: gone }).catch(() => {});
    }
  } finally {
    close();
  }
}

function message(entry: NumberedEntry): string {
  return `id: ${entry.seq}\ndata: ${JSON.stringify(storedEvent(entry))}\n\n`;
}

/** The newest entries of one log, read once for all who follow it; whoever is further behind reads by itself. */
class Feed {
  readonly #account: string;
  readonly #options: TailOptions;
  /** Entries from #first to before #next, in one piece but for those past their retention; no more than fit in an answer. */
  #entries: readonly NumberedEntry[] = [];
  #first = 0;
  #next = 0;
  #reading: { readonly first: number; readonly batch: ReturnType<SearchQueries["range"]> } | undefined;

  constructor(account: string, options: TailOptions) {
    this.#account = account;
    this.#options = options;
  }

  /** At most a batch from a number on; none, with `next` that number, where the log has none yet. */
  async read(first: number): ReturnType<SearchQueries["range"]> {
    if (first >= this.#options.size(this.#account)) return { entries: [], next: first };
    if (first >= this.#first && first < this.#next)
      return { entries: this.#entries.filter(({ seq }) => seq >= first), next: this.#next };
    if (this.#reading?.first === first) return this.#reading.batch;
    const batch = this.#options.queries.range(this.#account, first, batchEntries);
    const reading = { first, batch };
    this.#reading = reading;
    try {
      const { entries, next } = await batch;
      if (next > this.#next) {
        const kept = first === this.#next ? [...this.#entries, ...entries] : entries;
        this.#first = Math.max(first === this.#next ? this.#first : first, next - batchEntries);
        this.#entries = kept.filter(({ seq }) => seq >= this.#first);
        this.#next = next;
        this.#trim();
      }
      return { entries, next };
    } finally {
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  /** Entries may be megabytes each: the oldest go first, the newest stays. */
  #trim(): void {
    let weight = 0;
    const from = this.#entries.findLastIndex((entry) => {
      weight += textWeight(entry);
      return weight > mostPageText;
    });
    if (from < 0) return;
    this.#entries = this.#entries.slice(Math.min(from + 1, this.#entries.length - 1));
    this.#first = this.#entries[0]!.seq;
  }
}

function lastEventId({ headers }: Call): number | undefined {
  const sent = headers["last-event-id"];
  if (sent === undefined || sent === "") return undefined;
  const seq = Number(sent);
  if (!/^(?:-1|0|[1-9]\d{0,15})$/.test(sent) || !Number.isSafeInteger(seq))
    throw refuse("Last-Event-ID", "is not a number that a tail gave");
  return seq;
}
