// Falco's alerts: what a rule found, as the type that the rule's name stands for. Falco watches and stops nothing, so no event
// says that something was prevented; what the rule did not put into its output is not known.
import { type Static, Type } from "typebox";
import type { LabelName, Labels } from "../../event/labels.ts";
import { type Line, LineParser, redactedLine } from "../cri-lines.ts";
import { rewriteStrings } from "../json-record.ts";
import { orderedContents } from "../ordered-contents.ts";
import { isSecretName, removed, withoutSecrets } from "../secrets.ts";
import type { Outcome, SecurityDraft, Source } from "../source.ts";
import { type Meaning, meaningOf, riskOf, ruleMeanings } from "./meaning.ts";
import { type Alert, endsOf, parseAlert } from "./parse.ts";

const closed = { additionalProperties: false } as const;
const Options = Type.Object(
  {
    rules: Type.Record(
      Type.String({ minLength: 1, maxLength: 256 }),
      Type.Object(
        {
          type: Type.String({ pattern: "^[A-Z][A-Za-z0-9]{0,63}$", description: "The type its alerts become." }),
          tag: Type.String({ maxLength: 256, default: "", description: "Tags they get, comma-separated." }),
        },
        closed,
      ),
      {
        default: {},
        description: "What the alerts of a rule mean, by the rule's name; goes before the built-in table.",
      },
    ),
  },
  closed,
);
type Options = Static<typeof Options>;

export const falco: Source = {
  name: "falco",
  version: "1",
  options: Options,
  parser: (options: Options) => {
    const meanings = new Map([...ruleMeanings, ...Object.entries(options.rules)]);
    return new LineParser((line) => outcomeOf(line, meanings));
  },
};

function outcomeOf(line: Line, meanings: ReadonlyMap<string, Meaning>): Outcome {
  const { records } = line;
  const alert = parseAlert(line.text);
  if ("other" in alert) return { why: alert.other ? "other-program" : "malformed", reason: alert.reason, records };
  if (alert.rule === "Falco internal: metrics snapshot")
    return { why: "no-event", reason: "Falco's own metrics", records };
  const fields = new Map([...alert.fields].map(([name, value]) => [name, cleanField(name, value, alert)]));
  const redacted = redactedLine(line, cleanText(line.text, alert, fields));
  const clean = { ...alert, fields };
  return {
    draft: draftOf(clean, meaningOf(meanings, alert.rule, fields.get("evt.type"))),
    labels: labelsOf(clean),
    records,
    ...redacted,
  };
}

/** Fields with an event's own names; the others follow as they are called. */
const named: ReadonlySet<string> = new Set([
  ...["evt.time", "evt.time.iso8601", "evt.hostname", "fd.cip", "fd.cport", "fd.lip", "fd.lport", "fd.sip", "fd.sport"],
  ...["fd.rip", "fd.rport", "fd.l4proto", "proc.cmdline", "proc.exepath", "proc.pid", "user.name", "user.uid"],
  ...["user.loginuid", "container.id", "container.name", "container.image.repository", "container.image.tag"],
  ...["container.image", "k8s.ns.name", "k8s.pod.name", "k8s.pod.uid", "k8s.pod.id", "ka.user.name", "ka.target.name"],
  ...["ka.target.namespace", "ka.uri.param[command]", "ka.uri.param[container]", "evt.type"],
]);

function draftOf(alert: Alert, { type, tag }: Meaning): SecurityDraft {
  const { fields } = alert;
  const ends = endsOf(fields);
  const risk = riskOf(alert.priority);
  const loginUid = fields.get("user.loginuid");
  return {
    kind: "security",
    time: alert.time,
    type,
    contents: orderedContents(type, [
      ["Tag", tag],
      ...(type === "ContainerLogin" ? ([["Arguments", commandOf(alert)]] as const) : []),
      ["SourceIP", ends.sourceIp],
      ["SourcePort", ends.sourcePort],
      ["DestinationIP", ends.destinationIp],
      ["DestinationPort", ends.destinationPort],
      ["Command", commandOf(alert)],
      ["Username", userOf(alert)],
      ["ProcessID", fields.get("proc.pid")],
      ["Process", processOf(alert)],
      ["Rule", alert.rule],
      ["Priority", alert.priority],
      ["Source", alert.source],
      ["RuleTags", alert.tags.join(",")],
      ["Call", fields.get("evt.type")],
      ["Protocol", fields.get("fd.l4proto")],
      ["UID", fields.get("user.uid")],
      ["LoginUID", isSet(loginUid) ? loginUid : undefined],
      ["Ancestry", ancestryOf(fields)],
      ["Node", alert.host],
      ["Namespace", fields.get("k8s.ns.name") ?? fields.get("ka.target.namespace")],
      ["Pod", podOf(alert)],
      ["Container", containerNameOf(fields)],
      ["ContainerID", containerIdOf(fields)],
      ["Image", imageOf(fields)],
      ["SandboxType", undefined],
      ...[...fields].filter(([name]) => !named.has(name)),
    ]),
    ...(risk === undefined ? {} : { risk }),
  };
}

