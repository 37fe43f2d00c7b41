// /api/v1/projects and /api/v1/instances: what of the clouds' directory an account's readers may see and its
// administrator make. Everything is by the caller's account; what is another's is as if it did not exist (I7).
import { type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { TaishiError } from "../errors.ts";
import { formatMillis } from "../event/time.ts";
import type { Caller } from "../identity/caller.ts";
import type { Directory, Instance, Project } from "../identity/directory.ts";
import type { NewUser, UserInfo, UserStatus } from "../identity/directory-records.ts";
import { jsonBodyBytes, readJson, requireJson } from "./json-body.ts";
import { refuseParameters } from "./read-routes.ts";
import type { Route } from "./route.ts";

/** What the routes need of the identity store: reads are from memory, a change is on disk when it returns. */
export interface AccountDirectory
  extends Pick<Directory, "project" | "projects" | "createProject" | "instance" | "instances" | "createInstance"> {
  user(id: string): UserInfo | undefined;
  users(account: string): readonly UserInfo[];
  /** @throws TaishiError invalid-parameter | already-exists | rate-limited */
  createUser(input: NewUser): Promise<UserInfo>;
  /** The user's tokens are void from now on. @throws TaishiError not-found | invalid-parameter | rate-limited */
  setUserPassword(id: string, password: string): Promise<UserInfo>;
  /** @throws TaishiError not-found | invalid-parameter */
  setUserStatus(id: string, status: UserStatus): UserInfo;
  /** @throws TaishiError not-found */
  deleteUser(id: string): UserInfo;
}

/** Instances in one answer; no project can have more. */
const mostInstances = 10_000;

const account = Type.String({ description: "The account it belongs to." });
export const created = Type.String({ format: "date-time" });
const projectId = "32 lower-case hex digits.";
const instanceId = '32 letters or digits, then "in" and two digits.';
const chosen = "Chosen by the service when absent; operators only may choose it themselves.";

const ProjectSchema = Type.Object(
  {
    id: Type.String({ description: projectId }),
    account,
    name: Type.String({ description: "Named like a region, by which the clouds' clients find it." }),
    created,
  },
  { $id: "Project" },
);

const InstanceSchema = Type.Object(
  {
    id: Type.String({ description: instanceId }),
    account,
    project: Type.String({ description: "The id of its project." }),
    created,
  },
  { $id: "Instance", description: "A database instance, whose statements are audited." },
);

const NewProject = Type.Object(
  {
    name: Type.String({
      description: "1 to 64 characters of A-Z, a-z, 0-9, _ and -; unique in the account. E.g. cn-north-4.",
    }),
    id: Type.Optional(Type.String({ description: `${projectId} ${chosen}` })),
  },
  { $id: "NewProject", additionalProperties: false },
);

const NewInstance = Type.Object(
  {
    project: Type.String({ description: "The id of a project of the account." }),
    id: Type.Optional(Type.String({ description: `${instanceId} ${chosen}` })),
  },
  { $id: "NewInstance", additionalProperties: false },
);

/** What all routes of administration share: they are for administrators, and small. */
export function directoryRoute(
  route: Omit<Route, "act" | "bodyLimit" | "requestBody" | "precheck">,
  body?: TSchema,
): Route {
  if (body === undefined) return { ...route, act: "administer", bodyLimit: 0 };
  const errors = [...(route.errors ?? []), 413, 415];
  const requestBody = { "application/json": body };
  return { ...route, errors, act: "administer", bodyLimit: jsonBodyBytes, requestBody, precheck: requireJson };
}

/** Who reads the log sees what it names; users and keys are none of it. */
function readRoute(route: Omit<Route, "act" | "bodyLimit">): Route {
  return { ...route, act: "read", bodyLimit: 0 };
}

export function projectRoutes(directory: AccountDirectory): readonly Route[] {
  const newProject = Compile(NewProject);
  const list = readRoute({
    method: "GET",
    path: "/api/v1/projects",
    operationId: "listProjects",
    audited: { name: "ListProjects", readOnly: true },
    summary: "List the account's projects",
    description: "All of them, in the order of their making.",
    answer: Type.Object({ projects: Type.Array(ProjectSchema) }, { $id: "ProjectList" }),
    handle: async ({ caller, query }) => {
      refuseParameters(query);
      return JSON.stringify({ projects: directory.projects(caller.account).map(shownProject) });
    },
  });
  const create = directoryRoute(
    {
      method: "POST",
      path: "/api/v1/projects",
      operationId: "createProject",
      audited: { name: "CreateProject", readOnly: false },
      summary: "Create a project",
      description: "A project is never renamed or deleted: entries of the log name it.",
      answer: ProjectSchema,
      errors: [409],
      handle: async (call) => {
        refuseParameters(call.query);
        const { name, id } = await readJson(call, newProject);
        call.tell({ parameters: { name, id } });
        refuseChosenId(call.caller, id);
        const project = directory.createProject({ account: call.caller.account, name, id });
        call.tell({ resources: [{ type: "project", id: project.id }] });
        return JSON.stringify(shownProject(project));
      },
    },
    NewProject,
  );
  return [list, create];
}

export function instanceRoutes(directory: AccountDirectory): readonly Route[] {
  const newInstance = Compile(NewInstance);
  const list = readRoute({
    method: "GET",
    path: "/api/v1/instances",
    operationId: "listInstances",
    audited: { name: "ListInstances", readOnly: true },
    summary: "List the account's database instances",
    description: `Of one project or of all, in the order of their making; never a part of them: with more than ${mostInstances} in all projects together, name a project.`,
    parameters: [{ name: "project", in: "query", schema: Type.String(), description: "The id of a project." }],
    answer: Type.Object({ instances: Type.Array(InstanceSchema) }, { $id: "InstanceList" }),
    errors: [404],
    handle: async ({ caller, query }) => {
      const id = onlyProject(query);
      const projects =
        id === undefined ? directory.projects(caller.account) : [ownProject(directory, caller.account, id)];
      const found: Instance[] = [];
      for (const project of projects) {
        found.push(...directory.instances(project.id));
        if (found.length > mostInstances)
          throw new TaishiError("invalid-parameter", `project: must be given, there are more than ${mostInstances}`, {
            field: "project",
          });
      }
      return JSON.stringify({ instances: found.map(shownInstance) });
    },
  });
  const create = directoryRoute(
    {
      method: "POST",
      path: "/api/v1/instances",
      operationId: "createInstance",
      audited: { name: "CreateInstance", readOnly: false },
      summary: "Create a database instance",
      description: "An instance is never deleted: entries of the log name it.",
      answer: InstanceSchema,
      errors: [404, 409],
      handle: async (call) => {
        refuseParameters(call.query);
        const { project, id } = await readJson(call, newInstance);
        call.tell({ parameters: { project, id } });
        refuseChosenId(call.caller, id);
        const parent = ownProject(directory, call.caller.account, project);
        const instance = directory.createInstance({ project: parent.id, id });
        call.tell({ resources: [{ type: "instance", id: instance.id }] });
        return JSON.stringify(shownInstance(instance));
      },
    },
    NewInstance,
  );
  return [list, create];
}

/** @throws TaishiError not-found, in the same words whether there is none or it is another account's (I7) */
function ownProject(directory: AccountDirectory, account: string, id: string): Project {
  const project = directory.project(id);
  if (project !== undefined && project.account === account) return project;
  const subject = id.slice(0, 64).toWellFormed();
  throw new TaishiError("not-found", `there is no project ${subject}`, { field: "project", subject });
}

/** Ids are unique over all accounts: "it exists already" would tell of others' (I7). */
function refuseChosenId({ operator }: Caller, id: string | undefined): void {
  if (id !== undefined && !operator)
    throw new TaishiError("forbidden", "id: only an operator's key may choose it", { field: "id" });
}

function onlyProject(query: URLSearchParams): string | undefined {
  const [project, ...more] = query.getAll("project");
  if (more.length > 0) throw new TaishiError("invalid-parameter", "project: must be given once", { field: "project" });
  const others = new URLSearchParams(query);
  others.delete("project");
  refuseParameters(others);
  return project;
}

function shownProject({ id, account, name, created }: Project): object {
  return { id, account, name, created: formatMillis(created) };
}

function shownInstance({ id, account, project, created }: Instance): object {
  return { id, account, project, created: formatMillis(created) };
}
