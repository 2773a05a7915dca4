"use client";

import { WriteFailureNotice } from "@/components/keys/write-failure-notice";
import { Button } from "@/components/ui/button";
import { CopyCommandButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { ValueDiff } from "@/components/ui/value-diff";
import { putCommand } from "@/lib/browser/etcdctl";
import { formatDecimal } from "@/lib/browser/format";
import { formatKey } from "@/lib/browser/key-text";
import type { WriteFailure } from "@/lib/browser/write-failure";

interface SaveDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  keyBytes: Uint8Array;
  before: Uint8Array;
  after: Uint8Array;
  baseRevision: string;
  hasLease: boolean;
  isSaving: boolean;
  /** Why the last try failed. */
  failure: WriteFailure | null;
  onSave: () => void;
  /** Leaves the dialog for what stands there now. */
  onReload: () => void;
}

/** Nothing is written that has not been seen as a difference first. */
export function SaveDialog(props: SaveDialogProps) {
  const { open, onOpenChange, keyBytes, before, after, baseRevision, hasLease } = props;
  const { isSaving, failure, onSave, onReload } = props;
  const command = putCommand(keyBytes, after, hasLease);
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      size="lg"
      title="Review and save"
      description={
        <span className="font-mono text-xs [overflow-wrap:anywhere]">{formatKey(keyBytes)}</span>
      }
      footer={
        <>
          <span className="mr-auto flex items-center gap-1 text-xs text-ink-2">
            Saved only if the key is still at revision {formatDecimal(baseRevision)}.
            {hasLease ? " It keeps its lease." : null}
          </span>
          <CopyCommandButton command={command} />
          <Button disabled={isSaving} onClick={() => onOpenChange(false)}>
            Keep editing
          </Button>
          <Button data-autofocus tone="primary" busy={isSaving} onClick={onSave}>
            Save
          </Button>
        </>
      }
    >
      <div className="flex h-[52vh] flex-col gap-3">
        <WriteFailureNotice failure={failure} aim="saved" onReload={onReload} />
        <ValueDiff
          before={before}
          after={after}
          beforeTitle={`Revision ${formatDecimal(baseRevision)}`}
          afterTitle="Yours"
          className="flex-1"
        />
      </div>
    </Dialog>
  );
}
