// What lets a caller check their own log with tools of others: the proof of one event as a file, how far the log is stored
// and signed, that one size continues another, that nothing was received for a while. Every one is made of hashes below a
// signed checkpoint; nothing here asks to be believed.
import { type TSchema, Type } from "typebox";
import { TaishiError } from "../errors.ts";
import { formatMillis, formatSeconds, readTime } from "../event/time.ts";
import type { PublishedLogs, SignedCheckpoint } from "../ledger/port.ts";
import { toBase64 } from "../merkle/note.ts";
import { refuseParameters, sequenceNumber, sequenceNumberOf } from "./read-routes.ts";
import type { Route } from "./route.ts";

const note = (description: string) => Type.String({ description: `${description} A C2SP signed note.` });
const count = (description: string) => Type.Integer({ minimum: 0, description });
const instant = (description: string) => Type.String({ format: "date-time", description });
const required = (name: string, schema: TSchema, description: string) =>
  ({ name, in: "query", required: true, schema, description }) as const;

const LogState = Type.Object(
  {
    account: Type.String(),
    origin: Type.String({ description: "The log's name: the first line of its checkpoints." }),
    vkey: Type.String({
      description: "The log's key, which signs the first line of every checkpoint: name+hash+base64.",
    }),
    clockVkey: Type.String({ description: "The service's clock key, which signs the time in every checkpoint." }),
    stored: count("Entries on disk: what was acknowledged."),
    signed: count("Entries that the newest signed checkpoint covers."),
    witnessed: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
      description: "Entries covered by a checkpoint that enough witnesses cosigned; null where there are none.",
    }),
    minimumIndex: count("Entries with a smaller number may have been pruned."),
    checkpoint: note("The newest signed checkpoint."),
  },
  { $id: "LogState" },
);

const LogLinks = Type.Object(
  {
    links: Type.Array(
      Type.Object(
        {
          oldKey: Type.String({ description: "The key that went: name+hash+base64." }),
          newKey: Type.String({ description: "The one that took its place." }),
          checkpoint: note("Signed by both, the new key first."),
        },
        { $id: "LogLink" },
      ),
      { description: "One for each rotation, oldest first." },
    ),
  },
  { $id: "LogLinks" },
);

const ConsistencyProof = Type.Object(
  {
    from: count("The smaller size."),
    to: count("The larger size."),
    proof: Type.Array(Type.String(), { description: "RFC 6962 §2.1.2: hashes of 32 bytes in base64." }),
  },
  { $id: "ConsistencyProof" },
);

const Edge = Type.Object(
  { time: instant("As the clock key signed it, in whole seconds."), checkpoint: note("Kept for ever.") },
  { $id: "TimedCheckpoint" },
);

const Absence = Type.Object(
  {
    from: instant("As asked."),
    to: instant("As asked."),
    size: count("Entries of the log before and after."),
    before: Edge,
    after: Edge,
  },
  { $id: "AbsenceEvidence" },
);

export function proofRoutes(logs: PublishedLogs): readonly Route[] {
  return [proofRoute(logs), stateRoute(logs), linksRoute(logs), consistencyRoute(logs), absenceRoute(logs)];
}

function proofRoute(logs: Pick<PublishedLogs, "proof">): Route {
  return {
    method: "GET",
    path: "/api/v1/events/{seq}/proof",
    act: "read",
    bodyLimit: 0,
    operationId: "getEventProof",
    audited: { name: "GetEventProof", readOnly: true },
    summary: "Get the proof of one event",
    description:
      "A C2SP tlog-proof with the entry itself in its extra line: the file alone is enough to check. An event that no checkpoint covers yet is waited for, up to 2 s.",
    parameters: [{ name: "seq", in: "path", required: true, schema: sequenceNumber }],
    answer: Type.String({ description: "tlog-proof@v1" }),
    media: "text/plain",
    errors: [404, 410],
    handle: async ({ caller, path, query }) => {
      refuseParameters(query);
      const seq = sequenceNumberOf(path.seq ?? "");
      const body = await logs.proof(caller.account, seq);
      return {
        headers: {
          "content-type": "text/plain; charset=utf-8",
          "content-disposition": `attachment; filename="${caller.account}-${seq}.tlog-proof"`,
        },
        body,
      };
    },
  };
}

