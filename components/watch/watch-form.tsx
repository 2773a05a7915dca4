"use client";

import { Play, RotateCcw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/class-names";
import { Field, Input } from "@/components/ui/input";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import type { WatchTarget } from "@/components/watch/watch-address";
import { isRevision } from "@/lib/browser/decimal";
import { formatKey, parseKey } from "@/lib/browser/key-text";
import { type WatchAddress, watchHref } from "@/lib/browser/page-address";
import { ALL_KEYS, isOpenEnd, rangeFault, type WatchRange } from "@/lib/browser/watch-range";

const KINDS = [
  { value: "prefix", label: "Prefix" },
  { value: "key", label: "Key" },
  { value: "range", label: "Range" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

const OPS = [
  { value: "all", label: "Everything" },
  { value: "put", label: "Puts only" },
  { value: "delete", label: "Deletes only" },
] as const;

interface WatchFormProps {
  target: WatchTarget | null;
  onStart: (address: Omit<WatchAddress, "cluster">) => void;
}

export function WatchForm({ target, onStart }: WatchFormProps) {
  const [fields, setFields] = useState(() => fieldsOf(target?.range ?? ALL_KEYS));
  const [revision, setRevision] = useState(target?.revision ?? "");
  const [op, setOp] = useState<string>(target?.only ?? "all");
  const wanted = parseFields(fields);
  const from = revision.trim().replaceAll(",", "");
  const isFromWrong = from !== "" && !isRevision(from);
  const { range } = wanted;
  const address: Omit<WatchAddress, "cluster"> | null =
    range === null || isFromWrong
      ? null
      : {
          range,
          revision: from === "" ? undefined : from,
          only: op === "put" || op === "delete" ? op : undefined,
        };
  const runs = target !== null && address !== null && isSame(target, address);
  // Two keys leave the button no room for its word where the page is narrow.
  const isTight = fields.kind === "range";
  const word = runs ? "Restart" : "Watch";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (address !== null) onStart(address);
  };
  return (
    <form
      onSubmit={submit}
      aria-label="What to watch"
      className="flex shrink-0 flex-wrap items-start gap-x-3 gap-y-2 px-3 py-2.5 max-lg:gap-x-2"
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
      <Field label="From revision" htmlFor="watch-revision" className="w-32 max-lg:w-22">
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
        <span className="text-xs font-medium text-ink-2">Receive</span>
        <Select
          label="Receive which operations"
          value={op}
          choices={OPS}
          onChange={setOp}
          className="w-32 max-lg:w-30"
        />
      </div>
      <Button
        type="submit"
        tone={runs ? "plain" : "primary"}
        disabled={address === null}
        title={isTight ? word : undefined}
        className={cn("mt-5 w-25", isTight && "max-lg:w-8 max-lg:px-0")}
      >
        {runs ? <RotateCcw /> : <Play />}
        <span className={cn(isTight && "max-lg:sr-only")}>{word}</span>
      </Button>
    </form>
  );
}

/** True when the form asks for what is being watched. */
function isSame({ cluster, ...target }: WatchTarget, address: Omit<WatchAddress, "cluster">) {
  return watchHref({ cluster, ...target }) === watchHref({ cluster, ...address });
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
      <Field label={LABELS[kind]} htmlFor="watch-key" error={textError} className={FIELD}>
        <Input
          id="watch-key"
          value={text}
          aria-invalid={textError !== undefined}
          placeholder={PLACEHOLDERS[kind]}
          onChange={(event) => onChange({ ...fields, text: event.target.value })}
          className={KEY_TEXT}
        />
      </Field>
      {kind === "range" ? (
        <Field label="Up to, excluded" htmlFor="watch-end" error={endError} className={FIELD}>
          <Input
            id="watch-end"
            value={end}
            aria-invalid={endError !== undefined}
            placeholder="No end"
            onChange={(event) => onChange({ ...fields, end: event.target.value })}
            className={KEY_TEXT}
          />
        </Field>
      ) : null}
    </>
  );
}

const KEY_TEXT = "font-mono text-xs placeholder:font-sans placeholder:text-sm";
const FIELD = "min-w-52 flex-1 max-lg:min-w-30";

const LABELS: Record<Kind, string> = {
  prefix: "Keys that start with",
  key: "Key",
  range: "From this key on",
};
const PLACEHOLDERS: Record<Kind, string> = {
  prefix: "Empty for all keys",
  key: "",
  range: "The first key",
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
