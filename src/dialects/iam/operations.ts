// IAM's operations: what Huawei's SDKs, Terraform and curl have to ask before they can ask anything else. Tokens for passwords,
// the caller's own projects, domain, regions and catalog. Never tells anything of another account (I7): what is not the caller's
// is as what does not exist. Spec: Huawei IAM API reference v3 and STS; docs/dialects/iam.md has every deviation.
import type { Answer, AuthenticatedCall, Call, Method, Operation } from "../../clouds/huawei/operation.ts";
import { TaishiError } from "../../errors.ts";
import type { Caller } from "../../identity/caller.ts";
import type { Directory, Project, SignIn, UserToken } from "../../identity/directory.ts";
import { authoriseProjectCreation } from "./auth.ts";
import { type Login, type Named, readLogin, readNewProject, readProjectFilter } from "./decode.ts";
import {
  catalogDocument,
  type Domain,
  domainDocument,
  listLinks,
  projectDocument,
  publicRegions,
  regionDocument,
  tokenDocument,
} from "./encode.ts";
import { iamFailure, invalid, missing } from "./errors.ts";
import { identityVersion } from "./version-document.ts";

export interface IamOptions {
  readonly directory: Pick<Directory, "account" | "project" | "projects" | "createProject">;
  readonly signIn: SignIn;
  /** Where clients reach us, e.g. "https://audit.example:7548"; in links and the catalog. Asked at every answer. */
  readonly publicUrl: () => string;
  /** Regions told beside those of the account's projects; Huawei's public ones where absent. */
  readonly regions?: readonly string[];
}

/** No login and no project is longer. */
const maxBodyBytes = 16 * 1024;

