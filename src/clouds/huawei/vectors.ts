// Requests that Huawei's own SDKs signed, as they went over the wire, and the worked examples of the SDKs' own tests: what
// the verifier must accept. Keys are made up for the purpose. Data for tests only.

export interface Vector {
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Request line, headers, an empty line, the body. */
  readonly text: string;
}

const captured = { accessKey: "AKTEST", secretKey: "SKTEST" };
const published = { accessKey: "AccessKey", secretKey: "SecretKey" };

const project = "054e292c9880d4992f02c0196d3ea468";
const instance = `/v3/${project}/instances/3d39c18788b54a919bab633874c159dfin01`;
const app = "app/25ce8c48-b85b-4781-8493-0607f8ed9ba8";
const python = `os/Linux##1_SMP_PREEMPT_DYNAMIC_@0#x86_64 python/3.11.7 impl/CPython; ${app}`;
const go = `huaweicloud-usdk-go/3.0; os/Debian_GNU/Linux#12_(bookworm)#amd64 go/go1.19.8; ${app}`;
const java = `huaweicloud-usdk-java/3.0; os/Linux#6.18.44-fc-v669#amd64 java/Debian#17.0.15 vm/OpenJDK_64-Bit_Server_VM#17.0.15+6-Debian-1deb12u1; ${app}`;
const start = "start_time=2018-09-15T06%3A25%3A43%2B0800";
const end = "end_time=2018-09-16T10%3A40%3A15%2B0800";

const authorization = (accessKey: string, signedHeaders: string, signature: string): string =>
  `Authorization: SDK-HMAC-SHA256 Access=${accessKey}, SignedHeaders=${signedHeaders}, Signature=${signature}`;

