// One action of a cloud's API: a form, the request signed in this browser and sent to this service, and the same request as
// curl and as code for the cloud's own SDKs.
import { SendOutlined } from "@ant-design/icons";
import { Alert, Button, Card, Checkbox, Form, Space, Tabs, Typography } from "antd";
import { useEffect, useMemo, useState } from "react";
import { ask } from "../../api.ts";
import { useAsked } from "../../parts/asked.tsx";
import { useSession } from "../../session.tsx";
import { type Language, useSettings, useWords } from "../../settings.tsx";
import { signHuawei } from "../../signing/huawei.ts";
import type { Signable } from "../../signing/request.ts";
import { signVolcengine } from "../../signing/volcengine.ts";
import { Answered } from "./answer.tsx";
import { type CloudAction, missingOf, requestOf, type Value, type Values } from "./cloud-actions.ts";
import { FieldItem } from "./cloud-field.tsx";
import { Code } from "./code.tsx";
import { type Credentials, CredentialsCard, isComplete } from "./credentials.tsx";
import { hueOf, Mark } from "./mark.tsx";
import { curlOf, goOf, pythonOf, typescriptOf } from "./samples.ts";
import { useSending } from "./sending.ts";

/** How often what is shown signed is signed anew: a signature is good for fifteen minutes. */
const signAgainMs = 60_000;

/** The form at first: what has no other beginning asks for the last week. */
function firstOf({ cloud, fields, first }: CloudAction, language: Language): Values {
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const time = (back: number) => new Date(minute - back).toISOString();
  const times = fields.some(({ kind }) => kind === "time")
    ? { start_time: time(7 * 86_400_000), end_time: time(-60_000) }
    : {};
  // A browser always sends one, and what is shown as curl is to ask for the same.
  const texts = cloud === "volcengine" ? { "Accept-Language": language === "zh" ? "zh-CN" : "en" } : {};
  return { ...times, ...texts, ...first };
}

async function signedHeaders(
  action: CloudAction,
  request: Signable,
  credentials: Credentials,
): Promise<Record<string, string>> {
  const { accessKey, secretKey, token, how, region } = credentials;
  if (action.cloud === "volcengine")
    return signVolcengine(
      request,
      { accessKey, secretKey, region: region || action.region, service: action.service },
      Date.now(),
    );
  if (how === "token") return { ...request.headers, "x-auth-token": token };
  return signHuawei(request, { accessKey, secretKey }, Date.now());
}

export function CloudPage({
  action,
  filled,
  fill,
  credentials,
  change,
}: {
  readonly action: CloudAction;
  /** What was filled in on this page and its neighbours: the same name is the same thing there. */
  readonly filled: Values;
  readonly fill: (values: Values) => void;
  readonly credentials: Credentials;
  readonly change: (credentials: Credentials) => void;
}) {
  const { words, language } = useSettings();
  const [first] = useState(() => firstOf(action, language));
  const values = useMemo<Values>(() => ({ ...first, ...filled }), [first, filled]);
  const { sending, send, stop } = useSending();
  const complete = isComplete(action.cloud, credentials);
  const missing = missingOf(action, values);
  const known = useKnown(action, values);

  const go = () => {
    const request = requestOf(action, values, location.host);
    void send(async (signal) => {
      const { host: _, ...headers } = await signedHeaders(action, request, credentials);
      return fetch(request.target, {
        method: request.method,
        headers,
        // The session is not what is tried here.
        credentials: "omit",
        cache: "no-store",
        signal,
        ...(request.body === "" ? {} : { body: request.body }),
      });
    });
  };
  const links = linksOf(sending.state === "there" && !sending.answer.running ? sending.answer.text : "");

  return (
    <Space orientation="vertical" size={12} style={{ width: "100%" }}>
      <div>
        <Typography.Title level={1} style={{ fontSize: 20, margin: 0 }}>
          {action.product} · {action.action}
        </Typography.Title>
        <div style={{ display: "flex", flexWrap: "wrap", gap: 8, alignItems: "center", margin: "8px 0" }}>
          <Mark hue={hueOf(action.method)} text={action.method} />
          <span className="mono">{action.path}</span>
        </div>
        <div>{words.api.about[action.id]}</div>
      </div>
      <CredentialsCard cloud={action.cloud} region={action.region} credentials={credentials} change={change} />
      <Card size="small" title={words.api.parameters}>
        <Form layout="vertical" onFinish={go}>
          <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(260px, 1fr))", columnGap: 16 }}>
            {action.fields.map((field) => (
              <FieldItem
                key={field.name}
                field={field}
                value={values[field.name]}
                known={known(field.name)}
                change={(value: Value | undefined) => fill({ ...filled, [field.name]: value })}
              />
            ))}
          </div>
          {!complete && (
            <Typography.Paragraph type="secondary">
              {credentials.how === "token" && action.cloud === "huawei" ? words.api.tokenFirst : words.api.keysFirst}
            </Typography.Paragraph>
          )}
          {complete && missing.length > 0 && (
            <Typography.Paragraph type="warning">{words.api.missingSent(missing.join(", "))}</Typography.Paragraph>
          )}
          <Button type="primary" htmlType="submit" icon={<SendOutlined />} disabled={!complete} data-testid="api-send">
            {words.api.signAndSend}
          </Button>
        </Form>
        <div style={{ marginTop: 12 }}>
          <Answered sending={sending} stop={stop} />
          {links.length > 0 && (
            <Space wrap style={{ marginTop: 8 }}>
              {links.map((link, i) => (
                <Button key={link} href={link}>{`${words.api.download} ${i + 1}`}</Button>
              ))}
            </Space>
          )}
        </div>
      </Card>
      <Samples action={action} values={values} credentials={credentials} complete={complete} />
    </Space>
  );
}

