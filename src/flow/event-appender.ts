// Appends events that the service itself made: its own audit, system entries, imported statements. The same batches as
// the API's, through the same writer.
import { entryHead } from "../event/entry.ts";
import type { Event } from "../event/event.ts";
import { factsOf } from "../event/stream.ts";
import { type AppendBatch, type Appender, followedEvents, type Receipt } from "../ledger/port.ts";

/** Resolves when they are fsynced and numbered (I1). @throws TaishiError as Appender.append */
export function appendEvents(
  appender: Appender,
  account: string,
  events: readonly Event[],
  idempotency?: AppendBatch["idempotency"],
): Promise<Receipt> {
  const prepared = events.map((event) => entryHead(event));
  const heads = prepared.map(({ head }) => Buffer.from(head));
  const followed = followedEvents(events);
  let end = 0;
  return appender.append({
    account,
    heads: Buffer.concat(heads),
    ends: Uint32Array.from(heads, (head) => {
      end += head.length;
      return end;
    }),
    blobs: prepared.flatMap(({ blobs }) => blobs),
    facts: factsOf(events),
    ...(followed === undefined ? {} : { followed }),
    ...(idempotency === undefined ? {} : { idempotency }),
  });
}
