// One operation of the own API: what it does, a form to try it with the session that is signed in, what it answers.
import { LinkOutlined, SendOutlined } from "@ant-design/icons";
import { App, Button, Card, Collapse, Form, Input, Select, Space, Tag, Typography } from "antd";
import { useState } from "react";
import { addressOf, send as sendTo } from "../../api.ts";
import { useWords } from "../../settings.tsx";
import { Answered } from "./answer.tsx";
import { Code } from "./code.tsx";
import { hueOf, Mark } from "./mark.tsx";
import { type Document, exampleOf, follow, type Operation, type Parameter, valuesOf } from "./openapi.ts";
import { Prose } from "./prose.tsx";
import { curlOf } from "./samples.ts";
import { Kind, Members, Values } from "./schema.tsx";
import { useSending } from "./sending.ts";

type Filled = Readonly<Record<string, string>>;

export function OperationPage({ document, operation }: { readonly document: Document; readonly operation: Operation }) {
  const words = useWords();
  const { message } = App.useApp();
  const { method, path, summary, description, security } = operation;
  return (
    <Space orientation="vertical" size={12} style={{ width: "100%" }}>
      <div>
        <Typography.Title level={1} style={{ fontSize: 20, margin: 0 }}>
          {summary}
        </Typography.Title>
        <div style={{ display: "flex", flexWrap: "wrap", gap: 8, alignItems: "center", marginTop: 8 }}>
          <Mark hue={hueOf(method)} text={method} />
          <span className="mono">{path}</span>
          {security?.length === 0 && <Tag>{words.api.open}</Tag>}
          <Button
            size="small"
            type="text"
            icon={<LinkOutlined />}
            onClick={() => navigator.clipboard.writeText(location.href).then(() => message.success(words.copied))}
          >
            {words.share}
          </Button>
        </div>
        {description !== undefined && (
          <Typography.Paragraph style={{ margin: "8px 0 0" }}>
            <Prose text={description} />
          </Typography.Paragraph>
        )}
      </div>
      <TryIt document={document} operation={operation} />
      <Responses document={document} operation={operation} />
    </Space>
  );
}

/** Where the form's values go; a name with KEY in it is a family of parameters, filled in as KEY=value. */
function requestOf({ path, parameters = [] }: Operation, filled: Filled) {
  let filledPath = path;
  const query: Record<string, string> = {};
  const headers: Record<string, string> = {};
  for (const { name, in: place } of parameters) {
    const value = filled[`${place}:${name}`] ?? "";
    if (place === "path") filledPath = filledPath.replace(`{${name}}`, encodeURIComponent(value));
    if (value === "") continue;
    if (place === "header") headers[name.toLowerCase()] = value;
    if (place !== "query") continue;
    const [key = "", ...rest] = value.split("=");
    if (name.includes("KEY")) query[name.replace("KEY", key)] = rest.join("=");
    else query[name] = value;
  }
  return { target: addressOf(filledPath, query), headers };
}

function TryIt({ document, operation }: { readonly document: Document; readonly operation: Operation }) {
  const words = useWords();
  const { modal } = App.useApp();
  const { method, parameters = [], requestBody } = operation;
  const { sending, send, stop } = useSending();
  const [filled, setFilled] = useState<Filled>({});
  const types = Object.keys(requestBody?.content ?? {});
  const [type, setType] = useState(types[0]);
  const schema = type === undefined ? undefined : requestBody?.content[type]?.schema;
  const example = (of: string | undefined): string => {
    const wanted = of === undefined ? undefined : requestBody?.content[of]?.schema;
    if (wanted === undefined) return "";
    if (of === "application/json") return JSON.stringify(exampleOf(document, wanted), null, 2);
    // The same as lines, for what takes a line an item.
    const json = requestBody?.content["application/json"]?.schema;
    const made = json === undefined ? {} : (exampleOf(document, json) as Record<string, unknown>);
    const items = Object.values(made).find(Array.isArray) ?? [];
    return items.map((item: unknown) => `${JSON.stringify(item)}\n`).join("");
  };
  const [body, setBody] = useState(() => example(types[0]));
  const [problem, setProblem] = useState<string>();

  const missing = parameters.filter(
    ({ name, in: place, required }) =>
      (required === true || place === "path") && (filled[`${place}:${name}`] ?? "") === "",
  );
  const request = requestOf(operation, filled);
  const hasBody = requestBody !== undefined;
  const headers = { ...request.headers, ...(hasBody && type !== undefined ? { "content-type": type } : {}) };

  const go = () => {
    setProblem(undefined);
    if (missing.length > 0) return setProblem(words.api.missing(missing.map(({ name }) => name).join(", ")));
    if (hasBody && type === "application/json") {
      try {
        JSON.parse(body);
      } catch (thrown) {
        return setProblem(words.api.notJson((thrown as Error).message));
      }
    }
    const sendNow = () =>
      send((signal) => sendTo(request.target, { method, headers, signal, ...(hasBody ? { text: body } : {}) }));
    if (method === "GET") return void sendNow();
    modal.confirm({
      title: words.api.reallySend,
      content: (
        <>
          <div className="mono">{`${method} ${request.target}`}</div>
          <div style={{ marginTop: 8 }}>{words.api.reallySendHint}</div>
        </>
      ),
      okText: words.api.send,
      cancelText: words.cancel,
      okButtonProps: { danger: method === "DELETE" },
      onOk: () => void sendNow(),
    });
  };

  return (
    <Card size="small" title={words.api.tryIt}>
      <Form layout="vertical" onFinish={go}>
        {parameters.length === 0 && !hasBody && (
          <Typography.Paragraph type="secondary">{words.api.noParameters}</Typography.Paragraph>
        )}
        <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(280px, 1fr))", columnGap: 16 }}>
          {parameters.map((parameter) => {
            const key = `${parameter.in}:${parameter.name}`;
            return (
              <ParameterItem
                key={key}
                document={document}
                parameter={parameter}
                value={filled[key] ?? ""}
                change={(value) => setFilled({ ...filled, [key]: value })}
              />
            );
          })}
        </div>
        {hasBody && schema !== undefined && (
          <>
            <Form.Item label={words.api.body} htmlFor="api-body-text" style={{ marginBottom: 8 }}>
              {types.length > 1 && (
                <Select
                  aria-label={words.api.mediaType}
                  style={{ width: 240, marginBottom: 8 }}
                  value={type ?? null}
                  onChange={(chosen: string) => {
                    setType(chosen);
                    setBody(example(chosen));
                  }}
                  options={types.map((value) => ({ value, label: value }))}
                />
              )}
              <Input.TextArea
                id="api-body-text"
                className="mono"
                spellCheck={false}
                // Not sized by the component: it would do so in a way that the page's policy refuses.
                rows={Math.min(22, Math.max(3, body.split("\n").length))}
                value={body}
                onChange={({ target }) => setBody(target.value)}
              />
            </Form.Item>
            <Collapse
              size="small"
              ghost
              items={[
                {
                  key: "members",
                  label: `${words.api.members}: ${follow(document, schema).name ?? type}`,
                  children: (
                    <>
                      {follow(document, schema).schema.description}
                      <Members document={document} schema={schema} />
                    </>
                  ),
                },
              ]}
            />
          </>
        )}
        {problem !== undefined && (
          <Typography.Paragraph type="danger" role="alert">
            {problem}
          </Typography.Paragraph>
        )}
        <Button type="primary" htmlType="submit" icon={<SendOutlined />} data-testid="api-send">
          {words.api.send}
        </Button>
      </Form>
      <div style={{ marginTop: 12 }}>
        <Answered sending={sending} stop={stop} />
      </div>
      <Collapse
        size="small"
        ghost
        style={{ marginTop: 8 }}
        items={[
          {
            key: "curl",
            label: words.api.asCurl,
            children: (
              <Code
                testId="api-curl"
                text={curlOf(
                  location,
                  { method, target: request.target, body: hasBody ? body : "" },
                  { authorization: "Bearer $TOKEN", ...headers },
                )}
              />
            ),
          },
        ]}
      />
    </Card>
  );
}

