"use client";

import { WriteFailureNotice } from "@/components/keys/write-failure-notice";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { ValueDiff } from "@/components/ui/value-diff";
import { formatDecimal } from "@/lib/browser/format";
import type { WriteFailure } from "@/lib/browser/write-failure";
import { decodeBase64 } from "@/lib/schema/bytes";
import type { KeyValue } from "@/lib/schema/keys";

export interface Conflict {
  /** What stands there now; null: the key is gone. */
  readonly theirs: KeyValue | null;
}

interface ConflictDialogProps {
  /** What is asked about, whatever comes while the question stands. */
  conflict: Conflict | null;
  /** What has come since; null: nothing. */
  later: Conflict | null;
  mine: Uint8Array | null;
  baseRevision: string;
  isSaving: boolean;
  failure: WriteFailure | null;
  onClose: () => void;
  onRebase: (theirs: KeyValue) => void;
  onOverwrite: (theirs: KeyValue | null) => void;
  onDiscard: () => void;
  /** Leaves the dialog for what stands there now. */
  onReload: () => void;
  /** Asks about `later` instead. */
  onShowLater: () => void;
}

/** Both versions, and every way out named by what it does to them. */
export function ConflictDialog(props: ConflictDialogProps) {
  const { conflict, later, mine, baseRevision, isSaving, failure } = props;
  const { onClose, onRebase, onOverwrite, onDiscard, onReload, onShowLater } = props;
  const theirs = conflict?.theirs ?? null;
  const isGone = conflict !== null && theirs === null;
  const at = theirs === null ? "" : formatDecimal(theirs.modRevision);
  const untouched = failure?.isUnknown === true ? "" : " Nothing has been overwritten.";
  return (
    <Dialog
      open={conflict !== null}
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
      size="lg"
      title={
        isGone ? "The key was deleted while you edited it" : "The key changed while you edited it"
      }
      description={`Your edit began at revision ${formatDecimal(baseRevision)}.${untouched}`}
      footer={
        <>
          <Button tone="danger-quiet" className="mr-auto" disabled={isSaving} onClick={onDiscard}>
            Discard mine
          </Button>
          {theirs === null ? null : (
            <Button data-autofocus disabled={isSaving} onClick={() => onRebase(theirs)}>
              Keep editing on top of theirs
            </Button>
          )}
          <Button
            tone="danger"
            busy={isSaving}
            disabled={mine === null || later !== null}
            onClick={() => onOverwrite(theirs)}
          >
            {isGone ? "Create it again with mine" : `Overwrite revision ${at} with mine`}
          </Button>
        </>
      }
    >
      <div className="flex h-[52vh] flex-col gap-3">
        <WriteFailureNotice failure={failure} aim="saved" onReload={onReload} />
        {later === null ? null : (
          <Notice
            tone="warn"
            title={
              later.theirs === null
                ? "Deleted since"
                : `Changed at revision ${formatDecimal(later.theirs.modRevision)}`
            }
            actions={
              <Button size="sm" onClick={onShowLater}>
                Show this one
              </Button>
            }
          >
            What is shown here stood there before.
          </Notice>
        )}
        {mine === null ? (
          <Notice tone="warn" title="Your edit is not complete">
            It cannot be read in the form that you are editing. Keep editing to correct it.
          </Notice>
        ) : null}
        <ValueDiff
          before={theirs === null ? null : decodeBase64(theirs.value)}
          after={mine}
          beforeTitle={isGone ? "Theirs: deleted" : `Theirs, revision ${at}`}
          afterTitle="Mine"
          className="flex-1"
        />
      </div>
    </Dialog>
  );
}
