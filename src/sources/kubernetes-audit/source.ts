// Kubernetes audit events. A request into a container (exec, attach, portforward) is a ContainerLogin, told as soon as its
// response begins, and its end is an event of its own; any other request is one trail event, told when it is over.
import { type Static, Type } from "typebox";
import type { Content } from "../../event/event.ts";
import { itemsOf, textOf } from "../json-record.ts";
import type { Outcome, Parser, RawRecord, SecurityDraft, Source } from "../source.ts";
import { kubectlLine, parametersOf } from "./command-line.ts";
import { type AuditEvent, type Entrance, entranceOf, parseAuditEvent } from "./parse.ts";
import { type Held, Stages } from "./stages.ts";
import { errorOf, labelsOf, textWithoutSecrets, trailOf } from "./trail.ts";

const Options = Type.Object(
  {
    cluster: Type.String({ maxLength: 256, default: "", description: "The cluster's name, which no event has." }),
    wait: Type.Integer({
      minimum: 0,
      maximum: 3600,
      default: 90,
      description: "Seconds that a request's first stage waits for its response.",
    }),
  },
  { additionalProperties: false },
);
type Options = Static<typeof Options>;

export const kubernetesAudit: Source = {
  name: "kubernetes-audit",
  version: "1",
  options: Options,
  parser: (options: Options) => new KubernetesAuditParser(options),
};

class KubernetesAuditParser implements Parser {
  readonly #stages: Stages<AuditEvent>;
  readonly #cluster: string;

  constructor(options: Options) {
    this.#stages = new Stages(options.wait * 1000);
    this.#cluster = options.cluster;
  }

  take(record: RawRecord): readonly Outcome[] {
    const event = parseAuditEvent(record.text);
    if ("other" in event)
      return [{ why: event.other ? "other-program" : "malformed", reason: event.reason, records: [record] }];
    return [...this.#told(event, record), ...this.expire(record.read)];
  }

  #told(event: AuditEvent, record: RawRecord): readonly Outcome[] {
    const key = event.request;
    if (event.stage === "RequestReceived") {
      const before = this.#stages.wait(key, event, record);
      return before === undefined ? [] : [this.#unanswered(before)];
    }
    const first = this.#stages.release(key);
    const records = first === undefined ? [record] : [first.record, record];
    const entrance = entranceOf(event);
    if (entrance === undefined) {
      if (event.stage !== "ResponseStarted") return [this.#request(event, records)];
      const reason = "the beginning of a request that is told when it ends";
      return [{ why: "no-event", reason, records, ...redactedOf(records, event) }];
    }
    if (event.stage === "ResponseStarted") this.#stages.tell(key, event, record);
    else if (this.#stages.wasTold(key)) return [this.#session(event, entrance, "ContainerLogout", records)];
    return [this.#session(event, entrance, "ContainerLogin", records)];
  }

  #unanswered({ value, record }: Held<AuditEvent>): Outcome {
    const entrance = entranceOf(value);
    const incomplete = "no response";
    return entrance === undefined
      ? this.#request(value, [record], incomplete)
      : this.#session(value, entrance, "ContainerLogin", [record], incomplete);
  }

  #request(event: AuditEvent, records: readonly RawRecord[], incomplete?: string): Outcome {
    const detail = textWithoutSecrets(records.at(-1)!.text, event);
    return {
      draft: trailOf(event, detail),
      labels: labelsOf(event, this.#cluster),
      records,
      ...(incomplete === undefined ? {} : { incomplete }),
      ...redactedOf(records, event),
    };
  }

  #session(
    event: AuditEvent,
    entrance: Entrance,
    type: string,
    records: readonly RawRecord[],
    incomplete?: string,
  ): Outcome {
    const parameters = parametersOf(event);
    const line = kubectlLine(entrance, event, parameters);
    const failed = type === "ContainerLogin" && errorOf(event) !== undefined;
    const impersonated = textOf(event.impersonated.username);
    const contents: readonly [string, string | undefined][] = [
      ["Tag", failed ? "Kubernetes,Failed" : "Kubernetes"],
      ["Arguments", line],
      ["SSH", event.sourceIps[0] ?? ""],
      ["User", textOf(event.user.username)],
      ["Impersonated", impersonated],
      [
        "Groups",
        itemsOf(event.user.groups)
          .flatMap((group) => textOf(group) ?? [])
          .join(","),
      ],
      ["Cluster", this.#cluster],
      ["Namespace", event.namespace],
      ["Pod", event.name],
      ["Container", parameters.container],
      ["Forwarded", event.sourceIps.slice(1).join(",")],
      ["UserAgent", event.userAgent],
      ["Verb", event.verb],
      ["Code", event.code === undefined ? undefined : String(event.code)],
      ["Error", errorOf(event)],
      ["RequestID", event.auditId],
    ];
    const draft: SecurityDraft = {
      kind: "security",
      time: type === "ContainerLogout" ? event.reached : event.received,
      type,
      contents: contents.flatMap(([key, value]) =>
        value === undefined || (value === "" && key !== "SSH") ? [] : [{ key, value } satisfies Content],
      ),
      // No dialect's sentence of a login is true of one that was refused.
      ...(failed ? { detail: `A login to a container failed: ${line} (${errorOf(event)})` } : {}),
    };
    return {
      draft,
      labels: labelsOf(event, this.#cluster, {
        ...(parameters.container === undefined ? {} : { "container.name": parameters.container }),
        ...(parameters.command.length === 0 ? {} : { command: parameters.command.join(" ") }),
      }),
      records,
      ...(incomplete === undefined ? {} : { incomplete }),
      ...redactedOf(records, event),
    };
  }

  expire(now: number): readonly Outcome[] {
    return this.#stages.overdue(now).map((held) => this.#unanswered(held));
  }

  end(): readonly Outcome[] {
    return this.#stages.all().map((held) => this.#unanswered(held));
  }

  waiting(): readonly RawRecord[] {
    return this.#stages.records();
  }
}

function redactedOf(records: readonly RawRecord[], event: AuditEvent): { readonly redacted?: string } {
  const clean = records.map(({ text }) => textWithoutSecrets(text, event));
  return clean.every((text, index) => text === records[index]!.text) ? {} : { redacted: clean.join("\n") };
}
