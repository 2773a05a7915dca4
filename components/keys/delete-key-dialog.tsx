"use client";

import { useState } from "react";
import { useTellOnceLeft } from "@/components/keys/use-left";
import { WriteFailureNotice } from "@/components/keys/write-failure-notice";
import { outcomeOfFailure } from "@/components/keys/write-outcome";
import { Button } from "@/components/ui/button";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { useToaster } from "@/components/ui/toast";
import { dropDraft } from "@/lib/browser/drafts";
import { deleteCommand } from "@/lib/browser/etcdctl";
import { formatBytes, formatDecimal } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import { conflictOf, deleteKey } from "@/lib/browser/keys";
import { overtaken, type WriteFailure, writeFailure } from "@/lib/browser/write-failure";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

interface DeleteKeyDialogProps {
  cluster: string;
  kv: KeyValue;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onDeleted: () => void;
  /** Reads what stands there now. */
  onReload: () => void;
}

export function DeleteKeyDialog(props: DeleteKeyDialogProps) {
  const { cluster, kv, open, onOpenChange, onDeleted, onReload } = props;
  const toaster = useToaster();
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<WriteFailure | null>(null);
  // What was looked at is deleted, nothing that comes while the question stands.
  const [asked, setAsked] = useState(kv);
  if (!open && asked !== kv) setAsked(kv);
  const hasChanged = kv.modRevision !== asked.modRevision && !isBusy;
  const key = decodeBase64(kv.key);
  const command = deleteCommand(key);
  const tell = useTellOnceLeft();
  const close = (isOpen: boolean) => {
    setFailure(null);
    onOpenChange(isOpen);
  };
  const run = async () => {
    setIsBusy(true);
    setFailure(null);
    try {
      const { revision } = await deleteKey(cluster, key, asked.modRevision);
      dropDraft(cluster, kv.key);
      toaster.done(`Deleted at revision ${formatDecimal(revision)}`, formatKey(key));
      close(false);
      onDeleted();
    } catch (error) {
      const found = conflictOf(error);
      const failed = found === undefined ? writeFailure(error) : refusal(found.current);
      setFailure(failed);
      tell(outcomeOfFailure(failed, "deleted"), key);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onOpenChange={(isOpen) => {
        if (!isBusy) close(isOpen);
      }}
      title="Delete this key?"
      description={
        <span className="font-mono text-xs [overflow-wrap:anywhere]">{formatKey(key)}</span>
      }
      footer={
        <>
          <CopyCommandButton command={command} />
          <Button data-autofocus disabled={isBusy} onClick={() => close(false)}>
            Cancel
          </Button>
          <Button tone="danger" busy={isBusy} disabled={hasChanged} onClick={() => void run()}>
            Delete
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3 text-ink-2">
        <WriteFailureNotice
          failure={failure}
          aim="deleted"
          onReload={() => {
            close(false);
            onReload();
          }}
        />
        {hasChanged ? (
          <Notice
            tone="warn"
            title={`Changed at revision ${formatDecimal(kv.modRevision)}`}
            actions={
              <Button
                size="sm"
                onClick={() => {
                  setFailure(null);
                  setAsked(kv);
                }}
              >
                Ask about this one
              </Button>
            }
          >
            You asked to delete what stood there before. Cancel to look at the new value first.
          </Notice>
        ) : null}
        <p>
          {formatBytes(asked.sizeBytes)}, version {formatDecimal(asked.version)}, last changed at
          revision {formatDecimal(asked.modRevision)}. If it has changed since, it is not deleted.
          Keys below it in the tree stay.
        </p>
      </div>
    </Dialog>
  );
}

function refusal(current: KeyValue | null): WriteFailure {
  return overtaken(current, {
    gone: "Somebody else has deleted it already.",
    advice: "Look at it before you delete it.",
  });
}
