// The parameters of a call as one object, however they came: a JSON body, a form body, or flattened in the query
// (Filter.LogTypes.1=…). Decides shape only; which parameters exist is the action's matter.
// Never hands deep or ill-formed text to a recursive parser.
import { TaishiError } from "../../errors.ts";
import { maxDepth, nestsDeeperThan } from "../../event/canonical.ts";
import { parseForm, type QueryParameter } from "./query-string.ts";

/**
 * `json`: values have their types. `flat`: every leaf is text, and a list of one may have come as its item; readers of
 * numbers and lists are lenient there.
 */
export interface Parameters {
  readonly form: "json" | "flat";
  readonly values: Readonly<Record<string, unknown>>;
}

/** What is needed of a call to read its parameters. */
export interface ParameterSource {
  readonly method: "GET" | "POST";
  readonly query: readonly QueryParameter[];
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly body: Uint8Array;
}

/** Deeper than any parameter's name; bounds what one parameter can build. */
const mostParts = 16;

/**
 * @throws TaishiError malformed-body (not UTF-8, not JSON, nested deeper than 64, no object at its top) |
 *   unsupported-media-type | invalid-parameter
 */
export function readParameters(call: ParameterSource): Parameters {
  if (call.method === "GET") return flat(call.query);
  // No SDK compresses requests, and what is not expanded cannot be a bomb.
  const encoding = call.contentEncoding?.trim().toLowerCase() ?? "";
  if (encoding !== "" && encoding !== "identity") throw new TaishiError("unsupported-media-type");
  if (call.body.length === 0) return { form: "json", values: {} };
  const type = (call.contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
  if (type.startsWith("multipart/")) throw new TaishiError("unsupported-media-type");
  const text = decodeUtf8(call.body);
  // curl calls every body a form unless told otherwise; no parameter's name begins with a brace.
  if (type === "application/x-www-form-urlencoded" && !/^\s*\{/.test(text)) return flat(parseForm(text));
  return { form: "json", values: parseObject(text, call.body) };
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new TaishiError("malformed-body", "It is not UTF-8.");
  }
}

function parseObject(text: string, bytes: Uint8Array): Record<string, unknown> {
  if (nestsDeeperThan(bytes, maxDepth)) throw new TaishiError("malformed-body", `It nests deeper than ${maxDepth}.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TaishiError("malformed-body", "It is not JSON.");
  }
  if (!isObject(value)) throw new TaishiError("malformed-body", "It must be a JSON object.");
  return value;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Node {
  readonly texts: string[];
  readonly members: Map<string, Node>;
}

function flat(pairs: readonly QueryParameter[]): Parameters {
  const root = emptyNode();
  for (const { name, value } of pairs) {
    if (name === "Action" || name === "Version" || name.startsWith("X-")) continue;
    const parts = name.split(".");
    if (parts.length > mostParts || parts.includes(""))
      throw new TaishiError("invalid-parameter", "A parameter's name cannot be read.");
    let node = root;
    for (const part of parts) {
      const next = node.members.get(part) ?? emptyNode();
      node.members.set(part, next);
      node = next;
    }
    node.texts.push(value);
  }
  return { form: "flat", values: objectOf(root) };
}

function emptyNode(): Node {
  return { texts: [], members: new Map() };
}

/** A member that has both text and members is ambiguous and is refused rather than half read. */
function readNode(node: Node): unknown {
  if (node.members.size === 0) return node.texts.length === 1 ? node.texts[0] : node.texts;
  if (node.texts.some((text) => text !== ""))
    throw new TaishiError("invalid-parameter", "A parameter is given both as a value and as a structure.");
  const names = [...node.members.keys()];
  if (!names.every((name) => /^[1-9]\d{0,8}$/.test(name))) return objectOf(node);
  return names.sort((a, b) => Number(a) - Number(b)).map((name) => readNode(node.members.get(name)!));
}

function objectOf(node: Node): Record<string, unknown> {
  // Without a prototype, so that a parameter named __proto__ is only that.
  const object: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of node.members) object[name] = readNode(member);
  return object;
}
