// What IAM says about itself before anybody asks who is there: its versions, at "/" (which the server answers with it) and at
// "/v3". Terraform's client reads them. Spec: Huawei IAM API reference, "querying Keystone API versions".
import { answerResponse, newRequestId } from "../../clouds/huawei/envelope.ts";
import type { Response } from "../../exchange.ts";

/** The answer to `GET /`: 300, as the cloud's. @param publicUrl where clients reach us, e.g. "https://audit.example:7548" */
export function versionDocument(publicUrl: string, requestId: string = newRequestId()): Response {
  return answerResponse({ status: 300 }, { versions: { values: [identityVersion(publicUrl)] } }, requestId);
}

/** The one version there is. */
export function identityVersion(publicUrl: string): Readonly<Record<string, unknown>> {
  return {
    "media-types": [{ type: "application/vnd.openstack.identity-v3+json", base: "application/json" }],
    links: [{ rel: "self", href: `${publicUrl.replace(/\/+$/, "")}/v3/` }],
    id: "v3.6",
    updated: "2016-04-04T00:00:00Z",
    status: "stable",
  };
}
