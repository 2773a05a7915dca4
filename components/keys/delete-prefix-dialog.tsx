"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { DeleteEnded } from "@/components/keys/delete-ended";
import { DeletePreview } from "@/components/keys/delete-preview";
import { useTellOnceLeft } from "@/components/keys/use-left";
import { outcomeOfEnd, outcomeOfError, type WriteOutcome } from "@/components/keys/write-outcome";
import { Button } from "@/components/ui/button";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/input";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { type DeleteEnd, deletePrefix } from "@/lib/browser/delete-prefix";
import { deletePrefixCommand } from "@/lib/browser/etcdctl";
import { formatCount, plural } from "@/lib/browser/format";
import { keepPage } from "@/lib/browser/kept-page";
import { formatKey } from "@/lib/browser/key-text";
import { conflictOf, deletePreview } from "@/lib/browser/keys";
import { errorText } from "@/lib/browser/request";
import { keepInUse } from "@/lib/browser/session-use";
import { guardUnload } from "@/lib/browser/unload-guard";
import { encodeBase64 } from "@/lib/schema/bytes";
import type { DeletePreviewReply } from "@/lib/schema/keys";

interface DeletePrefixDialogProps {
  cluster: string;
  separator: Uint8Array;
  /** Null keeps the dialog closed. */
  prefix: Uint8Array | null;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeletePrefixDialog(props: DeletePrefixDialogProps) {
  const { prefix } = props;
  if (prefix === null) return null;
  return <DeleteForm key={formatKey(prefix)} {...props} prefix={prefix} />;
}

/** What must be typed when the prefix is empty. */
const EVERYTHING = "all keys";

type Run =
  | { readonly at: "asking"; readonly failure: WriteOutcome | null }
  | { readonly at: "running"; readonly deleted: number; readonly stop: () => void }
  | { readonly at: "ended"; readonly end: DeleteEnd };

function DeleteForm(props: DeletePrefixDialogProps & { prefix: Uint8Array }) {
  const { cluster, separator, prefix, onClose, onDeleted } = props;
  const [typed, setTyped] = useState("");
  const [run, setRun] = useState<Run>({ at: "asking", failure: null });
  const preview = useQuery({
    queryKey: ["delete preview", cluster, encodeBase64(prefix)],
    queryFn: ({ signal }) => deletePreview(cluster, prefix, signal),
    gcTime: 0,
    // What is being read and typed over must not be exchanged by itself.
    refetchOnReconnect: false,
  });
  const word = prefix.length === 0 ? EVERYTHING : formatKey(prefix);
  const command = deletePrefixCommand(prefix);
  const tell = useTellOnceLeft();
  const start = async (shown: DeletePreviewReply) => {
    const control = new AbortController();
    const report = (deleted: number) =>
      setRun({ at: "running", deleted, stop: () => control.abort() });
    report(0);
    const deletion = { onProgress: report, signal: control.signal };
    const held = [guardUnload(), keepPage(), keepInUse()];
    try {
      const end = await deletePrefix(cluster, prefix, shown, deletion).finally(() => {
        for (const release of held) release();
      });
      setRun({ at: "ended", end });
      tell(outcomeOfEnd(end), prefix);
      onDeleted();
    } catch (error) {
      const failure = outcomeOfError(error);
      setTyped("");
      setRun({ at: "asking", failure });
      tell(failure, prefix);
      await preview.refetch();
      if (conflictOf(error) === undefined) onDeleted();
    }
  };
  // An earlier preview must not stand, or be confirmed, while its successor is counted.
  const data = preview.isFetching || preview.error !== null ? undefined : preview.data;
  const canStart = data !== undefined && data.count > 0 && typed === word && run.at === "asking";
  return (
    <Dialog
      open
      onOpenChange={(open) => {
        if (!open && run.at !== "running") onClose();
      }}
      title="Delete all keys with a prefix"
      description={
        <span className="font-mono text-xs [overflow-wrap:anywhere]">
          {prefix.length === 0 ? "The whole key space" : formatKey(prefix)}
        </span>
      }
      footer={
        run.at === "ended" ? (
          <Button tone="primary" onClick={onClose}>
            Close
          </Button>
        ) : (
          <>
            <CopyCommandButton command={command} />
            {run.at === "running" ? (
              <Button onClick={run.stop}>Stop</Button>
            ) : (
              <Button onClick={onClose}>Cancel</Button>
            )}
            <Button
              tone="danger"
              busy={run.at === "running"}
              disabled={!canStart}
              onClick={() => {
                if (data !== undefined) void start(data);
              }}
            >
              {data === undefined ? "Delete" : `Delete ${plural(data.count, "key")}`}
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-4">
        {run.at === "asking" && run.failure !== null ? (
          <Notice tone="bad" title={run.failure.title}>
            {run.failure.text}
          </Notice>
        ) : null}
        {run.at === "ended" ? <DeleteEnded end={run.end} /> : null}
        {run.at === "running" && data !== undefined ? (
          <Progress deleted={run.deleted} total={data.count} />
        ) : null}
        {run.at === "asking" ? (
          <>
            <PreviewState
              preview={data}
              error={preview.isFetching ? null : preview.error}
              prefix={prefix}
              separator={separator}
            />
            {data !== undefined && data.count > 0 ? (
              <Field
                label={
                  <>
                    Type <code className="font-mono break-all text-ink">{word}</code> to confirm
                  </>
                }
                htmlFor="confirm-delete"
              >
                <Input
                  id="confirm-delete"
                  value={typed}
                  onChange={(event) => setTyped(event.target.value)}
                  className="font-mono text-xs"
                />
              </Field>
            ) : null}
          </>
        ) : null}
      </div>
    </Dialog>
  );
}

interface PreviewStateProps {
  preview: DeletePreviewReply | undefined;
  error: Error | null;
  prefix: Uint8Array;
  separator: Uint8Array;
}

function PreviewState({ preview, error, prefix, separator }: PreviewStateProps) {
  if (preview !== undefined) {
    return <DeletePreview preview={preview} prefix={prefix} separator={separator} />;
  }
  if (error !== null) return <Notice tone="bad" title={errorText(error)} />;
  return (
    <div className="flex items-center gap-2 text-ink-3">
      <Spinner /> Counting
    </div>
  );
}

function Progress({ deleted, total }: { deleted: number; total: number }) {
  return (
    <div>
      <progress
        aria-label="Keys deleted"
        value={deleted}
        max={total}
        className="h-1.5 w-full overflow-hidden rounded-full [&::-moz-progress-bar]:bg-bad-fill [&::-webkit-progress-bar]:bg-hover [&::-webkit-progress-value]:bg-bad-fill"
      />
      <div className="figures pt-1 text-xs text-ink-2">
        {formatCount(deleted)} of {plural(total, "key")} deleted
      </div>
    </div>
  );
}
