// What a request into a container was, written as kubectl would be called for it, from the parameters of its query alone; and
// the query without the secrets that a command has in it.
import { argumentsWithoutSecrets, withoutSecrets } from "../secrets.ts";
import type { AuditEvent, Entrance } from "./parse.ts";

export interface Parameters {
  /** Arguments, without secrets. */
  readonly command: readonly string[];
  readonly container: string | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly ports: readonly string[];
}

export function parametersOf({ query }: AuditEvent): Parameters {
  const parameters = new URLSearchParams(query);
  const says = (name: string): boolean => /^(?:true|1|t)$/i.test(parameters.get(name) ?? "");
  return {
    command: argumentsWithoutSecrets(parameters.getAll("command").map((text) => text.toWellFormed())),
    container: parameters.get("container")?.toWellFormed() || undefined,
    tty: says("tty"),
    stdin: says("stdin"),
    ports: parameters.getAll("ports").filter((ports) => ports !== ""),
  };
}

const words: Readonly<Record<Entrance, string>> = {
  exec: "exec",
  attach: "attach",
  portforward: "port-forward",
};

/** @returns e.g. "kubectl exec -i -t -n shop web-0 -c app -- sh -c 'ls /'" */
export function kubectlLine(entrance: Entrance, event: AuditEvent, parameters: Parameters): string {
  const { command, container, tty, stdin, ports } = parameters;
  return [
    `kubectl ${words[entrance]}`,
    ...(stdin ? ["-i"] : []),
    ...(tty ? ["-t"] : []),
    ...(event.namespace === undefined ? [] : ["-n", event.namespace]),
    ...(event.name === undefined ? [] : [event.name]),
    ...(container === undefined ? [] : ["-c", container]),
    ...ports,
    ...(command.length === 0 ? [] : ["--", ...command.map(quoted)]),
  ].join(" ");
}

/** As a shell would need it: "*****" stands for what was removed and is left as it is. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./*-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

/** A request's URI without the secrets in its command, and in other parameters that are named like one. */
export function uriWithoutSecrets(uri: string): string {
  const mark = uri.indexOf("?");
  if (mark === -1) return uri;
  const parameters = uri.slice(mark + 1).split("&");
  const isCommand = (parameter: string): boolean => parameter.startsWith("command=");
  const before = parameters.filter(isCommand).map((text) => new URLSearchParams(text).get("command")!);
  const after = argumentsWithoutSecrets(before);
  let next = 0;
  const clean = parameters.map((parameter) => {
    if (!isCommand(parameter)) return withoutSecrets(parameter);
    const index = next++;
    return after[index] === before[index] ? parameter : `command=${encoded(after[index]!.toWellFormed())}`;
  });
  return `${uri.slice(0, mark + 1)}${clean.join("&")}`;
}

/** As a value of a query, with no more escapes than it needs: the rest is to be as it came. */
function encoded(text: string): string {
  return text.replace(/%(?=[0-9A-Fa-f]{2})|[&+]/g, (character) => encodeURIComponent(character)).replaceAll(" ", "+");
}
