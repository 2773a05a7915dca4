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

const KINDS = [
  { value: "prefix", label: "Prefix" },
  { value: "key", label: "Key" },
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
  const [kind, setKind] = useState<Kind>(target?.isPrefix === false ? "key" : "prefix");
  const [text, setText] = useState(target === null ? "" : formatKey(target.bytes));
  const [revision, setRevision] = useState(target?.revision ?? "");
  const [op, setOp] = useState<Op>(target?.only ?? "all");
  const key = parseKey(text);
  const from = revision.trim().replaceAll(",", "");
  const isFromWrong = from !== "" && !isRevision(from);
  const isEmptyKey = kind === "key" && text === "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!key.ok || isFromWrong || isEmptyKey) return;
    onStart({
      ...(kind === "prefix" ? { prefix: key.bytes } : { key: key.bytes }),
      revision: from === "" ? undefined : from,
      only: op === "all" ? undefined : op,
    });
  };
  return (
    <form
      onSubmit={submit}
      aria-label="What to watch"
      className="flex shrink-0 flex-wrap items-end gap-x-3 gap-y-2 px-3 py-2.5"
    >
      <Field
        label={kind === "prefix" ? "Keys that start with" : "Key"}
        htmlFor="watch-key"
        error={key.ok ? undefined : key.error}
        className="min-w-60 flex-1"
      >
        <div className="flex gap-2">
          <Segmented
            label="Watch a prefix or a key"
            value={kind}
            choices={KINDS}
            onChange={setKind}
          />
          <Input
            id="watch-key"
            value={text}
            aria-invalid={!key.ok}
            placeholder={kind === "prefix" ? "Empty for all keys" : ""}
            onChange={(event) => setText(event.target.value)}
            className="font-mono text-xs"
          />
        </div>
      </Field>
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
        disabled={!key.ok || isFromWrong || isEmptyKey}
      >
        <Play /> {target === null ? "Watch" : "Restart"}
      </Button>
    </form>
  );
}
