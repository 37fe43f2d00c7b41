// An act of administration: a dialog that says what it does before it is done, asks for what it needs, and tells what the service
// refused, beside the field where that is known. Nothing is done by a click alone.
import { Alert, App, Form, Modal } from "antd";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api.ts";
import { useWords } from "../settings.tsx";

export type Values = Readonly<Record<string, unknown>>;

export interface Act {
  readonly title: string;
  /** What it does, and what cannot be undone. */
  readonly explain: ReactNode;
  /** What the button says. */
  readonly label: string;
  readonly danger?: boolean;
  /** Form items for what is asked. */
  readonly fields?: ReactNode;
  readonly initial?: Values;
  /** Said when it is done; absent where what follows says it. */
  readonly done?: string;
  readonly run: (values: Values) => Promise<void>;
}

export function useAct(): { readonly dialog: ReactNode; readonly offer: (act: Act) => void } {
  const [offered, setOffered] = useState<{ readonly act: Act; readonly number: number }>();
  return {
    dialog: offered && <ActDialog key={offered.number} act={offered.act} />,
    offer: (act) => setOffered((before) => ({ act, number: (before?.number ?? 0) + 1 })),
  };
}

function ActDialog({ act }: { readonly act: Act }) {
  const words = useWords();
  const { message } = App.useApp();
  const [form] = Form.useForm();
  const [open, setOpen] = useState(true);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();

  const run = async (values: Values) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await act.run(values);
      setOpen(false);
      if (act.done !== undefined) void message.success(act.done);
    } catch (thrown) {
      const { field } = thrown as ApiError;
      if (thrown instanceof ApiError && field !== undefined && field in form.getFieldsValue())
        form.setFields([{ name: field, errors: [thrown.message] }]);
      else setProblem((thrown as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      open={open}
      title={act.title}
      okText={act.label}
      cancelText={words.cancel}
      okButtonProps={{ danger: act.danger === true }}
      confirmLoading={busy}
      mask={{ closable: !busy }}
      onCancel={() => setOpen(false)}
      onOk={() => form.submit()}
    >
      {typeof act.explain === "string" ? <p>{act.explain}</p> : act.explain}
      <Form
        form={form}
        layout="vertical"
        {...(act.initial === undefined ? {} : { initialValues: act.initial })}
        onFinish={run}
        requiredMark={(label, { required }) => (
          <>
            {label}
            {!required && <span style={{ opacity: 0.75 }}>&nbsp;({words.admin.optional})</span>}
          </>
        )}
      >
        {act.fields}
      </Form>
      {problem !== undefined && (
        <Alert type="error" showIcon role="alert" title={words.admin.refused} description={problem} />
      )}
    </Modal>
  );
}
