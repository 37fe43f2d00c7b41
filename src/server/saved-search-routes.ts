// /api/v1/searches: searches that a reader keeps by name. Each caller sees their own: a user's by any session, a key's by the key.
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import { type SavedSearch, type SavedSearches, searchOwner } from "../identity/saved-searches.ts";
import { jsonBodyBytes, readJson, requireJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

const name = Type.String({ description: "1 to 64 printable characters; unique among the caller's." });
const query = Type.String({ maxLength: 4096, description: "What to ask, as the console writes it." });

const SavedSearchSchema = Type.Object(
  { id: Type.String(), name: Type.String(), query: Type.String(), created: Type.String({ format: "date-time" }) },
  { $id: "SavedSearch" },
);
const NewSavedSearch = Type.Object({ name, query }, { $id: "NewSavedSearch", additionalProperties: false });
const SavedSearchChange = Type.Object(
  { name: Type.Optional(name), query: Type.Optional(query) },
  { $id: "SavedSearchChange", additionalProperties: false },
);

type Searches = Pick<SavedSearches, "list" | "create" | "change" | "delete">;

export function savedSearchRoutes(searches: Searches): readonly Route[] {
  const newSearch = Compile(NewSavedSearch);
  const searchChange = Compile(SavedSearchChange);
  const reader = { act: "read", bodyLimit: 0 } as const;
  const writer = { act: "read", bodyLimit: jsonBodyBytes, precheck: requireJson } as const;
  const one = {
    path: "/api/v1/searches/{id}",
    parameters: [{ name: "id", in: "path", required: true, schema: Type.String() }],
    answer: SavedSearchSchema,
  } as const;
  return [
    {
      ...reader,
      method: "GET",
      path: "/api/v1/searches",
      operationId: "listSavedSearches",
      audited: { name: "ListSavedSearches", readOnly: true },
      summary: "List the caller's saved searches",
      answer: Type.Object({ searches: Type.Array(SavedSearchSchema) }, { $id: "SavedSearchList" }),
      handle: async ({ caller, query }) => {
        refuseParameters(query);
        return JSON.stringify({ searches: searches.list(searchOwner(caller)).map(shown) });
      },
    },
    {
      ...writer,
      method: "POST",
      path: "/api/v1/searches",
      operationId: "createSavedSearch",
      audited: { name: "CreateSavedSearch", readOnly: false },
      summary: "Save a search",
      description: "At most 100 per caller.",
      requestBody: { "application/json": NewSavedSearch },
      answer: SavedSearchSchema,
      errors: [409, 413, 415],
      handle: async (call) => {
        refuseParameters(call.query);
        const { name, query } = await readJson(call, newSearch);
        call.tell({ parameters: { name } });
        return JSON.stringify(shown(searches.create(searchOwner(call.caller), { name, query })));
      },
    },
    {
      ...writer,
      ...one,
      method: "PATCH",
      operationId: "updateSavedSearch",
      audited: { name: "UpdateSavedSearch", readOnly: false },
      summary: "Rename a saved search, or change what it asks",
      requestBody: { "application/json": SavedSearchChange },
      errors: [404, 409, 413, 415],
      handle: async (call) => {
        refuseParameters(call.query);
        const change = await readJson(call, searchChange);
        const { name, query } = change;
        if (name === undefined && query === undefined)
          throw new TaishiError("missing-parameter", "name or query: one is required", { field: "name" });
        call.tell({ parameters: { id: call.path.id, name } });
        const given = { ...(name === undefined ? {} : { name }), ...(query === undefined ? {} : { query }) };
        return JSON.stringify(shown(searches.change(searchOwner(call.caller), call.path.id ?? "", given)));
      },
    },
    {
      ...reader,
      ...one,
      method: "DELETE",
      operationId: "deleteSavedSearch",
      audited: { name: "DeleteSavedSearch", readOnly: false },
      summary: "Delete a saved search",
      description: "The answer is the search as it was.",
      errors: [404],
      handle: async ({ caller, path, query, tell }) => {
        refuseParameters(query);
        tell({ parameters: { id: path.id } });
        return JSON.stringify(shown(searches.delete(searchOwner(caller), path.id ?? "")));
      },
    },
  ];
}

function shown({ id, name, query, created }: SavedSearch): object {
  return { id, name, query, created: formatMillis(created) };
}
