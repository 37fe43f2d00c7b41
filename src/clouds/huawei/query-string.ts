// A request target taken apart, and text put back in the one spelling that Huawei's signatures are computed over. Pure;
// keeps repeated names and their order. Percent-encoding by RFC 3986. A "+" stays a "+": a time's offset is written with one,
// and whether the sender meant a space is decided where the value is read, not here.
import { TaishiError } from "../../errors.ts";

export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

export interface Target {
  /** As on the request line, still percent-encoded. */
  readonly path: string;
  /** Without its "?"; still percent-encoded. */
  readonly query: string;
}

/** More parameters than any call has; bounds the work that sorting them costs before the caller is known. */
const mostParameters = 500;

export function splitTarget(target: string): Target {
  const mark = target.indexOf("?");
  return mark < 0 ? { path: target, query: "" } : { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/**
 * The name-value pairs of a query, in the order sent; a name alone has the value "".
 * @param plus what a raw "+" is read as
 * @throws TaishiError invalid-parameter where it is not percent-encoded UTF-8, or has more than 500 pairs
 */
export function parseQuery(query: string, plus: "+" | " " = "+"): readonly QueryParameter[] {
  const pairs: QueryParameter[] = [];
  for (const piece of query.split("&")) {
    if (piece === "") continue;
    if (pairs.length === mostParameters)
      throw new TaishiError("invalid-parameter", `There are more than ${mostParameters} parameters.`);
    const equals = piece.indexOf("=");
    pairs.push(
      equals < 0
        ? { name: decode(piece, plus), value: "" }
        : { name: decode(piece.slice(0, equals), plus), value: decode(piece.slice(equals + 1), plus) },
    );
  }
  return pairs;
}

/** Everything but A-Z a-z 0-9 - _ . ~ as upper-case %XX of its UTF-8 bytes. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decode(text: string, plus: "+" | " "): string {
  try {
    return decodeURIComponent(plus === "+" ? text : text.replaceAll("+", " "));
  } catch {
    throw new TaishiError("invalid-parameter", "The parameters are not percent-encoded UTF-8.");
  }
}
