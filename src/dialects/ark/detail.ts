// LogDetail where the sender gave none: a sentence made of the event's contents, in the words of Ark's published examples
// or in English. What the contents lack, the sentence leaves out; it never says what they do not.
// One deviation: the published VarmorDefence sentence has command, process and pid in each other's places; ours has not.
import type { Content, SecurityEvent } from "../../event/event.ts";
import { chinese, english, type Words } from "./detail-words.ts";
import { type Form, isLogType, type LogType } from "./log-types.ts";

export type Language = "zh" | "en";

/** The preferred one of our two languages in an Accept-Language header (RFC 9110 §12.5.4); Chinese where none is asked. */
export function preferredLanguage(acceptLanguage: string | undefined): Language {
  let best: Language = "zh";
  let bestWeight = 0;
  for (const range of (acceptLanguage ?? "").slice(0, 1000).split(",")) {
    const [tag = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const language = tag.split("-", 1)[0];
    if (language !== "zh" && language !== "en") continue;
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    const weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(quality) ? Number(quality) : 0;
    if (weight > bestWeight) {
      best = language;
      bestWeight = weight;
    }
  }
  return best;
}

/** The sender's own sentence, or one rendered for the form of the answer. Types that are not Ark's get their contents. */
export function logDetail(event: SecurityEvent, form: Form, language: Language): string {
  if (event.detail !== undefined) return event.detail;
  if (!isLogType(event.type)) return joined(event);
  const facts = factsOf(event.contents);
  const bare = form === "2024-07" ? bareFacts(event.type, facts) : "";
  if (bare !== "") return bare;
  return templates[event.type](facts, language === "zh" ? chinese : english) || joined(event);
}

/** The value of a content, "" where there is none. */
type Facts = (key: string) => string;

function factsOf(contents: readonly Content[]): Facts {
  return (key) => contents.find((content) => content.key === key)?.value ?? "";
}

function joined({ contents, type }: SecurityEvent): string {
  return contents.length === 0 ? type : contents.map(({ key, value }) => `${key}: ${value}`).join(";");
}

/** In the 2024-07 form LogDetail was no sentence but the addresses or the command alone. */
function bareFacts(type: LogType, facts: Facts): string {
  if (type === "SshLogin") return facts("SSH");
  if (type === "ContainerLogin") return facts("Arguments");
  if (type !== "Connection") return "";
  const parts = ["SourceIP", "SourcePort", "DestinationIP", "DestinationPort"].map(facts);
  return parts.filter((part) => part !== "").join(" ");
}

type Clause = readonly [label: string, value: string];

const templates: Readonly<Record<LogType, (facts: Facts, words: Words) => string>> = {
  SshLogin: (facts, words) => {
    // A login that failed, or one that is over, is not told as one.
    const other = words.sshResults.get(facts("Result"));
    const unknown = facts("Tag") === "Unknown";
    return say(other ?? (unknown ? words.sshUnknown : words.ssh), words, [
      [words.origin, unknown ? "" : facts("Tag")],
      ...sshEnds(facts, words),
      ...(other === undefined ? [] : ([[words.user, facts("User")]] as const)),
      [words.pid, facts("ProcessID")],
    ]);
  },
  ContainerLogin: (facts, words) =>
    say(words.containerLogin, words, [
      [words.loginMethod, facts("Tag")],
      [words.loginCommand, facts("Arguments")],
      ...sshEnds(facts, words),
    ]),
  Connection: (facts, words) =>
    say(words.connection, words, [
      [words.connectionType, tagged(facts, words, ["Blocking", "NonBlocking"])],
      [words.connectionStatus, tagged(facts, words, ["ConnectionSucceed", "ConnectionFailed"])],
      [words.action, facts("Action")],
      [words.source, endpoint(facts("SourceIP"), facts("SourcePort"))],
      [words.destination, endpoint(facts("DestinationIP"), facts("DestinationPort"))],
      [words.process, facts("Process")],
      [words.pid, facts("ProcessID")],
    ]),
  ContainerBreakout: (facts, words) => {
    const metadataServer = facts("Tag") === "MetadataServer";
    return say(metadataServer ? words.metadataServer : words.breakout, words, [
      [words.breakoutType, metadataServer ? "" : facts("Tag")],
      [words.user, facts("Username")],
      [words.command, facts("Command")],
      [words.process, facts("Process")],
      [words.pid, facts("ProcessID")],
    ]);
  },
  VarmorDefence: (facts, words) =>
    say(isNoted(facts("Action")) ? words.varmorNoted : words.varmor, words, [
      [words.command, facts("Command")],
      [words.process, facts("Process")],
      [words.pid, facts("ProcessID")],
      [words.hook, facts("Operation")],
    ]),
  KMSAccess: (facts, words) =>
    words.kms({
      account: facts("KmsAccountID"),
      key: present(facts("KeyringName"), facts("KeyName")).join("/"),
      operation: facts("Operation"),
      model: present(facts("ModelID"), facts("ModelVersion")).join(" | "),
      isBaseModel: facts("ModelType") === "base_model",
    }),
  TksAccess: (facts) => facts("method"),
};

/** vArmor's own word: DENIED is stopped, AUDIT and ALLOWED (and both, for seccomp) are not; the published form says none. */
function isNoted(action: string): boolean {
  return action.split("|").some((word) => word === "AUDIT" || word === "ALLOWED");
}

/** A sentence and, for each value there is, its label and value. */
function say(sentence: string, words: Words, clauses: readonly Clause[]): string {
  const said = clauses.filter(([, value]) => value !== "").map(([label, value]) => label + value);
  return said.length === 0 ? sentence : sentence + words.gap + said.join(";");
}

/** "ip port ip port" as source and destination, "ip port" as the source; anything else stays whole. */
function sshEnds(facts: Facts, words: Words): readonly Clause[] {
  const parts = facts("SSH").trim().split(/\s+/);
  if (parts.length === 2 && /^\d+$/.test(parts[1]!)) return [[words.source, endpoint(parts[0]!, parts[1]!)]];
  if (parts.length !== 4) return [[words.source, facts("SSH").trim()]];
  const [sourceIp = "", sourcePort = "", destinationIp = "", destinationPort = ""] = parts;
  return [
    [words.source, endpoint(sourceIp, sourcePort)],
    [words.destination, endpoint(destinationIp, destinationPort)],
  ];
}

function endpoint(ip: string, port: string): string {
  if (port === "") return ip;
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The word for the first of these tags that the event has; Tag is a list joined with commas. */
function tagged(facts: Facts, words: Words, among: readonly string[]): string {
  const tags = facts("Tag").split(",");
  const found = among.find((tag) => tags.some((own) => own.trim() === tag));
  return found === undefined ? "" : (words.tags.get(found) ?? "");
}

function present(...values: readonly string[]): readonly string[] {
  return values.filter((value) => value !== "");
}
