"use client";

import { ClipboardCopy, Download, Upload } from "lucide-react";
import { type ReactNode, useRef } from "react";
import { useCopy } from "@/components/keys/use-copy";
import type { ValueEdit } from "@/components/keys/use-value-edit";
import { Button } from "@/components/ui/button";
import { useToaster } from "@/components/ui/toast";
import { Tooltip } from "@/components/ui/tooltip";
import { fileNameOf, readFile, saveFile } from "@/lib/browser/file-transfer";
import { formatBytes } from "@/lib/browser/format";
import { checkJson, formatJson, minifyJson } from "@/lib/browser/json-text";
import { REQUEST_BYTES_MAX } from "@/lib/schema/keys";

interface ValueToolsProps {
  keyBytes: Uint8Array;
  edit: ValueEdit;
  readOnly: boolean;
}

/** What can be done with a value as a whole. */
export function ValueTools({ keyBytes, edit, readOnly }: ValueToolsProps) {
  const { form, text, parsed } = edit;
  const copy = useCopy();
  return (
    <div className="flex min-w-0 items-center gap-1">
      {form === "json" && !readOnly ? <JsonTools edit={edit} /> : null}
      <Tool label="Copy the value" onUse={() => copy(text, "The value is copied")}>
        <ClipboardCopy />
      </Tool>
      <Tool
        label="Download the value"
        disabled={!parsed.ok}
        onUse={() => {
          if (parsed.ok) saveFile(fileNameOf(keyBytes), parsed.bytes);
        }}
      >
        <Download />
      </Tool>
      {readOnly ? null : <UploadTool edit={edit} />}
    </div>
  );
}

/** Puts a file into the editor; it is saved like any other edit. */
function UploadTool({ edit }: { edit: ValueEdit }) {
  const toaster = useToaster();
  const input = useRef<HTMLInputElement>(null);
  const take = async (file: File) => {
    const bytes = await readFile(file, REQUEST_BYTES_MAX);
    if (bytes !== undefined) return edit.replace(bytes);
    const limit = `etcd takes at most ${formatBytes(REQUEST_BYTES_MAX)}.`;
    toaster.failed("The file is too large", `${formatBytes(file.size)}: ${limit}`);
  };
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="File with the new value"
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = "";
          if (file !== undefined) void take(file);
        }}
      />
      <Tool label="Replace the value with a file" onUse={() => input.current?.click()}>
        <Upload />
      </Tool>
    </>
  );
}

interface ToolProps {
  label: string;
  disabled?: boolean;
  onUse: () => void;
  children: ReactNode;
}

function Tool({ label, disabled, onUse, children }: ToolProps) {
  return (
    <Tooltip label={label}>
      <Button
        tone="quiet"
        size="icon-sm"
        aria-label={label}
        disabled={disabled ?? false}
        onClick={onUse}
      >
        {children}
      </Button>
    </Tooltip>
  );
}

function JsonTools({ edit }: { edit: ValueEdit }) {
  const isValid = checkJson(edit.text).ok;
  return (
    <>
      <Button
        tone="quiet"
        size="sm"
        disabled={!isValid}
        onClick={() => edit.change(formatJson(edit.text))}
      >
        Format
      </Button>
      <Button
        tone="quiet"
        size="sm"
        disabled={!isValid}
        onClick={() => edit.change(minifyJson(edit.text))}
      >
        Minify
      </Button>
    </>
  );
}
