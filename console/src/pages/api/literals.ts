// Values as source text of the languages that samples are shown in. Pure. A JSON string is a string literal in all three.

const width = 96;
const plainName = /^[A-Za-z_$][\w$]*$/;

/** On one line where that is short enough, else a member a line. */
function laid(open: string, members: readonly string[], close: string, indent: string, step: string): string {
  if (members.length === 0) return `${open}${close}`;
  const space = open === "{" && step === "  " ? " " : "";
  const line = `${open}${space}${members.join(", ")}${space}${close}`;
  if (step === "  " && indent.length + line.length <= width && !line.includes("\n")) return line;
  return `${open}\n${members.map((member) => `${indent}${step}${member},\n`).join("")}${indent}${close}`;
}

export function typescriptLiteral(value: unknown, indent = ""): string {
  if (Array.isArray(value))
    return laid(
      "[",
      value.map((item) => typescriptLiteral(item, `${indent}  `)),
      "]",
      indent,
      "  ",
    );
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, item]) =>
        `${plainName.test(name) ? name : JSON.stringify(name)}: ${typescriptLiteral(item, `${indent}  `)}`,
    );
    return laid("{", members, "}", indent, "  ");
  }
  return JSON.stringify(value);
}

export function pythonLiteral(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (Array.isArray(value)) return `[${value.map((item) => pythonLiteral(item, indent)).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, item]) => `${JSON.stringify(name)}: ${pythonLiteral(item, inner)}`,
    );
    const line = `{${members.join(", ")}}`;
    if (line.length + indent.length <= width - 16 && !line.includes("\n")) return line;
    return `{\n${members.map((member) => `${inner}${member},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}

/** @param indent of the line the value begins on, in tabs */
export function goLiteral(value: unknown, indent = ""): string {
  const inner = `${indent}\t`;
  if (Array.isArray(value)) {
    const strings = value.every((item) => typeof item === "string");
    return `[]${strings ? "string" : "interface{}"}{${value.map((item) => goLiteral(item, indent)).join(", ")}}`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([name, item]) => [JSON.stringify(name), goLiteral(item, inner)] as const,
    );
    return `map[string]interface{}${goMembers(members, indent)}`;
  }
  return JSON.stringify(value);
}

/** "{name: value, …}" with a member a line, the values of neighbours under one another, as gofmt has them. */
export function goMembers(members: readonly (readonly [name: string, value: string])[], indent: string): string {
  if (members.length === 0) return "{}";
  const blocks: (readonly [string, string])[][] = [];
  for (const member of members) {
    const block = blocks.at(-1);
    // gofmt aligns neighbours only until a value goes over several lines.
    if (block === undefined || block.at(-1)?.[1].includes("\n") || member[1].includes("\n")) blocks.push([member]);
    else block.push(member);
  }
  const lines = blocks.flatMap((block) => {
    const longest = Math.max(...block.map(([name]) => name.length));
    return block.map(([name, value]) => `${indent}\t${`${name}:`.padEnd(longest + 1)} ${value},\n`);
  });
  return `{\n${lines.join("")}${indent}}`;
}
