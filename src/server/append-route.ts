// POST /api/v1/events: the own API's way in. All of a body or nothing; the answer comes after the fsync (I1), and a
// repetition gets the first receipt again (I8).
import { Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { EventInput } from "../event/schema.ts";
import type { Appender, Receipt as LedgerReceipt } from "../ledger/port.ts";
import { type BodyFormat, readBatch } from "./append.ts";
import { expand, readEncoding } from "./body.ts";
import type { Limits } from "./limits.ts";
import type { Call, Route } from "./route.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });

export const Receipt = Type.Object(
  {
    account: Type.String({ description: "The account whose log took the events." }),
    accepted: count("Events this request carried."),
    duplicates: count("Of these, how many were in the log already."),
    first: count("Number of the first event in the account's log."),
    last: count("Number of the last event."),
    treeSize: count("Size of the account's log after the append."),
  },
  { $id: "Receipt", description: "The events are on disk, numbered, and will never be renumbered." },
);

const formats: Readonly<Record<string, BodyFormat>> = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
};

/** @param appended told of every acknowledged append: events that are new, and bytes of the body as expanded */
export function appendRoute(
  appender: Appender,
  limits: Limits,
  appended: (events: number, bytes: number) => void,
): Route {
  const EventBatch = Type.Object(
    { events: Type.Array(EventInput, { minItems: 1, maxItems: limits.events }) },
    { $id: "EventBatch", additionalProperties: false },
  );
  const lines = Type.String({ description: "One event (see EventInput) a line; blank lines are skipped." });
  return {
    method: "POST",
    path: "/api/v1/events",
    act: "append",
    bodyLimit: limits.wireBytes,
    operationId: "appendEvents",
    summary: "Append events",
    description: `All events are stored, or none. Content-Encoding gzip and zstd are accepted. At most ${limits.events} events, ${limits.wireBytes} bytes as sent and ${limits.expandedBytes} bytes expanded. The answer comes after the events are on disk.`,
    parameters: [
      {
        name: "Idempotency-Key",
        in: "header",
        schema: Type.String({ minLength: 1, maxLength: 255, pattern: "^[ -~]*$" }),
        description:
          "Repeating an append with the same key and body within 7 days stores nothing and returns the first receipt. Without a key, repeating the very same signed request does the same.",
      },
    ],
    requestBody: {
      "application/json": EventBatch,
      "application/x-ndjson": lines,
      "application/ndjson": lines,
      "application/jsonl": lines,
    },
    answer: Receipt,
    errors: [409, 413, 415],
    precheck: (headers) => {
      readFormat(headers["content-type"]);
      readEncoding(headers["content-encoding"]);
      readKey(headers["idempotency-key"]);
    },
    handle: async (call) => {
      const wire = await call.body();
      const body = await expand(wire, readEncoding(call.headers["content-encoding"]), limits.expandedBytes, call.lease);
      const key = idempotencyKey(call);
      const batch = readBatch(body, {
        account: call.caller.account,
        format: readFormat(call.headers["content-type"]),
        maxEvents: limits.events,
        ...(key === undefined ? {} : { idempotencyKey: key }),
      });
      const bytes = body.length;
      release(body);
      const receipt = await appender.append(batch);
      appended(receipt.accepted - receipt.duplicates, bytes);
      return writeReceipt(receipt);
    },
  };
}

/** Gives a body's memory back at once: under load bodies would pile up faster than they are collected. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > Buffer.poolSize)
    buffer.transfer(0);
}

function writeReceipt({ account, accepted, duplicates, first, last, treeSize }: LedgerReceipt): string {
  return JSON.stringify({ account, accepted, duplicates, first, last, treeSize });
}

function readFormat(header: string | undefined): BodyFormat {
  const [name = "", ...parameters] = (header ?? "").split(";").map((part) => part.trim().toLowerCase());
  const format = Object.hasOwn(formats, name) ? formats[name] : undefined;
  if (format === undefined)
    throw new TaishiError("unsupported-media-type", `Content-Type must be one of ${Object.keys(formats).join(", ")}`, {
      field: "Content-Type",
    });
  const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
  if (charset !== undefined && !/^"?utf-?8"?$/.test(charset))
    throw new TaishiError("unsupported-media-type", "the charset must be utf-8", { field: "Content-Type" });
  return format;
}

/** Our own prefixes keep a caller's key apart from one made of a signature. */
function idempotencyKey(call: Call): string | undefined {
  const sent = readKey(call.headers["idempotency-key"]);
  if (sent !== undefined) return `key:${sent}`;
  // The SDKs resend a request as it was after a network error.
  return call.signature === undefined ? undefined : `sig:${call.caller.accessKey}:${call.signature}`;
}

function readKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(header))
    throw new TaishiError("invalid-parameter", "Idempotency-Key: must be 1 to 255 printable ASCII characters", {
      field: "Idempotency-Key",
    });
  return header;
}
