// The product's way in: POST /api/v1/events on a connection that is kept open, one request at a time.
import { Agent, request } from "node:http";
import { type Connection, eventTexts, type Sink } from "./sink.ts";

export function httpSink(url: string, token: string): Sink {
  return {
    bodyOf: (first, count) => Buffer.from(`{"events":[${eventTexts(first, count).join(",")}]}`),
    connect: async (): Promise<Connection> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      return { send: (body) => post(agent, url, token, body), close: async () => agent.destroy() };
    },
  };
}

function post(agent: Agent, url: string, token: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": body.length,
    };
    const sent = request(`${url}/api/v1/events`, { agent, method: "POST", headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`append answered ${answer.statusCode}: ${Buffer.concat(pieces).toString()}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
