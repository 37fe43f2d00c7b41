// A request target taken apart, and names and values put back in the one spelling that signatures are computed over.
// Pure; keeps repeated names and their order. Percent-encoding by RFC 3986, with "+" read as a space as all SDKs mean it.
import { TaishiError } from "../../errors.ts";

export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

export interface Target {
  /** As on the request line, still percent-encoded. */
  readonly path: string;
  /** Decoded, in the order sent. */
  readonly query: readonly QueryParameter[];
}

/** More parameters than any call has; bounds the work that sorting them costs before the caller is known. */
const mostParameters = 1000;

/** @throws TaishiError invalid-parameter where the query is not percent-encoded UTF-8 */
export function parseTarget(target: string): Target {
  const mark = target.indexOf("?");
  return mark < 0
    ? { path: target, query: [] }
    : { path: target.slice(0, mark), query: parseForm(target.slice(mark + 1)) };
}

/**
 * Name-value pairs of a query string or of an application/x-www-form-urlencoded body.
 * @throws TaishiError invalid-parameter where it is not percent-encoded UTF-8
 */
export function parseForm(text: string): readonly QueryParameter[] {
  const pairs: QueryParameter[] = [];
  for (const piece of text.split("&")) {
    if (piece === "") continue;
    if (pairs.length === mostParameters)
      throw new TaishiError("invalid-parameter", `There are more than ${mostParameters} parameters.`);
    const equals = piece.indexOf("=");
    pairs.push(
      equals < 0
        ? { name: decode(piece), value: "" }
        : { name: decode(piece.slice(0, equals)), value: decode(piece.slice(equals + 1)) },
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

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new TaishiError("invalid-parameter", "The parameters are not percent-encoded UTF-8.");
  }
}
