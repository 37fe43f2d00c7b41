// What may be said of a webhook input in a configuration, and what it comes to. Pure.
import { type Static, Type } from "typebox";
import { TaishiError } from "../../errors.ts";
import { type HostPort, hostPort, isLoopback } from "../listen-address.ts";

export const webhookSchema = Type.Object(
  {
    listen: Type.String({ description: "HOST:PORT." }),
    path: Type.String({ pattern: "^/[^?#\\s]*$", default: "/", description: "Where records are posted to." }),
    "token-file": Type.Optional(
      Type.String({ description: "File with a token: senders must show it as Authorization: Bearer TOKEN." }),
    ),
    hmac: Type.Optional(
      Type.Object(
        {
          "secret-file": Type.String({ description: "File with the secret that senders sign bodies with." }),
          header: Type.String({
            pattern: "^[A-Za-z0-9-]+$",
            default: "X-Hub-Signature-256",
            description: 'Header with the HMAC-SHA-256 of the body as sent, in hex, with or without "sha256=".',
          }),
        },
        { additionalProperties: false },
      ),
    ),
    cert: Type.Optional(Type.String({ description: "File with the certificate, PEM." })),
    key: Type.Optional(Type.String({ description: "File with its key, PEM." })),
    "client-ca": Type.Optional(
      Type.String({
        description: "File with authorities, PEM: only clients with a certificate of one of them may send.",
      }),
    ),
    "body-size": Type.Integer({
      minimum: 1024,
      maximum: 16 * 1024 * 1024,
      default: 16 * 1024 * 1024,
      description: "Most bytes of a body, before and after decompression.",
    }),
    "request-timeout": Type.Integer({
      minimum: 1,
      maximum: 3600,
      default: 60,
      description: "Seconds in which a request must have arrived whole.",
    }),
    connections: Type.Integer({ minimum: 1, maximum: 65_535, default: 500, description: "Most at one moment." }),
  },
  { additionalProperties: false },
);
export type WebhookOptions = Static<typeof webhookSchema>;

/** @throws TaishiError invalid-parameter, also where anybody in the network could write into the log */
export function listenOf(options: WebhookOptions): HostPort {
  const listen = hostPort(options.listen);
  const wrong = (field: string, why: string): TaishiError =>
    new TaishiError("invalid-parameter", `${field}: ${why}`, { field });
  const { cert, key, "client-ca": clientCa, "token-file": token, hmac } = options;
  if ((cert === undefined) !== (key === undefined)) throw wrong("cert", "cert and key go together");
  if (clientCa !== undefined && cert === undefined) throw wrong("client-ca", "is for TLS: cert and key are required");
  if (isLoopback(listen)) return listen;
  if (token === undefined && hmac === undefined && clientCa === undefined)
    throw wrong("listen", "beyond this machine one of token-file, hmac and client-ca is required");
  if (token !== undefined && cert === undefined)
    throw wrong("listen", "beyond this machine a token needs TLS: cert and key are required");
  return listen;
}
