// Vault audit devices. A request and its response are two entries with one id and become one event: KMSAccess where a key of
// the transit engine or KMIP was used, else a trail event.
import { type Static, Type } from "typebox";
import type { Content } from "../../event/event.ts";
import type { LabelName, Labels } from "../../event/labels.ts";
import { formatSeconds } from "../../event/time.ts";
import type { Draft, Outcome, Parser, RawRecord, Source } from "../source.ts";
import { type Released, Waiting } from "../waiting.ts";
import { type KeyUse, keyUseOf, parseVaultEntry, type VaultEntry, withoutPrefix } from "./parse.ts";
import { trailOf } from "./trail.ts";

const Options = Type.Object(
  {
    wait: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 90,
      description: "Seconds that a request waits for its response (Vault's own limit of a request is 90).",
    }),
    "transit-mounts": Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      default: ["transit"],
      description: "Where the transit engine is mounted, for versions of Vault whose entries do not say `mount_type`.",
    }),
    prefix: Type.String({
      maxLength: 256,
      default: "",
      description: "The audit device's own `prefix`, where it has one.",
    }),
  },
  { additionalProperties: false },
);
type Options = Static<typeof Options>;

export const vaultAudit: Source = {
  name: "vault-audit",
  version: "1",
  options: Options,
  parser: (options: Options) => new VaultAuditParser(options),
};

type Held = Released<string, VaultEntry>;

class VaultAuditParser implements Parser {
  readonly #requests: Waiting<string, VaultEntry>;
  readonly #prefix: string;
  readonly #transitMounts: readonly string[];

  constructor({ wait, prefix, "transit-mounts": transitMounts }: Options) {
    this.#requests = new Waiting(wait * 1000);
    this.#prefix = prefix;
    this.#transitMounts = transitMounts;
  }

  take(record: RawRecord): readonly Outcome[] {
    const entry = parseVaultEntry(record.text, this.#prefix);
    if ("other" in entry)
      return [{ why: entry.other ? "other-program" : "malformed", reason: entry.reason, records: [record] }];
    return [...this.#told(entry, record), ...this.expire(record.read)];
  }

  #told(entry: VaultEntry, record: RawRecord): readonly Outcome[] {
    const held = this.#requests.release(entry.id);
    if (entry.isResponse)
      return [
        held === undefined
          ? this.#event(undefined, entry, [record], "no request")
          : this.#event(held.value, entry, [...held.records, record]),
      ];
    this.#requests.add(entry.id, record, () => entry);
    return held === undefined ? [] : [this.#unanswered(held)];
  }

  #unanswered({ value, records }: Held): Outcome {
    return this.#event(value, undefined, records, "no response");
  }

  #event(
    request: VaultEntry | undefined,
    response: VaultEntry | undefined,
    records: readonly RawRecord[],
    incomplete?: string,
  ): Outcome {
    // The response repeats the request, and knows more: who a login has proved to be, what went wrong.
    const entry = (response ?? request)!;
    const time = (request ?? entry).time;
    const error = response?.error ?? request?.error;
    const use = keyUseOf(entry, this.#transitMounts);
    const json = withoutPrefix(records.at(-1)!.text, this.#prefix);
    const draft: Draft = use === undefined ? trailOf(entry, time, error, json) : keyAccess(entry, use, time, error);
    return {
      draft,
      labels: labelsOf(entry, use, error, response !== undefined),
      records,
      ...(incomplete === undefined ? {} : { incomplete }),
    };
  }

  expire(now: number): readonly Outcome[] {
    return this.#requests.overdue(now).map((held) => this.#unanswered(held));
  }

  end(): readonly Outcome[] {
    return this.#requests.all().map((held) => this.#unanswered(held));
  }

  waiting(): readonly RawRecord[] {
    return this.#requests.records();
  }
}

function keyAccess(entry: VaultEntry, use: KeyUse, time: number, error: string | undefined): Draft {
  const contents: readonly [string, string | undefined][] = [
    ["DataType", ""],
    ["RequestID", entry.id],
    ["CreateTime", formatSeconds(time)],
    ["Operation", use.operation],
    ["ModelID", ""],
    ["ModelVersion", ""],
    // Whose the keys are: in Vault a namespace is what an account is elsewhere.
    ["KmsAccountID", entry.namespace === "" ? "root" : entry.namespace],
    ["KeyringName", use.mount],
    ["Phase", ""],
    ["ModelType", ""],
    ["KeyName", use.key],
    ["User", entry.displayName],
    ["EntityID", entry.entityId],
    ["SourceIP", entry.sourceIp],
    ["Error", error],
  ];
  return {
    kind: "security",
    time,
    type: "KMSAccess",
    contents: contents.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value } satisfies Content])),
    // No dialect's sentence of a key's use is true of one that failed.
    ...(error === undefined
      ? {}
      : { detail: `A use of the key ${keyOf(use)} failed: ${use.operation}: ${oneLine(error)}` }),
  };
}

function keyOf({ mount, key }: KeyUse): string {
  return key === "" ? mount : `${mount}/${key}`;
}

/** Vault's errors are lists over several lines. */
function oneLine(error: string): string {
  return error.replace(/\s+/g, " ").trim();
}

function labelsOf(entry: VaultEntry, use: KeyUse | undefined, error: string | undefined, answered: boolean): Labels {
  const named: Partial<Record<LabelName, string | undefined>> = {
    user: entry.displayName,
    "source.ip": entry.sourceIp,
    "source.port": entry.sourcePort,
    namespace: entry.namespace === "" ? undefined : entry.namespace,
    service: entry.mountType,
    key: use === undefined || use.key === "" ? undefined : keyOf(use),
    operation: use?.operation ?? entry.operation,
    outcome: error !== undefined ? "failure" : answered ? "success" : undefined,
    session: entry.id,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined && value !== "")) as Labels;
}
