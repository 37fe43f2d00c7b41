// The request that a form makes as curl and as code for the clouds' own SDKs. The calls are the SDKs'; only the endpoint is
// ours. Pure. A secret stands in a sample only where it was handed in.
import type { Signable } from "../../signing/request.ts";
import { argumentsOf, bodyOf, type CloudAction, type Condition, type Values } from "./cloud-actions.ts";
import { goLiteral, goMembers, pythonLiteral, typescriptLiteral } from "./literals.ts";

export interface Place {
  /** "http:" or "https:" */
  readonly protocol: string;
  /** With its port where it has one. */
  readonly host: string;
}

export interface SampleKey {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

/** A text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** @param headers as they are sent; host is what curl makes of the address */
export function curlOf(
  place: Place,
  request: Signable | SampleRequest,
  headers: Readonly<Record<string, string>>,
): string {
  const { method, target, body } = request;
  const lines = [
    `curl -sS ${shellWord(`${place.protocol}//${place.host}${target}`)}`,
    ...(method === "GET" || (method === "POST" && body !== "") ? [] : [`-X ${method}`]),
    ...Object.entries(headers)
      .filter(([name]) => name !== "host")
      .map(([name, value]) => `-H ${headerWord(name, value)}`),
    // curl reads a file where data begins with an @; not so with --data-raw.
    ...(body === "" ? [] : [`--data-raw ${shellWord(body)}`]),
  ];
  return lines.join(" \\\n  ");
}

interface SampleRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/** In double quotes where the shell is to put a variable in. */
function headerWord(name: string, value: string): string {
  const spelled = name.replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
  const text = `${spelled}: ${value}`;
  return /^(Bearer )?\$[A-Z]+$/.test(value) ? `"${text}"` : shellWord(text);
}

export function typescriptOf(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  return action.cloud === "volcengine"
    ? volcengineTypescript(action, values, place, key)
    : huaweiTypescript(action, values, place, key);
}

export function pythonOf(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  return action.cloud === "volcengine"
    ? volcenginePython(action, values, place, key)
    : huaweiPython(action, values, place, key);
}

export function goOf(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  return action.cloud === "volcengine"
    ? volcengineGo(action, values, place, key)
    : huaweiGo(action, values, place, key);
}

const quoted = (text: string): string => JSON.stringify(text);

function volcengineTypescript(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const isArk = action.service === "ark";
  const [client, call] = isArk ? ["ark", "list"] : ["trail", "lookup"];
  const asked = `await ${call}(${typescriptLiteral(bodyOf(action, values))})`;
  return `import { Service } from "@volcengine/openapi";
const ${client} = new Service({ host: ${quoted(place.host)}, protocol: ${quoted(place.protocol)}, serviceName: ${quoted(action.service)}, region: ${quoted(key.region)},
  defaultVersion: ${quoted(action.version)}, accessKeyId: ${quoted(key.accessKey)}, secretKey: ${quoted(key.secretKey)} });
const ${call} = ${client}.createJSONAPI(${quoted(action.action)});
${isArk ? `console.log(${asked});` : `const { Result } = ${asked};\nconsole.log(Result);`}
`;
}

function volcenginePython(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const typed = action.service !== "ark";
  const body = bodyOf(action, values);
  const call = typed
    ? `api = volcenginesdkcloudtrail.CLOUDTRAILApi(volcenginesdkcore.ApiClient(configuration))
request = volcenginesdkcloudtrail.LookupEventsRequest(${pythonArguments(
        Object.entries(body).map(([name, value]) => [
          snake(name),
          name === "LookupConditions"
            ? pythonConditions(values.LookupConditions as readonly Condition[])
            : pythonLiteral(value),
        ]),
      )})
print(api.lookup_events(request))
`
    : `api = volcenginesdkcore.UniversalApi(volcenginesdkcore.ApiClient(configuration))
info = volcenginesdkcore.UniversalInfo(
    method="POST",
    service=${quoted(action.service)},
    version=${quoted(action.version)},
    action=${quoted(action.action)},
    content_type="application/json",
)
print(api.do_call(info, ${pythonLiteral(body)}))
`;
  return `${typed ? "import volcenginesdkcloudtrail\n" : ""}import volcenginesdkcore

configuration = volcenginesdkcore.Configuration()
configuration.ak = ${quoted(key.accessKey)}
configuration.sk = ${quoted(key.secretKey)}
configuration.region = ${quoted(key.region)}
configuration.scheme = ${quoted(place.protocol.replace(":", ""))}
configuration.host = ${quoted(place.host)}
${call}`;
}

function pythonConditions(conditions: readonly Condition[]): string {
  const made = conditions.map(
    ([key, value]) => `        volcenginesdkcloudtrail.LookupConditionForLookupEventsInput(
            lookup_condition_key=${quoted(key)},
            lookup_condition_value=${quoted(value)},
        ),
`,
  );
  return `[\n${made.join("")}    ]`;
}

function pythonArguments(named: readonly (readonly [string, string])[]): string {
  if (named.length === 0) return "";
  return `\n${named.map(([name, value]) => `    ${name}=${value},\n`).join("")}`;
}

function volcengineGo(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const typed = action.service !== "ark";
  const body = bodyOf(action, values);
  const call = typed
    ? `cloudtrail.New(sess).LookupEvents(&cloudtrail.LookupEventsInput${goMembers(
        Object.entries(body).map(([name, value]) => [name, goPointer(name, value)]),
        "\t",
      )})`
    : `universal.New(sess).DoCall(universal.RequestUniversal${goMembers(
        [
          ["ServiceName", quoted(action.service)],
          ["Action", quoted(action.action)],
          ["Version", quoted(action.version)],
          ["HttpMethod", "universal.POST"],
          ["ContentType", "universal.ApplicationJSON"],
        ],
        "\t",
      )}, &${goLiteral(body, "\t")})`;
  const base = "github.com/volcengine/volcengine-go-sdk";
  const imports = [
    ...(typed ? [`${base}/service/cloudtrail`] : []),
    `${base}/volcengine`,
    `${base}/volcengine/credentials`,
    `${base}/volcengine/session`,
    ...(typed ? [] : [`${base}/volcengine/universal`]),
  ];
  return `package main

import (
	"fmt"

${imports.map((path) => `\t${quoted(path)}\n`).join("")})

func main() {
	config := volcengine.NewConfig().
		WithRegion(${quoted(key.region)}).
		WithCredentials(credentials.NewStaticCredentials(${quoted(key.accessKey)}, ${quoted(key.secretKey)}, "")).
		WithEndpoint(${quoted(`${place.protocol}//${place.host}`)})
	sess, err := session.NewSession(config)
	if err != nil {
		panic(err)
	}
	answer, err := ${call}
	if err != nil {
		panic(err)
	}
	fmt.Println(${typed ? "answer" : "*answer"})
}
`;
}

function goPointer(name: string, value: unknown): string {
  if (name === "LookupConditions")
    return `[]*cloudtrail.LookupConditionForLookupEventsInput{\n${(value as readonly Record<string, string>[])
      .map(
        (condition) =>
          `\t\t\t${goMembers(
            Object.entries(condition).map(([member, text]) => [member, `volcengine.String(${quoted(text)})`]),
            "\t\t\t",
          )},\n`,
      )
      .join("")}\t\t}`;
  const of = name === "MaxResults" ? "Int32" : typeof value === "number" ? "Int64" : "String";
  return `volcengine.${of}(${JSON.stringify(value)})`;
}

function huaweiTypescript(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const { project_id = "", instance_id = "" } = argumentsOf(action, values, "path") as Record<string, string>;
  const data = bodyOf(action, values);
  const options = {
    method: action.method,
    url: action.path,
    contentType: "application/json",
    pathParams: { instance_id },
    queryParams: argumentsOf(action, values, "query"),
    headers: argumentsOf(action, values, "header"),
    data,
  };
  const members = Object.entries(options).map(([name, value]) => `  ${name}: ${typescriptLiteral(value, "  ")},\n`);
  return `// The SDK's core, which its service packages are made of, sends the call.
import { BasicCredentials } from "@huaweicloud/huaweicloud-sdk-core";
import { ClientBuilder } from "@huaweicloud/huaweicloud-sdk-core/ClientBuilder.js";

const credentials = new BasicCredentials()
  .withAk(${quoted(key.accessKey)})
  .withSk(${quoted(key.secretKey)})
  .withProjectId(${quoted(project_id)});
const client = new ClientBuilder((made) => made)
  .withCredential(credentials)
  .withEndpoint(${quoted(`${place.protocol}//${place.host}`)})
  .build();
console.log(await client.sendRequest({
${members.join("")}}));
`;
}

function huaweiPython(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const { project_id = "", instance_id = "" } = argumentsOf(action, values, "path") as Record<string, string>;
  const lists = action.method === "GET";
  const named: [string, string][] = [
    ...Object.entries(argumentsOf(action, values, "header")).map(([name, value]): [string, string] => [
      snake(name),
      pythonLiteral(value),
    ]),
    ["instance_id", quoted(instance_id)],
    ...(lists
      ? Object.entries(argumentsOf(action, values, "query")).map(([name, value]): [string, string] => [
          name,
          pythonLiteral(value),
        ])
      : [
          ["body", `AuditLogDownloadLinkRequestBody(ids=${pythonLiteral(bodyOf(action, values).ids ?? [])})`] as [
            string,
            string,
          ],
        ]),
  ];
  return `from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkgaussdb.v3 import (
${lists ? "" : "    AuditLogDownloadLinkRequestBody,\n"}    GaussDBClient,
    ${action.action}Request,
)

client = (
    GaussDBClient.new_builder()
    .with_credentials(BasicCredentials(${quoted(key.accessKey)}, ${quoted(key.secretKey)}, ${quoted(project_id)}))
    .with_endpoint(${quoted(`${place.protocol}//${place.host}`)})
    .build()
)
request = ${action.action}Request(${pythonArguments(named)})
print(client.${snake(action.action)}(request))
`;
}

function huaweiGo(action: CloudAction, values: Values, place: Place, key: SampleKey): string {
  const { project_id = "", instance_id = "" } = argumentsOf(action, values, "path") as Record<string, string>;
  const lists = action.method === "GET";
  const header = argumentsOf(action, values, "header")["X-Language"];
  const members: [string, string][] = [
    ...(header === undefined ? [] : [["XLanguage", "&language"] as [string, string]]),
    ["InstanceId", quoted(instance_id)],
    ...(lists
      ? Object.entries(argumentsOf(action, values, "query")).map(([name, value]): [string, string] => [
          camel(name),
          goLiteral(value),
        ])
      : ([
          ["ContentType", quoted("application/json")],
          ["Body", `&model.AuditLogDownloadLinkRequestBody{Ids: ${goLiteral(bodyOf(action, values).ids ?? [])}}`],
        ] as [string, string][])),
  ];
  const base = "github.com/huaweicloud/huaweicloud-sdk-go-v3";
  return `package main

import (
	"fmt"

	"${base}/core/auth/basic"
	gaussdb "${base}/services/gaussdb/v3"
	"${base}/services/gaussdb/v3/model"
)

func main() {
	credentials, err := basic.NewCredentialsBuilder().
		WithAk(${quoted(key.accessKey)}).
		WithSk(${quoted(key.secretKey)}).
		WithProjectId(${quoted(project_id)}).
		SafeBuild()
	if err != nil {
		panic(err)
	}
	client, err := gaussdb.GaussDBClientBuilder().
		WithEndpoints([]string{${quoted(`${place.protocol}//${place.host}`)}}).
		WithCredential(credentials).
		SafeBuild()
	if err != nil {
		panic(err)
	}
${header === undefined ? "" : `\tlanguage := ${quoted(String(header))}\n`}	answer, err := gaussdb.NewGaussDBClient(client).${action.action}(&model.${action.action}Request${goMembers(members, "\t")})
	if err != nil {
		panic(err)
	}
	fmt.Println(answer)
}
`;
}

/** "ListAuditLogs" and "X-Language" as Python spells names. */
function snake(name: string): string {
  return name
    .replaceAll("-", "_")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** "start_time" as Go does. */
function camel(name: string): string {
  return name.replaceAll(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}
