// Requests that real SDKs signed, as they went over the wire, with keys made up for the purpose: what the verifier must accept.
// Made by running the SDKs with their clock held still. Data for tests only.

export interface Vector {
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Request line, headers, an empty line, the body; no line break after the body. */
  readonly text: string;
}

const generated = { accessKey: "AKTEST123", secretKey: "SKTEST456" };
const captured = { accessKey: "AKTEST", secretKey: "SKTEST" };

export const headerVectors: readonly Vector[] = [
  {
    name: "go host:8080",
    ...generated,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
Host: 127.0.0.1:8080
Content-Type: application/json; charset=utf-8
X-Date: 20240101T120000Z
X-Content-Sha256: 3cdd9a85de6e4187ddb96a064b270a6cd036d2466cc51d2f90c8213b7d29dec9
Authorization: HMAC-SHA256 Credential=AKTEST123/20240101/cn-beijing/ark/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=a12b6d0ac2cba265c7c3a161819b947dd7c25401e9e51832d21d36ec64fbfd4b

{"ResourceId":"ep-1"}`,
  },
  {
    name: "node custom header",
    ...generated,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
host: 127.0.0.1:8080
content-type: application/json
x-custom:   a   b 
x-date: 20240101T120000Z
x-content-sha256: 3cdd9a85de6e4187ddb96a064b270a6cd036d2466cc51d2f90c8213b7d29dec9
Authorization: HMAC-SHA256 Credential=AKTEST123/20240101/cn-beijing/ark/request, SignedHeaders=host;x-content-sha256;x-custom;x-date, Signature=410e1a1ddcd0056c6060447a9c8e96b6105aa0f175a058f6cf3ef0a3014c03e0

{"ResourceId":"ep-1"}`,
  },
  {
    name: "node GET",
    ...generated,
    text: `GET /?Action=DescribeTrails&Version=2021-09-01
host: 127.0.0.1:8080
x-date: 20240101T120000Z
Authorization: HMAC-SHA256 Credential=AKTEST123/20240101/cn-beijing/cloud_trail/request, SignedHeaders=host;x-date, Signature=88ea5163cc4ee8fb3f7bbae4befcd54d6ea3a04a2a14add37c492e482c85cddb`,
  },
  {
    name: "java POST",
    ...generated,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
Host: 127.0.0.1:8080
Content-Type: application/json; charset=utf-8
X-Date: 20240101T120000Z
Authorization: HMAC-SHA256 Credential=AKTEST123/20240101/cn-beijing/ark/request, SignedHeaders=x-date, Signature=2b20aaa7d98f092cdd3e5bc6630be98e64157dd0c632a46b299df7372a4bc926

{"ResourceId":"ep-1"}`,
  },
  {
    name: "capture: volcengine-go-sdk 1.2.49 universal client",
    ...captured,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
Host: 127.0.0.1:18731
Accept: application/json
Authorization: HMAC-SHA256 Credential=AKTEST/20261121/cn-beijing/ark/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=3ed2f75b744c6cd5d215df7a9e129df845ac92a7337472a42be4e2c566957256
Content-Type: application/json; charset=utf-8
X-Content-Sha256: ec660bf5f136811287ff2fdf9f70b8d0dd0199274ef53af867624bed96d7beac
X-Date: 20261121T002448Z

{"Filter":{"LogType":"SshLogin"},"PageNumber":1,"PageSize":10,"ResourceId":"ep-1","ResourceType":"endpoint"}`,
  },
  {
    name: "capture: volcengine-nodejs-sdk @volcengine/ark",
    ...captured,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
Content-Type: application/json
x-date: 20261121T002524Z
host: 127.0.0.1:18733
x-content-sha256: 0b61f1658d3608f24eb762aded6d51c741a1d59356d4b3e4eb727f7eecc15d19
Authorization: HMAC-SHA256 Credential=AKTEST/20261121/cn-beijing/ark/request, SignedHeaders=host;x-content-sha256;x-date, Signature=4fd24b1980f41a0978bce2bbd2eeee786d58ec47299d6cd1cfe79fbae69c605f

{"ResourceId":"ep-1","ResourceType":"endpoint","Filter":{"LogType":"SshLogin","RiskLevels":["High"],"StartTime":1719453125},"PageNumber":1,"PageSize":10,"SortOrder":"Desc"}`,
  },
  {
    name: "capture: volcengine-python-sdk 5.0.42 UniversalApi",
    ...captured,
    text: `POST /?Action=ListAuditLogs&Version=2024-01-01
Content-Type: application/json
Host: 127.0.0.1:18732
X-Date: 20261121T002449Z
X-Content-Sha256: 9d40948521e28f27952736d64778f4d616c6d592d05d325835597521f60b99ff
Authorization: HMAC-SHA256 Credential=AKTEST/20261121/cn-beijing/ark/request, SignedHeaders=content-type;host;x-content-sha256;x-date, Signature=345d27fbc5a0d312f1e6c34c43fc2d1549944dd20029ce522cc44af4104041b6

{"ResourceId": "ep-1", "ResourceType": "endpoint", "Filter": {"LogType": "SshLogin"}, "PageNumber": 1}`,
  },
];

export const presignedVectors: readonly Vector[] = [
  {
    name: "node presign host",
    ...generated,
    text: `GET /?Action=GetUser&UserName=testuser&Version=2018-01-01&X-Algorithm=HMAC-SHA256&X-Credential=AKTEST123%2F20240101%2Fcn-beijing%2Fiam%2Frequest&X-Date=20240101T120000Z&X-NotSignBody=&X-SignedHeaders=host&X-SignedQueries=Action%3BUserName%3BVersion%3BX-Algorithm%3BX-Credential%3BX-Date%3BX-NotSignBody%3BX-SignedHeaders&X-Signature=609aed5c1962b349f33a77838966464ed00889966ec11bee217ec7908de9442b
Host: open.volcengineapi.com`,
  },
  {
    name: "node presign nohost",
    ...generated,
    text: `GET /?Action=GetUser&UserName=testuser&Version=2018-01-01&X-Algorithm=HMAC-SHA256&X-Credential=AKTEST123%2F20240101%2Fcn-beijing%2Fiam%2Frequest&X-Date=20240101T120000Z&X-NotSignBody=&X-SignedHeaders=&X-SignedQueries=Action%3BUserName%3BVersion%3BX-Algorithm%3BX-Credential%3BX-Date%3BX-NotSignBody%3BX-SignedHeaders&X-Signature=c9739bef2c964c50b65d5d9af4ecfa6abae7a72030e9d156ca56cb97705dee50
Host: any`,
  },
  {
    name: "node presign token unsigned",
    ...generated,
    text: `GET /?Action=GetUser&UserName=testuser&Version=2018-01-01&X-Algorithm=HMAC-SHA256&X-Credential=AKTEST123%2F20240101%2Fcn-beijing%2Fiam%2Frequest&X-Date=20240101T120000Z&X-NotSignBody=&X-Security-Token=TOK%3D%3D&X-SignedHeaders=host&X-SignedQueries=Action%3BUserName%3BVersion%3BX-Algorithm%3BX-Credential%3BX-Date%3BX-NotSignBody%3BX-SignedHeaders&X-Signature=1caf8a156fc40c81da60bcc70a9f61adbda90b0ff661a5e4c0c9b3e2f4ff71d8
Host: 127.0.0.1:8080`,
  },
  {
    name: "go v1.0.23 presign token (in canonical, not in list)",
    ...generated,
    text: `GET /?Action=ListAuditLogs&Version=2024-01-01&X-Algorithm=HMAC-SHA256&X-Credential=AKTEST123%2F20240101%2Fcn-beijing%2Fark%2Frequest&X-Date=20240101T120000Z&X-NotSignBody=&X-Security-Token=TOK%3D%3D&X-Signature=6674ef271ba469956eb8fe0ff1e6bf986fbfb99b53387d657fdfdec335b45455&X-SignedHeaders=&X-SignedQueries=Action%3BVersion%3BX-Algorithm%3BX-Credential%3BX-Date%3BX-NotSignBody%3BX-SignedHeaders%3BX-SignedQueries
Host: 127.0.0.1:8080`,
  },
  {
    name: "go-sdk v2 presign token (in neither)",
    ...generated,
    text: `GET /?Action=ListAuditLogs&Version=2024-01-01&X-Algorithm=HMAC-SHA256&X-Credential=AKTEST123%2F20240101%2Fcn-beijing%2Fark%2Frequest&X-Date=20240101T120000Z&X-NotSignBody=&X-Security-Token=TOK%3D%3D&X-Signature=ef0f94bf8831642df3f756ba59a805155318d78e0e738bd930c8ed85f189fb44&X-SignedHeaders=host&X-SignedQueries=Action%3BVersion%3BX-Algorithm%3BX-Credential%3BX-Date%3BX-NotSignBody%3BX-SignedHeaders%3BX-SignedQueries
Host: 127.0.0.1:8080`,
  },
];
