"use client";

import { useEffect, useEffectEvent, useMemo } from "react";
import type { ValueEdit } from "@/components/keys/use-value-edit";
import { ValueTools } from "@/components/keys/value-tools";
import { Button } from "@/components/ui/button";
import { CodeEditor } from "@/components/ui/code-editor";
import { Segmented } from "@/components/ui/segmented";
import { formatBytes } from "@/lib/browser/format";
import { checkJson } from "@/lib/browser/json-text";
import { VALUE_FORMS, type ValueForm } from "@/lib/browser/value-form";
import { REQUEST_BYTES_MAX } from "@/lib/schema/keys";

const names: Record<ValueForm, string> = {
  text: "Text",
  json: "JSON",
  hex: "Hex",
  base64: "Base64",
};

interface ValuePanelProps {
  keyBytes: Uint8Array;
  edit: ValueEdit;
  readOnly: boolean;
  /** Why nothing can be saved now, or null; editing goes on. */
  refusal: string | null;
  isSaving: boolean;
  onReview: () => void;
}

export function ValuePanel(props: ValuePanelProps) {
  const { keyBytes, edit, readOnly, refusal, isSaving, onReview } = props;
  const { form, text, isEdited } = edit;
  useSaveKeys(() => {
    if (canSave(edit) && !readOnly && !isSaving && refusal === null) onReview();
  });
  return (
    <section aria-label="Value" className="flex min-h-0 flex-1 flex-col border-t">
      <div className="flex min-h-11 shrink-0 flex-wrap items-center justify-between gap-x-2 gap-y-1 px-3 py-1.5">
        <Segmented
          label="Show the value as"
          value={form}
          choices={VALUE_FORMS.map((value) => ({
            value,
            label: names[value],
            // Until a save is done, what stands in the editor is what was saved.
            disabled: value !== form && (isSaving || !edit.canShow(value)),
          }))}
          onChange={edit.chooseForm}
        />
        <ValueTools keyBytes={keyBytes} edit={edit} readOnly={readOnly || isSaving} />
      </div>
      <CodeEditor
        key={form}
        label={`Value as ${names[form]}`}
        doc={text}
        language={form === "json" ? "json" : "plain"}
        readOnly={readOnly || isSaving}
        numbering={form === "hex" ? "hex" : "lines"}
        onChange={edit.change}
        className="flex-1 border-y bg-raised"
      />
      <div className="flex h-11 shrink-0 items-center justify-between gap-3 px-3 text-xs">
        <Standing edit={edit} />
        {isEdited ? (
          <div className="flex shrink-0 items-center gap-2">
            <Button tone="quiet" size="sm" disabled={isSaving} onClick={edit.discard}>
              Discard
            </Button>
            <Button
              tone="primary"
              size="sm"
              busy={isSaving}
              disabled={!canSave(edit)}
              refusal={refusal}
              onClick={onReview}
            >
              {isSaving ? "Saving" : "Review and save"}
            </Button>
          </div>
        ) : null}
      </div>
    </section>
  );
}

/** The browser's own "save page" gives way. */
function useSaveKeys(save: () => void) {
  const onSave = useEffectEvent(save);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!(event.metaKey || event.ctrlKey) || event.key.toLowerCase() !== "s") return;
      event.preventDefault();
      onSave();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

function canSave({ isChanged, parsed }: ValueEdit): boolean {
  return isChanged && parsed.ok && parsed.bytes.length <= REQUEST_BYTES_MAX;
}

/** One line that says what the text in the editor is worth. */
function Standing({ edit }: { edit: ValueEdit }) {
  const { form, text, parsed, isEdited, isChanged, refusal } = edit;
  const jsonFault = useMemo(() => {
    if (form !== "json") return null;
    const check = checkJson(text);
    return check.ok ? null : check.error;
  }, [form, text]);
  const fault = refusal ?? (parsed.ok ? jsonFault : parsed.error);
  if (fault !== null) {
    return (
      <span role="alert" className="min-w-0 truncate text-bad" title={fault}>
        {fault}
      </span>
    );
  }
  if (parsed.ok && parsed.bytes.length > REQUEST_BYTES_MAX) {
    return (
      <span role="alert" className="text-bad">
        {formatBytes(parsed.bytes.length)}: etcd takes at most {formatBytes(REQUEST_BYTES_MAX)}.
      </span>
    );
  }
  return (
    <span className="figures truncate text-ink-3">
      {form === "json" ? "Valid JSON, " : null}
      {parsed.ok ? formatBytes(parsed.bytes.length) : null}
      {isEdited ? (isChanged ? ", edited" : ", edited back to the same bytes") : null}
    </span>
  );
}
