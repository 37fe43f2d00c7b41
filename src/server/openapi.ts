// The OpenAPI 3.1 document of the own API, made of the very routes that are mounted and the schemas that validate.
// Schemas with an $id become components and are referred to. https://spec.openapis.org/oas/v3.1.0
import type { TSchema } from "typebox";
import { Problem } from "./problem.ts";
import type { AnyRoute } from "./route.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

const everywhere: Readonly<Record<number, string>> = {
  400: "A parameter or the body is invalid",
  401: "The credentials are missing or wrong",
  403: "The key's role does not allow this",
  429: "Too many requests with this key; see Retry-After",
  503: "Overloaded, behind or stopping; see Retry-After",
};
const elsewhere: Readonly<Record<number, string>> = {
  404: "There is nothing here",
  409: "It exists already, or the idempotency key was used with another body",
  410: "It was pruned by the account's retention",
  413: "The request is too large",
  415: "The content type or encoding is not supported",
};

export function openapiDocument(routes: readonly AnyRoute[], version: string): JsonObject {
  const components: Record<string, Json> = {};
  const refer = (schema: TSchema): Json => referTo(JSON.parse(JSON.stringify(schema)) as Json, components);

  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operation(route, refer);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Taishi",
      version,
      summary: "Append events to a tamper-evident audit log and read them back",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ bearer: [] }, { signature: [] }, { session: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "The token that was printed with the key, or one that a user signed in for.",
        },
        signature: {
          type: "apiKey",
          in: "header",
          name: "Authorization",
          description:
            "HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=… over the bytes as sent, for the service `taishi`.",
        },
        session: {
          type: "apiKey",
          in: "cookie",
          name: "taishi_session",
          description:
            "The console's session, of POST /api/v1/session; under TLS `__Host-taishi_session`. Anything but GET needs `X-Taishi-Console: 1`, and `Sec-Fetch-Site: same-origin` or an `Origin` that is the service's own.",
        },
      },
    },
  };
}

function operation(route: AnyRoute, refer: (schema: TSchema) => Json): JsonObject {
  const problem = { "application/problem+json": { schema: refer(Problem) } };
  const responses: Record<string, Json> = {
    200: { description: "Done", content: { [route.media ?? "application/json"]: { schema: refer(route.answer) } } },
  };
  const described = { ...everywhere, ...elsewhere };
  for (const status of [...Object.keys(everywhere).map(Number), ...(route.errors ?? [])].sort((a, b) => a - b))
    responses[status] = { description: described[status] ?? "Refused", content: problem };
  responses.default = { description: "The request failed for a reason of ours", content: problem };
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(route.parameters === undefined
      ? {}
      : {
          parameters: route.parameters.map(({ name, in: place, required, schema, description }) => {
            const printed = refer(schema);
            return {
              name,
              in: place,
              ...(required === true ? { required } : {}),
              ...(description === undefined ? {} : { description }),
              schema: printed,
            };
          }),
        }),
    ...(route.requestBody === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: Object.fromEntries(
              Object.entries(route.requestBody).map(([type, schema]) => [type, { schema: refer(schema) }]),
            ),
          },
        }),
    ...("open" in route ? { security: [] } : {}),
    responses,
  };
}

/** The schema with every part that has an $id moved to the components. */
function referTo(schema: Json, components: Record<string, Json>): Json {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item: Json) => referTo(item, components));
  const { $id, ...members } = schema as JsonObject;
  const inner = Object.fromEntries(Object.entries(members).map(([name, item]) => [name, referTo(item, components)]));
  if (typeof $id !== "string") return inner;
  components[$id] = inner;
  return { $ref: `#/components/schemas/${$id}` };
}
