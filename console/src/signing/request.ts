// A request before it is signed, and the one spelling of its parts that both clouds' signatures are computed over.

export interface Signable {
  readonly method: "GET" | "POST";
  /** Path and query as they will stand on the request line, percent-encoded. */
  readonly target: string;
  /** Lower-case names; all of them are signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where there is none. */
  readonly body: string;
}

export interface Pair {
  readonly name: string;
  readonly value: string;
}

/** Everything but A-Z a-z 0-9 - _ . ~ as upper-case %XX of its UTF-8 bytes. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Path and pairs of a target, decoded; a raw "+" stays one, since what is built here has none for a space. */
export function splitTarget(target: string): { readonly path: string; readonly query: readonly Pair[] } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: [] };
  const query = target
    .slice(mark + 1)
    .split("&")
    .filter((piece) => piece !== "")
    .map((piece) => {
      const [name = "", ...value] = piece.split("=");
      return { name: decodeURIComponent(name), value: decodeURIComponent(value.join("=")) };
    });
  return { path: target.slice(0, mark), query };
}

/** By name, then value, each pair percent-encoded. */
export function canonicalQuery(query: readonly Pair[]): string {
  return query
    .map(({ name, value }) => ({ name: percentEncode(name), value: percentEncode(value) }))
    .sort((a, b) => order(a.name, b.name) || order(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join("&");
}

export function canonicalPath(path: string): string {
  return path
    .split("/")
    .map((segment) => percentEncode(decodeURIComponent(segment)))
    .join("/");
}

/** yyyymmddThhmmssZ */
export function basicDate(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, "")}Z`;
}

export function targetOf(path: string, query: readonly Pair[]): string {
  if (query.length === 0) return path;
  return `${path}?${query.map(({ name, value }) => `${percentEncode(name)}=${percentEncode(value)}`).join("&")}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
