// The words of the query bar: field:value for what the index knows; anything else is told to be no filter.
export interface Filter {
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}

/** What the bar calls a field, and what the API calls it. */
export const fieldNames: Readonly<Record<string, string>> = {
  kind: "kind",
  type: "type",
  risk: "risk",
  resource: "resourceId",
  resourceType: "resourceType",
};

/** "type:SshLogin risk:High,Critical resource:ep-1" */
export function readBar(bar: string): Filter {
  const fields: Record<string, string> = {};
  const text: string[] = [];
  for (const word of bar.match(/[\w.]+:"[^"]*"|"[^"]*"|\S+/g) ?? []) {
    const [, name, value] = /^([\w.]+):"?([^"]*)"?$/.exec(word) ?? [];
    if (
      name !== undefined &&
      value !== undefined &&
      value !== "" &&
      (name in fieldNames || name.startsWith("content."))
    )
      fields[fieldNames[name] ?? name] = value;
    else text.push(word.replaceAll('"', ""));
  }
  return { fields, text: text.join(" ") };
}
