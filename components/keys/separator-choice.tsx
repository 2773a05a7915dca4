"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import { encodeUtf8, formatKey, parseKey } from "@/lib/browser/key-text";

const COMMON = ["/", ":", ".", "-", "_", "|"];
const OTHER = "other";

interface SeparatorChoiceProps {
  separator: Uint8Array;
  onChange: (separator: Uint8Array) => void;
}

/** What divides a key into folders. etcd knows none; the reader decides. */
export function SeparatorChoice({ separator, onChange }: SeparatorChoiceProps) {
  const [isAsking, setIsAsking] = useState(false);
  const current = formatKey(separator);
  const known = COMMON.includes(current) ? COMMON : [...COMMON, current];
  return (
    <>
      <Select
        label="Separator of folders"
        value={current}
        choices={[
          ...known.map((text) => ({ value: text, label: text })),
          { value: OTHER, label: "Other…" },
        ]}
        onChange={(value) => {
          if (value === OTHER) setIsAsking(true);
          else onChange(separatorOf(value) ?? encodeUtf8(value));
        }}
        className="h-7 font-mono text-xs"
      />
      <SeparatorDialog open={isAsking} onOpenChange={setIsAsking} onChange={onChange} />
    </>
  );
}

function separatorOf(text: string): Uint8Array | null {
  const parsed = parseKey(text);
  return parsed.ok && parsed.bytes.length > 0 ? parsed.bytes : null;
}

interface SeparatorDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onChange: (separator: Uint8Array) => void;
}

function SeparatorDialog({ open, onOpenChange, onChange }: SeparatorDialogProps) {
  const [text, setText] = useState("");
  const separator = separatorOf(text);
  const submit = () => {
    if (separator === null) return;
    onOpenChange(false);
    onChange(separator);
  };
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      size="sm"
      title="Divide keys by"
      description="One or more characters. Write \xNN for a byte."
      footer={
        <Button tone="primary" disabled={separator === null} onClick={submit}>
          Use it
        </Button>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Field label="Separator" htmlFor="separator">
          <Input
            id="separator"
            data-autofocus
            value={text}
            onChange={(event) => setText(event.target.value)}
            className="font-mono"
          />
        </Field>
      </form>
    </Dialog>
  );
}
