// The service's own document, readable and usable: every operation by group with a form to try it, and of each cloud's API a
// page that signs. An operation has an address of its own.
import { ArrowLeftOutlined } from "@ant-design/icons";
import { Button, Card, Empty, Grid, Input, Result, Space, Typography, theme } from "antd";
import { useEffect, useState } from "react";
import { Link, useLocation } from "wouter";
import { ask } from "../../api.ts";
import { Shown, useAsked } from "../../parts/asked.tsx";
import { useWords } from "../../settings.tsx";
import { CloudPage } from "./cloud.tsx";
import { cloudActions, type Values } from "./cloud-actions.ts";
import { type Credentials, none } from "./credentials.tsx";
import { hueOf } from "./mark.tsx";
import { type Document, groups, isAbout, type Method, type Operation, operationsOf } from "./openapi.ts";
import { OperationPage } from "./operation.tsx";

const home = "/api-explorer";

export function ApiExplorer() {
  const { asked, again } = useAsked("openapi", (signal) => ask<Document>("/openapi.json", { signal }));
  return (
    <Shown asked={asked} again={again}>
      {(document) => <Explored document={document} />}
    </Shown>
  );
}

function Explored({ document }: { readonly document: Document }) {
  const words = useWords();
  const wide = Grid.useBreakpoint().md === true;
  const [place] = useLocation();
  // Held here, so that it lives while the explorer is open and no longer.
  const [credentials, setCredentials] = useState<Credentials>(none);
  const [values, setValues] = useState<Values>({});
  const [text, setText] = useState("");
  const [, , name, cloudName] = place.split("/");
  const operations = operationsOf(document);
  const action = name === "cloud" ? cloudActions.find(({ id }) => id === cloudName) : undefined;
  const operation = operations.find(({ operationId }) => operationId === name);

  const chosen =
    action !== undefined ? (
      <CloudPage
        key={action.id}
        action={action}
        filled={values}
        fill={setValues}
        credentials={credentials}
        change={setCredentials}
      />
    ) : operation !== undefined ? (
      <OperationPage key={operation.operationId} document={document} operation={operation} />
    ) : name === undefined || name === "" ? undefined : (
      <Result status="404" title={words.api.noSuch} />
    );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is read from its beginning
  useEffect(() => {
    // Newer browsers answer with a promise, which an effect must not return.
    scrollTo(0, 0);
  }, [place]);
  const list = <List operations={operations} place={place} text={text} search={setText} />;
  if (!wide)
    return chosen === undefined ? (
      list
    ) : (
      <Space orientation="vertical" size={8} style={{ width: "100%" }}>
        <Link href={home} asChild>
          <Button type="link" icon={<ArrowLeftOutlined />} style={{ padding: 0 }}>
            {words.api.all}
          </Button>
        </Link>
        {chosen}
      </Space>
    );
  return (
    <div style={{ display: "grid", gridTemplateColumns: "290px minmax(0, 1fr)", gap: 16, alignItems: "start" }}>
      <div style={{ position: "sticky", top: 12, maxHeight: "calc(100vh - 24px)", overflow: "auto" }}>{list}</div>
      {chosen ?? <Welcome document={document} />}
    </div>
  );
}

function Welcome({ document: { info } }: { readonly document: Document }) {
  const words = useWords();
  return (
    <Card>
      <Typography.Title level={1} style={{ fontSize: 20, marginTop: 0 }}>
        {words.apiExplorer}
      </Typography.Title>
      <Typography.Paragraph>{words.api.welcome}</Typography.Paragraph>
      <Typography.Paragraph>{words.api.welcomeClouds}</Typography.Paragraph>
      <Typography.Paragraph type="secondary">
        {info.title} {info.version} ·{" "}
        <Button size="small" href="/openapi.json">
          openapi.json
        </Button>
      </Typography.Paragraph>
    </Card>
  );
}

function List({
  operations,
  place,
  text,
  search,
}: {
  readonly operations: readonly Operation[];
  readonly place: string;
  readonly text: string;
  readonly search: (text: string) => void;
}) {
  const words = useWords();
  const found = operations.filter((operation) => isAbout(operation, text.trim()));
  const clouds = cloudActions.filter(({ product, action }) =>
    text
      .trim()
      .toLowerCase()
      .split(/\s+/)
      .every((word) => `${product} ${action} ${words.api.clouds}`.toLowerCase().includes(word)),
  );
  return (
    <Card size="small">
      <Input
        type="search"
        aria-label={words.api.find}
        placeholder={words.api.find}
        value={text}
        allowClear
        onChange={({ target }) => search(target.value)}
      />
      <nav aria-label={words.apiExplorer}>
        {clouds.length > 0 && (
          <Group title={words.api.clouds}>
            {clouds.map(({ id, product, action }) => (
              <Item key={id} href={`${home}/cloud/${id}`} place={place} title={product} below={action} />
            ))}
          </Group>
        )}
        {groups.map((group) => {
          const inside = found.filter((operation) => operation.group === group);
          if (inside.length === 0) return null;
          return (
            <Group key={group} title={words.api.groups[group]}>
              {inside.map(({ operationId, method, path, summary }) => (
                <Item
                  key={operationId}
                  href={`${home}/${operationId}`}
                  place={place}
                  title={summary}
                  method={method}
                  below={path.replace("/api/v1", "")}
                />
              ))}
            </Group>
          );
        })}
      </nav>
      {found.length === 0 && clouds.length === 0 && <Empty description={words.api.nothingFound} />}
    </Card>
  );
}

function Group({ title, children }: { readonly title: string; readonly children: React.ReactNode }) {
  return (
    <section style={{ marginTop: 12 }}>
      <Typography.Text type="secondary" strong>
        {title}
      </Typography.Text>
      {children}
    </section>
  );
}

function Item({
  href,
  place,
  title,
  method,
  below,
}: {
  readonly href: string;
  readonly place: string;
  readonly title: string;
  readonly method?: Method;
  readonly below: string;
}) {
  const { token } = theme.useToken();
  const here = place === href;
  // Dark enough, and on dark light enough, to be read at this size.
  const color = method === undefined ? undefined : token[`${hueOf(method)}-9`];
  return (
    <Link
      href={href}
      {...(here ? { "aria-current": "page" } : {})}
      style={{
        display: "block",
        padding: "5px 8px",
        marginInline: -4,
        borderRadius: token.borderRadius,
        color: token.colorText,
        background: here ? token.colorFillSecondary : undefined,
      }}
    >
      <div>{title}</div>
      <div className="mono" style={{ color: token.colorTextSecondary }}>
        {method !== undefined && <b style={{ color }}>{method} </b>}
        {below}
      </div>
    </Link>
  );
}
