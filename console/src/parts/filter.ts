// The words of the query bar and what the API is asked for them: field:value for what it knows, anything else is looked for as a
// word. Pure; no field is guessed, and one that nobody knows is told.

export interface Filter {
  /** By the API's names. */
  readonly fields: Readonly<Record<string, string>>;
  /** Words for `q`, with their double quotes. */
  readonly text: string;
  /** What looked like a field and is none. */
  readonly unknown: readonly string[];
}

/** What the bar calls a field, and what the API calls it. */
export const fieldNames: Readonly<Record<string, string>> = {
  kind: "kind",
  type: "type",
  risk: "risk",
  resource: "resourceId",
  resourceType: "resourceType",
  project: "project",
  user: "user",
  ip: "ip",
};

const word = /content\."[^"]+":(?:"[^"]*"|\S*)|[\w.-]+:"[^"]*"|"[^"]*"|\S+/g;
const pair = /^(content\."[^"]+"|[\w.-]+):(?:"([^"]*)"|([^"\s]*))$/;

/** "type:SshLogin risk:High,Critical user:alice content.Tag:Unknown failed "for root"" */
export function readBar(bar: string): Filter {
  const fields: Record<string, string> = {};
  const text: string[] = [];
  const unknown: string[] = [];
  for (const part of bar.match(word) ?? []) {
    const [, name = "", quoted, plain] = pair.exec(part) ?? [];
    const value = quoted ?? plain ?? "";
    const known = name.startsWith("content.") ? name.replaceAll('"', "") : fieldNames[name];
    if (value !== "" && known !== undefined) fields[known] = value;
    else {
      // An address, a time or a path is no mistaken field.
      if (/^[A-Za-z]+$/.test(name) && value !== "" && !value.startsWith("/")) unknown.push(name);
      text.push(part);
    }
  }
  return { fields, text: text.join(" "), unknown };
}

/** The bar without a field, where it is chosen elsewhere. */
export function withoutField(bar: string, field: string): string {
  return (bar.match(word) ?? []).filter((part) => fieldNames[pair.exec(part)?.[1] ?? ""] !== field).join(" ");
}

/** A field as the bar has it. */
export function barField(name: string, value: string): string {
  return `${/["\s]/.test(name) ? name.replace(/^content\.(.*)$/, 'content."$1"') : name}:${/\s/.test(value) ? `"${value}"` : value}`;
}

/** What the API is asked, without order and place. */
export type Parameters = Readonly<Record<string, string | undefined>>;

/** What an address asks for. A field of the bar counts before the same field chosen beside it. */
export function parametersOf(
  query: URLSearchParams,
  range: { readonly from: string | undefined; readonly to: string | undefined },
): Parameters {
  const { fields, text } = readBar(query.get("q") ?? "");
  const chosen = Object.fromEntries(
    ["kind", "risk"].flatMap((name) => (query.get(name) === null ? [] : [[name, query.get(name)!]])),
  );
  return { ...range, ...chosen, ...fields, q: text === "" ? undefined : text };
}

/** Whether entries are read to answer it: then there are no page numbers, and a total only where all were read. */
export function isSearch(parameters: Parameters): boolean {
  return Object.entries(parameters).some(
    ([name, value]) => value !== undefined && (["q", "user", "ip"].includes(name) || name.startsWith("content.")),
  );
}
