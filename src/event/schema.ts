// The form events are sent in, as TypeBox schemas: the same ones validate and are printed in the OpenAPI document.
import { type Static, Type } from "typebox";
import { risks } from "./event.ts";

const closed = { additionalProperties: false } as const;

const ContentList = Type.Array(
  Type.Object({ key: Type.String({ minLength: 1, maxLength: 256 }), value: Type.String() }, closed),
  { maxItems: 1000, description: "Kept and returned in this order." },
);

export const SecurityEventInput = Type.Object(
  {
    kind: Type.Literal("security"),
    time: Type.Union([Type.String(), Type.Number()], {
      description: "When it happened: RFC 3339, or epoch milliseconds as an integer.",
      examples: ["2024-09-29T11:38:34Z", 1727609914000],
    }),
    resource: Type.Object(
      {
        type: Type.String({ minLength: 1, maxLength: 128, examples: ["endpoint"] }),
        id: Type.String({ minLength: 1, maxLength: 256, examples: ["ep-20241107-1"] }),
        project: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })),
      },
      closed,
    ),
    type: Type.String({ minLength: 1, maxLength: 128, examples: ["SshLogin"] }),
    risk: Type.Optional(
      Type.Union(
        risks.map((risk) => Type.Literal(risk)),
        { default: "Info" },
      ),
    ),
    contents: Type.Optional(
      Type.Union([ContentList, Type.Record(Type.String({ minLength: 1, maxLength: 256 }), Type.String())]),
    ),
    detail: Type.Optional(Type.String({ description: "A sentence for people; rendered from contents when absent." })),
  },
  { ...closed, $id: "SecurityEventInput", description: "Something that happened to a resource." },
);

/** One event as it is sent to POST /api/v1/events. */
export const EventInput = SecurityEventInput;
export type EventInput = Static<typeof EventInput>;
