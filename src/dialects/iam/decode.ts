// What IAM's clients send, read into plain data: the login, the filters of project lists, a new project. Checks form alone;
// whether names and passwords are right is the identity store's matter. A refusal never repeats what was sent.
import { isObject, type JsonObject, single } from "../../clouds/huawei/operation.ts";
import type { QueryParameter } from "../../clouds/huawei/query-string.ts";
import { invalid, missing } from "./errors.ts";

/** An account or a project, by either of its names; where both are given the id counts. */
export interface Named {
  readonly id?: string | undefined;
  readonly name?: string | undefined;
}

export interface Login {
  readonly domain: Named;
  readonly name: string;
  readonly password: string;
  /** The whole account where none is named. A project counts where both are. */
  readonly scope: { readonly project: Named } | { readonly domain: Named } | undefined;
}

/** Longer than any name; in UTF-16 units. */
const longestName = 256;
/** Bounds what hashing a password costs. */
const longestPassword = 1024;

/** @throws TaishiError missing-parameter | invalid-parameter */
export function readLogin(body: JsonObject): Login {
  const auth = object(body, "auth");
  const identity = object(auth, "identity");
  const { methods } = identity;
  if (methods === undefined) throw missing("methods");
  if (!Array.isArray(methods) || methods.length !== 1 || methods[0] !== "password")
    throw invalid("methods", 'Only ["password"] is offered.');
  const user = object(object(identity, "password"), "user");
  const name = text(user, "name", longestName);
  const password = text(user, "password", longestPassword);
  return { domain: named(object(user, "domain"), "domain"), name, password, scope: readScope(auth.scope) };
}

function readScope(scope: unknown): Login["scope"] {
  if (scope === undefined || scope === null) return undefined;
  if (!isObject(scope)) throw invalid("scope");
  if (scope.project !== undefined) return { project: named(object(scope, "project"), "project") };
  if (scope.domain !== undefined) return { domain: named(object(scope, "domain"), "domain") };
  throw invalid("scope", "It must name a project or a domain.");
}

export interface ProjectFilter {
  readonly name: string | undefined;
  readonly domainId: string | undefined;
  readonly parentId: string | undefined;
  readonly enabled: boolean | undefined;
  readonly isDomain: boolean | undefined;
  /** From 1; undefined: all in one. */
  readonly page: number | undefined;
  readonly perPage: number;
}

const mostPerPage = 5000;

/** An empty value is as an absent one; names that are not listed mean nothing. @throws TaishiError invalid-parameter */
export function readProjectFilter(query: readonly QueryParameter[]): ProjectFilter {
  const value = (name: string): string | undefined => single(query, name) || undefined;
  const flag = (name: string): boolean | undefined => {
    const given = value(name)?.toLowerCase();
    if (given === undefined) return undefined;
    if (given !== "true" && given !== "false") throw invalid(name, "It must be true or false.");
    return given === "true";
  };
  const count = (name: string, most: number): number | undefined => {
    const given = value(name);
    if (given === undefined) return undefined;
    const number = /^\d{1,10}$/.test(given) ? Number(given) : 0;
    if (number < 1 || number > most) throw invalid(name, `It must be an integer from 1 to ${most}.`);
    return number;
  };
  const page = count("page", 2 ** 31 - 1);
  const perPage = count("per_page", mostPerPage);
  return {
    name: value("name"),
    domainId: value("domain_id"),
    parentId: value("parent_id"),
    enabled: flag("enabled"),
    isDomain: flag("is_domain"),
    page: page ?? (perPage === undefined ? undefined : 1),
    perPage: perPage ?? mostPerPage,
  };
}

export interface NewProject {
  readonly name: string;
  readonly domainId: string | undefined;
  readonly parentId: string | undefined;
}

/** A description is let go: projects have none here. @throws TaishiError missing-parameter | invalid-parameter */
export function readNewProject(body: JsonObject): NewProject {
  const project = object(body, "project");
  return {
    name: text(project, "name", longestName),
    domainId: optionalText(project, "domain_id"),
    parentId: optionalText(project, "parent_id"),
  };
}

function named(holder: JsonObject, field: string): Named {
  const id = optionalText(holder, "id");
  const name = optionalText(holder, "name");
  if (id === undefined && name === undefined) throw missing(`${field}.name`);
  return { id, name };
}

function object(holder: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(holder, name) ? holder[name] : undefined;
  if (value === undefined || value === null) throw missing(name);
  if (!isObject(value)) throw invalid(name, "It must be an object.");
  return value;
}

function text(holder: JsonObject, name: string, longest: number): string {
  const value = Object.hasOwn(holder, name) ? holder[name] : undefined;
  if (value === undefined || value === null || value === "") throw missing(name);
  if (typeof value !== "string") throw invalid(name, "It must be a string.");
  if (value.length > longest || !value.isWellFormed()) throw invalid(name, `It is too long or not well-formed text.`);
  return value;
}

function optionalText(holder: JsonObject, name: string): string | undefined {
  const value = Object.hasOwn(holder, name) ? holder[name] : undefined;
  return value === undefined || value === null || value === "" ? undefined : text(holder, name, longestName);
}