/** Where an answer is a list of links to files. */
function linksOf(text: string): readonly string[] {
  try {
    const { links } = JSON.parse(text) as { links?: unknown };
    return Array.isArray(links) ? links.filter((link) => /^https?:\/\//.test(String(link))) : [];
  } catch {
    return [];
  }
}

interface Named {
  readonly id: string;
  readonly name?: string;
  /** Of an instance. */
  readonly project?: string;
}

/** Projects and instances that there are, to choose from; nothing where the role may not list them. */
function useKnown({ cloud }: CloudAction, { project_id }: Values): (field: string) => readonly Named[] {
  const { session } = useSession();
  const { asked } = useAsked(cloud, async (signal) => {
    if (cloud === "volcengine" || session?.role === "writer") return { projects: [], instances: [] };
    const [{ projects }, { instances }] = await Promise.all([
      ask<{ projects: readonly Named[] }>("/api/v1/projects", { signal }),
      ask<{ instances: readonly Named[] }>("/api/v1/instances", { signal }),
    ]);
    return { projects, instances };
  });
  const { projects, instances } = asked.state === "there" ? asked.answer : { projects: [], instances: [] };
  const within = projects.some(({ id }) => id === project_id);
  return (field) => {
    if (field === "project_id") return projects;
    if (field !== "instance_id") return [];
    return within ? instances.filter(({ project }) => project === project_id) : instances;
  };
}

const packages = {
  volcengine: {
    typescript: "npm install @volcengine/openapi",
    python: "pip install volcengine-python-sdk",
    go: "go get github.com/volcengine/volcengine-go-sdk",
  },
  huawei: {
    typescript: "npm install @huaweicloud/huaweicloud-sdk-core",
    python: "pip install huaweicloudsdkgaussdb",
    go: "go get github.com/huaweicloud/huaweicloud-sdk-go-v3",
  },
} as const;

function Samples({
  action,
  values,
  credentials,
  complete,
}: {
  readonly action: CloudAction;
  readonly values: Values;
  readonly credentials: Credentials;
  readonly complete: boolean;
}) {
  const words = useWords();
  const [withSecret, setWithSecret] = useState(false);
  const byToken = action.cloud === "huawei" && credentials.how === "token";
  const curl = useCurl(action, values, credentials, complete, byToken && !withSecret);
  const key = {
    accessKey: credentials.accessKey || "AK…",
    secretKey: withSecret && credentials.secretKey !== "" ? credentials.secretKey : "…",
    region: credentials.region || action.region,
  };
  const code = (of: "typescript" | "python" | "go", label: string, text: string) => ({
    key: of,
    label,
    children: (
      <>
        <Typography.Paragraph style={{ marginBottom: 8 }}>
          <span className="mono">{packages[action.cloud][of]}</span>
        </Typography.Paragraph>
        {byToken && <Alert type="info" showIcon title={words.api.tokenSamples} style={{ marginBottom: 8 }} />}
        <Code text={text} testId={`api-sample-${of}`} />
      </>
    ),
  });
  return (
    <Card
      size="small"
      title={words.api.sameAsCode}
      extra={
        <Checkbox checked={withSecret} onChange={({ target }) => setWithSecret(target.checked)}>
          {words.api.withSecret}
        </Checkbox>
      }
    >
      <Tabs
        size="small"
        items={[
          {
            key: "curl",
            label: "curl",
            children: (
              <>
                <Typography.Paragraph type="secondary" style={{ marginBottom: 8 }}>
                  {!complete ? words.api.curlBearer : byToken ? words.api.curlToken : words.api.curlSigned}
                </Typography.Paragraph>
                <Code text={curl} testId="api-sample-curl" />
              </>
            ),
          },
          code("typescript", "TypeScript", typescriptOf(action, values, location, key)),
          code("python", "Python", pythonOf(action, values, location, key)),
          code("go", "Go", goOf(action, values, location, key)),
        ]}
      />
    </Card>
  );
}

/** The line to paste: signed as of this minute, or with a token in the shell's $TOKEN. */
function useCurl(
  action: CloudAction,
  values: Values,
  credentials: Credentials,
  complete: boolean,
  tokenByName: boolean,
): string {
  const [curl, setCurl] = useState("");
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((n) => n + 1), signAgainMs);
    return () => clearInterval(timer);
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: every turn signs anew
  useEffect(() => {
    let wanted = true;
    const request = requestOf(action, values, location.host);
    const headers = !complete
      ? Promise.resolve({ ...request.headers, authorization: "Bearer $TOKEN" })
      : tokenByName
        ? Promise.resolve({ ...request.headers, "x-auth-token": "$TOKEN" })
        : signedHeaders(action, request, credentials);
    void headers.then((made) => wanted && setCurl(curlOf(location, request, made)));
    return () => {
      wanted = false;
    };
  }, [action, values, credentials, complete, tokenByName, turn]);
  return curl;
}