function stateRoute(logs: Pick<PublishedLogs, "state">): Route {
  return {
    method: "GET",
    path: "/api/v1/log",
    act: "read",
    bodyLimit: 0,
    operationId: "getLog",
    audited: { name: "GetLog", readOnly: true },
    summary: "Say how far the log is stored, signed and witnessed, and what to check it with",
    answer: LogState,
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      return JSON.stringify(await logs.state(caller.account));
    },
  };
}

function linksRoute(logs: Pick<PublishedLogs, "links">): Route {
  return {
    method: "GET",
    path: "/api/v1/log/links",
    act: "read",
    bodyLimit: 0,
    operationId: "getLogLinks",
    audited: { name: "GetLogLinks", readOnly: true },
    summary: "Get the checkpoints that lead from the log's old keys to the one in use",
    description: "Each is signed by a key and by the one that took its place. None where the key was never rotated.",
    answer: LogLinks,
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      const links = await logs.links(caller.account);
      return JSON.stringify({ links: links.map(({ note: checkpoint, ...keys }) => ({ ...keys, checkpoint })) });
    },
  };
}

function consistencyRoute(logs: Pick<PublishedLogs, "consistency">): Route {
  return {
    method: "GET",
    path: "/api/v1/log/consistency",
    act: "read",
    bodyLimit: 0,
    operationId: "getConsistencyProof",
    audited: { name: "GetConsistencyProof", readOnly: true },
    summary: "Get the proof that the log of one size begins with the log of another",
    description: "Between any two sizes that are stored. One that no checkpoint covers yet is waited for, up to 2 s.",
    parameters: [
      required("from", Type.Integer({ minimum: 0 }), "The smaller size."),
      required("to", Type.Integer({ minimum: 0 }), "The larger size."),
    ],
    answer: ConsistencyProof,
    handle: async ({ caller, query }) => {
      const [from, to] = readInterval(query, (text, name) => {
        const size = Number(text);
        if (/^(?:0|[1-9]\d*)$/.test(text) && Number.isSafeInteger(size)) return size;
        throw refuse(name, "must be a whole number from 0");
      });
      const proof = await logs.consistency(caller.account, from, to);
      return JSON.stringify({ from, to, proof: proof.map(toBase64) });
    },
  };
}

function absenceRoute(logs: Pick<PublishedLogs, "absence">): Route {
  return {
    method: "GET",
    path: "/api/v1/log/absence",
    act: "read",
    bodyLimit: 0,
    operationId: "getAbsenceEvidence",
    audited: { name: "GetAbsenceEvidence", readOnly: true },
    summary: "Get the evidence that nothing was received in an interval",
    description:
      "Two timestamped checkpoints of the same size, the tightest kept around the interval. 404 where there is none, saying what is known.",
    parameters: [
      required("from", Type.String(), "RFC 3339, or epoch milliseconds."),
      required("to", Type.String(), "RFC 3339, or epoch milliseconds."),
    ],
    answer: Absence,
    errors: [404],
    handle: async ({ caller, query }) => {
      const [from, to] = readInterval(query, (text, name) =>
        readTime(/^-?\d+$/.test(text) ? Number(text) : text, name),
      );
      const { before, after } = await logs.absence(caller.account, from, to);
      const edge = ({ time, note: checkpoint }: SignedCheckpoint) => ({ time: formatSeconds(time), checkpoint });
      return JSON.stringify({
        from: formatMillis(from),
        to: formatMillis(to),
        size: before.size,
        before: edge(before),
        after: edge(after),
      });
    },
  };
}

/** The two parameters of a query that has no others. */
function readInterval(query: URLSearchParams, read: (text: string, name: string) => number): [number, number] {
  const others = new URLSearchParams(query);
  const [from, to] = ["from", "to"].map((name) => {
    others.delete(name);
    const [text, ...more] = query.getAll(name);
    if (text === undefined) throw new TaishiError("missing-parameter", `${name}: is required`, { field: name });
    if (more.length > 0) throw refuse(name, "must be given once");
    return read(text, name);
  }) as [number, number];
  refuseParameters(others);
  if (from > to) throw refuse("from", "is after to");
  return [from, to];
}

function refuse(field: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
}
