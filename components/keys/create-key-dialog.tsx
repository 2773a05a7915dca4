"use client";

import { useEffect, useState } from "react";
import { LeaseField } from "@/components/keys/lease-field";
import { useIsLeft, useTellOnceLeft } from "@/components/keys/use-left";
import { WriteFailureNotice } from "@/components/keys/write-failure-notice";
import { outcomeOfFailure } from "@/components/keys/write-outcome";
import { Button } from "@/components/ui/button";
import { CodeEditor } from "@/components/ui/code-editor";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/input";
import { Segmented } from "@/components/ui/segmented";
import { useToaster } from "@/components/ui/toast";
import { createCommand } from "@/lib/browser/etcdctl";
import { formatBytes, formatDecimal } from "@/lib/browser/format";
import { keepPage } from "@/lib/browser/kept-page";
import { formatKey, type ParsedKey, parseKey } from "@/lib/browser/key-text";
import { conflictOf, createKey } from "@/lib/browser/keys";
import { NO_LEASE, parseLease } from "@/lib/browser/lease-choice";
import { parseHex, parseValue, VALUE_FORMS, type ValueForm } from "@/lib/browser/value-form";
import { type WriteFailure, writeFailure } from "@/lib/browser/write-failure";
import { REQUEST_BYTES_MAX } from "@/lib/schema/keys";

interface CreateKeyDialogProps {
  cluster: string;
  /** What the key begins with; null keeps the dialog closed. */
  prefix: Uint8Array | null;
  onClose: () => void;
  onCreated: (key: Uint8Array) => void;
  onOpenExisting: (key: Uint8Array) => void;
}

export function CreateKeyDialog(props: CreateKeyDialogProps) {
  const { prefix } = props;
  if (prefix === null) return null;
  return <CreateForm key={formatKey(prefix)} {...props} prefix={prefix} />;
}

const KEY_FORMS = [
  { value: "text", label: "Text" },
  { value: "hex", label: "Hex" },
] as const;
type KeyForm = (typeof KEY_FORMS)[number]["value"];

const valueNames: Record<ValueForm, string> = {
  text: "Text",
  json: "JSON",
  hex: "Hex",
  base64: "Base64",
};

function CreateForm(props: CreateKeyDialogProps & { prefix: Uint8Array }) {
  const { cluster, prefix, onClose, onCreated, onOpenExisting } = props;
  const toaster = useToaster();
  const [keyForm, setKeyForm] = useState<KeyForm>("text");
  const [keyText, setKeyText] = useState(formatKey(prefix));
  const [valueForm, setValueForm] = useState<ValueForm>("text");
  const [valueText, setValueText] = useState("");
  const [leaseFields, setLeaseFields] = useState(NO_LEASE);
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<CreateFailure | null>(null);
  const isLeft = useIsLeft();
  const key = readKey(keyText, keyForm);
  const tell = useTellOnceLeft();
  const value = parseValue(valueText, valueForm);
  const isTooLarge = value.ok && value.bytes.length > REQUEST_BYTES_MAX;
  const parsedLease = parseLease(leaseFields);
  const lease = parsedLease.ok ? parsedLease.lease : null;
  const isReady = key.ok && key.bytes.length > 0 && value.ok && !isTooLarge && lease !== null;
  const command = isReady ? createCommand(key.bytes, value.bytes, lease) : null;

  const isBegun = keyText !== formatKey(prefix) || valueText !== "" || leaseFields !== NO_LEASE;
  useEffect(() => (isBegun ? keepPage() : undefined), [isBegun]);

  const create = async () => {
    if (!key.ok || !value.ok || lease === null) return;
    setIsBusy(true);
    setFailure(null);
    try {
      const { revision } = await createKey(cluster, key.bytes, value.bytes, lease);
      toaster.done(`Created at revision ${formatDecimal(revision)}`, formatKey(key.bytes));
      if (isLeft.current) return;
      onClose();
      onCreated(key.bytes);
    } catch (error) {
      const failed = createFailure(error);
      setFailure(failed);
      tell(outcomeOfFailure(failed, "created"), key.bytes);
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open && !isBusy) onClose();
      }}
      title="New key"
      description="Created only if no key with this name exists."
      footer={
        <>
          <CopyCommandButton command={command} />
          <Button disabled={isBusy} onClick={onClose}>
            Cancel
          </Button>
          <Button tone="primary" busy={isBusy} disabled={!isReady} onClick={() => void create()}>
            Create
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <WriteFailureNotice
          failure={failure}
          aim="created"
          actions={
            failure?.mayExist === true && key.ok ? (
              <Button size="sm" onClick={() => onOpenExisting(key.bytes)}>
                Open it
              </Button>
            ) : null
          }
        />
        <KeyField
          form={keyForm}
          text={keyText}
          parsed={key}
          onForm={(form) => {
            setKeyForm(form);
            if (key.ok) setKeyText(form === "hex" ? toHex(key.bytes) : formatKey(key.bytes));
          }}
          onText={setKeyText}
        />
        <div className="flex flex-col gap-1.5">
          <div className="flex items-center justify-between">
            <span className="text-xs font-medium text-ink-2">Value</span>
            <Segmented
              label="Write the value as"
              value={valueForm}
              choices={VALUE_FORMS.map((form) => ({ value: form, label: valueNames[form] }))}
              onChange={setValueForm}
            />
          </div>
          <CodeEditor
            key={valueForm}
            label="Value"
            doc={valueText}
            language={valueForm === "json" ? "json" : "plain"}
            onChange={setValueText}
            className="h-56 rounded-md border border-line-strong bg-raised"
            numbering={valueForm === "hex" ? "hex" : "lines"}
          />
          <ValueStanding value={value} isEmpty={valueText === ""} isTooLarge={isTooLarge} />
        </div>
        <LeaseField
          cluster={cluster}
          fields={leaseFields}
          parsed={parsedLease}
          onChange={setLeaseFields}
        />
      </div>
    </Dialog>
  );
}

