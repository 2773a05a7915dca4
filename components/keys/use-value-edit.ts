"use client";

import { useMemo, useState } from "react";
import { compareDecimal } from "@/lib/browser/decimal";
import { dropDraft, setDraft, useDraft } from "@/lib/browser/drafts";
import { equalBytes } from "@/lib/browser/key-text";
import {
  likelyForm,
  type ParsedValue,
  parseValue,
  showValue,
  type ValueForm,
} from "@/lib/browser/value-form";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

export interface ValueEdit {
  readonly form: ValueForm;
  /** What stands in the editor. */
  readonly text: string;
  readonly parsed: ParsedValue;
  /** The value that the edit began from: the live one while nothing is edited. */
  readonly base: Uint8Array;
  readonly baseRevision: string;
  /** The revision that the watch showed when a refusal told of the base; else null. */
  readonly aheadOf: string | null;
  readonly isEdited: boolean;
  /** Edited, and the text means other bytes than the base. */
  readonly isChanged: boolean;
  /** Why the form asked for last was not taken. */
  readonly refusal: string | null;
  /** Which forms can show the bytes. */
  readonly canShow: (form: ValueForm) => boolean;
  readonly change: (text: string) => void;
  readonly chooseForm: (form: ValueForm) => void;
  /** Takes exactly these bytes as the edit. */
  readonly replace: (bytes: Uint8Array) => void;
  readonly discard: () => void;
  /** Goes on with the same text on top of another value. */
  readonly rebase: (onto: KeyValue) => void;
}

/** One value under edit. The bytes are the truth; each form is a way to write them. */
export function useValueEdit(cluster: string, kv: KeyValue): ValueEdit {
  const draft = useDraft(cluster, kv.key);
  const [chosen, setChosen] = useState<ValueForm | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const live = useMemo(() => decodeBase64(kv.value), [kv.value]);
  const origin = draft?.base ?? kv;
  const base = useMemo(() => decodeBase64(origin.value), [origin.value]);
  const form = draft?.form ?? fittingForm(live, chosen);
  const text = useMemo(() => draft?.text ?? showValue(live, form) ?? "", [draft?.text, live, form]);
  const parsed = useMemo(
    () => (draft === undefined ? { ok: true as const, bytes: live } : parseValue(text, form, base)),
    [draft, live, text, form, base],
  );
  const baseRevision = origin.modRevision;
  const aheadOf = draft?.aheadOf ?? null;
  const put = (next: { form: ValueForm; text: string }) => {
    const isBack = showValue(base, next.form) === next.text;
    if (isBack && baseRevision === kv.modRevision) dropDraft(cluster, kv.key);
    else setDraft({ cluster, base: origin, aheadOf, ...next });
  };
  return {
    form,
    text,
    parsed,
    base,
    baseRevision,
    aheadOf,
    isEdited: draft !== undefined,
    isChanged: draft !== undefined && !(parsed.ok && equalBytes(parsed.bytes, base)),
    refusal,
    canShow: (wanted) =>
      parsed.ok
        ? showValue(parsed.bytes, wanted) !== null
        : isWrittenOut(form) && isWrittenOut(wanted),
    change: (next) => {
      setRefusal(null);
      setChosen(form);
      put({ form, text: next });
    },
    chooseForm: (wanted) => {
      const isCarried = !parsed.ok && isWrittenOut(form) && isWrittenOut(wanted);
      const shown = isCarried ? text : parsed.ok ? showValue(parsed.bytes, wanted) : null;
      if (shown === null) {
        setRefusal(parsed.ok ? "These bytes are not text." : "Correct or discard the edit first.");
        return;
      }
      setRefusal(null);
      setChosen(wanted);
      if (draft !== undefined) put({ form: wanted, text: shown });
    },
    replace: (bytes) => {
      // JSON might be laid out anew; a file is taken as it is.
      const suited = likelyForm(bytes) === "hex" ? "hex" : "text";
      setRefusal(null);
      setChosen(suited);
      put({ form: suited, text: showValue(bytes, suited) ?? "" });
    },
    discard: () => {
      setRefusal(null);
      dropDraft(cluster, kv.key);
    },
    rebase: (onto) => {
      const isAhead = compareDecimal(onto.modRevision, kv.modRevision) > 0;
      setDraft({ cluster, base: onto, aheadOf: isAhead ? kv.modRevision : null, form, text });
    },
  };
}

/** Text that is no JSON yet is text all the same: it can be gone on with as such. */
function isWrittenOut(form: ValueForm): boolean {
  return form === "json" || form === "text";
}

function fittingForm(bytes: Uint8Array, chosen: ValueForm | null): ValueForm {
  const likely = likelyForm(bytes);
  if (chosen === null) return likely;
  return showValue(bytes, chosen) === null ? likely : chosen;
}
