// Trail events for the lookup figure: API calls of 500 users with 200 keys, each with a request id of its own. Event i is a
// pure function of i, as in workload W, whose numbers it draws on.
import { mulberry32 } from "./workload.ts";

const seed = 20_210_913;
const draws = 8;
const firstTime = Date.UTC(2024, 10, 7);
const stepMs = 37;
const sources = [
  "iam",
  "ecs",
  "vpc",
  "tos",
  "ark",
  "kms",
  "rds_mysql",
  "cloud_trail",
  "vke",
  "clb",
  "cr",
  "tls",
] as const;
const verbs = ["Get", "List", "Describe", "Create", "Update", "Delete"] as const;
const nouns = ["User", "Instance", "Bucket", "Key", "Policy", "Subnet", "Endpoint", "Trail"] as const;

export interface TrailSample {
  readonly time: string;
  readonly requestId: string;
  /** As POST /api/v1/events takes it. */
  readonly event: object;
}

export function requestIdAt(i: number): string {
  const high = Math.floor(mulberry32(seed, i * draws) * 2 ** 32);
  return `20241107${high.toString(16).padStart(8, "0")}${i.toString(16).padStart(16, "0")}`.toUpperCase();
}

export function trailAt(i: number): TrailSample {
  const pick = <T>(list: readonly T[], draw: number): T =>
    list[Math.floor(mulberry32(seed, i * draws + draw) * list.length)]!;
  const number = (draw: number, below: number): number => Math.floor(mulberry32(seed, i * draws + draw) * below);
  const time = new Date(firstTime + i * stepMs).toISOString();
  const requestId = requestIdAt(i);
  const accessKeyId = `AKLT${String(number(1, 200)).padStart(32, "0")}`;
  const userName = `user${number(2, 500)}`;
  const source = pick(sources, 3);
  const type = pick(verbs, 4) + pick(nouns, 5);
  const sourceIp = `10.${number(6, 256)}.${number(7, 256)}.9`;
  const event = {
    kind: "trail",
    time,
    type,
    source,
    requestId,
    accessKeyId,
    userName,
    sourceIp,
    region: "cn-beijing",
    detail: {
      EventVersion: "v1.0",
      EventType: "ApiCall",
      UserIdentity: { AccountID: "2100000001", Type: "User", PrincipalID: userName, AccessKeyID: accessKeyId },
      UserAgent: "volcengine-go-sdk/1.2.49",
      RequestParameters: `{"Id":"i-${number(6, 65_536)}"}`,
      ResponseElements: "",
      ApiVersion: "2020-04-01",
    },
  };
  return { time, requestId, event };
}
