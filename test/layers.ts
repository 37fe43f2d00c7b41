// The layer table: which folder of src/ may import what. It lives here once; layers.test.ts holds every import to it, and
// ARCHITECTURE.md quotes it as `layerTable()` prints it. It may grow with a new layer in the commit that adds the layer,
// never to let an old one through.

export interface Row {
  /** Folders of src/ that share these rights; none of them may import another because of it. */
  readonly layers: readonly string[];
  /** Folders ("event") or single files ("index/port.ts") below src/; "anything" for those who wire. */
  readonly may: readonly string[] | "anything";
  readonly why: string;
}

/** Files in src/ itself that everyone may import. Of ours they may import only errors.ts. */
export const shared: readonly string[] = [
  "errors.ts",
  "clock.ts",
  "log.ts",
  "config.ts",
  "exchange.ts",
  "redact.ts",
  "version.ts",
];

/** What others see of the ledger: its ports and the reader, never its writer or its tables. */
const readingSide = ["ledger/port.ts"] as const;

export const rows: readonly Row[] = [
  { layers: ["event"], may: [], why: "the vocabulary: event, entry, stream" },
  { layers: ["merkle"], may: [], why: "trees, proofs, checkpoints" },
  { layers: ["durable"], may: [], why: "files and databases that survive a crash" },
  { layers: ["sources", "normalise"], may: ["event"], why: "bytes received become events" },
  { layers: ["ledger"], may: ["event", "merkle", "durable"], why: "the only thing that must never be lost" },
  { layers: ["index"], may: ["event", "durable", ...readingSide], why: "derived; can be deleted" },
  { layers: ["query"], may: ["event", "index/port.ts", ...readingSide], why: "pages with exact totals" },
  { layers: ["identity"], may: ["durable"], why: "accounts, keys, roles" },
  { layers: ["clouds"], may: ["event", "identity"], why: "signatures and envelopes of a cloud" },
  {
    layers: ["audit-files"],
    may: ["event", "query", "index/port.ts", ...readingSide],
    why: "database audit files, a view of the log",
  },
  {
    layers: ["dialects"],
    may: [
      "event",
      "query",
      "identity",
      "clouds",
      "audit-files/port.ts",
      "audit-files/statement-types.ts",
      "delivery/port.ts",
    ],
    why: "a cloud's API over our queries and views",
  },
  {
    layers: ["server"],
    may: ["event", "query", "identity", "merkle", ...readingSide],
    why: "HTTP and the own API; is given routes, knows no dialect",
  },
  { layers: ["rules"], may: ["event"], why: "what an event means to a detector" },
  {
    layers: ["agent"],
    may: ["event", "sources", "normalise", "rules", "durable"],
    why: "collects where records are made",
  },
  { layers: ["witness"], may: ["merkle", "durable"], why: "cosigns other logs" },
  { layers: ["delivery"], may: ["event", "query", "index/port.ts", "durable"], why: "exports and alerts" },
  { layers: ["backup"], may: [...readingSide, "merkle", "durable"], why: "copies that can be checked" },
  { layers: ["flow", "cli"], may: "anything", why: "they wire" },
];

/** Folders whose children must not import each other: no dialect a dialect, no source a source. */
export const strangers: readonly string[] = ["sources", "dialects", "clouds", "index/engines"];

/** The table as ARCHITECTURE.md quotes it. */
export function layerTable(): string {
  const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");
  const line = ({ layers, may, why }: Row): string =>
    `| ${code(layers)} | ${may === "anything" ? "anything" : may.length === 0 ? "–" : code(may)} | ${why} |`;
  return [
    "| layer | may import, beside itself | what it is |",
    "|---|---|---|",
    `| ${code(shared)} | – (all but \`errors.ts\` may import that) | everyone may import them |`,
    ...rows.map(line),
  ].join("\n");
}
