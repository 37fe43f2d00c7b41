// The audit policy of an instance: shown to readers, changed by administrators.
import { Alert, Badge, Button, Card, Descriptions, Form, InputNumber, Radio, Select, Switch } from "antd";
import { ask } from "../api.ts";
import { useAct } from "../parts/act.tsx";
import { type Asked, Shown, useAsked } from "../parts/asked.tsx";
import { useSession } from "../session.tsx";
import { useWords } from "../settings.tsx";

export interface Policy {
  readonly keepDays: number;
  readonly reserve: boolean;
  readonly types: readonly string[];
  readonly fullSql: boolean;
  readonly statementTypes: readonly string[];
}

export interface AskedPolicy {
  readonly asked: Asked<Policy>;
  readonly again: () => void;
}

const mostDays = 732;
const defaultDays = 7;

export function usePolicy(id: string): AskedPolicy {
  return useAsked(`policy ${id}`, (signal) => ask<Policy>(`/api/v1/instances/${id}/audit-policy`, { signal }));
}

export function AuditPolicy({ id, policy: { asked, again } }: { readonly id: string; readonly policy: AskedPolicy }) {
  const words = useWords();
  const say = words.files;
  const { session } = useSession();
  const { dialog, offer } = useAct();
  const admin = session?.role === "admin";
  const change = ({ keepDays, reserve, types, fullSql, statementTypes }: Policy): void =>
    offer({
      title: say.change,
      explain: say.changeExplain,
      label: words.admin.save,
      done: say.saved,
      initial: { on: keepDays > 0, keepDays: keepDays === 0 ? defaultDays : keepDays, reserve, types, fullSql },
      fields: <PolicyFields statementTypes={statementTypes} />,
      run: async (values) => {
        await ask(`/api/v1/instances/${id}/audit-policy`, {
          method: "PUT",
          body: {
            keepDays: values.on === true ? values.keepDays : 0,
            reserve: values.reserve ?? reserve,
            types: values.types ?? types,
            fullSql: values.fullSql === true,
          },
        });
        again();
      },
    });
  return (
    <Card
      size="small"
      title={say.policy}
      extra={
        admin &&
        asked.state === "there" && (
          <Button size="small" onClick={() => change(asked.answer)}>
            {say.change}
          </Button>
        )
      }
    >
      <Shown asked={asked} again={again}>
        {({ keepDays, reserve, types, fullSql }) => (
          <Descriptions
            size="small"
            column={{ xs: 1, sm: 2, lg: 4 }}
            items={[
              {
                key: "on",
                label: words.admin.status,
                children: (
                  <Badge status={keepDays > 0 ? "success" : "default"} text={keepDays > 0 ? say.on : say.off} />
                ),
              },
              keepDays > 0
                ? { key: "days", label: say.keepDays, children: say.keeps(keepDays) }
                : { key: "reserve", label: say.reserve, children: reserve ? say.reserved : say.dropped },
              { key: "types", label: say.types, children: types.length === 0 ? say.allTypes : types.join(", ") },
              { key: "full", label: say.fullSql, children: fullSql ? say.on : say.off },
            ]}
          />
        )}
      </Shown>
      {!admin && <div style={{ opacity: 0.75, marginTop: 8 }}>{say.ask}</div>}
      {dialog}
    </Card>
  );
}

function PolicyFields({ statementTypes }: { readonly statementTypes: readonly string[] }) {
  const words = useWords();
  const say = words.files;
  const form = Form.useFormInstance();
  const on = Form.useWatch<boolean | undefined>("on", form) ?? form.getFieldValue("on");
  const reserve = Form.useWatch<boolean | undefined>("reserve", form) ?? form.getFieldValue("reserve");
  return (
    <>
      <Form.Item name="on" label={say.auditFiles} required>
        <Radio.Group
          options={[
            { value: true, label: say.on },
            { value: false, label: say.off },
          ]}
        />
      </Form.Item>
      {on === true ? (
        <>
          <Form.Item name="keepDays" label={say.keepDays} rules={[{ required: true, message: words.required }]}>
            <InputNumber min={1} max={mostDays} precision={0} />
          </Form.Item>
          <Form.Item name="types" label={say.types}>
            <Select
              mode="multiple"
              allowClear
              placeholder={say.allTypes}
              options={statementTypes.map((type) => ({ value: type, label: type }))}
            />
          </Form.Item>
        </>
      ) : (
        <>
          <Form.Item name="reserve" label={say.reserve} required>
            <Radio.Group
              options={[
                { value: true, label: say.reserved },
                { value: false, label: say.dropped },
              ]}
            />
          </Form.Item>
          {reserve === false && <Alert type="warning" showIcon title={say.dropWarning} style={{ marginBottom: 16 }} />}
        </>
      )}
      <Form.Item name="fullSql" label={say.fullSql} valuePropName="checked" required>
        <Switch />
      </Form.Item>
    </>
  );
}