export const vectors: readonly Vector[] = [
  {
    name: "python, ListAuditLogs",
    ...captured,
    text: `GET ${instance}/audit-logs?${end}&limit=10&offset=0&${start}
Host: 127.0.0.1:18080
User-Agent: huaweicloud-usdk-python/3.0; ${python}
X-Language: zh-cn
Content-Type: application/json
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "content-type;host;user-agent;x-language;x-project-id;x-sdk-date", "1c744768de103643bd3bc22415ffdc2ad19b6580b569d13be783d29cbc1db30c")}

`,
  },
  {
    name: "python, no query at all",
    ...captured,
    text: `GET ${instance}/audit-logs
Host: 127.0.0.1:18080
User-Agent: huaweicloud-usdk-python/3.0; ${python}
Content-Type: application/json
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "content-type;host;user-agent;x-project-id;x-sdk-date", "875621039f6ffc1750127a0427e6c0d0ef7f471784877f81919a0b96b9c0e793")}

`,
  },
  {
    name: "python, the look-up of a project",
    ...captured,
    text: `GET /v3/projects?name=cn-north-4
Host: 127.0.0.1:18080
User-Agent: ${python}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "host;user-agent;x-sdk-date", "7c5152e3edcec5ae82d493b48cf0eebf199ed2d81793c7598396c54630611748")}

`,
  },
  {
    name: "go, ListAuditLogs: neither host nor type signed",
    ...captured,
    text: `GET ${instance}/audit-logs?${end}&limit=10&offset=0&${start}
Host: 127.0.0.1:18080
User-Agent: ${go}
X-Language: en-us
Content-Type: application/json
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "user-agent;x-language;x-project-id;x-sdk-date", "5428df759fa3b3bd4ee8dfbbd9f39dd8efa34c5496931f8c349b0c60d5120af4")}

`,
  },
  {
    name: "node, ListAuditLogs: agent not signed, query not sorted",
    ...captured,
    text: `GET ${instance}/audit-logs?${start}&${end}&offset=0&limit=10
Host: 127.0.0.1:18080
Content-Type: application/json
X-Language: zh-cn
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "content-type;host;x-language;x-project-id;x-sdk-date", "895488abd5a5fff7e13366a659c5cc5a301fe4d31779bc7ff09aa23c27f516a4")}

`,
  },
  {
    name: "java, ListAuditLogs: type not signed, query in a map's order",
    ...captured,
    text: `GET ${instance}/audit-logs?${end}&limit=10&${start}&offset=0
Host: 127.0.0.1:18080
User-Agent: ${java}
X-Language: zh-cn
Content-Type: application/json
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002700Z
${authorization("AKTEST", "host;user-agent;x-language;x-project-id;x-sdk-date", "1d176978b758e4a43108ad7a902fb432994fdc19a016f4aecc041d2733bbe49f")}

`,
  },
  {
    name: "go's tests, GET",
    ...published,
    text: `GET /path?limit=1
X-Sdk-Date: 20060102T150405Z
${authorization("AccessKey", "x-sdk-date", "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624")}

`,
  },
  {
    name: "go's tests, POST with a line break after its body",
    ...published,
    text: `POST /path?key=value
X-Sdk-Date: 20060102T150405Z
${authorization("AccessKey", "x-sdk-date", "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59")}

{"Name":"test","Id":1}
`,
  },
  {
    name: "python's tests, GET",
    ...published,
    text: `GET /resources?size=1
Host: service.endpoint.myhuaweicloud.com
X-Sdk-Date: 20200608T023900Z
${authorization("AccessKey", "host;x-sdk-date", "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842")}

`,
  },
  {
    name: "python's tests, POST",
    ...published,
    text: `POST /resources?size=1
Host: service.endpoint.myhuaweicloud.com
X-Sdk-Date: 20200608T023900Z
${authorization("AccessKey", "host;x-sdk-date", "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f")}

{"name":"test","id":1}`,
  },
  {
    name: "java's tests, GET",
    ...published,
    text: `GET /v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0
Host: service.region.example.com
X-Sdk-Date: 20191115T033655Z
TEST_UNDERSCORE: not signed
${authorization("AccessKey", "host;x-sdk-date", "fd95e7da6f695cfb4cabbb9d6b0968aec155bc576b064835282473539ae9ea1d")}

`,
  },
  {
    name: "java's tests, POST",
    ...published,
    text: `POST /v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpc/123
Host: service.region.example.com
X-Sdk-Date: 20191115T033655Z
${authorization("AccessKey", "host;x-sdk-date", "b5649aa774f6cac7437631662f08815fc65c70e40e486df6db2436ce68902771")}

{"key":"value"}`,
  },
  {
    name: "java's tests, the root path",
    ...published,
    text: `GET /
Host: example.com
X-Sdk-Date: 20191115T033655Z
${authorization("AccessKey", "host;x-sdk-date", "919ad8b75d4ad49da0d377e63ee21c4a7a54b752f6bf2878b4adbe9c19927da6")}

`,
  },
  {
    name: "go, SetAuditLogPolicy: a line break after the body",
    ...captured,
    text: `PUT ${instance}/audit-log-policy
Host: 127.0.0.1:18080
User-Agent: ${go}
Content-Type: application/json;charset=UTF-8
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "user-agent;x-project-id;x-sdk-date", "a7b446abe132a41768bc3f05c6186bffd340ede0e491025239ece038f55e11c7")}

{"keep_days":7,"reserve_audit_logs":true}
`,
  },
  {
    name: "node, SetAuditLogPolicy",
    ...captured,
    text: `PUT ${instance}/audit-log-policy
Host: 127.0.0.1:18080
Content-Type: application/json
X-Project-Id: ${project}
X-Sdk-Date: 20261121T002659Z
${authorization("AKTEST", "content-type;host;x-project-id;x-sdk-date", "385215b642843e9ee51c1b3c8966a1ea6b54e59352ae0423ca6fd261204229b5")}

{"keep_days":7,"reserve_audit_logs":true}`,
  },
];
