// IAM's documents as its clients read them: tokens, projects, domains, regions, the catalog. Pure. Ids that the cloud has and
// we do not (of services and endpoints) are derived from what they name, so that they stay the same.
// Spec: Huawei IAM API reference, "token management", "project management", "region management", "services and endpoints".
import { hash } from "node:crypto";
import { percentEncode } from "../../clouds/huawei/query-string.ts";
import type { Project, UserToken } from "../../identity/directory.ts";

/** An account, as IAM calls it a domain. */
export interface Domain {
  readonly id: string;
  readonly name: string;
}

/** Regions that Huawei's Node SDK may make a project for by itself; the names of the account's own projects are added. */
export const publicRegions: readonly string[] = [
  "af-north-1",
  "af-south-1",
  "ap-southeast-1",
  "ap-southeast-2",
  "ap-southeast-3",
  "ap-southeast-4",
  "cn-east-2",
  "cn-east-3",
  "cn-east-4",
  "cn-east-5",
  "cn-north-1",
  "cn-north-2",
  "cn-north-4",
  "cn-north-9",
  "cn-north-11",
  "cn-north-12",
  "cn-south-1",
  "cn-south-2",
  "cn-south-4",
  "cn-southwest-2",
  "la-north-2",
  "la-south-2",
  "me-east-1",
  "my-kualalumpur-1",
  "na-mexico-1",
  "ru-moscow-1",
  "sa-brazil-1",
  "tr-west-1",
];

/** @param publicUrl without a slash at its end, here and below */
export function projectDocument(project: Project, publicUrl: string): Readonly<Record<string, unknown>> {
  return {
    is_domain: false,
    description: "",
    links: { self: `${publicUrl}/v3/projects/${percentEncode(project.id)}` },
    enabled: true,
    id: project.id,
    parent_id: project.account,
    domain_id: project.account,
    name: project.name,
  };
}

export function domainDocument(domain: Domain, publicUrl: string): Readonly<Record<string, unknown>> {
  return {
    description: "",
    enabled: true,
    id: domain.id,
    links: { self: `${publicUrl}/v3/domains/${percentEncode(domain.id)}` },
    name: domain.name,
  };
}

export function regionDocument(id: string, publicUrl: string): Readonly<Record<string, unknown>> {
  return {
    id,
    type: "public",
    description: "",
    parent_region_id: null,
    locales: { "zh-cn": id, "en-us": id },
    links: { self: `${publicUrl}/v3/regions/${percentEncode(id)}` },
  };
}

/** The links of a list that is always whole. */
export function listLinks(self: string): Readonly<Record<string, unknown>> {
  return { self, previous: null, next: null };
}

/** IAM itself, and each database service once for each project. */
export function catalogDocument(projects: readonly Project[], publicUrl: string): readonly unknown[] {
  const service = (type: string, name: string, endpoints: readonly { region: string; url: string }[]): unknown => ({
    type,
    id: derivedId("service", type),
    name,
    endpoints: endpoints.map(({ region, url }) => ({
      id: derivedId("endpoint", type, url),
      interface: "public",
      region,
      region_id: region,
      url,
    })),
  });
  const perProject = projects.map(({ id, name }) => ({ region: name, url: `${publicUrl}/v3/${percentEncode(id)}` }));
  return [
    service("identity", "iam", [{ region: "*", url: `${publicUrl}/v3` }]),
    service("gaussdb", "gaussdb", perProject),
    service("rds", "rds", perProject),
  ];
}

/** @param catalog absent: left out */
export function tokenDocument(
  held: UserToken,
  domain: Domain,
  catalog: readonly unknown[] | undefined,
): Readonly<Record<string, unknown>> {
  const { user, project } = held;
  const owner = { id: domain.id, name: domain.name };
  return {
    token: {
      ...(catalog !== undefined && { catalog }),
      ...(project === undefined
        ? { domain: owner }
        : { project: { id: project.id, name: project.name, domain: owner } }),
      expires_at: microseconds(held.expires),
      issued_at: microseconds(held.issued),
      methods: ["password"],
      roles: [{ id: user.role, name: user.role }],
      user: { id: user.id, name: user.name, password_expires_at: "", domain: owner },
    },
  };
}

/** E.g. "2015-11-09T01:42:57.527000Z", with the six digits clients parse by. */
function microseconds(time: number): string {
  return new Date(time).toISOString().replace("Z", "000Z");
}

function derivedId(...of: readonly string[]): string {
  return hash("sha256", of.join("\n"), "hex").slice(0, 32);
}
