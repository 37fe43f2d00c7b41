// A line of MariaDB's server_audit plugin: "time,server,user,host,connection,query,operation,database,object,code".
// Nothing in it is quoted but a statement, so names that hold commas can make it mean two things; it is read only where one
// meaning is left. The statement and the code are found from the right: a quote within a statement is always escaped.

export interface AuditLine {
  readonly server: string;
  readonly user: string;
  readonly host: string;
  readonly connection: string;
  readonly query: string;
  readonly operation: string;
  readonly database: string;
  /** The statement, unescaped; or the table; or what a connection's record has there. */
  readonly object: string;
  /** Empty in records of tables. */
  readonly code: string;
}

export const tableOperations = ["READ", "WRITE", "CREATE", "ALTER", "RENAME", "DROP"] as const;
export const connectionOperations = ["CONNECT", "FAILED_CONNECT", "DISCONNECT", "CHANGEUSER", "PROXY_CONNECT"] as const;

const separator = {
  query: /,(\d+),(\d+),(QUERY),/g,
  table: new RegExp(`,(\\d+),(\\d+),(${tableOperations.join("|")}),`, "g"),
  connection: new RegExp(`,(\\d+),(\\d+),(${connectionOperations.join("|")}),`, "g"),
} as const;

/** @param text from the server's host name on @returns the reason where it cannot be read */
export function parseLine(text: string): AuditLine | string {
  const comma = text.indexOf(",");
  if (comma === -1) return "it has no fields";
  const server = text.slice(0, comma);
  const code = /,(\d*)$/.exec(text.slice(-12))?.[1];
  if (code === undefined) return "it ends with no code";
  const end = text.length - code.length - 1;
  if (code === "") return tableLine(server, text.slice(comma + 1, end));
  return text[end - 1] === "'"
    ? queryLine(server, text, comma + 1, end - 1, code)
    : connectionLine(server, text.slice(comma + 1, end), code);
}

function queryLine(server: string, text: string, from: number, closing: number, code: string): AuditLine | string {
  const opening = openingQuote(text, from, closing);
  if (opening === -1 || text[opening - 1] !== ",") return "the statement's quotes do not match";
  const readings = readingsOf(text.slice(from, opening), separator.query, (rest) =>
    rest.endsWith(",") ? [rest.slice(0, -1), ""] : undefined,
  );
  return theOnly(readings, server, code, unescaped(text.slice(opening + 1, closing)));
}

function tableLine(server: string, text: string): AuditLine | string {
  const readings = readingsOf(text, separator.table, (rest, operation) => {
    const comma = rest.indexOf(",");
    if (comma === -1) return undefined;
    // Either name may hold the comma.
    if (rest.includes(",", comma + 1)) return "ambiguous";
    if (operation === "RENAME" && !rest.includes("|", comma)) return undefined;
    return [rest.slice(0, comma), rest.slice(comma + 1)];
  });
  return theOnly(readings, server, "");
}

/** The object: nothing, the TLS version (MariaDB 12.3), or the proxied account. */
const connectionObject = /^(?:[\w.=-]*|`[^`]*`@`[^`]*`)$/;

function connectionLine(server: string, text: string, code: string): AuditLine | string {
  const readings = readingsOf(text, separator.connection, (rest, operation, query) => {
    const comma = rest.lastIndexOf(",");
    const object = rest.slice(comma + 1);
    if (comma === -1 || query !== "0" || !connectionObject.test(object)) return undefined;
    if (operation === "CONNECT" ? code !== "0" : operation === "FAILED_CONNECT" && code === "0") return undefined;
    return [rest.slice(0, comma), object];
  });
  return theOnly(readings, server, code);
}

type Reading = Omit<AuditLine, "server" | "code">;

/** Everything that the fields up to the object can mean: each place where an operation stands between its neighbours. */
function readingsOf(
  text: string,
  operations: RegExp,
  tail: (rest: string, operation: string, query: string) => readonly [string, string] | "ambiguous" | undefined,
): readonly Reading[] | "ambiguous" {
  const readings: Reading[] = [];
  operations.lastIndex = 0;
  for (let match = operations.exec(text); match !== null; match = operations.exec(text)) {
    // The next may begin within this one, at its last comma.
    operations.lastIndex = match.index + match[0].length - 1;
    const comma = text.lastIndexOf(",", match.index - 1);
    if (comma === -1 || match.index === 0) continue;
    const after = tail(text.slice(match.index + match[0].length), match[3]!, match[2]!);
    if (after === "ambiguous") return after;
    if (after === undefined) continue;
    readings.push({
      user: text.slice(0, comma),
      host: text.slice(comma + 1, match.index),
      connection: match[1]!,
      query: match[2]!,
      operation: match[3]!,
      database: after[0],
      object: after[1],
    });
    if (readings.length > 1) return "ambiguous";
  }
  return readings;
}

function theOnly(
  readings: readonly Reading[] | "ambiguous",
  server: string,
  code: string,
  statement?: string,
): AuditLine | string {
  if (readings === "ambiguous") return "its names hold commas, so that it can be read in two ways";
  const [reading] = readings;
  if (reading === undefined) return "it has no operation with its neighbours";
  return {
    server,
    user: reading.user,
    host: reading.host,
    connection: reading.connection,
    query: reading.query,
    operation: reading.operation,
    database: reading.database,
    object: statement ?? reading.object,
    code,
  };
}

/** The quote that is not escaped and nearest before the closing one. */
function openingQuote(text: string, from: number, closing: number): number {
  for (let at = text.lastIndexOf("'", closing - 1); at >= from; at = text.lastIndexOf("'", at - 1)) {
    let first = at;
    while (text[first - 1] === "\\") first--;
    if ((at - first) % 2 === 0) return at;
    if (at === 0) break;
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = { "'": "'", "\\": "\\", n: "\n", r: "\r", t: "\t", f: "\f" };

/** Other backslashes are no escapes; old releases write a space for each white space instead. */
function unescaped(text: string): string {
  return text.includes("\\") ? text.replace(/\\(['\\nrtf])/g, (_, letter: string) => escapes[letter]!) : text;
}