function labelsOf(alert: Alert): Labels {
  const { fields } = alert;
  const ends = endsOf(fields);
  const labels: Partial<Record<LabelName, string | undefined>> = {
    host: alert.host,
    user: userOf(alert),
    pid: fields.get("proc.pid"),
    process: processOf(alert),
    command: commandOf(alert),
    "container.id": containerIdOf(fields),
    "container.name": containerNameOf(fields),
    image: imageOf(fields),
    pod: podOf(alert),
    "pod.uid": fields.get("k8s.pod.uid") ?? fields.get("k8s.pod.id"),
    namespace: fields.get("k8s.ns.name") ?? fields.get("ka.target.namespace"),
    "source.ip": ends.sourceIp,
    "source.port": ends.sourcePort,
    "destination.ip": ends.destinationIp,
    "destination.port": ends.destinationPort,
    operation: fields.get("evt.type") ?? fields.get("ka.verb"),
    policy: alert.rule,
  };
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== undefined && value !== ""));
}

function commandOf({ fields }: Alert): string | undefined {
  return fields.get("proc.cmdline") ?? fields.get("ka.uri.param[command]") ?? fields.get("proc.name");
}

function processOf({ fields }: Alert): string | undefined {
  return fields.get("proc.exepath") ?? fields.get("proc.name");
}

function userOf({ fields }: Alert): string | undefined {
  return fields.get("user.name") ?? fields.get("ka.user.name");
}

/** Of Kubernetes' audit events: what is acted upon may be something else. */
function podOf({ fields }: Alert): string | undefined {
  const target = fields.get("ka.target.resource") === "pods" ? fields.get("ka.target.name") : undefined;
  return fields.get("k8s.pod.name") ?? target;
}

function isSet(loginUid: string | undefined): boolean {
  return loginUid !== "-1" && loginUid !== "4294967295";
}

/** On the host both are the word "host". */
function containerIdOf(fields: ReadonlyMap<string, string>): string | undefined {
  const id = fields.get("container.id");
  return id === "host" ? undefined : id;
}

function containerNameOf(fields: ReadonlyMap<string, string>): string | undefined {
  const name = fields.get("container.name") ?? fields.get("ka.uri.param[container]");
  return name === "host" && fields.get("container.id") === "host" ? undefined : name;
}

function imageOf(fields: ReadonlyMap<string, string>): string | undefined {
  const repository = fields.get("container.image.repository");
  if (repository === undefined) return fields.get("container.image");
  const tag = fields.get("container.image.tag");
  return tag === undefined ? repository : `${repository}:${tag}`;
}

/** Parent first: by its command line, where the rule has that, else by its name. */
function ancestryOf(fields: ReadonlyMap<string, string>): string {
  const ancestors = [fields.get("proc.pcmdline") ?? fields.get("proc.pname")];
  for (let nth = 2; nth <= 9; nth++)
    ancestors.push(fields.get(`proc.acmdline[${nth}]`) ?? fields.get(`proc.aname[${nth}]`));
  // One that is not in the output leaves a gap, which must not look like a parent and its child.
  const last = ancestors.findLastIndex((ancestor) => ancestor !== undefined);
  return ancestors
    .slice(0, last + 1)
    .map((ancestor) => ancestor ?? "?")
    .join(" < ");
}

/** Arguments without their program are read with its name before them. */
function cleanField(name: string, value: string, { fields }: Alert): string {
  if (isSecretName(name)) return removed;
  const program = name === "proc.args" ? fields.get("proc.name") : undefined;
  if (program === undefined) return withoutSecrets(value);
  const line = withoutSecrets(`${program} ${value}`);
  return line.startsWith(`${program} `) ? line.slice(program.length + 1) : withoutSecrets(value);
}

/** The sentence quotes fields in the midst of other words: what is secret in a field is secret there. */
function cleanText(text: string, alert: Alert, clean: ReadonlyMap<string, string>): string {
  const changed = [...alert.fields].filter(([name, value]) => clean.get(name) !== value);
  changed.sort(([, one], [, other]) => other.length - one.length);
  return rewriteStrings(text, (value, path) => {
    const name = path.at(-1)!;
    if (path.length === 2 && name === "output") {
      const sentence = changed.reduce((so, [field, secret]) => so.replaceAll(secret, () => clean.get(field)!), value);
      return withoutSecrets(sentence);
    }
    return path[1] === "output_fields" ? cleanField(name, value, alert) : undefined;
  });
}