interface KeyFieldProps {
  form: KeyForm;
  text: string;
  parsed: ParsedKey;
  onForm: (form: KeyForm) => void;
  onText: (text: string) => void;
}

function KeyField({ form, text, parsed, onForm, onText }: KeyFieldProps) {
  return (
    <Field
      label="Key"
      htmlFor="new-key"
      error={parsed.ok || text === "" ? undefined : parsed.error}
      hint={form === "text" ? "Write \\xNN for a byte, \\\\ for a backslash." : "Any bytes."}
    >
      <div className="flex gap-2">
        <Input
          id="new-key"
          data-autofocus
          value={text}
          onChange={(event) => onText(event.target.value)}
          aria-invalid={!parsed.ok}
          className="font-mono text-xs"
        />
        <Segmented label="Write the key as" value={form} choices={KEY_FORMS} onChange={onForm} />
      </div>
    </Field>
  );
}

interface ValueStandingProps {
  value: ReturnType<typeof parseValue>;
  isEmpty: boolean;
  isTooLarge: boolean;
}

function ValueStanding({ value, isEmpty, isTooLarge }: ValueStandingProps) {
  if (!value.ok && !isEmpty) {
    return (
      <div role="alert" className="text-xs text-bad">
        {value.error}
      </div>
    );
  }
  const size = value.ok ? formatBytes(value.bytes.length) : "Empty";
  if (!isTooLarge) return <div className="figures text-xs text-ink-3">{size}</div>;
  return (
    <div role="alert" className="text-xs text-bad">
      {size}: etcd takes at most {formatBytes(REQUEST_BYTES_MAX)}.
    </div>
  );
}

interface CreateFailure extends WriteFailure {
  /** There is a key to look at, or there may be. */
  readonly mayExist: boolean;
}

function createFailure(error: unknown): CreateFailure {
  if (conflictOf(error) !== undefined) {
    const text = "A key with this name exists. Nothing was changed.";
    return { isUnknown: false, text, mayExist: true };
  }
  const failure = writeFailure(error);
  return { ...failure, mayExist: failure.isUnknown };
}

function readKey(text: string, form: KeyForm): ParsedKey {
  return form === "hex" ? parseHex(text) : parseKey(text);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
