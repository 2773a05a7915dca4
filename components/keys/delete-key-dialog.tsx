"use client";

import { useState } from "react";
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
import { errorText } from "@/lib/browser/request";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

interface DeleteKeyDialogProps {
  cluster: string;
  kv: KeyValue;
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onDeleted: () => void;
}

export function DeleteKeyDialog(props: DeleteKeyDialogProps) {
  const { cluster, kv, open, onOpenChange, onDeleted } = props;
  const toaster = useToaster();
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const key = decodeBase64(kv.key);
  const command = deleteCommand(key);
  const close = (isOpen: boolean) => {
    setFailure(null);
    onOpenChange(isOpen);
  };
  const run = async () => {
    setIsBusy(true);
    setFailure(null);
    try {
      const { revision } = await deleteKey(cluster, key, kv.modRevision);
      dropDraft(cluster, kv.key);
      toaster.done(`Deleted at revision ${formatDecimal(revision)}`, formatKey(key));
      close(false);
      onDeleted();
    } catch (error) {
      const found = conflictOf(error);
      if (found === undefined) setFailure(errorText(error));
      else if (found.current === null) setFailure("Somebody else has deleted it already.");
      else {
        const at = formatDecimal(found.current.modRevision);
        setFailure(`It has changed at revision ${at}. Look at it before you delete it.`);
      }
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      title="Delete this key?"
      description={
        <span className="font-mono text-xs [overflow-wrap:anywhere]">{formatKey(key)}</span>
      }
      footer={
        <>
          <CopyCommandButton command={command} />
          <Button data-autofocus onClick={() => close(false)}>
            Cancel
          </Button>
          <Button tone="danger" busy={isBusy} onClick={() => void run()}>
            Delete
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3 text-ink-2">
        {failure === null ? null : (
          <Notice tone="bad" title="Not deleted">
            {failure}
          </Notice>
        )}
        <p>
          {formatBytes(kv.sizeBytes)}, version {formatDecimal(kv.version)}, last changed at revision{" "}
          {formatDecimal(kv.modRevision)}. If it has changed since, it is not deleted. Keys below it
          in the tree stay.
        </p>
      </div>
    </Dialog>
  );
}