function ParameterItem({
  document,
  parameter: { name, in: place, required, description, schema },
  value,
  change,
}: {
  readonly document: Document;
  readonly parameter: Parameter;
  readonly value: string;
  readonly change: (value: string) => void;
}) {
  const words = useWords();
  const { schema: followed } = follow(document, schema);
  const several = followed.type === "array";
  const values = valuesOf(several ? follow(document, followed.items ?? {}).schema : followed);
  const id = `api-${place}-${name.replaceAll(/\W/g, "-")}`;
  const needed = required === true || place === "path";
  const about = description ?? followed.description;
  const options = (values ?? (followed.type === "boolean" ? ["true", "false"] : undefined))?.map((text) => ({
    value: text,
    label: text,
  }));
  return (
    <Form.Item
      htmlFor={id}
      required={needed}
      style={{ marginBottom: 12 }}
      label={
        <Space size={8} wrap>
          <Typography.Text strong className="mono">
            {name}
          </Typography.Text>
          <Tag style={{ margin: 0 }}>{words.api.places[place]}</Tag>
          <Kind document={document} schema={schema} />
        </Space>
      }
      {...(about === undefined ? {} : { extra: <Prose text={about} /> })}
    >
      {options === undefined ? (
        <Input
          id={id}
          value={value}
          allowClear
          className="mono"
          placeholder={name.includes("KEY") ? "KEY=value" : (followed.examples?.map(String)[0] ?? "")}
          onChange={({ target }) => change(target.value)}
        />
      ) : several ? (
        <Select
          id={id}
          mode="multiple"
          allowClear
          value={value === "" ? [] : value.split(",")}
          onChange={(chosen: string[]) => change(chosen.join(","))}
          options={options}
        />
      ) : (
        <Select
          id={id}
          allowClear
          value={value === "" ? null : value}
          onChange={(chosen) => change(chosen ?? "")}
          options={options}
        />
      )}
      {several && options === undefined && <Values schema={followed} />}
    </Form.Item>
  );
}

function Responses({ document, operation }: { readonly document: Document; readonly operation: Operation }) {
  const words = useWords();
  return (
    <Card size="small" title={words.api.answers} styles={{ body: { padding: 0 } }}>
      <Collapse
        ghost
        size="small"
        defaultActiveKey={["200"]}
        items={Object.entries(operation.responses).map(([status, { description, content = {} }]) => ({
          key: status,
          label: (
            <Space wrap size={8}>
              <Mark
                hue={status.startsWith("2") ? "green" : status === "default" ? "red" : "gold"}
                text={status === "default" ? "5xx" : status}
              />
              {description}
            </Space>
          ),
          children: Object.entries(content).map(([media, { schema }]) => {
            const { schema: followed } = follow(document, schema);
            return (
              <div key={media}>
                <Space wrap size={8}>
                  <span className="mono">{media}</span>
                  <Kind document={document} schema={schema} />
                </Space>
                {followed.description !== undefined && (
                  <div>
                    <Prose text={followed.description} />
                  </div>
                )}
                <Members document={document} schema={schema} />
              </div>
            );
          }),
        }))}
      />
    </Card>
  );
}
