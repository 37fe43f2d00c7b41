// Docker Engine events. An exec is told by three of them, joined by their execID: created, started, ended. A short one
// becomes one event with its exit code; one that goes on is told after a short wait, and its end is an event of its own.
// Nobody's name is in these events, nor whether there was a terminal: neither is claimed.
import { type Static, Type } from "typebox";
import type { Content } from "../../event/event.ts";
import type { LabelName, Labels } from "../../event/labels.ts";
import { rewriteStrings } from "../json-record.ts";
import { isSecretName, removed, withoutSecrets } from "../secrets.ts";
import type { NoEvent, Outcome, Parser, RawRecord, SecurityDraft, Source } from "../source.ts";
import { type Released, Waiting } from "../waiting.ts";
import { type DockerEvent, isHealthCheck, notLabels, parseDockerEvent } from "./parse.ts";

const closed = { additionalProperties: false } as const;
const Pattern = (description: string, extra: object = {}) =>
  Type.String({ minLength: 1, maxLength: 4096, description: `${description}; "*" is any text.`, ...extra });

const Options = Type.Object(
  {
    wait: Type.Integer({
      minimum: 0,
      maximum: 600,
      default: 5,
      description: "Seconds to wait for an exec's end before it is told as one that goes on.",
    }),
    "health-checks": Type.Array(
      Type.Object(
        {
          command: Pattern("The exec's command as the event has it"),
          container: Pattern("The container's name", { default: "*" }),
          image: Pattern("Its image", { default: "*" }),
        },
        closed,
      ),
      { default: [], description: "Execs that are the Engine's own health checks: they are no events." },
    ),
  },
  closed,
);
type Options = Static<typeof Options>;

export const dockerEvents: Source = {
  name: "docker-events",
  version: "1",
  options: Options,
  parser: (options: Options) => new DockerEventsParser(options),
};

interface Exec {
  created?: DockerEvent;
  started?: DockerEvent;
}
type Held = Released<string, Exec>;

class DockerEventsParser implements Parser {
  readonly #execs: Waiting<string, Exec>;
  readonly #healthChecks: Options["health-checks"];

  constructor(options: Options) {
    this.#execs = new Waiting(options.wait * 1000);
    this.#healthChecks = options["health-checks"];
  }

  take(record: RawRecord): readonly Outcome[] {
    const event = parseDockerEvent(record.text);
    if (typeof event === "string") return [{ why: "malformed", reason: event, records: [record] }];
    return [...this.#told(event, record), ...this.expire(record.read)];
  }

  #told(event: DockerEvent, record: RawRecord): readonly Outcome[] {
    if (event.type !== "container") return [noEvent("an event of no container", [record])];
    switch (event.action) {
      case "exec_create":
      case "exec_start":
        return this.#began(event, record);
      case "exec_die":
        return this.#ended(event, record);
      case "attach":
        return [parsed("ContainerLogin", `docker attach ${nameOf(event)}`, event, undefined, [record])];
      default:
        return [noEvent("an event that is no login", [record])];
    }
  }

  #began(event: DockerEvent, record: RawRecord): readonly Outcome[] {
    const isStart = event.action === "exec_start";
    const key = keyOf(event);
    const before = this.#execs.get(key);
    // The same step twice: two execs that the oldest versions give no id to tell apart, or a record given twice.
    const out = (isStart ? before?.started : (before?.started ?? before?.created)) ? this.#give(key) : [];
    const exec = this.#execs.add(key, record, () => ({}));
    if (isStart) exec.started = event;
    else exec.created = event;
    // Without an id no end can be told to be of this exec.
    return isStart && event.execId === undefined ? [...out, ...this.#give(key)] : out;
  }

  #ended(event: DockerEvent, record: RawRecord): readonly Outcome[] {
    const held = event.execId === undefined ? undefined : this.#execs.release(keyOf(event));
    if (held !== undefined) return [this.#execOf({ ...held, records: [...held.records, record] }, event)];
    return [parsed("ContainerLogout", undefined, event, event.exitCode, [record])];
  }

