// Users: those who sign in with a password. A password goes in and is never shown.
import { PlusOutlined } from "@ant-design/icons";
import { Alert, Badge, Button, Flex, Form, Input, Select, Table, Tag, Typography } from "antd";
import { ask } from "../api.ts";
import { type Act, useAct } from "../parts/act.tsx";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { Nothing, type RowAct, RowActs } from "../parts/rows.tsx";
import { useSession } from "../session.tsx";
import { useWords } from "../settings.tsx";
import type { Part } from "./admin.tsx";

interface User {
  readonly id: string;
  readonly name: string;
  readonly role: "admin" | "writer" | "auditor";
  readonly status: "enabled" | "disabled";
  readonly created: string;
}

export function Users({ changed }: Part) {
  const words = useWords();
  const say = words.admin;
  const { session } = useSession();
  const { asked, again } = useAsked("users", (signal) => ask<{ users: readonly User[] }>("/api/v1/users", { signal }));
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
  const isOwn = ({ name }: User): boolean => name === session?.userName;
  const warned = (user: User, text: string) => (
    <>
      <p>{text}</p>
      {isOwn(user) && <Alert type="warning" showIcon title={say.ownUser} />}
    </>
  );
  const patch = (user: User, body: object) => async () =>
    void (await ask(`/api/v1/users/${user.id}`, { method: "PATCH", body }));

  const actsOn = (user: User): readonly RowAct[] => [
    user.status === "enabled"
      ? {
          key: "disable",
          label: say.disable,
          do: () =>
            offerOn({
              title: say.disableUser(user.name),
              explain: warned(user, say.disableUserExplain),
              label: say.disable,
              danger: true,
              done: say.done.disabled,
              run: patch(user, { status: "disabled" }),
            }),
        }
      : {
          key: "enable",
          label: say.enable,
          do: () =>
            offerOn({
              title: say.enableUser(user.name),
              explain: say.enableUserExplain,
              label: say.enable,
              done: say.done.enabled,
              run: patch(user, { status: "enabled" }),
            }),
        },
    {
      key: "password",
      label: say.newPassword,
      do: () =>
        offerOn({
          title: say.newPasswordFor(user.name),
          explain: warned(user, say.newPasswordExplain),
          label: say.setPassword,
          done: say.done.saved,
          fields: <NewPassword />,
          run: async ({ password }) => patch(user, { password })(),
        }),
    },
    {
      key: "delete",
      label: say.remove,
      danger: true,
      do: () =>
        offerOn({
          title: say.deleteUser(user.name),
          explain: warned(user, say.deleteUserExplain),
          label: say.remove,
          danger: true,
          done: say.done.deleted,
          run: async () => void (await ask(`/api/v1/users/${user.id}`, { method: "DELETE" })),
        }),
    },
  ];

  const create = (): void =>
    offerOn({
      title: say.newUser,
      explain: say.newUserExplain,
      label: say.makeUser,
      initial: { role: "auditor" },
      done: say.done.created,
      fields: (
        <>
          <Form.Item name="name" label={say.userName} rules={[{ required: true, message: words.required }]}>
            <Input maxLength={64} autoComplete="off" />
          </Form.Item>
          <Form.Item name="role" label={say.role} required>
            <Select
              options={(["auditor", "writer", "admin"] as const).map((role) => ({
                value: role,
                label: say.roleOf[role],
              }))}
            />
          </Form.Item>
          <NewPassword />
        </>
      ),
      run: async ({ name, role, password }) =>
        void (await ask("/api/v1/users", { method: "POST", body: { name, role, password } })),
    });

  return (
    <>
      <Flex justify="space-between" align="start" gap={12} wrap style={{ marginBottom: 12 }}>
        <Typography.Text type="secondary" style={{ flex: "1 1 260px" }}>
          {say.usersHint}
        </Typography.Text>
        <Button type="primary" icon={<PlusOutlined />} onClick={create}>
          {say.newUser}
        </Button>
      </Flex>
      <Shown asked={asked} again={again}>
        {({ users }) => (
          <Table<User>
            size="small"
            rowKey="id"
            dataSource={[...users]}
            pagination={users.length > 20 ? { pageSize: 20 } : false}
            locale={{ emptyText: <Nothing title={say.noUsers} /> }}
            columns={[
              {
                title: say.nameOf,
                render: (_, user) => (
                  <>
                    {user.name} {isOwn(user) && <Tag>{say.you}</Tag>}
                  </>
                ),
              },
              { title: say.role, render: (_, { role }) => <Tag>{role}</Tag> },
              {
                title: say.status,
                render: (_, { status }) => (
                  <Badge status={status === "enabled" ? "success" : "default"} text={say[status]} />
                ),
              },
              { title: say.created, responsive: ["md"], render: (_, { created }) => <When time={created} /> },
              {
                title: "",
                align: "right",
                render: (_, user) => <RowActs of={user.name} acts={actsOn(user)} />,
              },
            ]}
          />
        )}
      </Shown>
      {dialog}
    </>
  );
}

function NewPassword() {
  const words = useWords();
  return (
    <>
      <Form.Item
        name="password"
        label={words.password}
        extra={words.admin.passwordRule}
        rules={[{ required: true, min: 8, max: 128, message: words.admin.passwordRule }]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={words.admin.passwordAgain}
        dependencies={["password"]}
        rules={[
          { required: true, message: words.required },
          ({ getFieldValue }) => ({
            validator: async (_, value) => {
              if (value !== getFieldValue("password")) throw new Error(words.admin.passwordsDiffer);
            },
          }),
        ]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
    </>
  );
}
