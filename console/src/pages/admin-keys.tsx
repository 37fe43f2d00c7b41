// Access keys: made with a role and an end, their secret shown once, disabled, given another secret, deleted.
import { PlusOutlined } from "@ant-design/icons";
import { Alert, Badge, Button, DatePicker, Flex, Form, Grid, Input, Modal, Select, Table, Tag, Typography } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { Link, useSearch } from "wouter";
import { ask } from "../api.ts";
import { type Act, useAct } from "../parts/act.tsx";
import { Shown, useAsked } from "../parts/asked.tsx";
import { Copyable } from "../parts/copy.tsx";
import { When } from "../parts/event.tsx";
import { Nothing, type RowAct, RowActs } from "../parts/rows.tsx";
import { useSession } from "../session.tsx";
import { useWords } from "../settings.tsx";
import type { Part } from "./admin.tsx";

interface Key {
  readonly accessKey: string;
  readonly account: string;
  readonly role: "admin" | "writer" | "auditor";
  readonly operator: boolean;
  readonly name: string | null;
  readonly status: "enabled" | "disabled";
  readonly created: string;
  readonly expires: string | null;
}

interface IssuedKey extends Key {
  readonly secretKey: string;
  readonly token: string;
}

export function Keys({ changed }: Part) {
  const words = useWords();
  const say = words.admin;
  const { session } = useSession();
  const wide = Grid.useBreakpoint().md === true;
  const search = new URLSearchParams(useSearch());
  // An operator's way from the list of accounts.
  const account = session?.operator === true ? (search.get("account") ?? undefined) : undefined;
  const { asked, again } = useAsked(`keys ${account ?? ""}`, (signal) =>
    ask<{ keys: readonly Key[] }>("/api/v1/keys", { query: { account }, signal }),
  );
  const { dialog, offer } = useAct();
  const [issued, setIssued] = useState<IssuedKey>();
  const done = () => {
    again();
    changed();
  };

  const one = (key: Key): string => `/api/v1/keys/${encodeURIComponent(key.accessKey)}`;
  const nameOf = ({ name, accessKey }: Key): string => name ?? accessKey;
  const warned = (key: Key, text: string) => (
    <>
      <p>{text}</p>
      {key.accessKey === session?.accessKey && <Alert type="warning" showIcon title={say.ownKey} />}
    </>
  );
  const offerOn = (act: Act): void => offer({ ...act, run: (values) => act.run(values).then(done) });
  const patch = (key: Key, body: object) => async () => void (await ask(one(key), { method: "PATCH", body }));

  const actsOn = (key: Key): readonly RowAct[] => {
    if (key.operator && session?.operator !== true) return [];
    const name = nameOf(key);
    const enabled = key.status === "enabled";
    return [
      enabled
        ? {
            key: "disable",
            label: say.disable,
            do: () =>
              offerOn({
                title: say.disableKey(name),
                explain: warned(key, say.disableKeyExplain),
                label: say.disable,
                danger: true,
                done: say.done.disabled,
                run: patch(key, { status: "disabled" }),
              }),
          }
        : {
            key: "enable",
            label: say.enable,
            do: () =>
              offerOn({
                title: say.enableKey(name),
                explain: say.enableKeyExplain,
                label: say.enable,
                done: say.done.enabled,
                run: patch(key, { status: "enabled" }),
              }),
          },
      {
        key: "expiry",
        label: say.setExpiry,
        do: () =>
          offerOn({
            title: say.expireKey(name),
            explain: say.expireKeyExplain,
            label: say.save,
            done: say.done.saved,
            fields: <Expiry />,
            run: async ({ expires }) => patch(key, { expires: instant(expires) })(),
          }),
      },
      {
        key: "rotate",
        label: say.rotate,
        do: () =>
          offer({
            title: say.rotateKey(name),
            explain: warned(key, say.rotateKeyExplain),
            label: say.rotate,
            danger: true,
            run: async () => setIssued(await ask<IssuedKey>(`${one(key)}/rotate`, { method: "POST" })),
          }),
      },
      {
        key: "delete",
        label: say.remove,
        danger: true,
        do: () =>
          offerOn({
            title: say.deleteKey(name),
            explain: warned(key, say.deleteKeyExplain),
            label: say.remove,
            danger: true,
            done: say.done.deleted,
            run: async () => void (await ask(one(key), { method: "DELETE" })),
          }),
      },
    ];
  };

  const create = (): void =>
    offer({
      title: say.newKey,
      explain: say.newKeyExplain,
      label: say.makeKey,
      initial: { role: "writer" },
      fields: (
        <>
          <Form.Item name="role" label={say.role} required>
            <Select
              options={(["writer", "auditor", "admin"] as const).map((role) => ({
                value: role,
                label: say.roleOf[role],
              }))}
            />
          </Form.Item>
          <Form.Item name="name" label={say.keyName}>
            <Input maxLength={64} autoComplete="off" />
          </Form.Item>
          <Expiry />
        </>
      ),
      run: async ({ role, name, expires }) => {
        const body = { role, name: name === "" ? undefined : name, expires: instant(expires), account };
        setIssued(await ask<IssuedKey>("/api/v1/keys", { method: "POST", body }));
      },
    });

  return (
    <>
      <Flex justify="space-between" align="start" gap={12} wrap style={{ marginBottom: 12 }}>
        <Typography.Text type="secondary" style={{ flex: "1 1 260px" }}>
          {account === undefined ? (
            say.keysHint
          ) : (
            <>
              {say.ofAccount(account)} · <Link href="/administration/keys">{say.back}</Link>
            </>
          )}
        </Typography.Text>
        <Button type="primary" icon={<PlusOutlined />} onClick={create}>
          {say.newKey}
        </Button>
      </Flex>
      <Shown asked={asked} again={again}>
        {({ keys }) => (
          <Table<Key>
            size="small"
            rowKey="accessKey"
            dataSource={[...keys]}
            pagination={keys.length > 20 ? { pageSize: 20 } : false}
            locale={{ emptyText: <Nothing title={say.noKeys} /> }}
            columns={[
              {
                title: say.accessKey,
                render: (_, key) => (
                  <>
                    {key.name !== null && <div>{key.name}</div>}
                    <span className="mono">{key.accessKey}</span>
                    {key.accessKey === session?.accessKey && <Tag style={{ marginInlineStart: 8 }}>{say.you}</Tag>}
                    {!wide && (
                      <Flex gap={8} wrap align="center" style={{ marginTop: 4 }}>
                        <RoleTags of={key} />
                        <KeyStatus of={key} />
                        {key.expires !== null && (
                          <span>
                            {say.expires}: <When time={key.expires} />
                          </span>
                        )}
                      </Flex>
                    )}
                  </>
                ),
              },
              { title: say.role, responsive: ["md"], render: (_, key) => <RoleTags of={key} /> },
              { title: say.status, responsive: ["md"], render: (_, key) => <KeyStatus of={key} /> },
              {
                title: say.expires,
                responsive: ["md"],
                render: (_, { expires }) => (expires === null ? say.never : <When time={expires} />),
              },
              { title: say.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
              {
                title: "",
                align: "right",
                render: (_, key) => <RowActs of={nameOf(key)} acts={actsOn(key)} />,
              },
            ]}
          />
        )}
      </Shown>
      {dialog}
      {issued !== undefined && (
        <Once
          issued={issued}
          onKept={() => {
            setIssued(undefined);
            // Not before: who gave their own key another secret is signed out by the next question.
            done();
          }}
        />
      )}
    </>
  );
}

function RoleTags({ of: { role, operator } }: { readonly of: Key }) {
  const words = useWords();
  return (
    <span>
      <Tag>{role}</Tag>
      {operator && (
        <Tag variant="outlined" title={words.admin.operatorHint}>
          {words.admin.operator}
        </Tag>
      )}
    </span>
  );
}

function KeyStatus({ of: { status, expires } }: { readonly of: Key }) {
  const words = useWords();
  if (expires !== null && Date.parse(expires) <= Date.now()) return <Badge status="error" text={words.admin.expired} />;
  return <Badge status={status === "enabled" ? "success" : "default"} text={words.admin[status]} />;
}

function Expiry() {
  const words = useWords();
  return (
    <Form.Item name="expires" label={words.admin.keyExpires}>
      <DatePicker showTime style={{ width: "100%" }} disabledDate={(day) => day.endOf("day").valueOf() < Date.now()} />
    </Form.Item>
  );
}

function instant(chosen: unknown): string | null {
  return chosen === undefined || chosen === null ? null : (chosen as Dayjs).toISOString();
}

/** The secrets, until their reader says that they are kept: then nothing of the page has them any more. */
function Once({ issued, onKept }: { readonly issued: IssuedKey; readonly onKept: () => void }) {
  const words = useWords();
  const { accessKey, secretKey, token, role } = issued;
  const event = `{"events":[{"kind":"security","time":"${new Date().toISOString()}","resource":{"type":"endpoint","id":"first"},"type":"SshLogin"}]}`;
  return (
    <Modal
      open
      title={words.admin.once}
      closable={false}
      mask={{ closable: false }}
      keyboard={false}
      footer={
        <Button type="primary" onClick={onKept}>
          {words.admin.kept}
        </Button>
      }
    >
      <div data-testid="once">
        <Alert type="warning" showIcon title={words.admin.onceExplain} style={{ marginBottom: 16 }} />
        <Copyable label={words.admin.accessKey} text={accessKey} />
        <Copyable label={words.admin.secretKey} text={secretKey} />
        <Copyable label={words.token} text={token} />
        {role !== "auditor" && (
          <Copyable
            label={words.admin.firstUse}
            text={`curl ${location.origin}/api/v1/events -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '${event}'`}
          />
        )}
      </div>
    </Modal>
  );
}
