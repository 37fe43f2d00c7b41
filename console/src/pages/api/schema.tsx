// A schema as people read it: its members with type, limits and meaning; what is nested opens where it stands.
import { CaretDownOutlined, CaretRightOutlined } from "@ant-design/icons";
import { Button, Tag, Typography, theme } from "antd";
import { useState } from "react";
import { useWords } from "../../settings.tsx";
import { type Document, follow, limitsOf, type Schema, typeOf, valuesOf } from "./openapi.ts";
import { Prose } from "./prose.tsx";

/** One line of what a value is: type, limits, default. */
export function Kind({ document, schema }: { readonly document: Document; readonly schema: Schema }) {
  const words = useWords();
  const { schema: followed } = follow(document, schema);
  const limits = limitsOf(followed);
  return (
    <Typography.Text type="secondary">
      {typeOf(document, schema)}
      {limits !== undefined && ` · ${limits}`}
      {followed.default !== undefined && ` · ${words.api.byDefault} ${JSON.stringify(followed.default)}`}
    </Typography.Text>
  );
}

/** Values that a schema lists, where it does. */
export function Values({ schema }: { readonly schema: Schema }) {
  const [all, setAll] = useState(false);
  const values = valuesOf(schema) ?? valuesOf(schema.items ?? {});
  if (values === undefined) return null;
  const shown = all ? values : values.slice(0, 12);
  return (
    <div style={{ display: "flex", flexWrap: "wrap", gap: 4, marginTop: 2 }}>
      {shown.map((value) => (
        <Tag key={value} className="mono">
          {value}
        </Tag>
      ))}
      {shown.length < values.length && (
        <Button size="small" type="link" onClick={() => setAll(true)}>{`+ ${values.length - shown.length}`}</Button>
      )}
    </div>
  );
}

/** The members of an object, of each object that an array or a choice may hold; nothing for plain values. */
export function Members({ document, schema }: { readonly document: Document; readonly schema: Schema }) {
  const { token } = theme.useToken();
  const words = useWords();
  const { schema: followed } = follow(document, schema);
  if (followed.type === "array" && followed.items !== undefined)
    return <Members document={document} schema={followed.items} />;
  const choices = followed.anyOf?.filter((one) => isNested(document, one)) ?? [];
  if (choices.length > 0)
    return choices.map((one, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: a schema does not change
      <div key={i} style={{ marginTop: 6 }}>
        {choices.length > 1 && <Tag>{typeOf(document, one)}</Tag>}
        <Members document={document} schema={one} />
      </div>
    ));
  const members = [
    ...Object.entries(followed.properties ?? {}),
    ...Object.entries(followed.patternProperties ?? {}).map(([, one]) => [words.api.anyName, one] as const),
  ];
  if (members.length === 0) return null;
  return (
    <ul
      style={{
        listStyle: "none",
        margin: 0,
        paddingInlineStart: 12,
        borderInlineStart: `2px solid ${token.colorBorderSecondary}`,
      }}
    >
      {members.map(([name, one]) => (
        <Member
          key={name}
          document={document}
          name={name}
          schema={one}
          required={followed.required?.includes(name) === true}
        />
      ))}
    </ul>
  );
}

function Member({
  document,
  name,
  schema,
  required,
}: {
  readonly document: Document;
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
}) {
  const words = useWords();
  const [open, setOpen] = useState(false);
  const { schema: followed } = follow(document, schema);
  const nested = isNested(document, schema);
  return (
    <li style={{ padding: "4px 0" }}>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 8, alignItems: "baseline" }}>
        {nested ? (
          <Button
            type="link"
            size="small"
            className="mono"
            style={{ padding: 0, height: "auto" }}
            aria-expanded={open}
            icon={open ? <CaretDownOutlined /> : <CaretRightOutlined />}
            onClick={() => setOpen(!open)}
          >
            {name}
          </Button>
        ) : (
          <Typography.Text strong className="mono">
            {name}
          </Typography.Text>
        )}
        <Kind document={document} schema={schema} />
        {required && <Tag style={{ margin: 0 }}>{words.api.needed}</Tag>}
      </div>
      {followed.description !== undefined && (
        <div>
          <Prose text={followed.description} />
        </div>
      )}
      <Values schema={followed} />
      {open && <Members document={document} schema={schema} />}
    </li>
  );
}

function isNested(document: Document, given: Schema): boolean {
  const { schema } = follow(document, given);
  if (schema.items !== undefined) return isNested(document, schema.items);
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => isNested(document, one));
  return schema.properties !== undefined || schema.patternProperties !== undefined;
}
