// Accounts: how long each keeps its events and who may read its log without a key. Set by operators; an administrator sees their
// own. What a retention takes away is said before it is set, and the account's name is asked for.
import { PlusOutlined } from "@ant-design/icons";
import {
  Alert,
  Button,
  Checkbox,
  Descriptions,
  Flex,
  Form,
  Input,
  InputNumber,
  Radio,
  Table,
  Tooltip,
  Typography,
} from "antd";
import { useLocation } from "wouter";
import { ask } from "../api.ts";
import { type Act, useAct } from "../parts/act.tsx";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { type RowAct, RowActs } from "../parts/rows.tsx";
import { useSession } from "../session.tsx";
import { useSettings, useWords } from "../settings.tsx";
import type { Part } from "./admin.tsx";

const visibilities = ["private", "hashes", "all"] as const;

interface Account {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly size: number;
  readonly logVisibility: (typeof visibilities)[number];
  readonly retentionDays: number | null;
  readonly minimumIndex: number;
}

/** The reserved account of operators' acts: it has no keys. */
const reserved = "0";
const mostDays = 36_500;

export function Accounts({ changed }: Part) {
  const words = useWords();
  const say = words.admin;
  const { session } = useSession();
  const [, go] = useLocation();
  const operator = session?.operator === true;
  const { asked, again } = useAsked("accounts", (signal) =>
    ask<{ accounts: readonly Account[] }>("/api/v1/accounts", { signal }),
  );
  const { dialog, offer } = useAct();
  const offerOn = (act: Act): void =>
    offer({
      ...act,
      run: async (values) => {
        await act.run(values);
        again();
        changed();
      },
    });

  const actsOn = (account: Account): readonly RowAct[] => {
    const { id, name, logVisibility, retentionDays } = account;
    return [
      ...(id === reserved
        ? []
        : [{ key: "keys", label: say.keysOf, do: () => go(`/administration/keys?account=${id}`) }]),
      {
        key: "retention",
        label: say.setRetention,
        do: () =>
          offerOn({
            title: say.retentionOf(name),
            explain: (
              <ul style={{ paddingInlineStart: 20 }}>
                {say.retentionExplain.map((sentence) => (
                  <li key={sentence}>{sentence}</li>
                ))}
              </ul>
            ),
            label: say.setRetention,
            danger: true,
            done: say.done.saved,
            initial: { limited: retentionDays !== null, days: retentionDays ?? 365 },
            fields: <Retention name={name} />,
            run: async ({ limited, days }) =>
              void (await ask(`/api/v1/accounts/${id}/retention`, {
                method: "PUT",
                body: { days: limited === true ? days : null },
              })),
          }),
      },
      {
        key: "visibility",
        label: say.setVisibility,
        do: () =>
          offerOn({
            title: say.visibilityFor(name),
            explain: say.visibilityExplain,
            label: say.save,
            done: say.done.saved,
            initial: { logVisibility },
            fields: (
              <Form.Item name="logVisibility" label={say.visibility} required>
                <Radio.Group
                  vertical
                  options={visibilities.map((value) => ({ value, label: say.visibilityLong[value] }))}
                />
              </Form.Item>
            ),
            run: async ({ logVisibility: chosen }) =>
              void (await ask(`/api/v1/accounts/${id}`, { method: "PATCH", body: { logVisibility: chosen } })),
          }),
      },
    ];
  };

  const keptFor = ({ retentionDays }: Account): string =>
    retentionDays === null ? say.forever : say.days(retentionDays);

  const create = (): void =>
    offerOn({
      title: say.newAccount,
      explain: say.newAccountExplain,
      label: say.makeAccount,
      done: say.done.created,
      initial: { salted: false },
      fields: (
        <>
          <Form.Item name="name" label={say.nameOf} rules={[{ required: true, message: words.required }]}>
            <Input maxLength={64} autoComplete="off" />
          </Form.Item>
          <Form.Item name="salted" valuePropName="checked" required>
            <Checkbox>{say.salted}</Checkbox>
          </Form.Item>
        </>
      ),
      run: async ({ name, salted }) =>
        void (await ask("/api/v1/accounts", { method: "POST", body: { name, salted: salted === true } })),
    });

  return (
    <>
      <Flex justify="space-between" align="start" gap={12} wrap style={{ marginBottom: 12 }}>
        <Typography.Text type="secondary" style={{ flex: "1 1 260px" }}>
          {operator ? say.accountsHint : say.ownAccountHint}
        </Typography.Text>
        {operator && (
          <Button type="primary" icon={<PlusOutlined />} onClick={create}>
            {say.newAccount}
          </Button>
        )}
      </Flex>
      <Shown asked={asked} again={again}>
        {({ accounts }) =>
          operator ? (
            <Table<Account>
              size="small"
              rowKey="id"
              dataSource={[...accounts]}
              pagination={accounts.length > 20 ? { pageSize: 20 } : false}
              scroll={{ x: "max-content" }}
              columns={[
                {
                  title: say.nameOf,
                  render: (_, { id, name }) => (
                    <>
                      {name} <span className="mono">{id}</span>
                    </>
                  ),
                },
                { title: say.retention, render: (_, account) => keptFor(account) },
                { title: say.entries, align: "right", render: (_, { size }) => size.toLocaleString() },
                {
                  title: <Tooltip title={say.minimumHint}>{say.minimumIndex}</Tooltip>,
                  align: "right",
                  render: (_, { minimumIndex }) => minimumIndex.toLocaleString(),
                },
                { title: say.visibility, render: (_, { logVisibility }) => say.visibilityOf[logVisibility] },
                { title: say.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
                {
                  title: "",
                  fixed: "right",
                  align: "right",
                  render: (_, account) => <RowActs of={account.name} acts={actsOn(account)} />,
                },
              ]}
            />
          ) : (
            accounts.map((account) => (
              <Descriptions
                key={account.id}
                bordered
                size="small"
                column={1}
                styles={{ label: { width: 130 } }}
                items={[
                  { key: "name", label: say.nameOf, children: account.name },
                  { key: "id", label: "ID", children: <span className="mono">{account.id}</span> },
                  { key: "retention", label: say.retention, children: keptFor(account) },
                  { key: "size", label: say.entries, children: account.size.toLocaleString() },
                  {
                    key: "minimum",
                    label: say.minimumIndex,
                    children: (
                      <>
                        {account.minimumIndex.toLocaleString()}
                        <div style={{ opacity: 0.75 }}>{say.minimumHint}</div>
                      </>
                    ),
                  },
                  { key: "public", label: say.visibility, children: say.visibilityOf[account.logVisibility] },
                  { key: "created", label: say.created, children: <When time={account.created} /> },
                ]}
              />
            ))
          )
        }
      </Shown>
      {dialog}
    </>
  );
}

function Retention({ name }: { readonly name: string }) {
  const { words, language } = useSettings();
  const say = words.admin;
  const form = Form.useFormInstance();
  const limited = Form.useWatch<boolean | undefined>("limited", form) ?? form.getFieldValue("limited");
  const days = Form.useWatch<number | undefined>("days", form) ?? form.getFieldValue("days");
  const before = new Date(Date.now() - (typeof days === "number" ? days : 0) * 86_400_000);
  return (
    <>
      <Form.Item name="limited" label={say.retentionLimit} required>
        <Radio.Group
          options={[
            { value: false, label: say.forever },
            { value: true, label: say.retentionDays },
          ]}
        />
      </Form.Item>
      {limited === true && (
        <Form.Item name="days" label={say.retentionDays} rules={[{ required: true, message: words.required }]}>
          <InputNumber min={1} max={mostDays} precision={0} style={{ width: 160 }} />
        </Form.Item>
      )}
      <Alert
        showIcon
        type={limited === true ? "warning" : "info"}
        style={{ marginBottom: 16 }}
        title={
          limited === true
            ? say.willGo(`${before.toLocaleString(language === "zh" ? "zh-CN" : "en-GB")} (${before.toISOString()})`)
            : say.nothingGoes
        }
      />
      {limited === true && (
        <Form.Item
          name="confirmed"
          label={say.typeName(name)}
          rules={[
            { required: true, message: words.required },
            {
              validator: async (_, value) => {
                if (value !== undefined && value !== "" && value !== name) throw new Error(say.nameDiffers);
              },
            },
          ]}
        >
          <Input autoComplete="off" />
        </Form.Item>
      )}
    </>
  );
}
