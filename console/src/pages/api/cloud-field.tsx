// One parameter of a cloud's action, filled in the way its kind is.
import { MinusCircleOutlined, PlusOutlined } from "@ant-design/icons";
import { AutoComplete, Button, DatePicker, Form, Input, Select, Space, Typography } from "antd";
import dayjs from "dayjs";
import { useWords } from "../../settings.tsx";
import type { Condition, Field, Value } from "./cloud-actions.ts";

interface Known {
  readonly id: string;
  readonly name?: string;
}

interface Props {
  readonly field: Field;
  readonly value: Value | undefined;
  /** What the service knows that could stand here. */
  readonly known: readonly Known[];
  readonly change: (value: Value | undefined) => void;
}

export function FieldItem(props: Props) {
  const words = useWords();
  const { field } = props;
  const id = `api-field-${field.name.replaceAll(/\W/g, "-")}`;
  const about = (words.api.fields as Readonly<Record<string, string>>)[field.name];
  return (
    <Form.Item
      // A label of a button would be its name.
      {...(field.kind === "conditions" ? {} : { htmlFor: id })}
      required={field.required === true}
      style={{ marginBottom: 12, ...(field.kind === "conditions" ? { gridColumn: "1 / -1" } : {}) }}
      label={
        <Typography.Text strong className="mono">
          {field.name}
        </Typography.Text>
      }
      extra={about}
    >
      <Control {...props} id={id} />
    </Form.Item>
  );
}

function Control({ field, value, known, change, id }: Props & { readonly id: string }) {
  const options = field.options?.map((text) => ({ value: text, label: text })) ?? [];
  const text = typeof value === "string" ? value : "";
  switch (field.kind) {
    case "choice":
      return (
        <Select
          id={id}
          allowClear
          value={text === "" ? null : text}
          options={options}
          onChange={(chosen) => change(chosen ?? undefined)}
        />
      );
    case "choices":
    case "texts":
      return (
        <Select
          id={id}
          allowClear
          mode={field.kind === "texts" ? "tags" : "multiple"}
          {...(field.kind === "texts" ? { tokenSeparators: [",", " ", "\n"], open: false, suffixIcon: null } : {})}
          value={(value as string[] | undefined) ?? []}
          options={options}
          onChange={(chosen: string[]) => change(chosen)}
        />
      );
    case "seconds":
    case "time":
      return (
        <DatePicker
          id={id}
          showTime
          style={{ width: "100%" }}
          value={text === "" ? null : dayjs(text)}
          onKeyDown={(event) => {
            // It ends the choice of a time, and sends nothing.
            if (event.key === "Enter") event.preventDefault();
          }}
          onChange={(chosen) => change(chosen?.toISOString())}
        />
      );
    case "conditions":
      return <Conditions field={field} value={(value as readonly Condition[] | undefined) ?? []} change={change} />;
    case "text":
      if (known.length > 0)
        return (
          <AutoComplete
            id={id}
            value={text}
            allowClear
            options={known.map(({ id: value, name }) => ({
              value,
              label: name === undefined || name === value ? value : `${name} · ${value}`,
            }))}
            onChange={(given) => change(given ?? "")}
          />
        );
      break;
    default:
  }
  return (
    <Input
      id={id}
      className="mono"
      allowClear
      value={text}
      {...(field.kind === "integer" ? { type: "number", min: field.minimum, max: field.maximum } : {})}
      {...(field.placeholder === undefined ? {} : { placeholder: field.placeholder })}
      onChange={({ target }) => change(target.value)}
    />
  );
}

function Conditions({
  field,
  value,
  change,
}: {
  readonly field: Field;
  readonly value: readonly Condition[];
  readonly change: (value: readonly Condition[]) => void;
}) {
  const words = useWords();
  const put = (at: number, condition: Condition) => change(value.with(at, condition));
  return (
    <Space orientation="vertical" size={8} style={{ width: "100%" }}>
      {value.map(([key, wanted], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other name, and their inputs hold nothing of their own
        <div key={at} style={{ display: "flex", gap: 8 }}>
          <Select
            aria-label={`LookupConditionKey ${at + 1}`}
            style={{ width: 150 }}
            value={key}
            options={field.options?.map((option) => ({ value: option, label: option })) ?? []}
            onChange={(chosen) => put(at, [chosen, wanted])}
          />
          <Input
            aria-label={`LookupConditionValue ${at + 1}`}
            style={{ flex: 1 }}
            className="mono"
            value={wanted}
            onChange={({ target }) => put(at, [key, target.value])}
          />
          <Button
            type="text"
            aria-label={words.api.remove}
            icon={<MinusCircleOutlined />}
            onClick={() => change(value.toSpliced(at, 1))}
          />
        </div>
      ))}
      <Button size="small" icon={<PlusOutlined />} onClick={() => change([...value, [field.options?.[0] ?? "", ""]])}>
        {words.api.addCondition}
      </Button>
    </Space>
  );
}