  #give(key: string): readonly Outcome[] {
    const held = this.#execs.release(key);
    return held === undefined ? [] : [this.#execOf(held)];
  }

  #execOf({ value: { created, started }, records }: Held, ended?: DockerEvent): Outcome {
    const event = (started ?? created)!;
    if (isHealthCheck(event, this.#healthChecks)) return noEvent("a health check", records, "health-check");
    const command = `docker exec ${nameOf(event)} ${withoutSecrets(event.argument ?? "")}`;
    const missing = started === undefined ? "no exec_start" : created === undefined ? "no exec_create" : undefined;
    return parsed("ContainerLogin", command, event, ended?.exitCode, records, missing);
  }

  expire(now: number): readonly Outcome[] {
    return this.#execs.overdue(now).map((held) => this.#execOf(held));
  }

  end(): readonly Outcome[] {
    return this.#execs.all().map((held) => this.#execOf(held));
  }

  waiting(): readonly RawRecord[] {
    return this.#execs.records();
  }
}

function keyOf({ container, execId, argument }: DockerEvent): string {
  return JSON.stringify(execId === undefined ? [container, argument] : [container, execId, 0]);
}

function nameOf({ name, container }: DockerEvent): string {
  return name ?? container.slice(0, 12);
}

function parsed(
  type: string,
  command: string | undefined,
  event: DockerEvent,
  exitCode: string | undefined,
  records: readonly RawRecord[],
  incomplete?: string,
): Outcome {
  const { time, container, name, image, execId } = event;
  const contents: readonly [string, string | undefined][] = [
    ["Tag", "Docker"],
    ["Arguments", command],
    ["SSH", type === "ContainerLogin" ? "" : undefined],
    ["ContainerID", container],
    ["ContainerName", name],
    ["Image", image],
    ["ExecID", execId],
    ["ExitCode", exitCode],
  ];
  const draft: SecurityDraft = {
    kind: "security",
    time,
    type,
    contents: contents.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value } satisfies Content])),
  };
  return {
    draft,
    labels: labelsOf(event, type === "ContainerLogout" ? "exec_die" : event.action === "attach" ? "attach" : "exec"),
    records,
    ...(incomplete === undefined ? {} : { incomplete }),
    ...redactedOf(records),
  };
}

function labelsOf(event: DockerEvent, operation: string): Labels {
  const named: Partial<Record<LabelName, string | undefined>> = {
    "container.id": event.container,
    "container.name": event.name,
    image: event.image,
    command: operation === "exec" && event.argument !== undefined ? withoutSecrets(event.argument) : undefined,
    operation,
    session: event.execId,
  };
  return Object.fromEntries([
    ...Object.entries(named).filter(([, value]) => value !== undefined && value !== ""),
    ...event.labels.map(([key, value]) => [`label.${key}`, cleanLabel(key, value)]),
  ]) as Labels;
}

function cleanLabel(key: string, value: string): string {
  return isSecretName(key) ? removed : withoutSecrets(value);
}

function noEvent(reason: string, records: readonly RawRecord[], why: NoEvent = "no-event"): Outcome {
  return { why, reason, records, ...redactedOf(records) };
}

/** The records without the secrets in their command lines and labels, where there are any. */
function redactedOf(records: readonly RawRecord[]): { readonly redacted?: string } {
  const clean = records.map(({ text }) =>
    rewriteStrings(text, (value, path) => {
      const name = path.at(-1)!;
      if (path.length === 2 && (name === "Action" || name === "status")) return withoutSecrets(value);
      return path.at(-2) === "Attributes" && !notLabels.has(name) ? cleanLabel(name, value) : undefined;
    }),
  );
  return clean.every((text, index) => text === records[index]!.text) ? {} : { redacted: clean.join("\n") };
}