export function createIamOperations(options: IamOptions): readonly Operation[] {
  const { directory, signIn } = options;
  const publicUrl = (): string => options.publicUrl().replace(/\/+$/, "");
  const regions = options.regions ?? publicRegions;

  const domainOf = (account: string): Domain => directory.account(account) ?? { id: account, name: account };
  const catalogFor = (account: string, project: Project | undefined): readonly unknown[] =>
    catalogDocument(project === undefined ? directory.projects(account) : [project], publicUrl());

  const tokenAnswer = (status: number, token: string, held: UserToken, call: Call): Answer => {
    const { account } = held.user;
    const catalog = call.query.some(({ name }) => name === "nocatalog") ? undefined : catalogFor(account, held.project);
    return {
      status,
      headers: { "x-subject-token": token },
      body: tokenDocument(held, domainOf(account), catalog),
    };
  };

  const createToken = async (call: Call): Promise<Answer> => {
    const login = readLogin(call.json());
    call.tell({ userName: login.name });
    const { token, held } = await signIn.signIn({
      domain: domainName(login.domain),
      name: login.name,
      password: login.password,
      address: call.address,
      ...(login.scope !== undefined && "project" in login.scope && { project: login.scope.project }),
    });
    // Looked at after the password, so that nobody learns which id a name has; the token is then void at once.
    if (!isOwnDomain(login.scope, domainOf(held.user.account))) {
      signIn.revoke(token);
      throw invalid("scope");
    }
    const { user, project } = held;
    call.tell({ account: user.account, userName: user.name, ...(project !== undefined && { region: project.name }) });
    return tokenAnswer(201, token, held, call);
  };

  /** An id that nobody has goes on as a name that nobody has, so that it takes as long as a wrong password. */
  const domainName = ({ id, name }: Named): string =>
    id === undefined ? (name ?? "") : (directory.account(id)?.name ?? `\u0000${id}`);

  const subject = (call: AuthenticatedCall): { token: string; held: UserToken } => {
    const token = call.header("x-subject-token")?.trim() ?? "";
    if (token === "") throw missing("X-Subject-Token");
    const held = signIn.byUserToken(token);
    if (held === undefined || held.user.account !== call.caller.account)
      throw new TaishiError("not-found", undefined, { field: "token" });
    return { token, held };
  };

  const validateToken = (call: AuthenticatedCall): Answer => {
    const { token, held } = subject(call);
    return tokenAnswer(200, token, held, call);
  };

  const revokeToken = (call: AuthenticatedCall): Answer => {
    signIn.revoke(subject(call).token);
    return { status: 204 };
  };

  const projectList = (projects: readonly Project[], call: Call): Answer => ({
    body: {
      links: listLinks(`${publicUrl()}${call.target}`),
      projects: projects.map((project) => projectDocument(project, publicUrl())),
    },
  });

  const listProjects = (call: AuthenticatedCall): Answer => {
    const filter = readProjectFilter(call.query);
    const { account } = call.caller;
    const none =
      filter.enabled === false ||
      filter.isDomain === true ||
      (filter.domainId ?? account) !== account ||
      (filter.parentId ?? account) !== account;
    const found = none ? [] : directory.projects(account).filter(({ name }) => (filter.name ?? name) === name);
    const start = ((filter.page ?? 1) - 1) * filter.perPage;
    return projectList(filter.page === undefined ? found : found.slice(start, start + filter.perPage), call);
  };

  const showProject = (call: AuthenticatedCall): Answer => {
    const project = directory.project(call.params.project_id ?? "");
    if (project === undefined || project.account !== call.caller.account)
      throw new TaishiError("not-found", undefined, { field: "project" });
    return { body: { project: projectDocument(project, publicUrl()) } };
  };

  const createProject = (call: AuthenticatedCall): Answer => {
    authoriseProjectCreation(call.caller);
    const { name, domainId, parentId } = readNewProject(call.json());
    const { account } = call.caller;
    if ((domainId ?? account) !== account) throw new TaishiError("forbidden");
    // In the cloud a project may stand below a region's project; here all stand below the account.
    if ((parentId ?? account) !== account && directory.project(parentId ?? "")?.account !== account)
      throw invalid("parent_id");
    const project = directory.createProject({ account, name });
    call.tell({ resources: [{ type: "project", id: project.id }], region: project.name });
    return { status: 201, body: { project: projectDocument(project, publicUrl()) } };
  };

  const listDomains = (call: AuthenticatedCall): Answer => ({
    body: {
      domains: [domainDocument(domainOf(call.caller.account), publicUrl())],
      links: listLinks(`${publicUrl()}${call.target}`),
    },
  });

  const listRegions = (call: AuthenticatedCall): Answer => {
    const own = directory.projects(call.caller.account).map(({ name }) => name);
    const ids = [...new Set([...regions, ...own])].sort();
    return {
      body: {
        regions: ids.map((id) => regionDocument(id, publicUrl())),
        links: listLinks(`${publicUrl()}${call.target}`),
      },
    };
  };

  const showCatalog = (call: AuthenticatedCall): Answer => ({
    body: {
      catalog: catalogFor(call.caller.account, call.userToken?.project),
      links: listLinks(`${publicUrl()}${call.target}`),
    },
  });

  const operation = (
    name: string,
    methods: readonly Method[],
    path: string,
    handle: (call: AuthenticatedCall) => Answer,
    readOnly = true,
  ): Operation => ({
    service: "iam",
    name,
    methods,
    path,
    auth: "caller",
    readOnly,
    maxBodyBytes,
    failure: iamFailure,
    handle: async (call) => handle(call),
  });

  const open = { service: "iam", auth: "none", maxBodyBytes, failure: iamFailure } as const;
  return [
    {
      ...open,
      name: "KeystoneCreateUserTokenByPassword",
      methods: ["POST"],
      path: "/v3/auth/tokens",
      readOnly: false,
      handle: createToken,
    },
    operation("KeystoneValidateToken", ["GET", "HEAD"], "/v3/auth/tokens", validateToken),
    operation("KeystoneRevokeToken", ["DELETE"], "/v3/auth/tokens", revokeToken, false),
    operation("KeystoneListProjects", ["GET"], "/v3/projects", listProjects),
    operation("KeystoneCreateProject", ["POST"], "/v3/projects", createProject, false),
    operation("KeystoneShowProject", ["GET"], "/v3/projects/{project_id}", showProject),
    operation("KeystoneListAuthProjects", ["GET"], "/v3/auth/projects", (call) =>
      projectList(directory.projects(call.caller.account), call),
    ),
    operation("KeystoneListAuthDomains", ["GET"], "/v3/auth/domains", listDomains),
    operation("KeystoneListRegions", ["GET"], "/v3/regions", listRegions),
    operation("KeystoneShowCatalog", ["GET"], "/v3/auth/catalog", showCatalog),
    operation("GetCallerIdentity", ["GET"], "/v5/caller-identity", ({ caller, userToken }) => ({
      body: callerIdentity(caller, userToken),
    })),
    {
      ...open,
      name: "KeystoneShowVersion",
      methods: ["GET"],
      path: "/v3",
      readOnly: true,
      handle: async () => ({ body: { version: identityVersion(publicUrl()) } }),
    },
  ];
}

function isOwnDomain(scope: Login["scope"], own: Domain): boolean {
  if (scope === undefined || "project" in scope) return true;
  const { id, name } = scope.domain;
  return (id ?? own.id) === own.id && (name ?? own.name) === own.name;
}

/** A key belongs to nobody but the account, so it is named itself. */
function callerIdentity(caller: Caller, userToken: UserToken | undefined): Readonly<Record<string, string>> {
  const { account } = caller;
  return userToken === undefined
    ? { account_id: account, principal_urn: `iam::${account}:key:${caller.accessKey}`, principal_id: caller.accessKey }
    : {
        account_id: account,
        principal_urn: `iam::${account}:user:${userToken.user.name}`,
        principal_id: userToken.user.id,
      };
}
