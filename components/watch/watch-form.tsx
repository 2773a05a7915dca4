"use client";

import { Play } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/input";
import { Segmented } from "@/components/ui/segmented";
import type { WatchTarget } from "@/components/watch/watch-address";
import { isRevision } from "@/lib/browser/decimal";
import { formatKey, parseKey } from "@/lib/browser/key-text";
import type { WatchAddress } from "@/lib/browser/page-address";
import { ALL_KEYS, isOpenEnd, rangeFault, type WatchRange } from "@/lib/browser/watch-range";

const KINDS = [
  { value: "prefix", label: "Prefix" },
  { value: "key", label: "Key" },
  { value: "range", label: "Range" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

const OPS = [
  { value: "all", label: "All" },
  { value: "put", label: "Puts" },
  { value: "delete", label: "Deletes" },
] as const;
type Op = (typeof OPS)[number]["value"];

interface WatchFormProps {
  target: WatchTarget | null;
  onStart: (address: Omit<WatchAddress, "cluster">) => void;
}

export function WatchForm({ target, onStart }: WatchFormProps) {
  const [fields, setFields] = useState(() => fieldsOf(target?.range ?? ALL_KEYS));
  const [revision, setRevision] = useState(target?.revision ?? "");
  const [op, setOp] = useState<Op>(target?.only ?? "all");
  const wanted = parseFields(fields);
  const from = revision.trim().replaceAll(",", "");
  const isFromWrong = from !== "" && !isRevision(from);
  const { range } = wanted;
  const isReady = range !== null && !isFromWrong;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady) return;
    onStart({
      range,
      revision: from === "" ? undefined : from,
      only: op === "all" ? undefined : op,
    });
  };
  return (
    <form
      onSubmit={submit}
      aria-label="What to watch"
      className="flex shrink-0 flex-wrap items-start gap-x-3 gap-y-2 px-3 py-2.5"
    >
      <div className="flex flex-col gap-1">
        <span className="text-xs font-medium text-ink-2">Watch</span>
        <Segmented
          label="Watch a prefix, a key or a range"
          value={fields.kind}
          choices={KINDS}
          onChange={(kind) => setFields({ ...fields, kind })}
        />
      </div>
      <KeyFields fields={fields} wanted={wanted} onChange={setFields} />
      <Field label="From revision" htmlFor="watch-revision" className="w-32">
        <Input
          id="watch-revision"
          inputMode="numeric"
          value={revision}
          aria-invalid={isFromWrong}
          placeholder="Now"
          onChange={(event) => setRevision(event.target.value)}
          className="figures"
        />
      </Field>
      <div className="flex flex-col gap-1">
        <span className="text-xs font-medium text-ink-2">Operations</span>
        <Segmented label="Operations" value={op} choices={OPS} onChange={setOp} />
      </div>
      <Button
        type="submit"
        tone={target === null ? "primary" : "plain"}
        disabled={!isReady}
        className="mt-5"
      >
        <Play /> {target === null ? "Watch" : "Restart"}
      </Button>
    </form>
  );
}

interface KeyFieldsProps {
  fields: Fields;
  wanted: Wanted;
  onChange: (fields: Fields) => void;
}

function KeyFields({ fields, wanted, onChange }: KeyFieldsProps) {
  const { kind, text, end } = fields;
  const { textError, endError } = wanted;
  return (
    <>
      <Field label={LABELS[kind]} htmlFor="watch-key" error={textError} className="min-w-52 flex-1">
        <Input
          id="watch-key"
          value={text}
          aria-invalid={textError !== undefined}
          placeholder={PLACEHOLDERS[kind]}
          onChange={(event) => onChange({ ...fields, text: event.target.value })}
          className="font-mono text-xs"
        />
      </Field>
      {kind === "range" ? (
        <Field
          label="Up to this key, without it"
          htmlFor="watch-end"
          error={endError}
          className="min-w-52 flex-1"
        >
          <Input
            id="watch-end"
            value={end}
            aria-invalid={endError !== undefined}
            placeholder="Empty for no end"
            onChange={(event) => onChange({ ...fields, end: event.target.value })}
            className="font-mono text-xs"
          />
        </Field>
      ) : null}
    </>
  );
}

const LABELS: Record<Kind, string> = {
  prefix: "Keys that start with",
  key: "Key",
  range: "From this key on",
};
const PLACEHOLDERS: Record<Kind, string> = {
  prefix: "Empty for all keys",
  key: "",
  range: "Empty for the first key",
};

/** The form as it is written in. */
interface Fields {
  readonly kind: Kind;
  readonly text: string;
  readonly end: string;
}

function fieldsOf(range: WatchRange): Fields {
  if (range.kind !== "range") return { kind: range.kind, text: formatKey(range.bytes), end: "" };
  const end = isOpenEnd(range.end) ? "" : formatKey(range.end);
  return { kind: "range", text: formatKey(range.start), end };
}

interface Wanted {
  /** Null until the fields name one. */
  readonly range: WatchRange | null;
  readonly textError?: string;
  readonly endError?: string;
}

function parseFields({ kind, text, end }: Fields): Wanted {
  const first = parseKey(text);
  if (!first.ok) return { range: null, textError: first.error };
  if (kind !== "range") {
    const range = { kind, bytes: first.bytes };
    return { range: rangeFault(range) === null ? range : null };
  }
  const last = parseKey(end === "" ? "\\x00" : end);
  if (!last.ok) return { range: null, endError: last.error };
  const range = { kind, start: first.bytes, end: last.bytes };
  const endError = rangeFault(range);
  return endError === null ? { range } : { range: null, endError };
}
