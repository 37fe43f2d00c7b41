// Asks the running service over one connection that is kept open, every request signed as a cloud's client signs it. The
// answer is checked, so that no figure is of a wrong answer.
import { Agent, request } from "node:http";
import { type Signer, signatureHeaders } from "../test/signed-request.ts";
import type { Credentials } from "../test/taishi-process.ts";
import type { PageKind } from "./figures.ts";

/** One question with the answer it must get. */
export interface Asked {
  readonly kind: PageKind;
  readonly resourceId?: string;
  readonly type?: string;
  /** From 1. */
  readonly page: number;
  readonly size: number;
  readonly total: number;
}

export class QueryClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #host: string;
  readonly #credentials: Credentials;

  constructor(host: string, credentials: Credentials) {
    this.#host = host;
    this.#credentials = credentials;
  }

  /** @throws Error where the answer is not the one that is right */
  async ask(asked: Asked): Promise<void> {
    const text = asked.kind === "ark" ? await this.#ark(asked) : await this.#own(asked);
    const answer = JSON.parse(text) as {
      Result?: { TotalCount: number; Items?: readonly unknown[] };
      total?: number;
      events?: readonly unknown[];
    };
    const total = answer.Result?.TotalCount ?? answer.total;
    const rows = (answer.Result?.Items ?? answer.events ?? []).length;
    const due = Math.max(0, Math.min(asked.size, asked.total - (asked.page - 1) * asked.size));
    if (total !== asked.total || rows !== due)
      throw new Error(`${JSON.stringify(asked)} got ${rows} of ${total} instead of ${due} of ${asked.total}`);
  }

  #ark({ resourceId, type, page, size }: Asked): Promise<string> {
    const body = JSON.stringify({
      ResourceId: resourceId,
      ResourceType: "endpoint",
      Filter: type === undefined ? {} : { LogType: type },
      PageNumber: page,
      PageSize: size,
    });
    return this.#send("ark", "POST", "/?Action=ListAuditLogs&Version=2024-01-01", body);
  }

  #own({ resourceId, type, page, size }: Asked): Promise<string> {
    const query = new URLSearchParams({ kind: "security", order: "desc", limit: String(size), page: String(page) });
    if (resourceId !== undefined) query.set("resourceId", resourceId);
    if (type !== undefined) query.set("type", type);
    return this.#send("taishi", "GET", `/api/v1/events?${query}`, "");
  }

  /** LookupEvents by a request id that one event has. */
  async lookUp(requestId: string): Promise<void> {
    const body = JSON.stringify({
      StartTime: 1_600_000_000,
      EndTime: 1_900_000_000,
      LookupConditions: [{ LookupConditionKey: "RequestID", LookupConditionValue: requestId }],
    });
    const text = await this.#send("cloud_trail", "POST", "/?Action=LookupEvents&Version=2021-09-01", body);
    const { Result } = JSON.parse(text) as { Result: { Trails: { RequestID: string }[] } };
    if (Result.Trails.length !== 1 || Result.Trails[0]!.RequestID !== requestId)
      throw new Error(`LookupEvents by ${requestId} found ${Result.Trails.length} events`);
  }

  #send(service: string, method: string, target: string, body: string): Promise<string> {
    const { accessKey, secretKey } = this.#credentials;
    const signer: Signer = { accessKey, secretKey, service, region: "cn-beijing" };
    const headers: Record<string, string> = {
      host: this.#host,
      ...signatureHeaders(signer, { method, host: this.#host, target, body, time: Date.now() }),
    };
    if (body !== "") headers["content-type"] = "application/json";
    return send(this.#agent, { url: `http://${this.#host}${target}`, method, headers, body });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The body of a 200 answer. @throws Error on any other */
function send(
  agent: Agent,
  { url, method, headers, body }: { url: string; method: string; headers: Record<string, string>; body: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (piece: string) => {
        text += piece;
      });
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new Error(`${method} ${url} answered ${answer.statusCode}: ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
